"""Kernels in machine code: what a kernel of LLVM IR reads and writes, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from kerasish.compiler.executors.ir import FOOTER, Function, type_of
from kerasish.compiler.executors.llvm import Access, NestCode, apply
from kerasish.compiler.executors.runs import Addresses, Table, TableKernel
from kerasish.compiler.executors.team_code import SHARE
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.layout import identity
from kerasish.compiler.nests import Bits, Grouping
from kerasish.compiler.scalar import Scalar

_UINT64 = np.dtype(np.uint64)
PARTS = 8
"""Parts that a nest is shared out in."""

# Philox4x64-10 (Salmon et al., 2011): a block of four words is ten rounds over a counter; the blocks count from one.


def _philox() -> str:
    """Return the function that fills an array with random bits."""
    lines = [
        "define internal void @random_bits(ptr %out, i64 %size, i64 %key0, i64 %key1) #0 {",
        "entry:",
        "  %tail = alloca [8 x i32], align 32",
        "  br label %block",
        "block:",
        "  %done = phi i64 [ 0, %entry ], [ %following, %next ]",
        "  %number = lshr i64 %done, 3",
        "  %x0_0 = add i64 %number, 1",
    ]
    x = ["%x0_0", "0", "0", "0"]
    for n in range(10):
        for word, constant, name in ((x[0], 15197193596820024467, "a"), (x[2], 14581110107779764567, "b")):
            lines += [
                f"  %{name}w{n} = zext i64 {word} to i128",
                f"  %{name}m{n} = mul nuw i128 %{name}w{n}, {constant}",
                f"  %{name}lo{n} = trunc i128 %{name}m{n} to i64",
                f"  %{name}s{n} = lshr i128 %{name}m{n}, 64",
                f"  %{name}hi{n} = trunc i128 %{name}s{n} to i64",
            ]
        lines += [
            f"  %ka{n} = add i64 %key0, {0x9E3779B97F4A7C15 * n % 2**64}",
            f"  %kb{n} = add i64 %key1, {0xBB67AE8584CAA73B * n % 2**64}",
            f"  %ya{n} = xor i64 %bhi{n}, {x[1]}",
            f"  %x0_{n + 1} = xor i64 %ya{n}, %ka{n}",
            f"  %yb{n} = xor i64 %ahi{n}, {x[3]}",
            f"  %x2_{n + 1} = xor i64 %yb{n}, %kb{n}",
        ]
        x = [f"%x0_{n + 1}", f"%blo{n}", f"%x2_{n + 1}", f"%alo{n}"]
    lines += [
        "  %following = add i64 %done, 8",
        "  %whole = icmp ule i64 %following, %size",
        "  %there = getelementptr inbounds i32, ptr %out, i64 %done",
        "  %to = select i1 %whole, ptr %there, ptr %tail",
        *(
            line
            for i in range(4)
            for line in (
                f"  %to{i} = getelementptr inbounds i64, ptr %to, i64 {i}",
                f"  store i64 {x[i]}, ptr %to{i}, align 4",
            )
        ),
        "  br i1 %whole, label %next, label %rest",
        "rest:",
        "  %left = sub i64 %size, %done",
        "  %bytes = shl i64 %left, 2",
        "  call void @llvm.memcpy.p0.p0.i64(ptr align 4 %there, ptr align 4 %tail, i64 %bytes, i1 false)",
        "  ret void",
        "next:",
        "  %more = icmp ult i64 %following, %size",
        "  br i1 %more, label %block, label %end",
        "end:",
        "  ret void",
        "}",
        "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    ]
    return "\n".join(lines)


class Module:
    """The text of a module: kernels, and the functions of their nests, each form of nest once."""

    def __init__(self) -> None:
        self.declared: dict[str, str] = {}
        self.kernels: list[str] = []
        self._nests: dict[str, str] = {}
        self._parts: dict[str, str] = {}
        self._random = False

    def kernel(self, function: Function, wide: bool = False) -> str:
        """Add a kernel and return its name; a `wide` one uses the widest vectors that there are."""
        name, attributes = f"kernel{len(self.kernels)}", "#2" if wide else "#0"
        self.kernels.append(f"define {function.text('@' + name).replace(') {', f') {attributes} {{', 1)}")
        return name

    def nest(self, function: Function) -> str:
        """Add the function of a nest, unless one like it is there, and return its name."""
        return self._nests.setdefault(function.text("@NAME"), f"nest{len(self._nests)}")

    def part(self, nest: str, kinds: Sequence[str]) -> str:
        """Return the name of the function that does one of a nest's `PARTS`.

        Args:
            nest: The nest's function. It takes the first turn of its outermost loop and how many turns to do.
            kinds: The types of what it takes besides. The part's function finds these arguments in a table, with the
                number of all turns behind them.
        """
        lines = []
        for i, kind in enumerate([*kinds, "i64"]):
            lines += [
                f"%p{i} = getelementptr i64, ptr %table, i64 {i}",
                f"%a{i} = load {kind}, ptr %p{i}, align 8",
            ]
        given = "".join(f", {kind} %a{i}" for i, kind in enumerate(kinds))
        lines += [
            f"%before = mul i64 %a{len(kinds)}, %part",
            f"%start = udiv i64 %before, {PARTS}",
            f"%with = add i64 %before, %a{len(kinds)}",
            f"%stop = udiv i64 %with, {PARTS}",
            "%turns = sub i64 %stop, %start",
            "%some = icmp ne i64 %turns, 0",
            "br i1 %some, label %do, label %end",
            "do:",
            f"call void @{nest}(i64 %start, i64 %turns{given})",
            "br label %end",
            "end:",
            "ret void",
        ]
        body = "\n".join(lines)
        self._parts[nest] = (
            f"define internal void @{nest}_part(ptr %table, i64 %part, i64 %who) #0 {{\n{body}\n}}"
        )
        return f"{nest}_part"

    def random_bits(self) -> str:
        self._random = True
        return "random_bits"

    def text(self) -> str:
        """Return the whole module."""
        nests = [
            f"define internal {text.replace('@NAME', '@' + name, 1).replace(') {', ') #0 {', 1)}"
            for text, name in self._nests.items()
        ]
        if self._parts:
            self.declared[SHARE] = f"declare void @{SHARE}(ptr, ptr, i64)"
        nests += self._parts.values()
        parts = [*self.declared.values(), *nests, *([_philox()] if self._random else []), *self.kernels]
        return "\n".join([*parts, FOOTER])


class NativeKernel(TableKernel):
    """One compiled function for a group of operations.

    Attributes:
        inputs: The values that it reads, in the order of its arguments.
        outputs: The values that it writes: results, then room that it works in.
        entry: The name of its function in the module.
    """

    def __init__(
        self,
        ops: Sequence[Op],
        needed: set[Value],
        module: Module,
        name: str,
        strided: Mapping[Value, tuple[int, ...]] = MappingProxyType({}),
    ):
        self.name = name
        self._strided = strided
        self.ops = tuple(ops)
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self._reads: list[tuple[Value, Access]] = []
        self._writes: list[tuple[Value, Access]] = []
        self._needed = needed
        self.entry = self._write(ops, needed, module)

    # Writing the code

    def _write(self, ops: Sequence[Op], needed: set[Value], module: Module) -> str:
        grouping = Grouping(ops, needed)
        self.nests = grouping.nests
        kept = [v for op in ops for v in op.outputs if v in needed or (v in grouping.stored and v.size > 1)]
        scratch: dict[Any, Value] = {}
        codes: list[NestCode | None] = []
        for nest in grouping.nests:
            code = None
            if not isinstance(nest, Bits):
                code = NestCode(nest, grouping, module.declared, scratch, self._strided)
                code.write()
                self._reads += code.reads
                self._writes += code.writes
            else:
                self._writes.append((nest.op.output, Access(nest.index, None, None)))
            codes.append(code)
        self.outputs = [*kept, *scratch.values()]
        self.inputs = self._external(ops, grouping, codes)
        position = {v: i for i, v in enumerate([*self.inputs, *self.outputs])}
        writer = _KernelCode(module, grouping, position)
        for stage in range(len(codes) + 1):
            for ready, op in grouping.scalars:
                if ready == stage:
                    writer.scalar_op(op)
            if stage < len(codes):
                writer.nest(grouping.nests[stage], codes[stage])
        for value in kept:
            if value.size == 1 and value in writer.scalars:
                writer.f.store(writer.scalars[value], writer.pointer(value))
        return module.kernel(writer.f)

    @staticmethod
    def _external(ops: Sequence[Op], grouping: Grouping, codes: Sequence[NestCode | None]) -> list[Value]:
        """Return the values from outside that the code reads."""
        found: dict[Value, None] = {}
        for op in ops:
            for x in op.values:
                if not grouping.is_here(x) and not _is_literal(x):
                    found[x] = None
        return list(found)

    # Calling it

    def bind(self, run: Callable[[int], None], keep: Any) -> None:
        """Take the compiled function: `run` takes the address of the table; `keep` holds its code in memory."""
        self._run = run
        self._keep = keep
        strides = {
            i: tuple(step * x.dtype.itemsize for step in self._strided[x])
            for i, x in enumerate(self.inputs)
            if x in self._strided
        }
        self._strides = strides

    @property
    def function(self) -> Callable[[int], None]:
        return self._run

    def table(self) -> Table:
        return Addresses(len(self.inputs) + len(self.outputs), self._strides)

    def may_overwrite(self, input_index: int, output_index: int) -> bool:
        x, out = self.inputs[input_index], self.outputs[output_index]
        if out not in self._needed or x.dtype != out.dtype or x.shape != out.shape:
            return False
        reads = [access for value, access in self._reads if value is x]
        writes = [access for value, access in self._writes if value is out]
        return all(self._is_before(r, w) for r in reads for w in writes)

    def _is_before(self, read: Access, write: Access) -> bool:
        """Tell whether every element is read before it is written."""
        if read.nest != write.nest:
            return read.nest < write.nest
        if write.axes is None or read.axes != write.axes or read.time > write.time:
            return False
        # Along axes that an array has not, the nest comes back to its elements: it would read what it has written.
        dims = self.nests[write.nest].dims  # type: ignore[union-attr]
        return all(n == 1 or axis in write.axes for axis, n in enumerate(dims))


def _is_literal(x: Value) -> bool:
    """Tell whether a value is written into the code."""
    return x.kind == "constant" and x.size == 1


class _KernelCode:
    """Writes the function of a kernel: numbers, and calls of its nests."""

    def __init__(self, module: Module, grouping: Grouping, position: dict[Value, int]):
        self.f = Function(module.declared)
        self.f.argument("table", "ptr")
        self.scalars: dict[Value, Scalar] = {}
        self._module = module
        self._grouping = grouping
        self._position = position
        self._pointers: dict[Value, str] = {}

    def pointer(self, value: Value) -> str:
        """Return the address of an array, read from the table at the start."""
        found = self._pointers.get(value)
        if found is None:
            with self.f.hoisted(0):
                address = self.f.name(
                    f"getelementptr inbounds ptr, ptr %a0, i64 {self._position[value]}", "p"
                )
                found = self._pointers[value] = self.f.name(f"load ptr, ptr {address}, align 8", "p")
        return found

    def scalar(self, value: Value) -> Scalar:
        """Return a single number; those from outside are read at the start, before anything is written."""
        found = self.scalars.get(value)
        if found is None:
            if _is_literal(value):
                found = self.f.const(value.data.item(), value.dtype)
            else:
                found = self._element(value, 0)
            self.scalars[value] = found
        return found

    def _element(self, value: Value, index: int) -> Scalar:
        self._pointers.pop(value, None)  # read again, so that it stands in front of this use
        with self.f.hoisted(0):
            address = self.f.name(f"getelementptr inbounds ptr, ptr %a0, i64 {self._position[value]}", "p")
            pointer = self.f.name(f"load ptr, ptr {address}, align 8", "p")
            return self.f.load(pointer, str(index), value.dtype)

    def scalar_op(self, op: Op) -> None:
        if op.prim.name == "iota":
            self.scalars[op.output] = self.f.const(0, op.output.dtype)
            return
        operands = [self.scalar(x) if type(x) is Value else x for x in op.inputs]
        self.scalars[op.output] = apply(self.f, op, operands)

    def nest(self, nest: Any, code: NestCode | None) -> None:
        if code is None:
            self._bits(nest.op)
            return
        f, cells, arguments = self.f, {}, []
        ops = {p.op.output: p.op for p in nest.placed}
        shared = [("start",), ("turns",)] if code.shared else []
        for key in code.f.arguments:
            if key in shared:
                continue
            if key[0] == "array":
                arguments.append(f"ptr {self.pointer(key[1])}")
            elif key[0] == "scalar":
                scalar = self.scalar(key[1])
                arguments.append(f"{type_of(scalar.dtype)} {scalar.ref}")
            elif key[0] == "length":
                arguments.append(f"i64 {key[1]}")
            else:
                _, value, dtype = key
                pointer = f.alloca(dtype)
                f.store(f.const(identity(ops[value].prim.name, dtype), dtype), pointer)
                cells[value] = (pointer, dtype)
                arguments.append(f"ptr {pointer}")
        name = self._module.nest(code.f)
        if code.shared:
            self._share(name, arguments, code.layout.dims[0])
        else:
            f.line(f"call void @{name}({', '.join(arguments)})")
        for value, (pointer, dtype) in cells.items():
            self.scalars[value] = f.cast(f.load(pointer, "0", dtype), value.dtype)

    def _share(self, nest: str, arguments: Sequence[str], turns: int) -> None:
        """Have the team do a nest in parts."""
        f = self.f
        kinds = [text.split()[0] for text in arguments]
        table = f.alloca(_UINT64, len(arguments) + 1)
        for i, text in enumerate([*arguments, f"i64 {turns}"]):
            f.line(f"store {text}, ptr {f.address(table, str(i), _UINT64)}, align 8")
        part = self._module.part(nest, kinds)
        f.line(f"call void @{SHARE}(ptr @{part}, ptr {table}, i64 {PARTS})")

    def _bits(self, op: Op) -> None:
        f, seed = self.f, op.inputs[0]
        if self._grouping.is_here(seed):
            keys = [f.load(self.pointer(seed), str(i), seed.dtype) for i in range(2)]
        else:
            keys = [self._element(seed, i) for i in range(2)]
        given = ", ".join(f"i64 {f.cast(key, _UINT64).ref}" for key in keys)
        single = op.output.size == 1  # kept in a register, as all single numbers
        to = f.alloca(op.output.dtype) if single else self.pointer(op.output)
        f.line(f"call void @{self._module.random_bits()}(ptr {to}, i64 {op.output.size}, {given})")
        if single:
            self.scalars[op.output] = f.load(to, "0", op.output.dtype)
