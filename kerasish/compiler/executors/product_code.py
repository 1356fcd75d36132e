"""Code generation for matrix products on CPUs, as LLVM IR.

One set of functions for each dtype serves products of all sizes. A product is cut into blocks of the result, which the
team shares out. Within a block, columns are taken two vectors at a time: their part of the second matrix is copied
into a small panel that stays in the first-level cache, and all rows of the block go over it, a few at a time, with the
sums in registers (as in Goto and van de Geijn, 2008, "Anatomy of high-performance matrix multiplication"). Where the
rows of the first matrix are gone over many times they are copied first too, so that they lie together in the
second-level cache; where the columns of the second are needed only once they are read where they lie. Either matrix may
be transposed, or have any other distances between its elements.
"""

from __future__ import annotations

import numpy as np

from kerasish.compiler.executors.ir import FOOTER, Function, type_of
from kerasish.compiler.executors.team_code import SHARE

FIELDS = (
    "x y out rows columns terms x_row x_term y_term y_column out_row block_rows block_columns column_blocks "
    "blocks inner x_outer y_outer out_outer x_inner y_inner out_inner all_blocks"
).split()
"""What a product is described by, eight bytes each: the addresses of the matrices; their sizes; how far apart in
memory neighbors along each axis are, in elements; how the result is cut into blocks (`blocks` a matrix); and for stacks
of matrices along two axes how far apart the matrices are, `inner` of them along the second axis."""

TERMS = 256
"""Terms of each sum that are added up at a time: the panel has so many rows."""
VECTORS = 2
"""Vectors of columns in a panel."""
ROWS, MOST_ROWS = 96, 256
"""Rows of a block at most: for as many terms as a panel has, as their copy takes a part of the second-level cache, and
where sums are shorter, as long as there is room for the copy."""
STRIP = 8
"""Vectors of columns that a single row takes at a time, so that additions do not wait for each other."""
_MANY_PANELS, _SOME_PANELS = 8, 2
"""For so many panels rows are copied first: rows that lie apart, and transposed ones, whose terms lie apart."""
_SHORT = 64
"""Sums of so few terms are done row by row, as they wait for nothing but their results' place in memory."""
_AHEAD = 8
"""So many terms ahead, matrices are fetched from memory."""
_SOON = 4
"""So many terms ahead, a single row's strips are fetched: each passes over all rows of the second matrix."""
_GROUP = 4
"""Panels that are copied together: where the second matrix's rows are far apart, each visit to one is dear."""


