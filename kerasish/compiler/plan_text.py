"""A plan as text."""

from __future__ import annotations

from typing import Any

_WIDTH = 108
_COLUMNS = ("", "kernel", "writes", "FLOPs", "read", "written")


def text_of(explanation: Any) -> str:
    """Return the lines of an `Explanation`: what goes in, a table of the kernels, memory, and where the time goes."""
    e = explanation
    timed = e.seconds is not None
    lines = [f"Plan of {e.title}"]
    lines += [f"  {name}: {spec}" for name, spec in e.inputs]
    lines.append(f"  {len(e.variables)} variables")
    rows = [(*_COLUMNS, *(("time", "share") if timed else ()))]
    notes: list[list[str]] = [[]]
    for number, kernel in enumerate(e.kernels):
        rows.append(_row(number, kernel, e.seconds))
        notes.append(_notes(kernel))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, below in zip(rows, notes, strict=True):
        cells = [
            cell.ljust(width) if i in (1, 2) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        lines += [f"{'':{widths[0]}}    {note}" for line in below for note in _wrapped(line)]
    lines.append(f"returns {', '.join(e.outputs) or 'nothing'}")
    lines.append(_memory(e))
    unknown = sorted({k.name for k in e.kernels if k.flops is None})
    without = f" (without {', '.join(unknown)})" if unknown else ""
    lines.append(f"Work: {amount(e.flops, 'FLOP')}{without}, {amount(e.bytes_moved, 'B')} read and written")
    if timed:
        lines += _where_time_goes(e)
    return "\n".join(lines)


def amount(number: float, unit: str) -> str:
    """Return a number with a decimal prefix, such as `1.2 MB`."""
    for prefix in ("", "k", "M", "G"):
        if abs(number) < 1000:
            return f"{number:.3g} {prefix}{unit}"
        number /= 1000
    return f"{number:.3g} T{unit}"


def _row(number: int, kernel: Any, total: float | None) -> tuple[str, ...]:
    specs = ", ".join(f"{name} {spec}" for name, spec in zip(kernel.outputs[:1], kernel.specs, strict=False))
    if len(kernel.specs) > 1:
        specs += f" and {len(kernel.specs) - 1} more"
    flops = "?" if kernel.flops is None else amount(kernel.flops, "").strip() if kernel.flops else "-"
    cells = (str(number), kernel.name, specs, flops, _bytes(kernel.bytes_read), _bytes(kernel.bytes_written))
    if total is None:
        return cells
    share = f"{100 * kernel.seconds / total:.0f}%" if total else "-"
    return (*cells, f"{1e6 * kernel.seconds:.1f} us", share)


def _bytes(count: int) -> str:
    return amount(count, "B") if count else "-"


def _notes(kernel: Any) -> list[str]:
    """Return the lines below a kernel: what it contains, what it reads, and where its results go."""
    notes = []
    if kernel.primitives not in ([], [kernel.name]):
        notes.append("contains " + ", ".join(kernel.primitives))
    notes.append("reads " + (", ".join(kernel.inputs) or "nothing"))
    parts = []
    for name, place, reused, over in zip(
        kernel.outputs, kernel.places, kernel.reuses, kernel.in_place, strict=True
    ):
        how = f", over its input {reused}" if over and reused else ", in place" if over else ""
        if reused and not over:
            how = f", the memory of {reused}"
        parts.append(f"{name}: {place}{how}")
    notes.append("; ".join(parts))
    return notes


def _wrapped(line: str) -> list[str]:
    if len(line) <= _WIDTH:
        return [line]
    import textwrap

    return textwrap.wrap(line, _WIDTH, subsequent_indent="  ", break_long_words=False)


def _memory(e: Any) -> str:
    planned, whole = e.planned_bytes, e.planned_bytes_without_reuse
    over = sum(sum(k.in_place) for k in e.kernels)
    saved = f" ({1 - planned / whole:.0%} saved)" if whole else ""
    return (
        f"Memory: {amount(planned, 'B')} planned, {amount(whole, 'B')} without reuse{saved}; "
        f"{over} results written over what they are computed from"
    )


def _where_time_goes(e: Any) -> list[str]:
    from kerasish.compiler.executors import blas

    lines = [f"Time: {1e6 * e.seconds:.1f} us in kernels, the median of each"]
    for name, count, seconds in e.by_name()[:8]:
        flops = sum(k.flops or 0 for k in e.kernels if k.name == name)
        rate = f", {amount(flops / seconds, 'FLOP/s')}" if seconds and flops else ""
        share = f"{seconds / e.seconds:.0%}" if e.seconds else "-"
        lines.append(f"  {share:>4}  {1e6 * seconds:.1f} us in {count} x {name}{rate}")
    found = blas.info()
    core = f", kernels for {found['core']}, {found['threads']} threads" if found["core"] else ""
    lines.append(f"BLAS: {found['name']}{core}")
    return lines
