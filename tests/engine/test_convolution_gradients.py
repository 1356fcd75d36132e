"""Convolution and pooling on the CPU: blocks, layouts and types agree with the portable rules; memory is bounded."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasish import devices
from kerasish.autograd import Tensor
from kerasish.autograd.primitives import convolution, pooling
from kerasish.devices import cpu_convolution, cpu_threads, portable
from kerasish.devices.windows import exact_padding, output_lengths

rng = np.random.default_rng(7)


@st.composite
def convolutions(draw):
    """A convolution's input and kernel shapes and parameters, with at least one output."""
    rank = draw(st.integers(1, 3))
    sizes = lambda low, high: st.tuples(*[st.integers(low, high)] * rank)  # noqa: E731
    window, strides, dilation = draw(sizes(1, 3)), draw(sizes(1, 3)), draw(sizes(1, 2))
    padding = draw(st.tuples(*[st.tuples(st.integers(-1, 2), st.integers(-1, 2))] * rank))
    lengths = tuple(
        max((w - 1) * d + 1 - sum(pads), 3) + draw(st.integers(0, 4))
        for w, d, pads in zip(window, dilation, padding, strict=True)
    )
    groups = draw(st.sampled_from((1, 1, 2, 3)))
    per_group, filters = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x = (draw(st.integers(1, 3)), *lengths, groups * per_group)
    kernel = (*window, per_group, groups * filters)
    return x, kernel, {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}


