"""The table that `model.summary()` prints."""

from __future__ import annotations

import math
import re
import shutil
from typing import TYPE_CHECKING

from kerasish import tree
from kerasish.autograd import dtypes
from kerasish.utils import io_utils

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

_NARROWEST_COLUMN = 4
_TRAINABLE_COLUMN = 12


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], object] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Prints a table of a model's layers, their output shapes and parameters, and the totals.

    Example:

    >>> kerasish.utils.summary_utils.print_summary(model, show_trainable=True)

    Args:
        model: A model, built or not.
        line_length: Width of the table in characters. Defaults to what fits the terminal.
        positions: Where each column ends, as fractions of the width.
        print_fn: Called once with the whole text. Defaults to printing it.
        expand_nested: Whether to list the layers of models in the model.
        show_trainable: Whether to add a column that tells which layers are trainable.
        layer_range: Names (or regular expressions) of the first and the last layer to list.

    Raises:
        ValueError: If the width leaves no room for a column, or `layer_range` names no layers.
    """
    text = (
        "\n".join(summary_lines(model, line_length, positions, expand_nested, show_trainable, layer_range))
        + "\n"
    )
    if print_fn is None:
        io_utils.print_msg(text, line_break=False)
    else:
        print_fn(text)


def summary_lines(
    model: Any,
    line_length: int | None,
    positions: Sequence[float] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Sequence[str] | None,
) -> list[str]:
    """The lines of a summary; the arguments are those of `print_summary`."""
    nodes = _branching_nodes(model)
    if nodes is None:
        header, default_length, default_positions = (
            ["Layer (type)", "Output Shape", "Param #"],
            88,
            [0.45, 0.80, 1.0],
        )
    else:
        header = ["Layer (type)", "Output Shape", "Param #", "Connected to"]
        default_length, default_positions = 108, [0.3, 0.56, 0.74, 1.0]
    alignments = [str.ljust, str.ljust, str.rjust, str.ljust][: len(header)]
    positions = list(positions or default_positions)
    if show_trainable:
        header.append("Trainable")
        alignments.append(str.center)
        default_length += _TRAINABLE_COLUMN
        positions = [0.9 * position for position in positions] + [1.0]
    width = line_length or min(default_length, shutil.get_terminal_size().columns - 4)
    followed = _followed_shapes(model, {})
    rows = [
        _row(layer, prefix, followed.get(id(layer)), nodes, show_trainable)
        for layer, prefix in _listed_layers(model, nodes, layer_range, expand_nested)
    ]
    widths = _column_widths(positions, width)
    return [f'Model: "{model.name}"', *_table(header, rows, widths, alignments), *_totals(model)]


def count_params(weights: Iterable[Any]) -> int:
    """The number of values in a collection of weights."""
    return sum(math.prod(weight.shape) for weight in weights)


def weight_memory_size(weights: Iterable[Any]) -> float:
    """The memory that weights take, in bytes; a weight that is listed twice counts once."""
    different = {id(weight): weight for weight in weights}.values()
    return sum(math.prod(weight.shape) * dtypes.to_numpy_dtype(weight.dtype).itemsize for weight in different)


def readable_memory_size(size: float) -> str:
    """A number of bytes as a text such as `"1.15 MB"`."""
    units = ["B", "KB", "MB", "GB", "TB", "PB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.2f} {units[0]}"


def _branching_nodes(model: Any) -> list | None:
    """The nodes of a functional model that is no chain of layers each used once; `None` for other models."""
    by_depth = getattr(model, "_nodes_by_depth", None)
    if not by_depth or not hasattr(model, "_operations"):
        return None
    levels = list(by_depth.values())
    nodes = [node for level in levels for node in level]
    if any(len(level) > 1 for level in levels) or any(
        len(tree.flatten(node.input_tensors)) > 1 for node in nodes
    ):
        return nodes
    shared = any(sum(node in nodes for node in layer._inbound_nodes) > 1 for layer in model.layers)
    return nodes if shared else None


def _listed_layers(
    model: Any, nodes: list | None, layer_range: Any, expand_nested: bool
) -> list[tuple[Any, str]]:
    """The layers to list, each with what comes before its name."""
    functional = getattr(model, "_nodes_by_depth", None) and hasattr(model, "_operations")
    layers = list(model._operations if functional else model.layers)
    first, last = _range_of_layers(layers, layer_range)
    listed: list[tuple[Any, str]] = []

    def add(layer: Any, level: int) -> None:
        listed.append((layer, "   " * level + "└ " if level else ""))
        if expand_nested:
            for inner in getattr(layer, "layers", None) or ():
                add(inner, level + 1)

    for layer in layers[first:last]:
        add(layer, 0)
    return listed


def _range_of_layers(layers: list, layer_range: Any) -> tuple[int, int]:
    if layer_range is None:
        return 0, len(layers)
    if len(layer_range) != 2 or not all(isinstance(pattern, str) for pattern in layer_range):
        raise ValueError(
            "`layer_range` must be a list or tuple of two strings, the names of the first and the last "
            f"layer. Received: layer_range={layer_range!r}"
        )
    starts, ends = (
        [number for number, layer in enumerate(layers) if re.match(pattern, layer.name)]
        for pattern in layer_range
    )
    if not starts or not ends:
        raise ValueError(
            "`layer_range` does not match the names of the model's layers. Received: "
            f"layer_range={layer_range!r}; the layers are {[layer.name for layer in layers]}."
        )
    if min(starts) > max(ends):
        return min(ends), max(starts) + 1
    return min(starts), max(ends) + 1


def _row(layer: Any, prefix: str, followed: Any, nodes: list | None, show_trainable: bool) -> list[str]:
    if not hasattr(layer, "built"):
        params = "0"
    elif not layer.built:
        params = "0 (unbuilt)"
    else:
        params = f"{layer.count_params():,}"
    row = [f"{prefix}{layer.name} ({type(layer).__name__})", _output_shape(layer, followed), params]
    if nodes is not None:
        row.append(_connections(layer, nodes))
    if show_trainable:
        has_weights = bool(getattr(layer, "weights", None))
        row.append(("Y" if layer.trainable else "N") if has_weights else "-")
    return row


def _output_shape(layer: Any, followed: Any) -> str:
    """The shape of a layer's output: of its last symbolic call, followed through the model, or computed."""
    calls = getattr(layer, "_inbound_nodes", None)
    if calls:
        shapes = tree.map_structure(lambda tensor: _shape_text(tensor.shape), calls[-1].output_tensors)
    else:
        outputs = _computed_output_shape(layer) if followed is None else followed
        if outputs is None:
            return "?"
        shapes = tree.map_shape_structure(_shape_text, outputs)
    texts = tree.flatten(shapes)
    return texts[0] if len(texts) == 1 else str(shapes).replace("'", "")


