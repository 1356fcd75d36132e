"""Convolution and pooling for a GPU, run on the CPU, against the portable rules."""

from __future__ import annotations

from typing import Any, NamedTuple
from unittest import mock

import cuda_on_cpu
import cuda_steps
import numpy as np
import pytest

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.dtypes import to_numpy_dtype
from kerasish.autograd.primitive import TABLE
from kerasish.compiler.executors.cuda import windows
from kerasish.compiler.executors.cuda.steps import Launch, Product
from kerasish.compiler.graph import Op, Value
from kerasish.devices import portable
from kerasish.devices.windows import exact_padding, output_lengths, resolve_padding

pytestmark = pytest.mark.interpreted
TOLERANCES = {"float32": 1e-5, "float64": 1e-12, "float16": 4e-3, "bfloat16": 3e-2}


class Conv(NamedTuple):
    """A convolution: `conv` and its two gradients are tested, each in patches, or directly where sums are short."""

    x: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: Any = 1
    padding: Any = "same"
    dilation: Any = 1
    groups: int = 1
    short: int = windows.SHORT_SUM
    scratch: int = windows.SCRATCH_BYTES


NONE = ((0, 0), (0, 0))
CONVOLUTIONS = {
    "plain": Conv((2, 8, 7, 8), (3, 3, 8, 16), padding=NONE),
    "same": Conv((2, 8, 7, 8), (3, 2, 8, 4)),
    "few_channels": Conv((3, 9, 8, 1), (3, 3, 1, 12), padding=NONE),
    "three_channels": Conv((2, 7, 7, 3), (3, 3, 3, 5), 2),
    "three_channels_in_patches": Conv((2, 7, 7, 3), (3, 3, 3, 5), (1, 2), short=0),
    "strided": Conv((2, 9, 11, 8), (3, 3, 8, 8), (2, 3)),
    "wide_strides": Conv((2, 9, 11, 4), (2, 2, 4, 8), (3, 4), NONE, short=0),
    "dilated": Conv((2, 10, 11, 8), (3, 3, 8, 4), 1, NONE, (2, 3)),
    "strided_and_dilated": Conv((2, 10, 11, 4), (3, 2, 4, 8), (2, 1), "same", (1, 2), short=0),
    "cropped": Conv((2, 8, 9, 4), (2, 3, 4, 8), 1, ((-1, 0), (0, -2)), short=0),
    "cropped_directly": Conv((2, 8, 9, 2), (2, 3, 2, 8), (1, 2), ((-1, 2), (1, -2))),
    "wide_padding": Conv((2, 4, 4, 4), (3, 3, 4, 4), 1, ((4, 3), (3, 4))),
    "one_by_one": Conv((2, 5, 6, 8), (1, 1, 8, 12)),
    "one_by_one_strided": Conv((2, 5, 6, 8), (1, 1, 8, 12), 2, short=0),
    "one_by_one_grouped": Conv((2, 5, 6, 8), (1, 1, 4, 12), groups=2),
    "whole_image": Conv((5, 4, 3, 2), (4, 3, 2, 6), 1, NONE),
    "groups": Conv((2, 6, 7, 16), (3, 3, 8, 8), groups=2),
    "groups_strided": Conv((2, 6, 7, 6), (3, 2, 3, 4), 2, groups=2, short=0),
    "groups_directly": Conv((2, 6, 7, 8), (3, 3, 2, 16), groups=4),
    "depthwise": Conv((2, 8, 7, 8), (3, 3, 1, 8), groups=8),
    "depthwise_strided": Conv((2, 8, 7, 6), (3, 2, 1, 6), 2, "same", (1, 2), groups=6),
    "depthwise_multiplied": Conv((2, 8, 7, 3), (3, 3, 1, 12), 1, NONE, groups=3),
    "depthwise_much_multiplied": Conv((2, 5, 4, 2), (2, 2, 1, 20), groups=2),
    "depthwise_large_window": Conv((2, 9, 9, 40), (7, 7, 1, 40), groups=40),
    "rows": Conv((2, 9, 4), (3, 4, 8), 1, ((4, 0),), (2,), short=0),
    "rows_strided": Conv((2, 9, 8), (5, 8, 2), 2),
    "rows_by_channel": Conv((2, 9, 4), (3, 1, 8), 3, groups=4),
    "volumes": Conv((2, 5, 6, 4, 4), (2, 3, 2, 4, 8)),
    "volumes_strided": Conv((2, 5, 6, 4, 4), (2, 3, 2, 2, 8), 2, "same", groups=2, short=0),
    "volumes_dilated": Conv((2, 5, 6, 4, 2), (2, 3, 2, 2, 4), 1, ((0, 0),) * 3, (1, 2, 1)),
    "in_parts": Conv((5, 6, 6, 8), (3, 3, 8, 8), 1, "same", scratch=20_000),
    "strided_in_parts": Conv((5, 7, 6, 4), (3, 3, 4, 8), 2, "same", short=0, scratch=3_500),
    "less_than_an_image": Conv((2, 6, 6, 4), (3, 2, 4, 8), 2, "same", short=0, scratch=600),
    "turned_in_parts": Conv((3, 6, 6, 16), (3, 3, 8, 4), groups=2, scratch=7_000),
}
FOR_ALL_TYPES = [
    "same",
    "few_channels",
    "three_channels_in_patches",
    "depthwise",
    "in_parts",
    "less_than_an_image",
    "rows",
]


