"""Writing LLVM IR: scalars, memory and counted loops of one function as text."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from kerasish.compiler.scalar import BOOL, FLOAT32, INT64, Scalar

_ORDERED = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}
_SIGNED = {"eq": "eq", "ne": "ne", "lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge"}
_UNSIGNED = {"eq": "eq", "ne": "ne", "lt": "ult", "le": "ule", "gt": "ugt", "ge": "uge"}
_INTRINSICS = frozenset(
    "sqrt exp exp2 log log2 log10 sin cos pow floor ceil trunc rint fabs copysign fma maximum minimum".split()
)
# A multiplication and an addition may become one instruction; a division by an invariant, a product.
_FLAGS = {"add": " contract", "sub": " contract", "mul": " contract", "div": " arcp contract", "rem": ""}
_INTEGER = {"add": "add", "sub": "sub", "mul": "mul", "and": "and", "or": "or", "xor": "xor", "shl": "shl"}

FOOTER = """
attributes #0 = { nounwind noinline }
attributes #1 = { nounwind willreturn memory(none) }
attributes #2 = { nounwind noinline "prefer-vector-width"="512" "min-legal-vector-width"="512" }
!0 = distinct !{}
!1 = distinct !{!1, !2}
!2 = !{!"llvm.loop.parallel_accesses", !0}
"""
"""What every module ends with: attributes of functions, and the marks of loops whose turns are independent."""


def type_of(dtype: np.dtype) -> str:
    """Return LLVM's name of the type of a scalar in a register."""
    if dtype == BOOL:
        return "i1"
    if dtype.kind == "f":
        return "float" if dtype == FLOAT32 else "double"
    return f"i{dtype.itemsize * 8}"


def memory_type(dtype: np.dtype) -> str:
    """Return LLVM's name of the type of a scalar in memory."""
    return "i8" if dtype == BOOL else type_of(dtype)


