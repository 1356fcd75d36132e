"""`devices.gpu` on NumPy in place of CuPy: the same results as `devices.cpu`'s."""

from __future__ import annotations

import numpy as np
import pytest
from cupy_on_numpy import gpu_module

from kerasish.devices import cpu

rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def gpu():
    return gpu_module()


# Batch, spatial lengths, channels, filters, window, strides, padding, dilation, groups.
CONVOLUTIONS = {
    "one axis": (3, (9,), 2, 4, (3,), (1,), ((0, 0),), (1,), 1),
    "strides": (3, (9,), 2, 4, (3,), (2,), ((1, 1),), (1,), 1),
    "two axes": (2, (6, 7), 3, 4, (3, 2), (1, 1), ((1, 1), (0, 1)), (1, 1), 1),
    "two axes, strides": (2, (6, 7), 3, 4, (3, 3), (2, 3), ((1, 1), (1, 1)), (1, 1), 1),
    "dilation": (2, (8, 9), 3, 4, (3, 2), (1, 1), ((2, 1), (0, 1)), (2, 3), 1),
    "dilation and strides": (2, (8, 9), 3, 4, (3, 2), (2, 1), ((2, 1), (0, 1)), (2, 3), 1),
    "groups": (2, (6, 7), 4, 6, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2),
    "groups, strides": (2, (6, 7), 4, 6, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 2),
    "depthwise": (2, (6, 7), 3, 3, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 3),
    "depthwise, many filters": (2, (6, 7), 3, 6, (3, 3), (2, 1), ((1, 1), (1, 1)), (1, 2), 3),
    "cropping": (2, (8, 7), 3, 4, (2, 2), (1, 1), ((-1, -2), (-1, 1)), (1, 1), 1),
    "three axes": (2, (4, 5, 4), 2, 3, (2, 2, 3), (1, 2, 1), ((0, 1), (1, 0), (1, 1)), (1, 1, 1), 1),
    "gaps": (2, (9,), 2, 3, (2,), (4,), ((0, 0),), (1,), 1),
    "nothing": (0, (9,), 2, 3, (2,), (1,), ((0, 0),), (1,), 1),
    "no outputs": (2, (1,), 2, 3, (3,), (1,), ((0, 0),), (1,), 1),
}