class _Code(Function):
    """A function under way that computes with vectors.

    Args:
        dtype: Of the matrices.
        lanes: Numbers in a vector.
    """

    def __init__(self, declared: dict[str, str], dtype: np.dtype, lanes: int):
        super().__init__(declared)
        self.dtype = dtype
        self.lanes = lanes
        self.kind = type_of(dtype)
        self.vector = f"<{lanes} x {self.kind}>"

    def field(self, job: str, name: str) -> str:
        place = self.name(f"getelementptr inbounds i64, ptr {job}, i64 {FIELDS.index(name)}", "p")
        return self.name(f"load {'ptr' if name in ('x', 'y', 'out') else 'i64'}, ptr {place}, align 8")

    def integer(self, operation: str, x: str | int, y: str | int) -> str:
        if operation in ("umin", "umax"):
            self.declared[f"llvm.{operation}.i64"] = f"declare i64 @llvm.{operation}.i64(i64, i64) #1"
            return self.name(f"call i64 @llvm.{operation}.i64(i64 {x}, i64 {y})")
        return self.name(f"{operation} i64 {x}, {y}")

    def at(self, pointer: str, *terms: tuple[str, str | int]) -> str:
        """Return the address of the element at sum(index * stride)."""
        for index, stride in terms:
            offset = index if stride == 1 else self.integer("mul", index, stride)
            pointer = self.address(pointer, offset, self.dtype)
        return pointer

    def get(self, pointer: str, index: int = 0) -> str:
        address = self.address(pointer, str(index * self.lanes), self.dtype)
        return self.name(f"load {self.vector}, ptr {address}, align {self.dtype.itemsize}")

    def put(self, vector: str, pointer: str, index: int = 0) -> None:
        address = self.address(pointer, str(index * self.lanes), self.dtype)
        self.line(f"store {self.vector} {vector}, ptr {address}, align {self.dtype.itemsize}")

    def prefetch(self, pointer: str, to_write: bool = False) -> None:
        self.line(f"call void @llvm.prefetch.p0(ptr {pointer}, i32 {int(to_write)}, i32 3, i32 1)")

    def room(self, vectors: int = 1) -> str:
        self._count += 1
        self._allocas.append(f"  %m{self._count} = alloca [{vectors} x {self.vector}], align 64")
        return f"%m{self._count}"

    def spread(self, pointer: str) -> str:
        """Return a vector full of the number at `pointer`."""
        number = self.load(pointer, "0", self.dtype)
        first = self.name(f"insertelement {self.vector} poison, {self.kind} {number.ref}, i64 0")
        return self.shuffle(first, first, [0] * self.lanes)

    def shuffle(self, x: str, y: str, places: list[int]) -> str:
        mask = ", ".join(f"i32 {p}" for p in places)
        return self.name(
            f"shufflevector {self.vector} {x}, {self.vector} {y}, <{len(places)} x i32> <{mask}>"
        )


def _tile(dtype: np.dtype, lanes: int, rows: int, vectors: int = VECTORS) -> str:
    """Return the function that adds up some rows of the result over a panel, whose rows are `step` apart."""
    f = _Code({}, dtype, lanes)
    x, x_row, x_term, panel, step, out, out_row, terms, columns, more = (
        f.argument(name, "ptr" if name in ("x", "panel", "out") else "i64")
        for name in ("x", "x_row", "x_term", "panel", "step", "out", "out_row", "terms", "columns", "more")
    )
    sums = [[f.room() for _ in range(vectors)] for _ in range(rows)]
    for room in (room for row in sums for room in row):
        f.put("zeroinitializer", room)
    starts = [f.at(x, (str(i), x_row)) for i in range(rows)]
    for i in range(rows):
        f.prefetch(f.at(out, (str(i), out_row)), to_write=True)
    apart = f.name(f"icmp ne i64 {x_term}, 1")
    soon = f.at(x, (str(_AHEAD), x_term))
    soon = f.name(f"select i1 {apart}, ptr {soon}, ptr {f.at(x, (str(rows), x_row))}")
    soon_step = f.name(f"select i1 {apart}, i64 {x_term}, i64 {rows}")
    with f.loop(terms) as k:
        if vectors == VECTORS:
            # What this tile needs a little later, or, where terms are neighbors, what the next one needs.
            f.prefetch(f.at(soon, (k, soon_step)))
        else:
            ahead = f.at(panel, (f.integer("add", k, _SOON), step))
            for j in range(0, vectors, 2):
                f.prefetch(f.at(ahead, (str(j * lanes), 1)))
        y = [f.get(f.at(panel, (k, step)), j) for j in range(vectors)]
        offset = f.integer("mul", k, x_term)
        for i in range(rows):
            value = f.spread(f.at(starts[i], (offset, 1)))
            for j in range(vectors):
                product = f.name(f"fmul contract {f.vector} {value}, {y[j]}")
                f.put(f.name(f"fadd contract {f.vector} {f.get(sums[i][j])}, {product}"), sums[i][j])
    adds = f.name(f"icmp ne i64 {more}, 0")
    whole = f.name(f"icmp eq i64 {columns}, {lanes * vectors}")
    for first in (True, False):
        wanted = f.name(f"and i1 {whole}, {f.name(f'xor i1 {adds}, {str(first).lower()}')}")
        with f.when(wanted):
            for i in range(rows):
                to = f.at(out, (str(i), out_row))
                for j in range(vectors):
                    total = f.get(sums[i][j])
                    f.put(total if first else f.name(f"fadd {f.vector} {f.get(to, j)}, {total}"), to, j)
    with f.when(whole, otherwise=True):
        edge = f.room(vectors)
        for i in range(rows):
            to = f.at(out, (str(i), out_row))
            for j in range(vectors):
                f.put(f.get(sums[i][j]), edge, j)
            with f.loop(columns) as c:
                total = f.load(edge, c, dtype).ref
                both = f.name(f"fadd {f.kind} {f.load(to, c, dtype).ref}, {total}")
                value = f.name(f"select i1 {adds}, {f.kind} {both}, {f.kind} {total}")
                f.line(f"store {f.kind} {value}, ptr {f.at(to, (c, 1))}, align {dtype.itemsize}")
    return _defined(f, f"tile{rows}" if vectors == VECTORS else f"strip{rows}")