class Function:
    """The text of one function under way; the builder of the scalar rules.

    Attributes:
        declared: Declarations of the functions that it calls.
    """

    def __init__(self, declared: dict[str, str]):
        self.declared = declared
        self.parameters: list[str] = []
        self._allocas: list[str] = []
        self._lines: list[str] = []
        self._block = "entry"
        self._count = 0
        self._arguments: dict[Any, str] = {}
        self._parallel = False

    def text(self, name: str) -> str:
        """Return the finished function."""
        body = "\n".join(["entry:", *self._allocas, *self._lines, "  ret void"])
        return f"void {name}({', '.join(self.parameters)}) {{\n{body}\n}}\n"

    def line(self, text: str) -> None:
        self._lines.append("  " + text)

    def name(self, text: str, prefix: str = "v") -> str:
        """Add an instruction and return the name of its result."""
        self._count += 1
        name = f"%{prefix}{self._count}"
        self.line(f"{name} = {text}")
        return name

    def argument(self, key: Any, type_name: str) -> str:
        """Return the parameter that stands for `key`, adding it at its first use."""
        found = self._arguments.get(key)
        if found is None:
            found = self._arguments[key] = f"%a{len(self._arguments)}"
            self.parameters.append(f"{type_name} {found}")
        return found

    @property
    def arguments(self) -> list[Any]:
        """What the parameters stand for, in their order."""
        return list(self._arguments)

    # Scalars

    def const(self, value: Any, dtype: np.dtype) -> Scalar:
        if dtype == BOOL:
            return Scalar("true" if value else "false", dtype)
        if dtype.kind == "f":
            bits = struct.unpack("<Q", struct.pack("<d", float(dtype.type(value))))[0]
            return Scalar(f"0x{bits:016X}", dtype)
        return Scalar(str(int(value)), dtype)

    def binary(self, kind: str, x: Scalar, y: Scalar) -> Scalar:
        dtype = x.dtype
        if dtype.kind == "f":
            operation = f"f{kind}{_FLAGS[kind]}"
        elif kind in _INTEGER:
            operation = _INTEGER[kind]
        else:
            unsigned = dtype.kind in "ub"
            operation = {"div": "udiv" if unsigned else "sdiv", "rem": "urem" if unsigned else "srem",
                         "shr": "lshr" if unsigned else "ashr"}[kind]  # fmt: skip
        return Scalar(self.name(f"{operation} {type_of(dtype)} {x.ref}, {y.ref}"), dtype)

    def compare(self, kind: str, x: Scalar, y: Scalar) -> Scalar:
        if x.dtype.kind == "f":
            operation = f"fcmp {_ORDERED[kind]}"
        else:
            operation = f"icmp {(_SIGNED if x.dtype.kind == 'i' else _UNSIGNED)[kind]}"
        return Scalar(self.name(f"{operation} {type_of(x.dtype)} {x.ref}, {y.ref}"), BOOL)

    def select(self, condition: Scalar, x: Scalar, y: Scalar) -> Scalar:
        kind = type_of(x.dtype)
        return Scalar(self.name(f"select i1 {condition.ref}, {kind} {x.ref}, {kind} {y.ref}"), x.dtype)

    def cast(self, x: Scalar, dtype: np.dtype) -> Scalar:
        if x.dtype == dtype:
            return x
        if dtype == BOOL:
            return self.compare("ne", x, self.const(0, x.dtype))
        source, target = x.dtype, type_of(dtype)
        if source.kind == "f" and dtype.kind == "f":
            operation = "fpext" if dtype.itemsize > source.itemsize else "fptrunc"
        elif source.kind == "f":
            if dtype.itemsize < 8:  # by way of int64, so that what is too large wraps around
                return self.cast(self.cast(x, INT64), dtype)
            operation = "fptosi" if dtype.kind == "i" else "fptoui"
        elif dtype.kind == "f":
            operation = "sitofp" if source.kind == "i" else "uitofp"
        else:
            bits = 1 if source == BOOL else source.itemsize * 8
            if dtype.itemsize * 8 == bits:
                return Scalar(x.ref, dtype)
            operation = "trunc" if dtype.itemsize * 8 < bits else "sext" if source.kind == "i" else "zext"
        return Scalar(self.name(f"{operation} {type_of(source)} {x.ref} to {target}"), dtype)

    def bitcast(self, x: Scalar, dtype: np.dtype) -> Scalar:
        return Scalar(self.name(f"bitcast {type_of(x.dtype)} {x.ref} to {type_of(dtype)}"), dtype)

    def call(self, function: str, *operands: Scalar) -> Scalar:
        dtype = operands[0].dtype
        kind, short = type_of(dtype), "f32" if dtype == FLOAT32 else "f64"
        if function in _INTRINSICS:
            name = f"llvm.{function}.{short}"
        else:
            name = function + ("f" if dtype == FLOAT32 else "")
        self.declared[name] = f"declare {kind} @{name}({', '.join([kind] * len(operands))}) #1"
        given = ", ".join(f"{kind} {x.ref}" for x in operands)
        flags = "contract " if function in ("fma", "fabs") else ""
        return Scalar(self.name(f"call {flags}{kind} @{name}({given})"), dtype)

    # Accumulators

    def accumulate(self, kind: str, total: Scalar, x: Scalar) -> Scalar:
        """Return a reduction's total with `x` taken in. Sums may be formed in any order."""
        dtype = total.dtype
        if kind in ("max", "min") and dtype.kind == "f":
            return self.call({"max": "maximum", "min": "minimum"}[kind], total, x)
        if kind in ("max", "min"):
            if dtype == BOOL:
                return self.binary("or" if kind == "max" else "and", total, x)
            return self.select(self.compare("gt" if kind == "max" else "lt", x, total), x, total)
        if dtype.kind == "f":
            operation = {"sum": "fadd", "prod": "fmul"}[kind]
            return Scalar(
                self.name(f"{operation} reassoc nsz contract {type_of(dtype)} {total.ref}, {x.ref}"), dtype
            )
        return self.binary({"sum": "add", "prod": "mul", "all": "and", "any": "or"}[kind], total, x)

    # Memory

    def alloca(self, dtype: np.dtype, count: int = 1) -> str:
        """Return the address of room for some scalars."""
        self._count += 1
        name = f"%m{self._count}"
        kind = memory_type(dtype) if count == 1 else f"[{count} x {memory_type(dtype)}]"
        self._allocas.append(f"  {name} = alloca {kind}, align 32")
        return name

    def address(self, pointer: str, index: str, dtype: np.dtype) -> str:
        if index == "0":
            return pointer
        return self.name(f"getelementptr inbounds {memory_type(dtype)}, ptr {pointer}, i64 {index}", "p")

    def load(self, pointer: str, index: str, dtype: np.dtype) -> Scalar:
        kind = memory_type(dtype)
        address = self.address(pointer, index, dtype)
        value = self.name(f"load {kind}, ptr {address}, align {dtype.itemsize}{self._access}")
        if dtype == BOOL:
            value = self.name(f"icmp ne i8 {value}, 0")
        return Scalar(value, dtype)

    def store(self, x: Scalar, pointer: str, index: str = "0") -> None:
        kind, ref = memory_type(x.dtype), x.ref
        if x.dtype == BOOL:
            ref = self.name(f"zext i1 {ref} to i8")
        address = self.address(pointer, index, x.dtype)
        self.line(f"store {kind} {ref}, ptr {address}, align {x.dtype.itemsize}{self._access}")

    @property
    def _access(self) -> str:
        return ", !llvm.access.group !0" if self._parallel else ""

    # Control

    @contextmanager
    def loop(self, count: str, parallel: bool = False) -> Iterator[str]:
        """Count from zero to below `count`, which is positive.

        Args:
            count: A number or the name of an i64.
            parallel: Promises of an innermost loop that its turns touch no memory of each other's.
        """
        self._count += 1
        head, tail = f"loop{self._count}", f"done{self._count}"
        before, index = self._block, f"%i{self._count}"
        self.line(f"br label %{head}")
        self._lines.append(f"{head}:")
        self._lines.append(index)  # replaced when the end of the loop is known
        self._block, self._parallel = head, parallel
        yield index
        self._parallel = False
        following = self.name(f"add nuw nsw i64 {index}, 1")
        more = self.name(f"icmp ult i64 {following}, {count}")
        self.line(f"br i1 {more}, label %{head}, label %{tail}{', !llvm.loop !1' if parallel else ''}")
        self._lines[self._lines.index(index)] = (
            f"  {index} = phi i64 [ 0, %{before} ], [ {following}, %{self._block} ]"
        )
        self._lines.append(f"{tail}:")
        self._block = tail

    @contextmanager
    def when(self, condition: str, otherwise: bool = False) -> Iterator[None]:
        """Run what follows where a condition holds (or where it does not)."""
        self._count += 1
        then, end = f"then{self._count}", f"end{self._count}"
        first, second = (end, then) if otherwise else (then, end)
        self.line(f"br i1 {condition}, label %{first}, label %{second}")
        self._lines.append(f"{then}:")
        self._block = then
        yield
        self.line(f"br label %{end}")
        self._lines.append(f"{end}:")
        self._block = end

    def mark(self) -> int:
        """Return the place of what comes next, for `hoisted`."""
        return len(self._lines)

    @contextmanager
    def hoisted(self, mark: int) -> Iterator[None]:
        """Put instructions at an earlier place, in front of the loops that were begun there."""
        lines, parallel = self._lines, self._parallel
        self._lines, self._parallel = [], False
        yield
        inserted, self._lines, self._parallel = self._lines, lines, parallel
        self._lines[mark:mark] = inserted

    def sum_of_products(self, terms: list[tuple[str, int]], offset: int = 0) -> str:
        """Return the name of offset + sum(index * stride)."""
        total = str(offset) if offset else ""
        for index, stride in terms:
            if stride == 0:
                continue
            term = index if stride == 1 else self.name(f"mul nsw i64 {index}, {stride}")
            total = term if not total else self.name(f"add nsw i64 {total}, {term}")
        return total or "0"