class Pool(NamedTuple):
    """A pooling: all five primitives are tested."""

    x: tuple[int, ...]
    window: tuple[int, ...]
    strides: Any
    padding: Any = "same"


POOLS = {
    "plain": Pool((2, 6, 8, 8), (2, 2), 2, NONE),
    "left_over": Pool((2, 7, 9, 4), (2, 2), 2, NONE),
    "padded": Pool((2, 7, 9, 6), (2, 2), 2),
    "overlapping": Pool((2, 9, 8, 20), (3, 3), 2),
    "one_by_one": Pool((2, 6, 6, 8), (3, 2), 1, ((1, 1), (0, 1))),
    "gaps": Pool((2, 9, 9, 3), (2, 2), (3, 4), NONE),
    "cropped": Pool((2, 7, 8, 4), (2, 3), 2, ((-1, 1), (1, -1))),
    "rows": Pool((2, 11, 5), (3,), 2),
    "volumes": Pool((2, 5, 4, 6, 4), (2, 2, 3), (2, 1, 2)),
    "large_window": Pool((2, 9, 8, 2), (8, 7), 3),
    "one_place": Pool((3, 4, 4, 8), (1, 1), 1, NONE),
}


class Case(NamedTuple):
    """An operation, its steps, its arrays and what it should give."""

    op: Op
    steps: list[Any]
    arrays: dict[Value, np.ndarray]
    wanted: np.ndarray


def numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """Return numbers among which some are equal."""
    values = np.random.default_rng([seed, *shape]).integers(-12, 13, shape) / 8
    return values.astype(to_numpy_dtype(dtype))


def lower(name: str, *arrays: np.ndarray, **params: Any) -> Case:
    arguments = [Value(a.shape, a.dtype, "argument") for a in arrays]
    made = TABLE[name].infer(*[Abstract(a.shape, a.dtype) for a in arrays], **params)
    op = Op(TABLE[name], arguments, params, [Value(made.shape, made.dtype)])
    lowered = windows.lower_windows(op)
    assert lowered is not None
    steps, scratch = lowered
    known = {*arguments, op.output, *scratch}
    for step in steps:
        used = step.arguments if isinstance(step, Launch) else [m.value for m in (step.out, step.x, step.y)]
        assert all(v in known or v.kind == "constant" for v in used)
    wide = [a.astype(np.float64) for a in arrays]
    return Case(
        op, steps, dict(zip(arguments, arrays, strict=True)), getattr(portable, name)(np, *wide, **params)
    )


def convolution_cases(c: Conv, dtype: str) -> dict[str, Case]:
    rank = len(c.x) - 2
    strides, dilation = ((n,) * rank if isinstance(n, int) else n for n in (c.strides, c.dilation))
    x, kernel = numbers(c.x, dtype), numbers(c.kernel, dtype, 1)
    lengths, window = c.x[1:-1], c.kernel[:-2]
    padding = resolve_padding(c.padding, lengths, window, strides, dilation)
    outputs = output_lengths(lengths, window, strides, padding, dilation)
    params = dict(strides=strides, dilation=dilation, groups=c.groups)
    exact = exact_padding(lengths, outputs, window, strides, padding, dilation)
    g = numbers((c.x[0], *outputs, c.kernel[-1]), dtype, 2)
    with mock.patch.multiple(windows, SHORT_SUM=c.short, SCRATCH_BYTES=c.scratch):
        return {
            "conv": lower("conv", x, kernel, padding=c.padding, **params),
            "conv_transpose": lower("conv_transpose", g, kernel, padding=exact, **params),
            "conv_kernel_gradient": lower(
                "conv_kernel_gradient", x, g, window=window, padding=exact, **params
            ),
        }