def _rows(dtype: np.dtype, lanes: int, rows: int) -> str:
    """Return the function that copies some rows of the first matrix, term by term."""
    f = _Code({}, dtype, lanes)
    x, x_row, x_term, terms, to = (
        f.argument(name, "ptr" if name in ("x", "to") else "i64")
        for name in ("x", "x_row", "x_term", "terms", "to")
    )
    together = f.name(f"icmp eq i64 {x_row}, 1")
    for otherwise, apart in ((False, "1"), (True, x_row)):
        with f.when(together, otherwise), f.loop(terms) as k:
            source, target = f.at(x, (k, x_term)), f.at(to, (k, rows))
            numbers = [f.load(source, f.integer("mul", apart, i), dtype) for i in range(rows)]
            for i, number in enumerate(numbers):
                f.store(number, target, str(i))
    return _defined(f, f"rows{rows}")


def _turn(dtype: np.dtype, lanes: int) -> str:
    """Return the function that copies rows of the first matrix whose neighbors are next to each other in memory."""
    f = _Code({}, dtype, lanes)
    x, x_term, rows, terms, to = (
        f.argument(name, "ptr" if name in ("x", "to") else "i64")
        for name in ("x", "x_term", "rows", "terms", "to")
    )
    whole = f.integer("udiv", rows, lanes)
    done = f.integer("mul", whole, lanes)
    left = f.integer("sub", rows, done)
    with f.loop(terms) as k:
        source, target = f.at(x, (k, x_term)), f.at(to, (k, rows))
        f.prefetch(f.at(x, (f.integer("add", k, _AHEAD), x_term)))
        with f.when(f.name(f"icmp ne i64 {whole}, 0")), f.loop(whole) as i:
            f.put(f.get(f.at(source, (i, lanes))), f.at(target, (i, lanes)))
        with f.when(f.name(f"icmp ne i64 {left}, 0")), f.loop(left) as i:
            place = f.integer("add", done, i)
            f.store(f.load(source, place, dtype), target, place)
    return _defined(f, "turn")


