"""Convolution and pooling in machine code against the library's functions."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kerasish
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import TABLE
from kerasish.compiler.executors.numpy import NumpyExecutable
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.devices import cpu_convolution as library
from kerasish.devices.windows import exact_padding

pytest.importorskip("llvmlite", reason="fused kernels need the extra `jit`")
pytestmark = pytest.mark.skipif(
    os.environ.get("KERASISH_JIT") == "0", reason="KERASISH_JIT=0 says that nothing is fused"
)


@pytest.fixture(autouse=True, scope="module")
def _no_cache():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASISH_CACHE_DIR", "")
        yield


def run(name: str, *arrays: np.ndarray, times: int = 2, **params) -> tuple[np.ndarray, bool]:
    """Return what a compiled operation gives every time, and whether a kernel for windows computed it."""
    from kerasish.compiler.executors.windows import WindowKernel
    from kerasish.compiler.fusion import fuse

    primitive = TABLE[name]
    arguments = [Value(a.shape, a.dtype, "argument") for a in arrays]
    made = primitive.infer(*[Abstract(a.shape, a.dtype) for a in arrays], **params)
    out = Value(made.shape, made.dtype)
    graph = fuse(Graph(arguments, [Op(primitive, arguments, params, [out])], [out], []))
    executable = NumpyExecutable(graph)
    first = executable(arrays)[0]
    for _ in range(times - 1):
        np.testing.assert_array_equal(first, executable(arrays)[0])
    return first, any(isinstance(op.prim, WindowKernel) for op in graph.ops)


def numbers(*shape: int, dtype="float32", seed=0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def assert_same(result: np.ndarray, wanted: np.ndarray) -> None:
    assert result.shape == wanted.shape and result.dtype == wanted.dtype
    tolerance = 1e-5 if result.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(result, wanted, rtol=tolerance, atol=tolerance * max(np.abs(wanted).max(), 1))


def check_convolution(x, kernel, strides, padding, dilation, turned=True, times=2) -> None:
    params = dict(strides=strides, padding=padding, dilation=dilation, groups=1)
    wanted = library.conv(x, kernel, **params)
    result, native = run("conv", x, kernel, times=times, **params)
    assert native
    assert_same(result, wanted)
    g = numbers(*wanted.shape, dtype=x.dtype, seed=1)
    params["padding"] = library.resolve_padding(padding, x.shape[1:-1], kernel.shape[:-2], strides, dilation)
    result, native = run("conv_kernel_gradient", x, g, times=times, window=kernel.shape[:-2], **params)
    assert native
    assert_same(result, library.conv_kernel_gradient(x, g, window=kernel.shape[:-2], **params))
    if turned:
        lengths = x.shape[1:-1], wanted.shape[1:-1]
        params["padding"] = exact_padding(*lengths, kernel.shape[:-2], strides, params["padding"], dilation)
        result, native = run("conv_transpose", g, kernel, times=times, **params)
        assert native
        assert_same(result, library.conv_transpose(g, kernel, **params))


NONE = ((0, 0), (0, 0))
CONVOLUTIONS = {
    "plain": ((5, 9, 8, 16), (3, 3, 16, 32), (1, 1), NONE, (1, 1)),
    "one_image": ((1, 6, 7, 8), (3, 2, 8, 8), (1, 1), NONE, (1, 1)),
    "padded": ((3, 7, 9, 12), (3, 3, 12, 20), (1, 1), "same", (1, 1)),
    "even_window": ((3, 6, 6, 4), (2, 4, 4, 16), (1, 1), "same", (1, 1)),
    "strided": ((3, 9, 11, 16), (3, 3, 16, 16), (2, 3), "same", (1, 1)),
    "strided_and_dilated": ((2, 12, 13, 8), (3, 4, 8, 16), (3, 2), "same", (2, 2)),
    "strides_beyond_the_window": ((2, 9, 12, 8), (1, 2, 8, 16), (2, 3), NONE, (1, 1)),
    "single_values_with_strides": ((3, 8, 7, 16), (1, 1, 16, 32), (2, 2), "same", (1, 1)),
    "odd_outputs": ((3, 9, 7, 16), (3, 3, 16, 24), (1, 1), NONE, (1, 1)),
    "several_blocks_of_rows": ((2, 34, 33, 32), (3, 3, 32, 16), (1, 1), "same", (1, 1)),
    "several_blocks_of_images": ((9, 11, 11, 32), (3, 3, 32, 48), (1, 1), NONE, (1, 1)),
    "dilated": ((2, 12, 11, 8), (3, 3, 8, 16), (1, 1), NONE, (2, 3)),
    "dilated_and_padded": ((2, 9, 9, 8), (3, 2, 8, 16), (1, 1), "same", (2, 2)),
    "one_sided": ((2, 5, 6, 4), (3, 3, 4, 4), (1, 1), ((2, 0), (0, 3)), (1, 1)),
    "cropped": ((2, 8, 9, 4), (2, 3, 4, 8), (1, 1), ((-1, 0), (0, -2)), (1, 1)),
    "wide_padding": ((2, 4, 4, 4), (3, 3, 4, 4), (1, 1), ((4, 3), (3, 4)), (1, 1)),
    "rows_of_one": ((3, 14, 8), (5, 8, 16), (1,), ((4, 0),), (1,)),
    "rows_strided": ((3, 14, 8), (4, 8, 16), (3,), "same", (1,)),
    "many_filters": ((2, 5, 5, 8), (3, 3, 8, 192), (1, 1), NONE, (1, 1)),
}


DOUBLE = ["plain", "padded", "strided_and_dilated", "rows_of_one", "odd_outputs"]


@pytest.mark.parametrize(
    "case, dtype", [(case, "float32") for case in CONVOLUTIONS] + [(case, "float64") for case in DOUBLE]
)
def test_convolutions_and_their_gradients(case, dtype):
    x, kernel, *rest = CONVOLUTIONS[case]
    check_convolution(numbers(*x, dtype=dtype), numbers(*kernel, dtype=dtype, seed=2), *rest)


@pytest.mark.parametrize("channels", [1, 3])
def test_few_channels(channels):
    check_convolution(
        numbers(4, 9, 9, channels), numbers(3, 3, channels, 32), (1, 1), "same", (1, 1), turned=False
    )


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_sizes(data):
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    window, strides, dilation = ((draw(1, 3), draw(2, 4)), (draw(1, 2), draw(1, 3)), (draw(1, 2), draw(1, 2)))
    padding = tuple((draw(0, 2), draw(0, 2)) for _ in range(2))
    x = (draw(1, 3), draw(6, 9), draw(8, 12), 4 * draw(1, 4))
    check_convolution(
        numbers(*x), numbers(*window, x[-1], 4 * draw(1, 9), seed=2), strides, padding, dilation
    )


POOLS = {
    "plain": ((3, 6, 8, 16), (2, 2), (2, 2), NONE),
    "left_over": ((3, 7, 9, 4), (2, 2), (2, 2), NONE),
    "padded": ((3, 7, 9, 12), (2, 2), (2, 2), "same"),
    "overlapping": ((3, 9, 8, 20), (3, 3), (2, 2), "same"),
    "one_by_one": ((2, 6, 6, 8), (3, 2), (1, 1), ((1, 1), (0, 1))),
    "gaps": ((2, 9, 9, 8), (2, 2), (3, 4), NONE),
    "rows_of_one": ((3, 11, 24), (3,), (2,), "same"),
    "many_channels": ((2, 4, 4, 224), (2, 2), (2, 2), NONE),
}


@pytest.mark.parametrize(
    "case, dtype", [(case, "float32") for case in POOLS] + [("plain", "float64"), ("overlapping", "float64")]
)
def test_pooling(case, dtype):
    shape, window, strides, padding = POOLS[case]
    # Few different numbers: windows with several largest ones.
    x = np.random.default_rng(0).integers(-3, 3, shape).astype(dtype)
    wanted = library.max_pool(x, window=window, strides=strides, padding=padding)
    result, native = run("max_pool", x, window=window, strides=strides, padding=padding)
    assert native
    np.testing.assert_array_equal(result, wanted)
    padding = library.resolve_padding(padding, shape[1:-1], window, strides, (1,) * len(window))
    g = numbers(*wanted.shape, dtype=dtype)
    params = dict(window=window, strides=strides, padding=padding)
    result, native = run("max_pool_route", g, x, wanted, **params)
    assert native
    assert_same(result, library.max_pool_route(g, x, wanted, **params))


def test_a_window_with_nan_or_infinities():
    x = numbers(1, 4, 4, 4)
    x[0, 0, 1] = np.nan
    x[0, 2, 2] = np.inf
    x[0, 0:2, 2:4] = -np.inf
    result, native = run("max_pool", x, window=(2, 2), strides=(2, 2), padding=NONE)
    assert native
    np.testing.assert_array_equal(result, library.max_pool(x, window=(2, 2), strides=(2, 2), padding=NONE))
    assert np.isnan(result[0, 0, 0]).all() and (result[0, 1, 1] == np.inf).all()


def test_arrays_that_are_not_contiguous():
    x, kernel = numbers(8, 9, 8, 3).transpose(3, 1, 2, 0), numbers(16, 8, 3, 3).transpose(2, 3, 1, 0)
    check_convolution(x, kernel, (1, 1), "same", (1, 1))


@pytest.mark.parametrize(
    "x, kernel, rest",
    [
        ((2, 6, 6, 4), (1, 1, 4, 8), {}),  # a product of matrices
        ((2, 6, 6, 4), (3, 3, 4, 3), {}),  # filters that fill no vector
        ((2, 6, 6, 4), (3, 3, 2, 8), dict(groups=2)),
        ((2, 4, 4, 4, 4), (2, 2, 2, 4, 8), dict(strides=(1,) * 3, padding=((0, 0),) * 3, dilation=(1,) * 3)),
    ],
)
def test_what_there_is_no_code_for_is_left_to_the_library(x, kernel, rest):
    params = dict(strides=(1, 1), padding=NONE, dilation=(1, 1), groups=1) | rest
    x, kernel = numbers(*x), numbers(*kernel)
    result, native = run("conv", x, kernel, **params)
    assert not native
    assert_same(result, library.conv(x, kernel, **params))


@pytest.mark.parametrize("rooms", [3, 2])
def test_threads_share_the_work(monkeypatch, rooms):
    """Slices of a batch, and of a kernel's gradient, are whatever number of threads does them.

    Where a kernel has room for fewer threads than there are, it does without them.
    """
    from kerasish.compiler.executors import shared, windows
    from kerasish.compiler.executors.team import team

    for module in (windows, shared):
        monkeypatch.setattr(module, "processors", lambda: rooms)
    monkeypatch.setattr(shared, "_LEAST_MICROSECONDS", 0.0)
    team().wake()
    before = team()._size
    team().use(3)
    try:
        for shape, strides in (((3, 3, 16, 32), (1, 1)), ((5, 5, 16, 32), (2, 1))):
            check_convolution(numbers(5, 9, 8, 16), numbers(*shape), strides, "same", (1, 1), times=6)
    finally:
        team().use(before)


def both_ways(function, *arrays: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[tuple[str, ...]]]:
    """Return what a function gives compiled and op by op, and what each kernel for windows is made of."""
    from kerasish.compiler.executors.windows import WindowKernel

    compiled = kerasish.function(function)
    tensors = [kerasish.ops.convert_to_tensor(a) for a in arrays]
    graph = compiled.trace(*arrays).executable.graph
    kernels = [op.prim for op in graph.ops if isinstance(op.prim, WindowKernel)]
    parts = [tuple(op.prim.name for op in kernel.ops) for kernel in kernels if kernel.ops]
    return compiled(*arrays).numpy(), function(*tensors).numpy(), parts


def test_bias_and_relu_are_part_of_a_convolution():
    x, bias = numbers(64, 16, 16, 16), numbers(32, seed=3)
    for size, strides in [(3, 1), (3, 2), (5, 1)]:
        kernel = numbers(size, size, 16, 32, seed=2)

        def layer(x, kernel, bias, strides=strides):
            return kerasish.ops.relu(kerasish.ops.conv(x, kernel, strides, "same") + bias)

        result, wanted, parts = both_ways(layer, x, kernel, bias)
        assert parts == [("conv", "add", "relu")]
        assert_same(result, wanted)

    def transposed(x, kernel, bias):
        return kerasish.ops.relu(bias + kerasish.ops.conv_transpose(x, kernel, 2, "same"))

    result, wanted, parts = both_ways(transposed, x[:, :8, :8], numbers(3, 3, 32, 16), bias)
    assert parts == [("conv_transpose", "add", "relu")]
    assert_same(result, wanted)


def test_what_others_use_too_stays_outside_of_a_convolution():
    def layer(x, kernel, bias):
        made = kerasish.ops.conv(x, kernel, 1, "same") + bias
        return kerasish.ops.relu(made) - 0.5 * made

    x, kernel, bias = numbers(64, 16, 16, 16), numbers(3, 3, 16, 32, seed=2), numbers(32, seed=3)
    result, wanted, parts = both_ways(layer, x, kernel, bias)
    assert parts == [("conv", "add")]
    assert_same(result, wanted)


@pytest.mark.parametrize("strides", [1, 2])
def test_a_relu_is_part_of_the_gradient_of_pooling(strides):
    def gradient(x):
        def loss(x):
            return kerasish.ops.sum(kerasish.ops.max_pool(kerasish.ops.relu(x), 2, strides) ** 2)

        return kerasish.grad(loss)(x)

    # Whole windows at or below zero, and windows with several largest values.
    x = np.random.default_rng(0).integers(-4, 3, (64, 16, 16, 16)).astype("float32")
    result, wanted, parts = both_ways(gradient, x)
    assert ("max_pool_route", "where") in parts
    assert_same(result, wanted)


def test_winograd_is_precise(monkeypatch):
    """Errors of products by tiles are those of plain sums, to a small factor."""
    from kerasish.compiler.executors import winograd_code

    x, kernel = numbers(8, 16, 16, 64), numbers(3, 3, 64, 64, seed=2)
    params = dict(strides=(1, 1), padding="same", dilation=(1, 1), groups=1)
    wanted = library.conv(x.astype("float64"), kernel.astype("float64"), **params)
    by_tiles, _ = run("conv", x, kernel, **params)
    monkeypatch.setattr(winograd_code, "_SLACK", 0.0)
    plain, _ = run("conv", x, kernel, **params)
    assert not np.array_equal(by_tiles, plain), "both were plain sums"
    errors = [np.sqrt(np.mean((result - wanted) ** 2)) for result in (by_tiles, plain)]
    assert errors[0] < 3 * errors[1]