def _computed_output_shape(layer: Any) -> Any:
    """The output shape for the shapes that a layer was built with; `None` if it cannot be known."""
    config = layer.get_build_config() if hasattr(layer, "get_build_config") else None
    if not config:
        return None
    if "shapes_dict" in config:
        return _attempt(layer.compute_output_shape, **config["shapes_dict"])
    return _attempt(layer.compute_output_shape, config["input_shape"])


def _followed_shapes(model: Any, found: dict[int, Any]) -> dict[int, Any]:
    """The output shapes, by the layer's id, of all layers in built sequential models."""
    if _is_sequential(model):
        _shapes_along(model, (model.get_build_config() or {}).get("input_shape"), found)
    for layer in model.layers:
        if id(layer) not in found and hasattr(layer, "layers"):
            _followed_shapes(layer, found)
    return found


def _shapes_along(model: Any, shape: Any, found: dict[int, Any]) -> None:
    """Follows a shape through a sequential model: the output shape of each layer, by the layer's id."""
    for layer in model.layers:
        if shape is None or not layer.built:
            break
        if _is_sequential(layer):
            _shapes_along(layer, shape, found)
        shape = _attempt(layer.compute_output_shape, shape)
        found[id(layer)] = shape


def _is_sequential(model: Any) -> bool:
    return any(cls.__name__ == "Sequential" for cls in type(model).__mro__)