def pool_cases(p: Pool, dtype: str) -> dict[str, Case]:
    strides = (p.strides,) * len(p.window) if isinstance(p.strides, int) else p.strides
    x = numbers(p.x, dtype)
    padding = resolve_padding(p.padding, p.x[1:-1], p.window, strides, (1,) * len(p.window))
    same, params = (dict(window=p.window, strides=strides, padding=q) for q in (p.padding, padding))
    largest = portable.max_pool(np, x, **params)
    g = numbers(largest.shape, dtype, 1)
    values = numbers(x.shape, dtype, 2)
    return {
        "max_pool": lower("max_pool", x, **same),
        "max_pool_route": lower("max_pool_route", g, x, largest, **params),
        "max_pool_pick": lower("max_pool_pick", values, x, largest, **params),
        "average_pool": lower("average_pool", x, **same),
        "average_pool_transpose": lower("average_pool_transpose", g, lengths=p.x[1:-1], **params),
    }


def special_cases() -> dict[str, Case]:
    """Values and sizes that are the ends of something."""
    params = dict(window=(2, 2), strides=(2, 2), padding=NONE)
    x = numbers((1, 4, 4, 4), "float32")
    x[0, 0, 1] = np.nan
    x[0, 2, 2] = np.inf
    x[0, 0:2, 2:4] = -np.inf
    largest = portable.max_pool(np, x, **params)
    nothing = np.zeros((0, 4, 4, 2), "float32")
    conv = dict(strides=(1, 1), padding=NONE, dilation=(1, 1), groups=1)
    kernel = numbers((2, 2, 2, 3), "float32")
    return {
        "max_pool with NaN": lower("max_pool", x, **params),
        "max_pool_route with NaN": lower(
            "max_pool_route", numbers(largest.shape, "float32"), x, largest, **params
        ),
        "padding only": lower(
            "max_pool", x[..., :1].copy(), window=(1, 1), strides=(2, 2), padding=((2, 2), (2, 2))
        ),
        "no images": lower("conv", nothing, kernel, **conv),
        "gradient of no images": lower(
            "conv_kernel_gradient", nothing, np.zeros((0, 3, 3, 3), "float32"), window=(2, 2), **conv
        ),
        "no channels": lower(
            "conv", np.zeros((2, 4, 4, 0), "float16"), np.zeros((2, 2, 0, 3), "float16"), **conv
        ),
    }


def dtypes() -> list[str]:
    try:
        to_numpy_dtype("bfloat16")
    except ValueError:
        return [d for d in TOLERANCES if d != "bfloat16"]
    return list(TOLERANCES)


def cases() -> dict[tuple[str, str, str], Case]:
    found = {("special", name, "float32"): case for name, case in special_cases().items()}
    for dtype in dtypes():
        for name, c in CONVOLUTIONS.items():
            if dtype == "float32" or name in FOR_ALL_TYPES:
                found |= {(name, op, dtype): case for op, case in convolution_cases(c, dtype).items()}
        for name, p in POOLS.items():
            if dtype == "float32" or name == "overlapping":
                found |= {(name, op, dtype): case for op, case in pool_cases(p, dtype).items()}
    return found


CASES = cases()
LAUNCHES = [step for case in CASES.values() for step in case.steps if isinstance(step, Launch)]


@pytest.fixture(scope="module")
def module():
    return cuda_steps.Module(step.source for step in LAUNCHES)