@pytest.mark.parametrize("dtype", ["float64", "float16"])
@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("limit", [1 << 28, 1500])
def test_convolutions(gpu, case, limit, dtype, monkeypatch):
    monkeypatch.setitem(gpu.conv.__wrapped__.__globals__, "PATCH_BYTES", limit)
    batch, lengths, channels, filters, window, strides, padding, dilation, groups = CONVOLUTIONS[case]
    params = dict(strides=strides, padding=padding, dilation=dilation, groups=groups)
    x = rng.normal(size=(batch, *lengths, channels)).astype(dtype)
    kernel = rng.normal(size=(*window, channels // groups, filters)).astype(dtype)
    close = dict(rtol=1e-10) if dtype == "float64" else dict(rtol=2e-2, atol=4e-2)
    expected = cpu.conv(x, kernel, **params)
    found = gpu.conv(x, kernel, **params)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, **close)
    g = rng.normal(size=expected.shape).astype(dtype)
    np.testing.assert_allclose(
        gpu.conv_kernel_gradient(x, g, window=window, **params),
        cpu.conv_kernel_gradient(x, g, window=window, **params),
        **close,
    )
    np.testing.assert_allclose(
        gpu.conv_transpose(g, kernel, **params), cpu.conv_transpose(g, kernel, **params), **close
    )


@pytest.mark.parametrize(
    "dtype", "bool int8 uint8 int16 int32 uint32 int64 uint64 float16 float32 float64 complex64".split()
)
def test_values_are_scattered(gpu, dtype):
    x = (rng.uniform(0, 3, (4, 3)) - (dtype[0] in "ifc")).astype(dtype)
    rows = np.array([1, 3, 1, 0])
    values = (rng.uniform(0, 3, (4, 3)) - (dtype[0] in "ifc")).astype(dtype)
    close = 2e-3 if dtype == "float16" else 1e-6
    for index, added in (
        ((rows,), values),
        ((rows, slice(0, 2)), values[:, :2]),
        ((slice(None), np.array([2, 2, 0])), values),
    ):
        found = gpu.index_add(x, index, added)
        assert found.dtype == x.dtype
        np.testing.assert_allclose(found, cpu.index_add(x, index, added), rtol=close, atol=close)
    if dtype[0] != "c":
        for how in ("maximum", "minimum", "multiply"):
            found = gpu.index_combine(x, (rows,), values, how)
            assert found.dtype == x.dtype
            np.testing.assert_allclose(
                found, cpu.index_combine(x, (rows,), values, how), rtol=close, atol=close
            )
    places = rng.integers(0, 3, (4, 5))
    more = rng.uniform(0, 3, (4, 5)).astype(dtype)
    np.testing.assert_allclose(
        gpu.put_along_axis_add(x, places, more, 1),
        cpu.put_along_axis_add(x, places, more, 1),
        rtol=close,
        atol=close,
    )


def test_bfloat16(gpu):
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    x, y = rng.normal(size=(3, 4)).astype(bfloat16), rng.normal(size=(4, 3)).astype(bfloat16)
    condition = x > 0
    for name, args in {
        "matmul": (x, y),
        "where": (condition, x, 1.5),
        "remainder": (x, y.T),
        "floor_divide": (x, y.T),
        "logaddexp": (x, 0.0),
        "cumsum": (x, 1),
        "argmax": (x, 1),
        "argsort": (x, 1),
        "erf": (x,),
        "sigmoid": (x,),
        "logical_not": (x,),
        "logical_xor": (x, y.T),
    }.items():
        found = getattr(gpu, name)(*args)
        wide = [a.astype("float32") if getattr(a, "dtype", None) == bfloat16 else a for a in args]
        expected = getattr(cpu, name)(*wide)
        floats = expected.dtype.kind == "f"
        assert found.dtype == (bfloat16 if floats else expected.dtype)
        np.testing.assert_allclose(found.astype(expected.dtype), expected, rtol=1e-2, atol=1e-2)


def test_systems_broadcast(gpu):
    a, b = rng.normal(size=(3, 3)), rng.normal(size=(2, 3, 4))
    np.testing.assert_allclose(a @ gpu.linalg.solve(a, b), b)


# The kernels' sources, where there is a compiler for them


def _sources(kernels):
    for c_type in ("unsigned int", "long long"):
        yield kernels.PHILOX.replace("SEED", c_type)
    for c_type, size in (("float", 4), ("double", 8), ("int", 4), ("unsigned long long", 8)):
        for how in kernels.CHOICES:
            yield kernels.combine_source(c_type, size, how)
    for c_type in ("float", "double"):
        for arguments, statements in kernels.OPERATIONS.values():
            names = [argument.split()[1] for argument in arguments.split(",")]
            given = ", ".join(f"const T* {name}s" for name in names)
            values = " ".join(f"T {name} = {name}s[0];" for name in names)
            yield (
                f'typedef {c_type} T;\nextern "C" __global__ void function({given}, T* out) {{ {values} T result; '
                f"{statements}; out[0] = result; }}"
            )


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90", "sm_100"])
def test_kernels_compile(architecture):
    pytest.importorskip("cupy")
    from cupy.cuda import nvrtc

    from kerasish.devices import gpu_kernels

    try:
        nvrtc.getVersion()
    except RuntimeError as error:  # CuPy without the library
        pytest.skip(str(error))
    together = [
        f"namespace n{i} {{\n{source.replace('__global__ void ', f'__global__ void f{i}_')}\n}}"
        for i, source in enumerate(_sources(gpu_kernels))
    ]
    program = nvrtc.createProgram("\n".join(together), "kernels.cu", (), ())
    nvrtc.compileProgram(program, (f"--gpu-architecture={architecture}",))
    assert nvrtc.getCUBIN(program)
