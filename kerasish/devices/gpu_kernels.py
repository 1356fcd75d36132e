"""Kernels in CUDA C++ for what CuPy lacks. Each is compiled when it is first used; CuPy keeps them on disk."""

from __future__ import annotations

from functools import cache
from typing import Any

import cupy
import numpy as np

C_TYPES = {
    "b": "signed char",
    "B": "unsigned char",
    "h": "short",
    "H": "unsigned short",
    "i": "int",
    "I": "unsigned int",
    "l": "long long",
    "L": "unsigned long long",
    "q": "long long",
    "Q": "unsigned long long",
    "f": "float",
    "d": "double",
}
"""C's names of element types by NumPy's codes; `long` has 64 bits in NumPy 2."""


OPERATIONS = {
    "erf": ("T x", "result = erf(x)"),
    "erfc": ("T x", "result = erfc(x)"),
    "erfinv": ("T x", "result = erfinv(x)"),
    "sigmoid": ("T x", "result = T(0.5) * tanh(T(0.5) * x) + T(0.5)"),
    # Equal ones apart: the difference of infinities is no number.
    "logaddexp": (
        "T x, T y",
        "T difference = x - y;"
        "result = x == y ? x + T(0.693147180559945309) : difference > 0 ? x + log1p(exp(-difference))"
        " : difference <= 0 ? y + log1p(exp(difference)) : difference",
    ),
    # Remainders without an error, as NumPy's: CuPy's come from a rounded quotient.
    "remainder": (
        "T x, T y",
        "T rest = fmod(x, y);"
        "result = rest == 0 ? copysign(T(0), y) : (rest < 0) != (y < 0) ? rest + y : rest",
    ),
    "floor_divide": (
        "T x, T y",
        "T rest = fmod(x, y);"
        "T quotient = (x - rest) / y - T(rest != 0 && (rest < 0) != (y < 0));"
        "T whole = floor(quotient);"
        "if (quotient - whole > T(0.5)) whole += 1;"
        "result = y == 0 ? x / y : quotient == 0 ? copysign(T(0), x / y) : whole",
    ),
}
"""Functions of floats by name: their arguments, and statements that give `result` a value."""


def elementwise(name: str) -> Any:
    """Return the kernel of one of the `OPERATIONS`."""
    arguments, statements = OPERATIONS[name]
    return cupy.ElementwiseKernel(arguments, "T result", statements, f"kerasish_{name}")


# Random numbers: Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). A thread makes
# one block of four 64-bit words, which are eight numbers.

PHILOX = r"""
extern "C" __global__ void philox(const SEED* seed, unsigned int* out, unsigned long long size) {
    unsigned long long block = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;
    if (block * 8 >= size) return;
    unsigned long long c0 = block + 1, c1 = 0, c2 = 0, c3 = 0;
    unsigned long long k0 = (unsigned long long)seed[0], k1 = (unsigned long long)seed[1];
    #pragma unroll
    for (int round = 0; round < 10; ++round) {
        unsigned long long low0 = 0xD2E7470EE14C6C93ULL * c0, high0 = __umul64hi(0xD2E7470EE14C6C93ULL, c0);
        unsigned long long low1 = 0xCA5A826395121157ULL * c2, high1 = __umul64hi(0xCA5A826395121157ULL, c2);
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B97F4A7C15ULL;
        k1 += 0xBB67AE8584CAA73BULL;
    }
    unsigned long long words[4] = {c0, c1, c2, c3};
    #pragma unroll
    for (int i = 0; i < 8; ++i) {
        unsigned long long place = block * 8 + i;
        if (place < size) out[place] = (unsigned int)(words[i / 2] >> (i % 2 * 32));
    }
}
"""

_THREADS = 256


@cache
def _philox_kernel(seed_type: str) -> Any:
    return cupy.RawKernel(PHILOX.replace("SEED", seed_type), "philox")


def philox(seed: Any, out: Any) -> None:
    """Fill a vector of uint32 numbers with Philox's output for a seed of two integers in a row."""
    blocks = -(-out.size // 8)
    grid = (-(-blocks // _THREADS),)
    _philox_kernel(C_TYPES[seed.dtype.char])(grid, (_THREADS,), (seed, out, np.uint64(out.size)))


# Combining values at places where several may meet: each is exchanged until nobody came in between.

COMBINE = r"""
union Pair { T value; BITS bits; };

extern "C" __global__ void combine(T* out, const long long* places, const T* values, long long size) {
    long long step = gridDim.x * (long long)blockDim.x;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < size; i += step) {
        BITS* address = (BITS*)(out + places[i]);
        T b = values[i];
        Pair seen, wanted;
        seen.bits = *address;
        while (true) {
            T a = seen.value;
            wanted.value = CHOICE;
            if (wanted.bits == seen.bits) break;
            BITS before = atomicCAS(address, seen.bits, wanted.bits);
            if (before == seen.bits) break;
            seen.bits = before;
        }
    }
}
"""

CHOICES = {
    # NaNs are passed on, as NumPy does: one that is there already is neither greater nor smaller.
    "maximum": "(b > a || b != b) ? b : a",
    "minimum": "(b < a || b != b) ? b : a",
    "multiply": "a * b",
}


def combine_source(c_type: str, itemsize: int, how: str) -> str:
    """Return the source of the kernel that combines numbers of a type."""
    bits = "unsigned long long" if itemsize == 8 else "unsigned int"
    source = COMBINE.replace("BITS", bits).replace("CHOICE", CHOICES[how])
    return f"typedef {c_type} T;\n{source}"


@cache
def _combine_kernel(c_type: str, itemsize: int, how: str) -> Any:
    return cupy.RawKernel(combine_source(c_type, itemsize, how), "combine")


def combine_at(out: Any, places: Any, values: Any, how: str) -> None:
    """Combine `values` with what is at `places` of `out`, in place.

    Args:
        out: A contiguous array of numbers of four or eight bytes.
        places: Positions in it, counted in elements.
        values: As many, of the type of `out`.
        how: `"maximum"`, `"minimum"` or `"multiply"`.
    """
    if values.size:
        kernel = _combine_kernel(C_TYPES[out.dtype.char], out.dtype.itemsize, how)
        grid = (min(-(-values.size // _THREADS), 65535),)
        places = cupy.ascontiguousarray(places, dtype=np.int64)
        kernel(grid, (_THREADS,), (out, places, cupy.ascontiguousarray(values), np.int64(values.size)))
