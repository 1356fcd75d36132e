"""Writing CUDA C++: scalars, memory and the text that every kernel shares.

Two-byte floats are `unsigned short` in memory and `float` in registers: what one operation makes is rounded once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.compiler.graph import Op, Value
from kerasish.compiler.nests import REDUCTIONS
from kerasish.compiler.scalar import BOOL, FLOAT32, INT64, RULES, Scalar, operand_dtypes

PRELUDE = r"""
typedef unsigned char u8; typedef signed char i8; typedef unsigned short u16; typedef unsigned int u32;
typedef unsigned long long u64; typedef long long i64;
template <typename T, int N> struct alignas(sizeof(T) * N) Pack { T at[N]; };

__device__ __forceinline__ float half_to_float(unsigned short v) {
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
    float r;
    asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(v));
    return r;
#else
    const unsigned sign = (v & 0x8000u) << 16, kept = v & 0x7fffu;
    if (kept >= 0x7c00u) return __int_as_float(sign | 0x7f800000u | (kept & 0x3ffu) << 13);
    if (kept < 0x400u) return __int_as_float(sign | __float_as_int(kept * 5.9604644775390625e-8f));
    return __int_as_float(sign | ((kept << 13) + 0x38000000u));
#endif
}
__device__ __forceinline__ unsigned short float_to_half(float v) {
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
    unsigned short r;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(v));
    return r;
#else
    const unsigned all = __float_as_int(v), sign = all >> 16 & 0x8000u, kept = all & 0x7fffffffu;
    if (kept > 0x7f800000u) return sign | 0x7e00u;
    if (kept >= 0x477ff000u) return sign | 0x7c00u;
    if (kept < 0x38800000u) return sign | (__float_as_int(__int_as_float(kept) + 0.5f) - 0x3f000000);
    return sign | (kept - 0x38000000u + 0xfffu + (kept >> 13 & 1u)) >> 13;
#endif
}
__device__ __forceinline__ float bfloat_to_float(unsigned short v) { return __int_as_float((unsigned)v << 16); }
__device__ __forceinline__ unsigned short float_to_bfloat(float v) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    unsigned short r;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r) : "f"(v));
    return r;
