"""Cross-entropies of class indices as operations that the loss and its gradient share: the numbers of the primitives."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import ops
from kerasish.autograd.abstract import Abstract
from kerasish.compiler import passes, trace
from kerasish.compiler.class_indices import share_crossentropies
from kerasish.compiler.executors.numpy import NumpyExecutable


def loss_and_gradient(from_logits):
    def function(target, output, weight):
        with kerasish.GradientTape() as tape:
            tape.watch(output)
            loss = ops.sparse_categorical_crossentropy(target, output, from_logits)
            total = ops.sum(loss * weight)
        return loss, tape.gradient(total, output)

    return function


def shared(function, *arrays):
    graph, _ = trace(function, [Abstract(a.shape, a.dtype) for a in arrays])
    return share_crossentropies(passes.optimize(graph))


def batch(shape, target, dtype, from_logits):
    generator = np.random.default_rng(0)
    output = generator.normal(size=(*shape, 5)) * 4 if from_logits else generator.uniform(size=(*shape, 5))
    return [
        generator.integers(0, 5, shape).astype(target),
        output.astype(dtype),
        generator.uniform(size=shape).astype(dtype),
    ]


@pytest.mark.parametrize("from_logits", [False, True], ids=["probabilities", "logits"])
@pytest.mark.parametrize("target", ["int64", "int32", "uint8", "uint64"])
@pytest.mark.parametrize(("shape", "dtype"), [((7,), "float32"), ((1,), "float64"), ((2, 3), "float64")])
def test_losses_and_gradients_are_the_primitives(shape, target, dtype, from_logits):
    function, arrays = loss_and_gradient(from_logits), batch(shape, target, dtype, from_logits)
    run = NumpyExecutable(shared(function, *arrays))
    wanted = function(*map(ops.convert_to_tensor, arrays))
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for _ in range(2):  # (memory is used again)
        for mine, right in zip(run(arrays), wanted, strict=True):
            assert mine.shape == right.shape and mine.dtype == right.numpy().dtype
            np.testing.assert_allclose(mine, right.numpy(), rtol=tolerance, atol=tolerance)


def test_both_need_what_they_share_once():
    graph = shared(loss_and_gradient(False), *batch((7,), "int64", "float32", False))
    names = [op.prim.name for op in graph.ops]
    assert not any("crossentropy" in name for name in names)
    assert names.count("class_places") == names.count("at_places") == 1


def test_what_is_clipped_has_no_gradient():
    arrays = [np.int64([0, 1, 2]), np.float32([[1, 0, 0], [1, 0, 0], [0.2, 0.2, 0.6]]), np.ones(3, "float32")]
    function = loss_and_gradient(False)
    wanted = function(*map(ops.convert_to_tensor, arrays))
    for mine, right in zip(NumpyExecutable(shared(function, *arrays))(arrays), wanted, strict=True):
        np.testing.assert_allclose(mine, right.numpy(), rtol=1e-5, atol=1e-6)
    assert not right.numpy()[:2].any() and right.numpy()[2].all()


@pytest.mark.parametrize(("wrong", "dtype"), [(5, "int64"), (-1, "int8"), (200, "uint8")])
def test_other_indices_are_an_error(wrong, dtype):
    arrays = batch((4,), dtype, "float32", True)
    run = NumpyExecutable(shared(loss_and_gradient(True), *arrays))
    arrays[0][2] = wrong
    with pytest.raises(
        ValueError, match=f"outside the classes: 1 of 4, such as {wrong}. Expected .* from 0 to 4"
    ):
        run(arrays)


def test_what_it_is_not_made_for_stays_as_it_is():
    graph = shared(loss_and_gradient(True), *batch((0,), "int64", "float32", True))
    assert any("crossentropy" in op.prim.name for op in graph.ops)