@pytest.mark.parametrize("key", CASES, ids="-".join)
def test_steps_give_what_the_rules_do(module, key):
    case = CASES[key]
    for reverse in (False, True):
        arrays = dict(case.arrays)
        module.run(case.steps, arrays, reverse)
        result = arrays.get(case.op.output, np.empty(case.op.output.shape, case.op.output.dtype)).astype(
            float
        )
        assert result.shape == case.wanted.shape
        tolerance = TOLERANCES[case.op.output.dtype.name]
        scale = max(np.abs(case.wanted[np.isfinite(case.wanted)]).max(initial=0), 1)
        np.testing.assert_allclose(result, case.wanted, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("arch", cuda_on_cpu.ARCHITECTURES)
def test_every_kind_of_kernel_compiles_for_a_gpu(arch):
    kinds = {step.name: step.source for step in LAUNCHES if step.writes[0].dtype == np.float32}
    kinds |= {
        (step.name, step.writes[0].dtype): step.source for step in LAUNCHES if step.name == "direct conv"
    }
    source, _ = cuda_steps.one_source(kinds.values())
    assert "error" not in cuda_on_cpu.nvrtc_compile(source, arch)


def names(key: tuple[str, str, str]) -> list[str]:
    return [step.name for step in CASES[key].steps]


@pytest.mark.parametrize(
    "key, expected",
    [
        (("one_by_one", "conv", "float32"), ["conv"]),
        (("one_by_one", "conv_transpose", "float32"), ["conv_transpose"]),
        (("one_by_one_grouped", "conv_kernel_gradient", "float32"), ["conv_kernel_gradient"]),
        (("whole_image", "conv", "float32"), ["conv"]),
        (("plain", "conv", "float32"), ["patches", "conv"]),
        (("plain", "conv_transpose", "float32"), ["conv_transpose", "gather entries"]),
        (("same", "conv_transpose", "float32"), ["turn kernel", "patches", "conv"]),
        (("few_channels", "conv", "float32"), ["direct conv"]),
        (("few_channels", "conv_kernel_gradient", "float32"), ["sum slices", "sum of slices"]),
        (("depthwise", "conv_transpose", "float32"), ["direct conv_transpose"]),
    ],
)
def test_the_way_that_moves_least(key, expected):
    assert names(key) == expected


@pytest.mark.parametrize("name", ["in_parts", "strided_in_parts", "less_than_an_image", "turned_in_parts"])
def test_scratch_is_bounded_and_parts_share_their_source(name):
    for op in ("conv", "conv_transpose", "conv_kernel_gradient"):
        case = CASES[name, op, "float32"]
        products = [step for step in case.steps if isinstance(step, Product)]
        launches = [step for step in case.steps if isinstance(step, Launch) and step.name != "turn kernel"]
        assert len(products) > 2
        scratch = {m.value for step in products for m in (step.out, step.x)} - {
            *case.op.values,
            case.op.output,
        }
        assert all(v.nbytes <= CONVOLUTIONS[name].scratch for v in scratch)
        if name != "less_than_an_image":  # the first part, those after it, and a shorter last one
            assert len({step.source for step in launches}) <= 3


def test_what_there_is_no_code_for():
    def op(*dtypes: str) -> Op:
        x, kernel = (
            Value(s, np.dtype(d), "argument") for s, d in zip(((1, 4, 2), (2, 2, 2)), dtypes, strict=True)
        )
        params = dict(strides=(1,), padding=((0, 0),), dilation=(1,), groups=1)
        return Op(TABLE["conv"], [x, kernel], params, [Value((1, 3, 2), x.dtype)])

    assert windows.lower_windows(op("float32", "float32")) is not None
    assert windows.lower_windows(op("int32", "int32")) is None
    assert windows.lower_windows(op("float32", "float64")) is None
    x = Value((2, 2), np.dtype("float32"))
    assert windows.lower_windows(Op(TABLE["add"], [x, x], {}, [x])) is None


def test_halves_are_converted_as_numpy_does():
    kernels = cuda_on_cpu.compile_cuda(
        cuda_steps.PRELUDE
        + """
extern "C" __global__ void widen(const unsigned short* x, float* h, float* b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    h[i] = half_to_float(x[i]), b[i] = bfloat_to_float(x[i]);
}
extern "C" __global__ void narrow(const float* x, unsigned short* h, unsigned short* b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    h[i] = float_to_half(x[i]), b[i] = float_to_bfloat(x[i]);
}
"""
    )
    every = np.arange(65536, dtype="uint16")
    halves, bfloats = np.empty(65536, "float32"), np.empty(65536, "float32")
    kernels["widen"](256, 256, [every, halves, bfloats])
    np.testing.assert_array_equal(halves, every.view("float16").astype("float32"))
    np.testing.assert_array_equal(bfloats.view("uint32"), every.astype("uint32") << 16)
    # Every half, what lies half-way to the next, and a little on either side of that.
    finite = halves[np.isfinite(halves)]
    middles = (finite[:-1] + finite[1:]) / 2
    beside = [np.nextafter(middles, np.float32(to)) for to in (np.inf, -np.inf)]
    x = np.concatenate([halves, middles, *beside, np.float32([1e30, -1e30, 1e-30])])
    x = np.concatenate([x, np.zeros(-x.size % 256, "float32")])
    h, b = np.empty(x.size, "uint16"), np.empty(x.size, "uint16")
    kernels["narrow"](x.size // 256, 256, [x, h, b])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(h.view("float16"), x.astype("float16"))
    bits = x.view("uint32").astype("uint64")
    nearest = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("uint16")  # to the even one in the middle
    np.testing.assert_array_equal(b[~np.isnan(x)], nearest[~np.isnan(x)])
    assert np.isnan((b[np.isnan(x)].astype("uint32") << 16).view("float32")).all()