#else
    const unsigned all = __float_as_int(v);
    if ((all & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
    return (all + 0x7fffu + (all >> 16 & 1u)) >> 16;
#endif
}

template <typename T> __device__ __forceinline__ T larger(T x, T y) { return x > y || x != x ? x : y; }
template <typename T> __device__ __forceinline__ T smaller(T x, T y) { return x < y || x != x ? x : y; }

// Philox4x64-10 (Salmon et al., 2011): block number `block` of the stream keyed by (k0, k1), counting from one.
__device__ __forceinline__ void philox(u64 block, u64 k0, u64 k1, u64* out) {
    u64 x0 = block + 1, x1 = 0, x2 = 0, x3 = 0;
#pragma unroll
    for (int n = 0; n < 10; n++) {
        u64 ahi = __umul64hi(x0, 0xD2E7470EE14C6C93ull), alo = x0 * 0xD2E7470EE14C6C93ull;
        u64 bhi = __umul64hi(x2, 0xCA5A826395121157ull), blo = x2 * 0xCA5A826395121157ull;
        x0 = bhi ^ x1 ^ k0; x2 = ahi ^ x3 ^ k1; x1 = blo; x3 = alo;
        k0 += 0x9E3779B97F4A7C15ull; k1 += 0xBB67AE8584CAA73Bull;
    }
    out[0] = x0; out[1] = x1; out[2] = x2; out[3] = x3;
}
"""

_MEMORY = {
    "?": "u8", "b": "i8", "B": "u8", "h": "short", "H": "u16", "i": "int", "I": "u32",
    "l": "i64", "L": "u64", "q": "i64", "Q": "u64", "e": "u16", "f": "float", "d": "double",
}  # fmt: skip
_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "rem": "%", "and": "&", "or": "|", "xor": "^", "shl": "<<",
    "shr": ">>",
}  # fmt: skip
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def is_half(dtype: np.dtype) -> bool:
    """Tell whether a type is a float of two bytes."""
    return dtype.char == "e" or dtype.name == "bfloat16"


def in_registers(dtype: np.dtype) -> np.dtype:
    """Return the type that values of `dtype` are computed in."""
    return FLOAT32 if is_half(dtype) else dtype


def memory_type(dtype: np.dtype) -> str:
    """Return the C++ type of values in memory."""
    return "u16" if dtype.name == "bfloat16" else _MEMORY[dtype.char]


def register_type(dtype: np.dtype) -> str:
    """Return the C++ type of values in registers."""
    return "bool" if dtype == BOOL else memory_type(in_registers(dtype))


def decoded(text: str, dtype: np.dtype) -> str:
    """Return the expression of what lies in memory as `text` as a value in a register."""
    if dtype == BOOL:
        return f"({text} != 0)"
    if is_half(dtype):
        return f"{'half' if dtype.char == 'e' else 'bfloat'}_to_float({text})"
    return text


def encoded(text: str, dtype: np.dtype) -> str:
    """Return the expression of a value in a register as it lies in memory."""
    if dtype == BOOL:
        return f"(u8)({text})"
    if is_half(dtype):
        return f"float_to_{'half' if dtype.char == 'e' else 'bfloat'}({text})"
    return text


class Code:
    """C++ statements under way; the builder of the scalar rules.

    Attributes:
        lines: The statements so far.
    """

    def __init__(self, numbers: Any):
        self.lines: list[str] = []
        self._numbers = numbers

    def line(self, text: str) -> None:
        self.lines.append(text)

    def fresh(self, prefix: str) -> str:
        """Return a name that nothing else has."""
        return f"{prefix}{next(self._numbers)}"

    def named(self, text: str, dtype: np.dtype) -> Scalar:
        """Compute an expression into a register."""
        dtype = in_registers(dtype)
        name = self.fresh("v")
        self.line(f"const {register_type(dtype)} {name} = {text};")
        return Scalar(name, dtype)

    # What the rules of `compiler.scalar` ask for

    def const(self, value: Any, dtype: np.dtype) -> Scalar:
        dtype = in_registers(dtype)
        if dtype == BOOL:
            return Scalar("true" if value else "false", dtype)
        if dtype.kind == "f":
            return Scalar(_float_text(value, dtype), dtype)
        number = int(value)
        if dtype.itemsize < 8:
            text = f"(({register_type(dtype)}){number})" if number >= -(2**31) + 1 else f"((int){number}ll)"
            return Scalar(text if number < 2**31 else f"{number}u", dtype)
        if dtype.kind == "u":
            return Scalar(f"{number}ull", dtype)
        return Scalar(f"{number}ll" if number > -(2**63) else "(-9223372036854775807ll - 1)", dtype)

    def binary(self, kind: str, x: Scalar, y: Scalar) -> Scalar:
        dtype, operator = x.dtype, _OPERATORS[kind]
        if kind == "shl" and dtype.kind == "i":  # bits of a negative number may be moved too
            unsigned = register_type(np.dtype(f"u{dtype.itemsize}"))
            return self.named(f"({register_type(dtype)})(({unsigned}){x.ref} << {y.ref})", dtype)
        return self.named(f"({register_type(dtype)})({x.ref} {operator} {y.ref})", dtype)

    def compare(self, kind: str, x: Scalar, y: Scalar) -> Scalar:
        return self.named(f"{x.ref} {_COMPARISONS[kind]} {y.ref}", BOOL)

    def select(self, condition: Scalar, x: Scalar, y: Scalar) -> Scalar:
        return self.named(f"{condition.ref} ? {x.ref} : {y.ref}", x.dtype)

    def cast(self, x: Scalar, dtype: np.dtype) -> Scalar:
        """Convert; what is rounded to two bytes is a `float` again at once."""
        source = x.dtype
        if source == dtype:
            return x
        if dtype == BOOL:
            return self.compare("ne", x, self.const(0, source))
        if is_half(dtype):
            wide = self.cast(x, FLOAT32)
            return self.named(decoded(encoded(wide.ref, dtype), dtype), dtype)
        if source.kind == "f" and dtype.kind in "iu" and dtype.itemsize < 8:
            return self.cast(self.cast(x, INT64), dtype)  # so that what is too large wraps around
        return self.named(f"({register_type(dtype)}){x.ref}", dtype)

    def bitcast(self, x: Scalar, dtype: np.dtype) -> Scalar:
        function = {("f", 4): "__float_as_int", ("i", 4): "__int_as_float", ("f", 8): "__double_as_longlong",
                    ("i", 8): "__longlong_as_double"}[x.dtype.kind, x.dtype.itemsize]  # fmt: skip
        return self.named(f"{function}({x.ref})", dtype)

    def call(self, function: str, *operands: Scalar) -> Scalar:
        dtype = operands[0].dtype
        name = function + ("f" if dtype == FLOAT32 and function != "fabs" else "")
        name = "fabsf" if name == "fabs" and dtype == FLOAT32 else name
        return self.named(f"{name}({', '.join(x.ref for x in operands)})", dtype)


def combined(kind: str, dtype: np.dtype, total: str, x: str) -> str:
    """Return the expression of a reduction's total with `x` taken in."""
    if kind in ("max", "min"):
        if dtype == BOOL:
            return f"{total} {'|' if kind == 'max' else '&'} {x}"
        return f"{'larger' if kind == 'max' else 'smaller'}({total}, {x})"
    operator = {"sum": "+", "prod": "*", "all": "&", "any": "|"}[kind]
    if dtype == BOOL:
        operator = {"+": "|", "*": "&"}.get(operator, operator)
    return f"{total} {operator} {x}"


def applied(code: Code, op: Op, operands: list[Any]) -> Scalar:
    """Write an elementwise operation on scalars and Python numbers."""
    name, dtype = op.prim.name, op.output.dtype
    if name in REDUCTIONS:  # over axes of length one
        return code.cast(operands[0], dtype)
    if name == "cast":
        return code.cast(operands[0], dtype)
    if name == "power" and op.inputs[1] in (2, 2.0) and type(op.inputs[1]) is not Value:
        return code.cast(code.binary("mul", operands[0], operands[0]), dtype)
    wanted = operand_dtypes(name, operands, in_registers(dtype))
    scalars = [
        code.cast(x, in_registers(kind)) if type(x) is Scalar else code.const(x, kind)
        for x, kind in zip(operands, wanted, strict=True)
    ]
    result = RULES[name](code, in_registers(dtype), *scalars)
    if is_half(dtype) and name in _EXACT:
        return result
    return code.cast(result, dtype)


_EXACT = frozenset(
    "where alias copy stop_gradient broadcast_to reshape maximum minimum relu negative absolute".split()
)
"""Primitives whose result is one of their operands, or its opposite: there is nothing to round."""


def _float_text(value: Any, dtype: np.dtype) -> str:
    number = dtype.type(value)
    short = dtype == FLOAT32
    if np.isfinite(number):
        text = repr(float(number)) if not short else repr(float(np.float32(number)))
        return f"({text}{'f' if short else ''})" if text.startswith("-") else text + ("f" if short else "")
    if short:
        bits = 0x7FC00000 if np.isnan(number) else (0x7F800000 if number > 0 else -0x800000)
        return f"__int_as_float({bits})"
    bits = (
        0x7FF8000000000000 if np.isnan(number) else (0x7FF0000000000000 if number > 0 else -0x10000000000000)
    )
    return f"__longlong_as_double({bits}ll)"


__all__ = [
    "PRELUDE",
    "Code",
    "applied",
    "combined",
    "decoded",
    "encoded",
    "in_registers",
    "is_half",
    "memory_type",
    "register_type",
]
