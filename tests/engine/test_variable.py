"""Variables: assignment, who sees it and who does not, names, and scopes before them."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import Tensor, Variable, ops
from kerasish.autograd import StatelessScope, gradients_of, name_scope


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([1, 2], None, "int32"),
        (1.0, None, "float32"),
        (np.ones(2, np.float16), None, "float16"),
        (np.ones(2), None, "float64"),
        ([True], None, "bool"),
        ([1, 2], "float32", "float32"),
        (Tensor([1.0]), "int8", "int8"),
    ],
    ids=repr,
)
def test_initial_values(value, dtype, expected):
    v = Variable(value, dtype=dtype)
    assert v.dtype == expected
    np.testing.assert_array_equal(v.numpy(), np.asarray(value))


def test_initializers():
    assert Variable("ones", shape=(2, 3)).numpy().tolist() == [[1.0] * 3] * 2
    v = Variable(lambda shape, dtype: ops.full(shape, 3.0, dtype), shape=(2,), dtype="float64")
    assert (v.dtype, v.numpy().tolist()) == ("float64", [3.0, 3.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Variable(lambda shape, dtype: 0.0), "the `shape` argument should be specified"),
        (lambda: Variable("zeros", shape=(None, 2)), r"must be fully-defined.*shape=\(None, 2\)"),
        (lambda: Variable(1.0, name="a/b"), "cannot contain character `/`. Received: name=a/b"),
        (lambda: Variable(1.0, aggregation="x"), "Invalid value for argument `aggregation`.*aggregation=x"),
        (lambda: Variable(1.0, synchronization="x"), "Invalid value for argument `synchronization`"),
        (lambda: Variable(None), "Cannot make a tensor of None"),
        (
            lambda: Variable([1.0, 2.0]).assign([1.0]),
            r"must match. variable.shape=\(2,\), Received: value.shape=\(1,\)",
        ),
        (
            lambda: Variable([1.0, 2.0]).assign_add([1.0, 2.0, 3.0]),
            r"variable.shape=\(2,\).*value.shape=\(3,\)",
        ),
        (lambda: Variable(1.0).assign_sub([1.0, 2.0]), r"variable.shape=\(\).*value.shape=\(2,\)"),
        (
            lambda: Variable(1.0).assign(kerasish.KerasTensor(())),
            "A symbolic tensor cannot be assigned to the variable",
        ),
        (lambda: Variable(1.0).assign_add(kerasish.KerasTensor(())), "A symbolic tensor cannot be assigned"),
        (lambda: setattr(Variable(1.0), "regularizer", 3), "Invalid value for attribute `regularizer`"),
        (lambda: setattr(Variable(1.0), "constraint", 3), "Invalid value for attribute `constraint`"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_refused_assignment_changes_nothing():
    v = Variable([1.0, 2.0])
    y = (v * v).sum()
    for wrong in ([1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]] * 2):
        for change in (v.assign, v.assign_add, v.assign_sub):
            if change != v.assign and np.shape(wrong) == (1,):
                continue  # broadcasts
            with pytest.raises(ValueError, match="must match"):
                change(wrong)
    assert v.numpy().tolist() == [1.0, 2.0]
    y.backward()
    assert v.grad.numpy().tolist() == [2.0, 4.0]


def test_assignments_and_their_dtype():
    v = Variable([1.0, 2.0])
    assert v.assign([3, 4]) is v
    v.assign_add(np.array([1, 1]))
    v.assign_sub(Tensor([0.5, 0.5]))
    v.assign_add(1)
    v.assign_add(np.float64(0.5))
    assert (v.dtype, v.numpy().tolist()) == ("float32", [5.0, 6.0])
    n = Variable([1, 2])
    n.assign([2.9, 3.9])
    n.assign_add(1.5)
    assert (n.dtype, n.numpy().tolist()) == ("int32", [3, 4])


READERS = {
    "numpy()": lambda v: v.numpy(),
    "np.asarray": np.asarray,
    "value": lambda v: v.value,
    "detach": lambda v: v.detach(),
    "convert_to_tensor": ops.convert_to_tensor,
    "cast to its own dtype": lambda v: ops.cast(v, v.dtype),
    "stop_gradient": ops.stop_gradient,
    "a slice": lambda v: v[:2],
    "a row": lambda v: v[0],
    "everything": lambda v: v[...],
    "reshape": lambda v: ops.reshape(v, (3, 2)),
    "transpose": lambda v: v.T,
    "flip": ops.flip,
    "broadcast_to its own shape": lambda v: ops.broadcast_to(v, v.shape),
    "broadcast_to": lambda v: ops.broadcast_to(v, (2, *v.shape)),
    "plus": lambda v: +v,
    "a tensor of it": Tensor,
    "another variable": Variable,
    "expand_dims": lambda v: ops.expand_dims(v, 0),
    "squeeze": lambda v: ops.squeeze(v),
    "split": lambda v: ops.split(v, 2)[0],
    "unstack": lambda v: ops.unstack(v)[1],
    "a slice of a slice": lambda v: v[:2][:1],
    "a reshaped slice": lambda v: ops.ravel(v[:2]),
    "clip without bounds": lambda v: ops.clip(v, None, None),
    "round": ops.round,
    "max over nothing": lambda v: ops.max(v, axis=()),
    "ravel": ops.ravel,
    "moveaxis": lambda v: ops.moveaxis(v, 0, 1),
    "concatenate": lambda v: ops.concatenate([v]),
    "atleast the same": lambda v: ops.array(v),
    "nan_to_num": ops.nan_to_num,
    "where": lambda v: ops.where(True, v, 0.0),
    "copy": ops.copy,
    "repeat": lambda v: ops.tile(v, 1),
    "pad by nothing": lambda v: ops.pad(v, 0),
    "roll by nothing": lambda v: ops.roll(v, 0, 0),
}
CHANGES = {
    "assign": lambda v: v.assign(ops.ones(v.shape)),
    "assign_add": lambda v: v.assign_add(1.0),
    "assign_sub": lambda v: v.assign_sub(ops.ones(v.shape)),
    "writable": lambda v: v.writable().fill(9.0),
}


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_what_was_read_does_not_change(read, change, trainable):
    v = Variable(np.arange(6.0, dtype=np.float32).reshape(2, 3), trainable=trainable)
    seen = read(v)
    before = np.array(seen)
    change(v)
    np.testing.assert_array_equal(np.asarray(seen), before)
    change(v)
    np.testing.assert_array_equal(np.asarray(seen), before)
    assert not np.array_equal(v.numpy(), np.arange(6.0).reshape(2, 3))


def test_writing_into_what_was_read_does_not_change_the_variable():
    v = Variable([1.0, 2.0])
    v.numpy()[:] = 9.0
    assert v.numpy().tolist() == [1.0, 2.0]
    array = np.ones(2, np.float32)
    v.assign(array)
    w = Variable(array)
    t = Tensor([5.0, 6.0])
    u = Variable(t)
    array[:] = 7.0
    u.assign_add(1.0)
    assert v.numpy().tolist() == w.numpy().tolist() == [1.0, 1.0]
    assert t.tolist() == [5.0, 6.0]


def test_assigning_a_variable_copies_it():
    v, w = Variable([1.0, 2.0]), Variable([3.0, 4.0])
    v.assign(w)
    w.assign_add(1.0)
    assert v.numpy().tolist() == [3.0, 4.0]
    v.assign(v)
    v.assign_add(v)
    assert v.numpy().tolist() == [6.0, 8.0]


def test_assigning_what_views_the_variable():
    v = Variable([1.0, 2.0, 3.0])
    v.assign(v[::-1])
    assert v.numpy().tolist() == [3.0, 2.0, 1.0]
    v.assign_add(v[::-1])
    assert v.numpy().tolist() == [4.0, 4.0, 4.0]


def test_in_place_without_readers_keeps_the_memory():
    v = Variable([1.0, 2.0])
    memory = v.writable()
    v.assign_add(1.0)
    assert v.writable() is memory


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_after_recording_is_an_error_in_backward(change):
    v = Variable([1.0, 2.0], name="weights")
    y = (v * v).sum()
    change(v)
    with pytest.raises(RuntimeError, match="'weights' was changed in place after `multiply` had used it"):
        y.backward()
    assert v.grad is None
    with kerasish.GradientTape() as tape:
        z = (v * v).sum()
        change(v)
    with pytest.raises(RuntimeError, match="was changed in place"):
        tape.gradient(z, v)


def test_a_change_before_recording_or_of_what_was_copied_is_none():
    v = Variable([1.0, 2.0])
    v.assign([3.0, 4.0])
    y = (v * v).sum()
    y.backward()
    assert v.grad.numpy().tolist() == [6.0, 8.0]
    v.assign([0.0, 0.0])  # after backward
    x = Tensor([1.0, 1.0], requires_grad=True)
    z = (v.value * x).sum()
    v.assign_add(5.0)
    z.backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_trainable_and_gradients():
    v = Variable([1.0, 2.0])
    frozen = Variable([3.0, 4.0], trainable=False)
    y = (v * frozen).sum()
    y.backward()
    assert v.grad.tolist() == [3.0, 4.0]
    assert frozen.grad is None
    v.trainable = False
    assert not (v * 2.0).requires_grad
    assert not Variable([1, 2]).requires_grad  # integers


def test_paths_and_names():
    with name_scope("outer"), name_scope("inner"):
        v = Variable(1.0, name="w")
    assert (v.name, v.path) == ("w", "outer/inner/w")
    a, b = Variable(1.0), Variable(1.0)
    assert a.name != b.name
    assert a.name.startswith("variable")
    with pytest.raises(ValueError, match="cannot contain character `/`"):
        name_scope("a/b")


def test_variables_are_tensors():
    v = Variable([1.0, 2.0])
    assert kerasish.ops.is_tensor(v)
    assert (v + 1).tolist() == [2.0, 3.0]
    assert type(v + 1) is Tensor
    assert (v.shape, v.ndim, v.size, v.dtype) == ((2,), 1, 2, "float32")
    assert len({v: 1, Variable(0.0): 2}) == 2


# Scopes before variables


def test_stateless_scope_keeps_changes_apart():
    v, w = Variable([1.0, 2.0]), Variable(5.0)
    with StatelessScope([(v, np.array([3.0, 4.0]))]) as scope:
        assert (v * 2.0).tolist() == [6.0, 8.0]
        v.assign_add([1.0, 1.0])
        assert v.value.tolist() == [4.0, 5.0]
        w.assign(7.0)
        assert (w + 1.0).item() == 8.0
        assert v[0].item() == 4.0
    assert (v.numpy().tolist(), w.item()) == ([1.0, 2.0], 5.0)
    assert scope.get_current_value(v).tolist() == [4.0, 5.0]
    assert scope.get_current_value(w).item() == 7.0
    assert scope.get_current_value(Variable(1.0)) is None
    with pytest.raises(ValueError, match="must match"), StatelessScope([]) as scope:
        v.assign([1.0, 2.0, 3.0])


def test_gradients_flow_to_the_values_given_to_a_stateless_scope():
    v = Variable([1.0, 2.0])
    given = Tensor([3.0, 4.0], requires_grad=True)
    with StatelessScope([(v, given)]):
        y = (v * v).sum() + ops.max(v)
    (found,) = gradients_of([y], [given])
    assert found.tolist() == [6.0, 9.0]

    def loss(value):
        with StatelessScope([(v, value)]):
            return (v * v * v).sum()

    assert kerasish.grad(loss)(given).tolist() == [27.0, 48.0]


def test_gradients_in_a_stateless_scope_are_of_its_values():
    v = Variable([1.0, 2.0])
    with StatelessScope([(v, [3.0, 4.0])]):
        with kerasish.GradientTape() as tape:
            tape.watch(v.value)
            y = (v * v).sum()
        assert tape.gradient(y, v).tolist() == [6.0, 8.0]
    assert y.item() == 25.0