def _panel(dtype: np.dtype, lanes: int) -> str:
    """Return the function that copies some columns of the second matrix."""
    f = _Code({}, dtype, lanes)
    y, y_term, y_column, terms, columns, panel = (
        f.argument(name, "ptr" if name in ("y", "panel") else "i64")
        for name in ("y", "y_term", "y_column", "terms", "columns", "panel")
    )
    width = lanes * VECTORS
    whole = f.name(f"icmp eq i64 {columns}, {width}")
    in_rows = f.name(f"and i1 {whole}, {f.name(f'icmp eq i64 {y_column}, 1')}")
    turned = f.name(f"and i1 {whole}, {f.name(f'icmp eq i64 {y_term}, 1')}")
    simple = f.name(f"or i1 {in_rows}, {turned}")
    with f.when(in_rows), f.loop(terms) as k:
        for j in range(VECTORS):
            f.put(f.get(f.at(y, (k, y_term)), j), f.at(panel, (k, width)), j)
    only_turned = f.name(f"and i1 {turned}, {f.name(f'xor i1 {in_rows}, true')}")
    with f.when(only_turned):
        squares = f.integer("udiv", terms, lanes)
        with f.when(f.name(f"icmp ne i64 {squares}, 0")), f.loop(squares) as square:
            k = f.integer("mul", square, lanes)
            for j in range(VECTORS):
                rows = [f.get(f.at(y, (str(j * lanes + i), y_column), (k, 1))) for i in range(lanes)]
                for i, column in enumerate(_turned(f, rows)):
                    f.put(column, f.at(panel, (k, width), (str(i), width)), j)
        done = f.integer("mul", squares, lanes)
        _copy_one_by_one(f, y, y_term, y_column, panel, done, terms, str(width))
    with f.when(simple, otherwise=True):
        with f.loop(terms) as k:
            for j in range(VECTORS):
                f.put("zeroinitializer", f.at(panel, (k, width)), j)
        _copy_one_by_one(f, y, y_term, y_column, panel, "0", terms, columns)
    return _defined(f, "panel")


def _group(dtype: np.dtype, lanes: int) -> str:
    """Return the function that copies whole rows of a group of panels."""
    f = _Code({}, dtype, lanes)
    y, y_term, terms, panels = (
        f.argument(name, "ptr" if name in ("y", "panels") else "i64")
        for name in ("y", "y_term", "terms", "panels")
    )
    width = lanes * VECTORS
    with f.loop(terms) as k:
        ahead = f.at(y, (f.integer("add", k, _AHEAD), y_term))
        for part in range(_GROUP):
            f.prefetch(f.at(ahead, (str(part * width), 1)))
        row = f.at(y, (k, y_term))
        for part in range(_GROUP):
            to = f.at(panels, (k, width), (str(part * TERMS * width), 1))
            for j in range(VECTORS):
                f.put(f.get(row, part * VECTORS + j), to, j)
    return _defined(f, "group")