def _attempt(compute: Callable, *args: Any, **kwargs: Any) -> Any:
    try:
        return compute(*args, **kwargs)
    except Exception:  # a layer of the user's own may fail in any way without data; the table is still wanted
        return None


def _shape_text(shape: Sequence[int | None]) -> str:
    return f"({', '.join(map(str, shape))})"


def _connections(layer: Any, nodes: list) -> str:
    """Where a layer's inputs come from: `name[node][tensor]` for each."""
    sources = [
        tensor._keras_history
        for node in layer._inbound_nodes
        if node in nodes
        for tensor in tree.flatten(node.input_tensors)
    ]
    names = [f"{source.operation.name}[{source.node_index}][{source.tensor_index}]" for source in sources]
    return ", ".join(names) or "-"


def _column_widths(positions: list[float], width: int) -> list[int]:
    """The widths of the cells, with one space on each side but without the lines between them."""
    widths, taken = [], 0
    for position in positions:
        wide = int(position * width) - taken
        if wide < _NARROWEST_COLUMN:
            raise ValueError(
                "Insufficient console width to print summary. "
                f"Received: a line length of {width} for {len(positions)} columns; pass a larger "
                "`line_length`."
            )
        widths.append(wide + 2)
        taken += wide
    # The spaces and lines must come out of the columns, evenly.
    excess = sum(widths) + len(widths) + 1 - width
    for column in range(len(widths)):
        share = round(excess / (len(widths) - column))
        widths[column] -= share
        excess -= share
    return widths


def _table(
    header: list[str], rows: list[list[str]], widths: list[int], alignments: list[Callable]
) -> list[str]:
    """The lines of a table in box characters."""

    def rule(left: str, line: str, crossing: str, right: str) -> str:
        return left + crossing.join(line * width for width in widths) + right

    def cells(row: list[str], edge: str) -> list[str]:
        wrapped = [_wrap(text, width - 2) for text, width in zip(row, widths, strict=True)]
        height = max(map(len, wrapped))
        # The text of rows starts at the top, that of the header ends at the bottom.
        gaps = [[""] * (height - len(column)) for column in wrapped]
        columns = [
            gap + text if row is header else text + gap for text, gap in zip(wrapped, gaps, strict=True)
        ]
        lines = []
        for parts in zip(*columns, strict=True):
            aligned = [
                f" {align(part, width - 2)} "
                for part, width, align in zip(parts, widths, alignments, strict=True)
            ]
            lines.append(edge + edge.join(aligned) + edge)
        return lines

    lines = [rule("┏", "━", "┳", "┓"), *cells(header, "┃"), rule("┡", "━", "╇", "┩")]
    for number, row in enumerate(rows):
        if number:
            lines.append(rule("├", "─", "┼", "┤"))
        lines += cells(row, "│")
    lines.append(rule("└", "─", "┴", "┘"))
    return lines


def _wrap(text: str, width: int) -> list[str]:
    """Breaks a text between words; a word that is wider than a line ends in an ellipsis."""
    lines = [""]
    for word in re.findall(r"\s*\S+\s*", text):
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    stripped = [line.rstrip() for line in lines]
    return [line if len(line) <= width else line[: max(width - 1, 0)] + "…" for line in stripped]


def _totals(model: Any) -> list[str]:
    optimizer = getattr(model, "optimizer", None) if getattr(model, "compiled", False) else None
    groups = [("Trainable", model.trainable_weights), ("Non-trainable", model.non_trainable_weights)]
    if optimizer is not None and optimizer.built:
        groups.append(("Optimizer", optimizer.variables))
    counts = [(name, count_params(weights), weight_memory_size(weights)) for name, weights in groups]
    total = ("Total", sum(count for _, count, _ in counts), sum(size for _, _, size in counts))
    return [
        f" {name} params: {count:,} ({readable_memory_size(size)})" for name, count, size in (total, *counts)
    ]