class VectorFunction(Function):
    """A function under way that computes with vectors, and shares its work out (see `shared`)."""

    def __init__(self, declared: dict[str, str], dtype: np.dtype, lanes: int, arrays: int):
        super().__init__(declared)
        self.dtype = dtype
        self.lanes = lanes
        self.vector = f"<{lanes} x {type_of(dtype)}>"
        table = self.argument("table", "ptr")
        addresses = [
            self.name(f"getelementptr inbounds ptr, ptr {table}, i64 {i}") for i in range(arrays + 3)
        ]
        self.arrays = [self.name(f"load ptr, ptr {a}, align 8") for a in addresses[: arrays + 1]]
        self.start, stop = (self.name(f"load i64, ptr {a}, align 8") for a in addresses[arrays + 1 :])
        self.parts = self.name(f"sub nsw i64 {stop}, {self.start}")

    def at(self, pointer: str, *terms: tuple[str, int], offset: int = 0) -> str:
        """Return the address of the element at offset + sum(index * stride)."""
        return self.address(pointer, self.sum_of_products(list(terms), offset), self.dtype)

    def room(self, kind: str = "") -> str:
        """Return the address of room for a vector; the compiler keeps it in a register."""
        self._count += 1
        self._allocas.append(f"  %m{self._count} = alloca {kind or self.vector}")
        return f"%m{self._count}"

    def get(self, pointer: str, index: int = 0, kind: str = "") -> str:
        address = self.at(pointer, offset=index * self.lanes)
        return self.name(f"load {kind or self.vector}, ptr {address}, align {self.dtype.itemsize}")

    def put(self, vector: str, pointer: str, index: int = 0, kind: str = "") -> None:
        address = self.at(pointer, offset=index * self.lanes)
        self.line(f"store {kind or self.vector} {vector}, ptr {address}, align {self.dtype.itemsize}")

    def spread(self, x: Scalar) -> str:
        """Return a vector of one number."""
        first = self.name(f"insertelement {self.vector} poison, {type_of(self.dtype)} {x.ref}, i64 0")
        return self.name(
            f"shufflevector {self.vector} {first}, {self.vector} poison, <{self.lanes} x i32> zeroinitializer"
        )

    def add_product(self, total: str, x: str, y: str) -> None:
        """Add a product of vectors to the one in `total`."""
        product = self.name(f"fmul contract {self.vector} {x}, {y}")
        self.put(self.name(f"fadd contract {self.vector} {self.get(total)}, {product}"), total)

    def sums(self, width: int, v: int) -> list[list[str]]:
        """Return room for vectors, `v` for each of `width` rows, with zeros in it."""
        sums = [[self.room() for _ in range(v)] for _ in range(width)]
        for room in (r for rooms in sums for r in rooms):
            self.put("zeroinitializer", room)
        return sums

    def plus(self, x: str, y: str) -> str:
        return self.name(f"fadd contract {self.vector} {x}, {y}")

    def minus(self, x: str, y: str) -> str:
        return self.name(f"fsub contract {self.vector} {x}, {y}")

    def times(self, x: str, y: str) -> str:
        return self.name(f"fmul contract {self.vector} {x}, {y}")

    def rectified(self, x: str) -> str:
        """Return max(x, 0); NaN stays."""
        mask = self.name(f"fcmp ole {self.vector} {x}, zeroinitializer")
        return self.name(
            f"select <{self.lanes} x i1> {mask}, {self.vector} zeroinitializer, {self.vector} {x}"
        )

    def where_positive(self, x: str, y: str) -> str:
        """Return `y` where `x` is above zero, and zeros elsewhere."""
        mask = self.name(f"fcmp ogt {self.vector} {x}, zeroinitializer")
        return self.name(
            f"select <{self.lanes} x i1> {mask}, {self.vector} {y}, {self.vector} zeroinitializer"
        )

    def gather(self, pointer: str, offset: int, stride: int) -> str:
        """Return a vector of numbers that lie apart."""
        vector, kind = "poison", type_of(self.dtype)
        for lane in range(self.lanes):
            x = self.load(self.at(pointer, offset=offset + lane * stride), "0", self.dtype)
            vector = self.name(f"insertelement {self.vector} {vector}, {kind} {x.ref}, i64 {lane}")
        return vector

    def integer(self, operation: str, x: str | int, y: str | int) -> str:
        """Return the `max` or `min` of two integers."""
        self.declared[f"llvm.s{operation}.i64"] = f"declare i64 @llvm.s{operation}.i64(i64, i64) #1"
        return self.name(f"call i64 @llvm.s{operation}.i64(i64 {x}, i64 {y})")

    def fill(self, pointer: str, count: int) -> None:
        """Write zeros."""
        with self.loop(str(count), parallel=True) as i:
            self.store(self.const(0, self.dtype), pointer, i)

    @contextmanager
    def loops(self, *counts: int) -> Iterator[list[str]]:
        """Count along several axes, the last one fastest."""
        if not counts:
            yield []
            return
        with self.loop(str(counts[0])) as i, self.loops(*counts[1:]) as rest:
            yield [i, *rest]

    @contextmanager
    def parts_of_batch(self) -> Iterator[str]:
        """Count through the units of this part of the work."""
        with self.loop(self.parts) as i:
            yield self.name(f"add nsw i64 {self.start}, {i}")

    @contextmanager
    def rows_of_batch(self, rows: int) -> Iterator[tuple[str, str, str]]:
        """Count through the images that this part has rows of: yield the image, its first row and their number."""
        first = self.name(f"udiv i64 {self.start}, {rows}")
        stop = self.sum_of_products([(self.start, 1), (self.parts, 1)])
        last = self.name(f"udiv i64 {self.sum_of_products([(stop, 1)], rows - 1)}, {rows}")
        with self.loop(self.name(f"sub nsw i64 {last}, {first}")) as i:
            n = self.name(f"add nsw i64 {first}, {i}")
            done = self.name(f"mul nsw i64 {n}, {rows}")
            low = self.integer("max", self.name(f"sub nsw i64 {self.start}, {done}"), 0)
            high = self.integer("min", self.name(f"sub nsw i64 {stop}, {done}"), rows)
            yield n, low, self.name(f"sub nsw i64 {high}, {low}")
