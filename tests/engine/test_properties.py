"""Properties that hold for any shapes: broadcasting, reductions, indexing and reshaping are those of NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kerasish import KerasTensor, Tensor, function, ops
from kerasish.autograd import gradients_of
from kerasish.devices.cpu import extremum_of_rows

settings.register_profile("engine", max_examples=60, deadline=None, derandomize=True)
ours = settings.get_profile("engine")

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
FULL_SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def filled(shape, dtype=np.float64) -> np.ndarray:
    """Return numbers without ties, in no order."""
    count = int(np.prod(shape, dtype=int))
    return (((np.arange(count) * 0.6180339887498949 + 0.137) % 1.0 - 0.5) * 4).reshape(shape).astype(dtype)


def slope(function, array, weights):
    """Return the gradient of `function`'s result, weighted, by `array`."""
    x = Tensor(array, requires_grad=True)
    (found,) = gradients_of([ops.sum(function(x) * weights)], [x])
    return np.zeros(array.shape) if found is None else found.numpy()


@ours
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4, min_side=0))
def test_broadcasting(shapes):
    a, b = (filled(s) for s in shapes.input_shapes)
    x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    product = x * y
    np.testing.assert_array_equal(product.numpy(), a * b)
    assert (KerasTensor(a.shape) * KerasTensor(b.shape)).shape == shapes.result_shape
    first, second = gradients_of([ops.sum(product)], [x, y])
    for found, leaf, other in ((first, a, b), (second, b, a)):
        wide = np.broadcast_to(other, shapes.result_shape)
        lead = tuple(range(wide.ndim - leaf.ndim))
        inner = tuple(i + len(lead) for i, d in enumerate(leaf.shape) if d == 1)
        np.testing.assert_allclose(
            found.numpy(), wide.sum(axis=lead + inner, keepdims=True).reshape(leaf.shape), atol=1e-12
        )


@ours
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3, min_side=0))
def test_where_broadcasts(shapes):
    condition, a, b = (filled(s) for s in shapes.input_shapes)
    np.testing.assert_array_equal(
        ops.where(condition > 0, Tensor(a), Tensor(b)).numpy(), np.where(condition > 0, a, b)
    )


@st.composite
def reductions(draw):
    shape = draw(SHAPES)
    axes = (
        draw(st.lists(st.integers(-len(shape), len(shape) - 1), unique_by=lambda a: a % len(shape)))
        if shape
        else []
    )
    return filled(shape), draw(st.sampled_from([None, tuple(axes)])), draw(st.booleans())


@ours
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "max", "min", "any", "all", "var"])
@given(reductions())
def test_reductions(name, drawn):
    array, axis, keepdims = drawn
    axes = range(array.ndim) if axis is None else axis
    empty = any(array.shape[a] == 0 for a in axes)
    if empty and name in ("max", "min"):
        with pytest.raises(ValueError, match="An axis without elements"):
            getattr(ops, name)(Tensor(array), axis=axis, keepdims=keepdims)
        return
    with np.errstate(all="ignore"):
        expected = (
            getattr(np, name)(array, axis=axis, keepdims=keepdims)
            if not (empty and name in ("mean", "var"))
            else None
        )
        found = getattr(ops, name)(Tensor(array), axis=axis, keepdims=keepdims)
    if expected is not None:
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
    else:
        assert np.isnan(found.numpy()).all()
    inferred = getattr(ops, name)(KerasTensor(array.shape, "float64"), axis=axis, keepdims=keepdims)
    assert (inferred.shape, inferred.dtype) == (found.shape, found.dtype)


@st.composite
def basic_indices(draw):
    shape = draw(SHAPES)
    return filled(shape), draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))


@ours
@given(basic_indices())
def test_basic_indexing(drawn):
    array, key = drawn
    expected = array[key]
    assert Tensor(array)[key].shape == expected.shape
    np.testing.assert_array_equal(Tensor(array)[key].numpy(), expected)
    assert KerasTensor(array.shape)[key].shape == expected.shape
    weights = filled(expected.shape)
    correct = np.zeros(array.shape)
    correct[key] = weights
    np.testing.assert_array_equal(slope(lambda x: x[key], array, weights), correct)


@st.composite
def advanced_indices(draw):
    """An index that mixes integer arrays with slices, new axes and ints in any order."""
    shape = draw(FULL_SHAPES)
    rows = draw(hnp.mutually_broadcastable_shapes(num_shapes=len(shape), max_dims=2, max_side=3)).input_shapes
    parts = []
    for length, places in zip(shape, rows, strict=True):
        kind = draw(st.sampled_from(["array", "array", "slice", "int"]))
        if kind == "array":
            parts.append(draw(hnp.arrays(np.int64, places, elements=st.integers(-length, length - 1))))
        elif kind == "slice":
            parts.append(draw(st.slices(length)))
        else:
            parts.append(draw(st.integers(-length, length - 1)))
        if draw(st.integers(0, 5)) == 0:
            parts.append(None)
    return filled(shape), tuple(parts)


@settings(ours, max_examples=150)
@given(advanced_indices())
def test_advanced_indexing(drawn):
    array, key = drawn
    expected = array[key]
    np.testing.assert_array_equal(Tensor(array)[key].numpy(), expected)
    assert KerasTensor(array.shape)[key].shape == expected.shape
    weights = filled(expected.shape)
    correct = np.zeros(array.shape)
    np.add.at(correct, key, weights)
    np.testing.assert_allclose(slope(lambda x: x[key], array, weights), correct, atol=1e-12)