def _turned(f: _Code, rows: list[str]) -> list[str]:
    """Transpose a square of vectors: halves change places, then quarters, down to neighbors."""
    n = f.lanes
    size = 1
    while size < n:
        low = [p if p // size % 2 == 0 else p - size + n for p in range(n)]
        high = [p + size if p // size % 2 == 0 else p + n for p in range(n)]
        rows = [
            f.shuffle(rows[i], rows[i + size], low)
            if i // size % 2 == 0
            else f.shuffle(rows[i - size], rows[i], high)
            for i in range(n)
        ]
        size *= 2
    return rows


def _copy_one_by_one(
    f: _Code, y: str, y_term: str, y_column: str, panel: str, start: str, stop: str, columns: str
) -> None:
    left = f.integer("sub", stop, start)
    with f.when(f.name(f"icmp ne i64 {left}, 0")), f.loop(left) as i:
        k = f.integer("add", start, i)
        source, target = f.at(y, (k, y_term)), f.at(panel, (k, f.lanes * VECTORS))
        with f.loop(columns) as c:
            f.store(f.load(f.at(source, (c, y_column)), "0", f.dtype), target, c)


def _block(dtype: np.dtype, lanes: int, most_rows: int) -> str:
    """Return the function that computes one block of the result."""
    f = _Code({}, dtype, lanes)
    job, part, _ = f.argument("job", "ptr"), f.argument("part", "i64"), f.argument("who", "i64")
    g = {name: f.field(job, name) for name in FIELDS}
    width = lanes * VECTORS
    matrix, block = f.integer("udiv", part, g["blocks"]), f.integer("urem", part, g["blocks"])
    outer, inner = f.integer("udiv", matrix, g["inner"]), f.integer("urem", matrix, g["inner"])
    x, y, out = (
        f.at(g[name], (outer, g[f"{name}_outer"]), (inner, g[f"{name}_inner"])) for name in ("x", "y", "out")
    )
    first_row = f.integer("mul", f.integer("udiv", block, g["column_blocks"]), g["block_rows"])
    first_column = f.integer("mul", f.integer("urem", block, g["column_blocks"]), g["block_columns"])
    rows = f.integer("umin", g["block_rows"], f.integer("sub", g["rows"], first_row))
    columns = f.integer("umin", g["block_columns"], f.integer("sub", g["columns"], first_column))
    x = f.at(x, (first_row, g["x_row"]))
    y = f.at(y, (first_column, g["y_column"]))
    out = f.at(out, (first_row, g["out_row"]), (first_column, 1))
    in_rows = f.name(f"icmp eq i64 {g['y_column']}, 1")
    done = _single_row(f, g, x, y, out, rows, columns, in_rows)
    y, out = f.at(y, (done, g["y_column"])), f.at(out, (done, 1))
    columns = f.integer("sub", columns, done)
    panel, copy = f.room(_GROUP * TERMS * VECTORS), f.room(ROWS * TERMS // lanes)
    panels = f.integer("udiv", f.integer("add", columns, width - 1), width)
    tiles = f.integer("udiv", f.integer("add", rows, most_rows - 1), most_rows)
    small, wide = f.integer("udiv", rows, tiles), f.integer("urem", rows, tiles)
    turned = f.name(f"icmp ne i64 {g['x_term']}, 1")
    enough = f.name(f"select i1 {turned}, i64 {_SOME_PANELS}, i64 {_MANY_PANELS}")
    often = f.name(f"icmp uge i64 {panels}, {enough}")
    depth = f.integer("umin", g["terms"], TERMS)
    fits = f.name(f"icmp ule i64 {f.integer('mul', rows, depth)}, {ROWS * TERMS}")
    copies = f.name(f"and i1 {often}, {fits}")
    neighbors = f.name(f"icmp eq i64 {g['x_row']}, 1")
    flat = f.name(f"and i1 {turned}, {neighbors}")
    copies_flat = f.name(f"and i1 {copies}, {flat}")
    copies_rows = f.name(f"and i1 {copies}, {f.name(f'xor i1 {flat}, true')}")
    once = f.name(f"and i1 {in_rows}, {f.name(f'icmp eq i64 {tiles}, 1')}")
    groups = f.name(f"and i1 {in_rows}, {f.name(f'icmp ugt i64 {tiles}, 1')}")
    whole_groups = f.integer("udiv", columns, width * _GROUP)

    def tile(t: str) -> tuple[str, str]:
        """Return a tile's first row and its number of rows: the first `wide` tiles have one more."""
        row = f.integer("add", f.integer("mul", t, small), f.integer("umin", t, wide))
        one = f.name(f"zext i1 {f.name(f'icmp ult i64 {t}, {wide}')} to i64")
        return row, f.integer("add", small, one)

    def multiply(t: str, p: str, k: str, terms: str, copied: bool, read: str, step: str) -> None:
        """Add up a tile of the result: rows of tile `t`, columns of panel `p`, terms from `k` on."""
        row, height = tile(t)
        seen, x_row, x_term = f.at(x, (row, g["x_row"]), (k, g["x_term"])), g["x_row"], g["x_term"]
        if copied:
            place = f.integer("mul", row, depth)
            there = f.at(copy, (f.name(f"select i1 {flat}, i64 {row}, i64 {place}"), 1))
            seen = f.name(f"select i1 {copies}, ptr {there}, ptr {seen}")
            x_row = f.name(f"select i1 {copies}, i64 1, i64 {x_row}")
            apart = f.name(f"select i1 {flat}, i64 {rows}, i64 {height}")
            x_term = f.name(f"select i1 {copies}, i64 {apart}, i64 {x_term}")
        c = f.integer("mul", p, width)
        wanted = f.integer("umin", f.integer("sub", columns, c), width)
        given = (
            f"ptr {seen}, i64 {x_row}, i64 {x_term}, ptr {read}, i64 {step}, "
            f"ptr {f.at(out, (row, g['out_row']), (c, 1))}, i64 {g['out_row']}, i64 {terms}, i64 {wanted}, i64 {k}"
        )
        _choose(f, height, [f"call void @tile{i + 1}({given})" for i in range(most_rows)])

    def copy_panel(p: str, k: str, terms: str, to: str) -> None:
        c = f.integer("mul", p, width)
        wanted = f.integer("umin", f.integer("sub", columns, c), width)
        source = f.at(y, (k, g["y_term"]), (c, g["y_column"]))
        given = f"i64 {g['y_term']}, i64 {g['y_column']}, i64 {terms}, i64 {wanted}"
        f.line(f"call void @panel(ptr {source}, {given}, ptr {to})")

    # Short sums: all panels fit beside each other, and the result is written row by row.
    few = f.name(f"icmp ule i64 {f.integer('mul', panels, g['terms'])}, {_GROUP * TERMS}")
    both = f.name(f"and i1 {f.name(f'icmp ugt i64 {panels}, 1')}, {f.name(f'icmp ugt i64 {tiles}, 1')}")
    brief = f.name(f"icmp ule i64 {g['terms']}, {_SHORT}")
    short = f.name(f"and i1 {brief}, {f.name(f'and i1 {few}, {both}')}")
    with f.when(short):
        with f.loop(panels) as p:
            copy_panel(p, "0", g["terms"], f.at(panel, (f.integer("mul", p, g["terms"]), width)))
        with f.loop(tiles) as t, f.loop(panels) as p:
            read = f.at(panel, (f.integer("mul", p, g["terms"]), width))
            multiply(t, p, "0", g["terms"], False, read, str(width))
    some = f.name(f"icmp ne i64 {columns}, 0")
    rest = f.name(f"and i1 {some}, {f.name(f'xor i1 {short}, true')}")
    with f.when(rest), f.loop(f.integer("udiv", f.integer("add", g["terms"], TERMS - 1), TERMS)) as chapter:
        k = f.integer("mul", chapter, TERMS)
        terms = f.integer("umin", f.integer("sub", g["terms"], k), TERMS)
        with f.when(copies_flat):
            seen = f.at(x, (k, g["x_term"]))
            f.line(f"call void @turn(ptr {seen}, i64 {g['x_term']}, i64 {rows}, i64 {terms}, ptr {copy})")
        with f.when(copies_rows), f.loop(tiles) as t:
            row, height = tile(t)
            seen, to = f.at(x, (row, g["x_row"]), (k, g["x_term"])), f.at(copy, (row, depth))
            given = f"ptr {seen}, i64 {g['x_row']}, i64 {g['x_term']}, i64 {terms}, ptr {to}"
            _choose(f, height, [f"call void @rows{i + 1}({given})" for i in range(most_rows)])
        with f.loop(panels) as p:
            c = f.integer("mul", p, width)
            source = f.at(y, (k, g["y_term"]), (c, g["y_column"]))
            # A group of whole panels is copied at its first; others one by one, if they are.
            number, begun = f.integer("urem", p, _GROUP), f.integer("udiv", p, _GROUP)
            whole = f.name(f"icmp uge i64 {f.integer('sub', columns, c)}, {width}")
            in_place = f.name(f"and i1 {once}, {whole}")
            in_group = f.name(f"and i1 {groups}, {f.name(f'icmp ult i64 {begun}, {whole_groups}')}")
            room = f.at(panel, (number, TERMS * width))
            starts = f.name(f"and i1 {in_group}, {f.name(f'icmp eq i64 {number}, 0')}")
            with f.when(starts):
                f.line(f"call void @group(ptr {source}, i64 {g['y_term']}, i64 {terms}, ptr {panel})")
            with f.when(f.name(f"or i1 {in_place}, {in_group}"), otherwise=True):
                copy_panel(p, k, terms, room)
            read = f.name(f"select i1 {in_place}, ptr {source}, ptr {room}")
            step = f.name(f"select i1 {in_place}, i64 {g['y_term']}, i64 {width}")
            with f.loop(tiles) as t:
                multiply(t, p, k, terms, True, read, step)
    return _defined(f, "block")


def _single_row(
    f: _Code, g: dict[str, str], x: str, y: str, out: str, rows: str, columns: str, in_rows: str
) -> str:
    """Have a block of one row computed in wide strips; return how many columns that was."""
    width = f.lanes * STRIP
    alone = f.name(f"and i1 {in_rows}, {f.name(f'icmp eq i64 {rows}, 1')}")
    strips = f.name(f"select i1 {alone}, i64 {f.integer('udiv', columns, width)}, i64 0")
    chapters = f.integer("udiv", f.integer("add", g["terms"], TERMS - 1), TERMS)
    with (
        f.when(f.name(f"icmp ne i64 {strips}, 0")),
        f.loop(strips) as s,
        f.loop(chapters) as chapter,
    ):
        c, k = f.integer("mul", s, width), f.integer("mul", chapter, TERMS)
        terms = f.integer("umin", f.integer("sub", g["terms"], k), TERMS)
        f.line(
            f"call void @strip1(ptr {f.at(x, (k, g['x_term']))}, i64 0, i64 {g['x_term']}, "
            f"ptr {f.at(y, (k, g['y_term']), (c, 1))}, i64 {g['y_term']}, "
            f"ptr {f.at(out, (c, 1))}, i64 0, i64 {terms}, i64 {width}, i64 {k})"
        )
    return f.integer("mul", strips, width)


def _choose(f: _Code, number: str, lines: list[str]) -> None:
    """Run the line with a number, which counts from one."""
    f._count += 1
    names = [f"case{f._count}_{i + 1}" for i in range(len(lines))]
    end = f"chosen{f._count}"
    cases = " ".join(f"i64 {i + 1}, label %{name}" for i, name in enumerate(names))
    f.line(f"switch i64 {number}, label %{end} [ {cases} ]")
    for name, line in zip(names, lines, strict=True):
        f._lines.append(f"{name}:")
        f.line(line)
        f.line(f"br label %{end}")
    f._lines.append(f"{end}:")
    f._block = end


def _defined(f: Function, name: str) -> str:
    return f"define internal {f.text('@' + name).replace(') {', ') #2 {', 1)}"


def text(dtype: np.dtype, lanes: int, most_rows: int) -> str:
    """Return a module whose function `product` takes the address of a product's description.

    Args:
        dtype: Of the matrices.
        lanes: Numbers in a vector.
        most_rows: Rows of sums that fit into the registers.
    """
    place = FIELDS.index("all_blocks")
    return f"""declare void @{SHARE}(ptr, ptr, i64)
{"".join(_tile(dtype, lanes, rows + 1) for rows in range(most_rows))}
{_tile(dtype, lanes, 1, STRIP)}
{"".join(_rows(dtype, lanes, rows + 1) for rows in range(most_rows))}
{_turn(dtype, lanes)}
{_panel(dtype, lanes)}
{_group(dtype, lanes)}
{_block(dtype, lanes, most_rows)}
declare i64 @llvm.umin.i64(i64, i64) #1
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
define void @product(ptr %job) nounwind {{
  %place = getelementptr i64, ptr %job, i64 {place}
  %count = load i64, ptr %place, align 8
  call void @{SHARE}(ptr @block, ptr %job, i64 %count)
  ret void
}}
{FOOTER}"""
