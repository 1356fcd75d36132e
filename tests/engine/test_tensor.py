"""Tensors: values, conversions, operators, indexing, and how they meet NumPy."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import kerasish
from kerasish import KerasTensor, Tensor, Variable, ops
from kerasish.autograd import gradients_of

# Making tensors


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "int32"),
        (2**40, "int64"),
        (1.5, "float32"),
        (True, "bool"),
        (1 + 2j, "complex64"),
        ("text", "string"),
        ([1, 2], "int32"),
        ([1, 2.5], "float32"),
        ([True, 2], "int32"),
        ([], "float32"),
        (np.arange(3), "int64"),
        (np.float64(1.0), "float64"),
        (np.ones(2, np.float16), "float16"),
        ([np.float64(1.0), np.float64(2.0)], "float64"),
        (range(3), "int32"),
    ],
    ids=repr,
)
def test_dtype_of_a_value(value, dtype):
    tensor = Tensor(value)
    assert tensor.dtype == dtype
    assert tensor.shape == np.shape(value)
    np.testing.assert_array_equal(tensor.numpy(), np.asarray(value, dtype=tensor.numpy().dtype))


def test_attributes():
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], name="x")
    assert (x.shape, x.dtype, x.ndim, x.size, x.device, x.name) == ((2, 3), "float32", 2, 6, "cpu", "x")
    assert len(x) == 2
    assert x.T.shape == (3, 2)
    assert x.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert [row.tolist() for row in x] == x.tolist()
    assert x.grad is None
    assert not x.requires_grad


def test_tensors_of_tensors_keep_their_history():
    a, b = Tensor(2.0, requires_grad=True), Tensor(3.0)
    pair = ops.convert_to_tensor([a, b])
    assert pair.tolist() == [2.0, 3.0]
    (found,) = gradients_of([pair[0] * 5.0], [a])
    assert found.item() == 5.0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1], [2, 3]], r"Cannot make a tensor of \[\[1\], \[2, 3\]\]"),
        (None, r"Cannot make a tensor of None \(type NoneType\): tensors hold numbers"),
        ([1, None], "Cannot make a tensor of"),
        ({"a": 1}, r"\(type dict\)"),
    ],
)
def test_what_is_no_tensor(value, message):
    with pytest.raises(ValueError, match=message):
        Tensor(value)


def test_invalid_dtype():
    with pytest.raises(ValueError, match="Invalid dtype: 'float99'. Expected one of"):
        Tensor([1.0], dtype="float99")


def test_requires_grad_needs_floats():
    with pytest.raises(
        ValueError, match="Only floating-point tensors can require gradients. Received: dtype=int32"
    ):
        Tensor([1, 2], requires_grad=True)
    x = Tensor([1.0])
    x.requires_grad = True
    y = x * 2.0
    assert y.requires_grad
    with pytest.raises(RuntimeError, match="can be set on tensors that were not computed"):
        y.requires_grad = False
    x.requires_grad = False
    assert not (x * 2.0).requires_grad


def test_a_tensor_does_not_follow_the_array_it_was_made_from():
    array = np.ones(3, np.float32)
    tensor = Tensor(array, requires_grad=True)
    y = (tensor * tensor).sum()
    array[:] = 7.0
    y.backward()
    assert tensor.tolist() == [1.0, 1.0, 1.0]
    assert tensor.grad.tolist() == [2.0, 2.0, 2.0]


def test_writing_into_numpy_does_not_reach_recorded_values():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3.0
    z = (y * y).sum()
    y.numpy()[:] = 100.0
    x.numpy()[:] = 100.0
    z.backward()
    assert x.grad.tolist() == [18.0, 36.0]


# Conversions


def test_item_and_python_numbers():
    assert Tensor([[2.5]]).item() == 2.5
    assert isinstance(Tensor(2).item(), int)
    assert float(Tensor(2.5)) == 2.5
    assert int(Tensor(2.5)) == 2
    assert bool(Tensor(0.0)) is False
    assert [10, 20, 30][Tensor(1)] == 20
    assert f"{Tensor(0.12345):.2f}" == "0.12"
    assert 2.0 in Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=r"Only a tensor of one element can become a Python number.*\(3,\)"):
        Tensor([1.0, 2.0, 3.0]).item()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match="Only a scalar integer tensor can be an index"):
        [1, 2][Tensor(1.0)]
    with pytest.raises(TypeError, match="has no length"):
        len(Tensor(1.0))


def test_detach_cuts_the_history():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 2.0
    d = y.detach()
    assert not d.requires_grad
    assert d.tolist() == [2.0, 4.0]
    (found,) = gradients_of([(d * y).sum()], [x])
    assert found.tolist() == [4.0, 8.0]


def test_copies_and_pickles():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other.tolist() == x.tolist()
        assert (other.dtype, other.name, other.requires_grad) == ("float32", "x", True)
    assert copy.copy(x).tolist() == x.tolist()
    v = Variable([1.0, 2.0], name="v", trainable=False)
    for other in (copy.deepcopy(v), copy.copy(v), pickle.loads(pickle.dumps(v))):
        other.assign_add([1.0, 1.0])
        assert v.numpy().tolist() == [1.0, 2.0]
        assert (other.name, other.path, other.trainable) == (v.name, v.path, False)


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (Tensor([1.0, 2.0]), "<Tensor shape=(2,), dtype=float32, value=[1. 2.]>"),
        (Tensor(3), "<Tensor shape=(), dtype=int32, value=3>"),
        (
            Tensor([1.5], requires_grad=True),
            "<Tensor shape=(1,), dtype=float32, requires_grad=True, value=[1.5]>",
        ),
        (Tensor(True, name="b"), "<Tensor name=b, shape=(), dtype=bool, value=True>"),
        (KerasTensor((None, 3), name="in"), "<KerasTensor shape=(None, 3), dtype=float32, name=in>"),
        (Variable([1.0], name="w"), "<Variable path=w, shape=(1,), dtype=float32, value=[1.]>"),
    ],
    ids=str,
)
def test_repr(tensor, text):
    assert repr(tensor) == text


def test_repr_of_much_is_short():
    assert len(repr(ops.zeros((1000, 1000)))) < 500


def test_to_another_device():
    x = Tensor([1.0])
    assert x.to("cpu") is x
    assert x.to("cpu:0") is x
    with pytest.raises(ValueError, match=r"Expected one of \['cpu:0'.*Received: device='tpu'"):
        x.to("tpu")


def test_symbols_have_no_values():
    x = KerasTensor((None, 2))
    assert x.device == "none"
    assert x.size is None
    for use in (
        lambda: x.numpy(),
        lambda: bool(x),
        lambda: float(x),
        lambda: np.asarray(x),
        lambda: x.item(),
    ):
        with pytest.raises(
            TypeError, match=r"A symbolic tensor \(shape=\(None, 2\), dtype=float32\) has no values yet"
        ):
            use()
    with pytest.raises(TypeError, match="used as a Python bool"):
        if x:
            pass


# Operators

BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
BITS = {
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
}
_left = np.array([[1.5, -2.0, 3.0], [0.5, 4.0, 2.0]], np.float32)


@pytest.mark.parametrize("symbol", BINARY)
@pytest.mark.parametrize(
    "other",
    [
        2,
        2.5,
        np.float32(2.5),
        np.float64(2.5),
        np.array([1.0, 2.0, 3.0], np.float32),
        np.array([[2.0], [3.0]], np.float32),
        [1.0, 2.0, 3.0],
        Tensor([1.0, 2.0, 3.0]),
    ],
    ids=lambda other: f"{type(other).__name__}{np.shape(other)}",
)
def test_operators_both_ways(symbol, other):
    operator = BINARY[symbol]
    tensor = Tensor(np.abs(_left))
    plain = np.asarray(other, dtype=np.float32)
    for found, expected in (
        (operator(tensor, other), operator(np.abs(_left), plain)),
        (operator(other, tensor), operator(plain, np.abs(_left))),
    ):
        assert type(found) is Tensor
        assert found.dtype == expected.dtype.name
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("symbol", BITS)
def test_bit_operators_both_ways(symbol):
    operator = BITS[symbol]
    a, b = np.array([1, 6, 12], np.int32), np.array([3, 1, 2], np.int32)
    for found, expected in (
        (operator(Tensor(a), Tensor(b)), operator(a, b)),
        (operator(Tensor(a), 2), operator(a, 2)),
        (operator(2, Tensor(b)), operator(2, b)),
        (operator(a, Tensor(b)), operator(a, b)),
    ):
        np.testing.assert_array_equal(found.numpy(), expected)
    if symbol in "&|^":
        p, q = np.array([True, False]), np.array([True, True])
        np.testing.assert_array_equal(operator(Tensor(p), q).numpy(), operator(p, q))


def test_unary_operators_and_matmul():
    x = Tensor(_left)
    np.testing.assert_array_equal((-x).numpy(), -_left)
    np.testing.assert_array_equal((+x).numpy(), _left)
    np.testing.assert_array_equal(abs(x).numpy(), np.abs(_left))
    np.testing.assert_array_equal((~Tensor([True, False])).numpy(), [False, True])
    np.testing.assert_array_equal((~Tensor([1, -2])).numpy(), [-2, 1])
    np.testing.assert_allclose((x @ _left.T).numpy(), _left @ _left.T, rtol=1e-6)
    np.testing.assert_allclose((_left.T @ x).numpy(), _left.T @ _left, rtol=1e-6)


def test_comparison_with_what_is_no_tensor():
    x = Tensor([1.0])
    assert (x == None) is False  # noqa: E711
    assert (x != "a") is True
    assert x in {x: 1}


def test_shapes_that_do_not_broadcast():
    with pytest.raises(
        ValueError, match=r"`add` got operands whose shapes do not broadcast: \(2, 3\) and \(2,\)"
    ):
        Tensor(_left) + Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=r"`add` got operands whose shapes do not broadcast: \(None, 3\)"):
        KerasTensor((None, 3)) + KerasTensor((2,))
    with pytest.raises(ValueError, match=r"`matmul` cannot multiply shapes \(2, 3\) and \(2, 3\)"):
        Tensor(_left) @ Tensor(_left)


def test_augmented_assignment_makes_a_new_tensor():
    x = Tensor([1.0])
    before = x
    x += 1.0
    assert before.tolist() == [1.0]
    assert x.tolist() == [2.0]


def test_tensors_are_immutable():
    x = Tensor([1.0, 2.0])
    with pytest.raises(TypeError, match="does not support item assignment"):
        x[0] = 3.0


# Methods


@pytest.mark.parametrize(
    "name", ["sum", "mean", "max", "min", "prod", "std", "var", "all", "any", "argmax", "argmin"]
)
def test_reducing_methods_are_numpys(name):
    for kwargs in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}):
        found = getattr(Tensor(_left), name)(**kwargs)
        np.testing.assert_allclose(found.numpy(), getattr(_left, name)(**kwargs), rtol=1e-6)


def test_shape_methods():
    x = Tensor(_left)
    assert x.reshape(3, 2).shape == x.reshape((3, -1)).shape == (3, 2)
    assert x.transpose().shape == x.transpose(1, 0).shape == x.transpose((1, 0)).shape == (3, 2)
    assert x.astype("int32").dtype == "int32"


# NumPy


def test_numpy_functions_read_tensors():
    x = Tensor(_left, requires_grad=True)
    np.testing.assert_array_equal(np.asarray(x), _left)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.array(x, copy=True) is not np.asarray(x)
    np.testing.assert_array_equal(np.exp(x), np.exp(_left))
    np.testing.assert_array_equal(np.concatenate([x, x]), np.concatenate([_left, _left]))
    np.testing.assert_array_equal(np.add(x, 1.0), _left + 1)
    np.testing.assert_allclose(np.asarray(np.sum(x)), _left.sum(), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(np.mean(x, axis=0)), _left.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(
        np.asarray(np.max(x, axis=1, keepdims=True)), _left.max(axis=1, keepdims=True)
    )
    np.testing.assert_array_equal(np.asarray(np.argmax(x)), _left.argmax())
    np.testing.assert_array_equal(np.asarray(np.reshape(x, (3, 2))), _left.reshape(3, 2))
    np.testing.assert_array_equal(np.asarray(np.transpose(x)), _left.T)
    np.testing.assert_array_equal(np.clip(x, 0, 1), np.clip(_left, 0, 1))
    np.testing.assert_allclose(np.asarray(np.std(x)), _left.std(), rtol=1e-6)
    assert np.allclose(x, _left)
    out = np.zeros((2, 3))
    out[:] = x
    out += np.asarray(x)
    np.testing.assert_array_equal(out, 2 * _left)
    with pytest.raises(TypeError, match="Tensors are immutable"):
        np.sum(x, out=np.zeros(()))


def test_arrays_on_the_left_leave_the_operation_to_tensors():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = np.array([3.0, 4.0], np.float32) * x
    assert type(y) is Tensor
    (found,) = gradients_of([y.sum()], [x])
    assert found.tolist() == [3.0, 4.0]
    assert type(np.float64(2.0) * x) is Tensor
    assert (np.float64(2.0) * x).dtype == "float32"  # as a Python number, which np.float64 is


# Indexing

_cube = np.arange(24, dtype=np.float32).reshape(2, 3, 4) ** 1.5
INDICES = {
    "int": 1,
    "negative int": (-1, -2),
    "numpy int": np.int64(1),
    "slice": slice(0, 1),
    "negative step": (slice(None), slice(None, None, -1)),
    "step past the end": (..., slice(3, 100, 2)),
    "empty slice": (slice(2, 1),),
    "ellipsis": (..., 0),
    "ellipsis in the middle": (1, ..., 2),
    "new axis": (None, 1),
    "new axes between": (slice(None), None, 0, None),
    "everything": (),
    "ints": [1, 0, 1],
    "negative ints": np.array([-1, 0]),
    "ints of two axes": np.array([[0, 1], [1, 1]]),
    "second axis": (slice(None), [2, 0, 2]),
    "pairs": ([0, 1], [2, 0]),
    "outer": (np.array([[0], [1]]), np.array([0, 2])),
    "apart": ([0, 1], slice(None), [3, 0]),
    "apart by a new axis": ([0, 1], None, [2, 0]),
    "int and ints apart": (0, slice(None), [3, 0, 3]),
    "slice then ints": (slice(0, 2), [0, 2], slice(None, None, 2)),
    "ellipsis then ints": (..., [1, 3]),
    "uint8": np.array([0, 1], np.uint8),
    "no ints": [],
    "mask": _cube > 20,
    "mask of rows": np.array([True, False]),
    "mask of two axes": (_cube > 20)[..., 0],
    "mask of the last axis": (..., [True, False, True, False]),
    "mask and int": (0, np.array([True, False, True])),
    "mask and ints": (np.array([True, True]), [0, 2]),
    "empty mask": np.zeros((2, 3, 4), bool),
}


@pytest.mark.parametrize("key", INDICES.values(), ids=INDICES.keys())
def test_indexing_and_its_gradient_are_numpys(key):
    x = Tensor(_cube, requires_grad=True)
    found, expected = x[key], _cube[key]
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.numpy(), expected)
    weights = np.cos(np.arange(expected.size, dtype=np.float32)).reshape(expected.shape)
    (gradient,) = gradients_of([(found * weights).sum()], [x])
    slope = np.zeros_like(_cube)
    np.add.at(slope, key, weights)
    np.testing.assert_allclose(gradient.numpy(), slope, rtol=1e-6)


@pytest.mark.parametrize("key", [k for k in INDICES if "mask" not in k])
def test_indexing_of_symbols_infers_the_shape(key):
    index = INDICES[key]
    assert KerasTensor(_cube.shape)[index].shape == _cube[index].shape


def test_indexing_by_tensors():
    x = Tensor(_cube)
    np.testing.assert_array_equal(x[Tensor([1, 0])].numpy(), _cube[[1, 0]])
    np.testing.assert_array_equal(x[Tensor(1)].numpy(), _cube[1])
    np.testing.assert_array_equal(x[x > 20.0].numpy(), _cube[_cube > 20])
    i = Tensor(1)
    np.testing.assert_array_equal(x[0, i : i + 2].numpy(), _cube[0, 1:3])


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (5, IndexError, r"Index 5 is out of bounds for axis 0 of a tensor of shape \(2, 3, 4\)"),
        ((0, -4), IndexError, "Index -4 is out of bounds for axis 1"),
        ([7], IndexError, "out of bounds"),
        (
            (0, 0, 0, 0),
            IndexError,
            r"Too many indices: a tensor of shape \(2, 3, 4\) has 3 axes, and 4 were indexed",
        ),
        ((..., 0, ...), IndexError, "only one ellipsis"),
        (
            np.array([True, False, True]),
            IndexError,
            r"must have the shape of what it covers.*mask.shape=\(3,\)",
        ),
        ("a", TypeError, "Tensors are indexed by integers, slices.*Received: 'a'"),
        (1.0, TypeError, "Received: 1.0"),
        (True, TypeError, "Received: True"),
    ],
)
def test_bad_indices(key, error, message):
    with pytest.raises(error, match=message):
        Tensor(_cube)[key]


def test_a_symbolic_mask_is_refused():
    with pytest.raises(TypeError, match="used as a mask in an index"):
        Tensor(_cube)[KerasTensor((2,), "bool")]


def test_set_floatx_is_the_type_of_python_floats():
    before = kerasish.config.floatx()
    try:
        kerasish.config.set_floatx("float64")
        assert Tensor(1.5).dtype == "float64"
        assert ops.exp(Tensor(1)).dtype == "float64"
        assert (Tensor(1) / 2).dtype == "float64"
    finally:
        kerasish.config.set_floatx(before)