@st.composite
def masks(draw):
    shape = draw(FULL_SHAPES)
    covered = draw(st.integers(1, len(shape)))
    return filled(shape), draw(hnp.arrays(bool, shape[:covered]))


@ours
@given(masks())
def test_masks(drawn):
    array, mask = drawn
    np.testing.assert_array_equal(Tensor(array)[mask].numpy(), array[mask])
    weights = filled(array[mask].shape)
    correct = np.zeros(array.shape)
    correct[mask] = weights
    np.testing.assert_array_equal(slope(lambda x: x[mask], array, weights), correct)


@st.composite
def reshapes(draw):
    shape = draw(SHAPES)
    size = int(np.prod(shape, dtype=int))
    dims, rest = [], size
    for _ in range(draw(st.integers(0, 3))):
        divisors = [d for d in range(1, rest + 1) if rest % d == 0] or [0]
        dims.append(draw(st.sampled_from(divisors)))
        rest = rest // dims[-1] if dims[-1] else 0
    if rest != 1 or (size == 0 and 0 not in dims):
        dims.append(rest)
    if size and dims and draw(st.booleans()):
        dims[draw(st.integers(0, len(dims) - 1))] = -1
    return filled(shape), tuple(dims)


@ours
@given(reshapes())
def test_reshape(drawn):
    array, shape = drawn
    expected = array.reshape(shape)
    np.testing.assert_array_equal(ops.reshape(Tensor(array), shape).numpy(), expected)
    assert ops.reshape(KerasTensor(array.shape), shape).shape == expected.shape
    weights = filled(expected.shape)
    np.testing.assert_array_equal(
        slope(lambda x: ops.reshape(x, shape), array, weights), weights.reshape(array.shape)
    )


@ours
@given(FULL_SHAPES, st.data())
def test_transpose_and_flip(shape, data):
    array = filled(shape)
    axes = data.draw(st.permutations(range(len(shape))))
    moved = ops.flip(ops.transpose(Tensor(array), axes), 0)
    np.testing.assert_array_equal(moved.numpy(), np.flip(np.transpose(array, axes), 0))
    assert ops.flip(ops.transpose(KerasTensor(shape), axes), 0).shape == moved.shape


@ours
@given(FULL_SHAPES, st.data())
def test_concatenate_undoes_split(shape, data):
    array = filled(shape)
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    places = sorted(data.draw(st.lists(st.integers(0, shape[axis]), max_size=3)))
    parts = ops.split(Tensor(array), places, axis)
    for found, expected in zip(parts, np.split(array, places, axis), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal(ops.concatenate(parts, axis).numpy(), array)


@ours
@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 3),
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3),
)
def test_matmul(rows, inner, columns, batch):
    a, b = filled((*batch.input_shapes[0], rows, inner)), filled((*batch.input_shapes[1], inner, columns))
    np.testing.assert_allclose(ops.matmul(Tensor(a), Tensor(b)).numpy(), a @ b, atol=1e-12)
    assert ops.matmul(KerasTensor(a.shape), KerasTensor(b.shape)).shape == (a @ b).shape


@ours
@given(FULL_SHAPES, st.data())
def test_sort_and_top_k_keep_equal_values_in_order(shape, data):
    array = data.draw(hnp.arrays(np.int32, shape, elements=st.integers(-2, 2)))
    np.testing.assert_array_equal(ops.sort(Tensor(array)).numpy(), np.sort(array))
    np.testing.assert_array_equal(ops.argsort(Tensor(array)).numpy(), np.argsort(array, kind="stable"))
    k = data.draw(st.integers(1, shape[-1]))
    values, places = ops.top_k(Tensor(array), k)
    np.testing.assert_array_equal(places.numpy(), np.argsort(-array, kind="stable")[..., :k])
    np.testing.assert_array_equal(values.numpy(), np.take_along_axis(array, places.numpy(), -1))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
@pytest.mark.parametrize("shape", [(5000, 3), (700, 16), (2048, 1), (130, 17), (9, 40, 7), (3, 1000)])
def test_extrema_of_many_short_rows(shape, dtype):
    """Eager and compiled, also of rows that do not lie in order, with NaN where there is one."""
    x = (np.random.default_rng(0).standard_normal(shape) * 50).astype(dtype)
    if x.dtype.kind == "f":
        x[1, ..., -1], x[0, ..., 0] = np.nan, np.inf
    turned = np.asfortranarray(x)

    def extrema(x):
        return ops.max(x, -1), ops.min(x, axis=-1, keepdims=True), ops.max(x, x.ndim - 1, keepdims=True)

    wanted = x.max(-1), x.min(-1, keepdims=True), x.max(-1, keepdims=True)
    for array in (x, turned):
        for found in (extrema(Tensor(array)), function(extrema)(array)):
            for one, other in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(one.numpy(), other)
                assert one.numpy().dtype == other.dtype


def test_extrema_go_where_they_are_wanted():
    x = np.random.default_rng(0).standard_normal((40, 60, 3))
    out = np.zeros((60, 40)).T
    assert extremum_of_rows(np.maximum, x, out) is out
    np.testing.assert_array_equal(out, x.max(-1))
