"""One function for each kind of picture, of tensors and of models alike."""

from __future__ import annotations

from typing import Any

from kerasish import tree
from kerasish.autograd import is_tensor
from kerasish.compiler.explanation import Explanation
from kerasish.utils.drawing.graph import Graph
from kerasish.utils.drawing.model_graph import model_to_dot
from kerasish.utils.drawing.plan_graph import plan_graph
from kerasish.utils.drawing.tensor_graph import tensor_graph


def _graph(value: Any, **options: Any) -> Graph:
    if isinstance(value, Graph):
        return value
    if isinstance(value, Explanation):
        return plan_graph(value, **options)
    if hasattr(value, "layers"):
        return model_to_dot(value, **{"show_shapes": True, "show_layer_names": True, **options})
    if all(is_tensor(leaf) for leaf in tree.flatten(value)):
        return tensor_graph(value, **options)
    raise TypeError(
        f"Tensors, models and plans can be drawn. Received: {value!r} (type {type(value).__name__}). For a function, "
        "draw the tensor that it returns, or what `compiler.explain` returns."
    )


def to_dot(value: Any, **options: Any) -> str:
    """Return the graph behind a tensor, of a model or of a plan, as text in Graphviz's DOT language.

    Example:

    >>> x = kerasish.Tensor(2.0, requires_grad=True, name="x")
    >>> print(to_dot(x * x))

    Args:
        value: A tensor, a nested structure of tensors, a model, or what `compiler.explain` returns.
        **options: As `tensor_graph` or `model_to_dot` takes them, such as `rankdir`.

    Raises:
        TypeError: If `value` is none of these.
    """
    return _graph(value, **options).to_dot()


def to_svg(value: Any, **options: Any) -> str:
    """Return the graph behind a tensor, of a model or of a plan, as a complete SVG document (see `to_dot`)."""
    return _graph(value, **options).to_svg()


def draw(value: Any, to_file: Any = None, **options: Any) -> Graph:
    """Draw the graph behind a tensor, or of a model.

    Example:

    >>> draw(loss, "loss.svg")

    Args:
        value: A tensor, a nested structure of tensors, a model, or what `compiler.explain` returns.
        to_file: Where to write the picture, or None. The name's ending decides the format: `.svg`, `.dot`, or `.png`
            and `.pdf`, which need matplotlib (the `viz` extra).
        **options: As `tensor_graph` or `model_to_dot` takes them, such as `rankdir`.

    Returns:
        The `Graph`, which a notebook shows.
    """
    graph = _graph(value, **options)
    if to_file is not None:
        graph.save(to_file)
    return graph