@given(convolutions(), st.sampled_from((1, 200, 2 << 20)))
@settings(max_examples=150, deadline=None)
def test_blocks_agree_with_the_portable_rules(case, block):
    x_shape, kernel_shape, params = case
    x, kernel = rng.standard_normal(x_shape), rng.standard_normal(kernel_shape)
    before, cpu_convolution.BLOCK_BYTES = cpu_convolution.BLOCK_BYTES, block
    try:
        out = cpu_convolution.conv(x, kernel, **params)
        np.testing.assert_allclose(out, portable.conv(np, x, kernel, **params), atol=1e-12)
        exact = {
            **params,
            "padding": exact_padding(
                x_shape[1:-1],
                out.shape[1:-1],
                kernel_shape[:-2],
                params["strides"],
                params["padding"],
                params["dilation"],
            ),
        }
        back = cpu_convolution.conv_transpose(out, kernel, **exact)
        assert back.shape == x_shape
        np.testing.assert_allclose(back, portable.conv_transpose(np, out, kernel, **exact), atol=1e-11)
        slope = cpu_convolution.conv_kernel_gradient(x, out, kernel_shape[:-2], **exact)
        expected = portable.conv_kernel_gradient(np, x, out, kernel_shape[:-2], **exact)
        np.testing.assert_allclose(slope, expected, atol=1e-11)
        # Transposes: <conv(x), g> = <x, conv_transpose(g)> = <kernel, kernel gradient>.
        product = np.sum(out * out)
        np.testing.assert_allclose(np.sum(x * back), product, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(np.sum(kernel * slope), product, rtol=1e-9, atol=1e-9)
        filled = np.full(out.shape, 7.0)
        assert cpu_convolution.conv(x, kernel, **params, out=filled) is filled
        np.testing.assert_array_equal(filled, out)
    finally:
        cpu_convolution.BLOCK_BYTES = before


def loop_pool(x, window, strides, padding, reduce):
    """Pool by the definition: one window after the other."""
    lengths = x.shape[1:-1]
    made = output_lengths(lengths, window, strides, padding, (1,) * len(window))
    out = np.zeros((x.shape[0], *made, x.shape[-1]))
    for place in np.ndindex(*made):
        spans = []
        for o, w, s, (low, _), n in zip(place, window, strides, padding, lengths, strict=True):
            spans.append(slice(max(o * s - low, 0), min(o * s - low + w, n)))
        out[(slice(None), *place)] = reduce(x[(slice(None), *spans)], axis=tuple(range(1, x.ndim - 1)))
    return out


@pytest.mark.parametrize("block", [1, 2 << 20])
@pytest.mark.parametrize(
    ("shape", "window", "strides", "padding"),
    [
        ((3, 7, 2), (2,), (2,), ((0, 0),)),
        ((3, 7, 2), (3,), (1,), ((1, 1),)),
        ((2, 6, 5, 3), (2, 2), (2, 2), ((0, 0), (0, 1))),
        ((2, 6, 5, 3), (3, 2), (2, 1), ((1, 0), (0, 1))),
        ((2, 6, 5, 3), (1, 3), (1, 3), ((0, 0), (1, 0))),
        ((2, 4, 5, 4, 2), (2, 3, 2), (1, 2, 2), ((0, 1), (1, 1), (0, 0))),
    ],
)
def test_pooling_agrees_with_its_definition(shape, window, strides, padding, block, monkeypatch):
    monkeypatch.setattr(cpu_convolution, "BLOCK_BYTES", block)
    x = rng.integers(0, 4, shape).astype("float64")
    params = {"window": window, "strides": strides, "padding": padding}
    largest = cpu_convolution.max_pool(x, **params)
    np.testing.assert_array_equal(largest, loop_pool(x, window, strides, padding, np.max))
    mean = loop_pool(x, window, strides, padding, np.mean)
    np.testing.assert_allclose(cpu_convolution.average_pool(x, **params), mean, rtol=1e-12)
    g = rng.standard_normal(largest.shape)
    routed = cpu_convolution.max_pool_route(g, x, largest, **params)
    values = rng.standard_normal(shape)
    picked = cpu_convolution.max_pool_pick(values, x, largest, **params)
    np.testing.assert_allclose(np.sum(routed * values), np.sum(g * picked))
    for name, arrays in (
        ("max_pool", (x,)),
        ("max_pool_route", (g, x, largest)),
        ("max_pool_pick", (values, x, largest)),
        ("average_pool", (x,)),
    ):
        rule = getattr(cpu_convolution, name)
        expected = rule(*arrays, **params)
        filled = np.full(expected.shape, 7.0)
        rule(*arrays, **params, out=filled)
        np.testing.assert_array_equal(filled, expected, err_msg=name)


def test_a_gradient_goes_to_the_first_largest_value():
    x = np.array([2.0, 2.0, 1.0, 3.0, 3.0, 3.0]).reshape(1, 6, 1)
    params = {"window": (3,), "strides": (3,), "padding": ((0, 0),)}
    largest = cpu_convolution.max_pool(x, **params)
    g = np.array([np.inf, -5.0]).reshape(1, 2, 1)
    routed = cpu_convolution.max_pool_route(g, x, largest, **params)
    assert routed.ravel().tolist() == [np.inf, 0, 0, -5, 0, 0]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
def test_dtypes_are_kept(dtype):
    x = rng.integers(-3, 4, (2, 5, 6, 2)).astype(dtype)
    kernel = rng.integers(-3, 4, (2, 3, 2, 4)).astype(dtype)
    params = {"strides": (1, 1), "padding": ((0, 0), (1, 1)), "dilation": (1, 1), "groups": 1}
    out = convolution.conv(Tensor(x), Tensor(kernel), **params)
    assert out.dtype == dtype
    expected = portable.conv(np, x.astype("float64"), kernel.astype("float64"), **params)
    np.testing.assert_array_equal(out.numpy(), expected)
    pooled = pooling.max_pool(Tensor(x), window=(2, 2), strides=(2, 2), padding=((0, 1), (0, 0)))
    assert pooled.dtype == dtype


class _Module:
    """NumPy without this package's own functions: what another device's module may be."""

    def __getattr__(self, name):
        return getattr(np, name)


class _Array(np.ndarray):
    pass


def test_a_module_without_convolutions_gets_the_portable_ones():
    devices.register_array_type(_Array, _Module(), "test")
    try:
        x = Tensor(rng.standard_normal((2, 6, 6, 2)))
        kernel = Tensor(rng.standard_normal((3, 3, 2, 4)))
        params = {"strides": (2, 1), "padding": ((1, 1), (0, 0)), "dilation": (1, 1), "groups": 1}
        pool = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
        for run, arrays, options in (
            ("conv", (x, kernel), params),
            ("max_pool", (x,), pool),
            ("average_pool", (x,), pool),
        ):
            module = convolution if run == "conv" else pooling
            expected = getattr(module, run)(*arrays, **options).numpy()
            elsewhere = [a.numpy().view(_Array) for a in arrays]
            rule = getattr(module, run).kernels[_Array]
            np.testing.assert_allclose(np.asarray(rule(*elsewhere, **options)), expected)
    finally:
        devices._modules.pop(_Array)
        devices._names.pop(_Array)
        for primitive in (convolution.conv, pooling.max_pool, pooling.average_pool):
            primitive.kernels.pop(_Array, None)


@pytest.mark.parametrize(
    "shape",
    [pytest.param((64, 30, 30, 16), id="a large batch"), pytest.param((1, 160, 160, 16), id="a large image")],
)
def test_scratch_memory_is_bounded(shape):
    """The patches would be 33 or 16 MB; a padded image is the most that is copied whole."""
    x = rng.standard_normal(shape).astype("float32")
    kernel = rng.standard_normal((3, 3, 16, 16)).astype("float32")
    params = {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
    out = np.empty((*shape[:-1], 16), "float32")
    back = np.empty(shape, "float32")
    limit = 6 << 20
    for call in (
        lambda: cpu_convolution.conv(x, kernel, **params, out=out),
        lambda: cpu_convolution.conv_transpose(out, kernel, **params, out=back),
        lambda: cpu_convolution.conv_kernel_gradient(x, out, (3, 3), **params),
    ):
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < limit, f"{peak / 2**20:.1f} MiB of scratch memory"


def test_work_is_shared_out_whole_and_blas_gets_its_threads_back(monkeypatch):
    monkeypatch.setattr(cpu_threads._Team, "size", lambda self: 3)
    team = cpu_threads._Team()
    threads = [8]
    team._control = (lambda: threads[-1], threads.append)
    monkeypatch.setattr(cpu_threads, "_team", team)
    done = []
    cpu_threads.share_out(lambda part: done.extend(range(10)[part]), 10, microseconds=1e6)
    assert sorted(done) == list(range(10))
    assert threads == [8, 1, 8]

    def fails(part):
        raise ValueError(f"part {part.start}")

    with pytest.raises(ValueError, match="part"):
        cpu_threads.share_out(fails, 10, microseconds=1e6)
    assert threads[-1] == 8 and not team.busy.locked()
    nested = []
    cpu_threads.share_out(
        lambda part: cpu_threads.share_out(lambda inner: nested.append(inner), 2, microseconds=1e6),
        3,
        microseconds=1e6,
    )
    assert nested == [slice(0, 2)] * 3, "shared out once, not again inside"
    cpu_threads.share_out(done.append, 10, microseconds=1.0)
    assert done[-1] == slice(0, 10), "too little work to share"


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_shared_work_gives_the_same_results(groups, monkeypatch):
    monkeypatch.setattr(cpu_threads, "_LEAST_MICROSECONDS", 0.0)
    monkeypatch.setattr(cpu_threads._Team, "size", lambda self: 3)
    team = cpu_threads._Team()
    team._control = (lambda: 1, lambda count: None)
    x, kernel = rng.standard_normal((5, 7, 6, 4)), rng.standard_normal((3, 2, 4 // groups, 8))
    params = {"strides": (1, 2), "padding": ((1, 1), (0, 0)), "dilation": (1, 1), "groups": groups}
    pool = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 1), (0, 0))}

    def results():
        out = cpu_convolution.conv(x, kernel, **params)
        largest = cpu_convolution.max_pool(x, **pool)
        return [
            out,
            cpu_convolution.conv_transpose(out, kernel, **params),
            cpu_convolution.conv_kernel_gradient(x, out, (3, 2), **params),
            largest,
            cpu_convolution.max_pool_route(largest, x, largest, **pool),
            cpu_convolution.average_pool(x, **pool),
        ]

    monkeypatch.setattr(cpu_convolution, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(cpu_threads, "_team", team)
    shared = results()
    monkeypatch.setattr(cpu_threads, "_LEAST_MICROSECONDS", np.inf)
    for found, expected in zip(shared, results(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert team._pool_size == 2
