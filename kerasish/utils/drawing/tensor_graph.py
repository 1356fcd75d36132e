"""The graph behind a tensor: every operation that was recorded on the way to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from kerasish import tree
from kerasish.autograd import Tensor, Variable, enable_grad
from kerasish.utils.drawing.graph import Graph

LONGEST_VALUE = 40


def tensor_graph(outputs: Any, show_constants: bool = True, rankdir: str = "TB", dpi: int = 200) -> Graph:
    """Return the graph of how tensors were computed.

    Only what was recorded is there: operations on variables, on tensors with `requires_grad=True`, on watched tensors,
    on symbolic tensors, and inside `remember`.

    Example:

    >>> x = kerasish.Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> graph = tensor_graph((x**2).mean())
    >>> graph.save("graph.svg")

    Args:
        outputs: A tensor or a nested structure of tensors.
        show_constants: Whether Python numbers among the operands get boxes of their own.
        rankdir: The direction of the arrows: `"TB"`, `"BT"`, `"LR"` or `"RL"`.
        dpi: Dots per inch of PNG pictures.

    Returns:
        A `Graph`.

    Raises:
        TypeError: If `outputs` holds something that is no tensor.
    """
    graph = Graph(rankdir=rankdir, dpi=dpi)
    stack = tree.flatten(outputs)
    for output in stack:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"Only tensors have a recorded graph. Received: {output!r} (type {type(output).__name__})"
            )
    names = _names_of_results(stack)
    edges: list[tuple[Hashable, Hashable]] = []
    while stack:
        tensor = stack.pop()
        key = _key(tensor)
        if key in graph.nodes:
            continue
        node = tensor._node
        if node is None:
            graph.add_node(key, *_leaf(tensor))
            continue
        name = names.get(key)
        title = f"{name}: {node.prim.name}" if name else node.prim.name
        graph.add_node(key, title, [_spec(output) for output in node.outputs])
        for position, operand in reversed(
            list(enumerate(node.inputs))
        ):  # so that the first is taken up first
            if isinstance(operand, Tensor):
                stack.append(operand)
                edges.append((_key(operand), key))
            elif show_constants and operand is not None:
                constant = (key, position)
                graph.add_node(constant, _short(operand), kind="constant")
                edges.append((constant, key))
    for source, target in reversed(edges):
        graph.add_edge(source, target)
    return graph


def remember(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call `function` and let its results remember how they were computed, though nobody wants gradients.

    For pictures: ordinary tensors forget at once what they were computed from.

    Example:

    >>> c = remember(ops.add, kerasish.Tensor(2.0, name="a"), kerasish.Tensor(3.0, name="b"))
    >>> kerasish.utils.drawing.to_dot(c).startswith("digraph")
    True

    Args:
        function: A function of tensors.
        *args: Its arguments; the graph begins at the tensors among them.
        **kwargs: Its keyword arguments.

    Returns:
        What `function` returns. No gradient flows through it unless one would have without `remember`.
    """
    starts = [t for t in tree.flatten((args, kwargs)) if isinstance(t, Tensor) and not t._tracked]
    wanted = any(isinstance(t, Tensor) and t._tracked for t in tree.flatten((args, kwargs)))
    for tensor in starts:
        tensor._tracked = True
    try:
        with enable_grad():
            results = function(*args, **kwargs)
    finally:
        for tensor in starts:
            tensor._tracked = False
    if not wanted:
        for result in tree.flatten(results):
            if isinstance(result, Tensor) and result._node is not None:
                result._tracked = False
    return results


def _key(tensor: Tensor) -> Hashable:
    return id(tensor) if tensor._node is None else id(tensor._node)


def _names_of_results(outputs: Sequence[Tensor]) -> dict[Hashable, str]:
    """Return the names given to results, which belong to tensors, by the node behind each."""
    names: dict[Hashable, str] = {}
    seen: set[Hashable] = set()
    stack = list(outputs)
    while stack:
        tensor = stack.pop()
        key = _key(tensor)
        if tensor.name:
            names.setdefault(key, tensor.name)
        if key not in seen:
            seen.add(key)
            if tensor._node is not None:
                stack += [operand for operand in tensor._node.inputs if isinstance(operand, Tensor)]
    return names


def _leaf(tensor: Tensor) -> tuple[str, list[str], str]:
    """Return the title, lines and kind of a tensor that was not computed."""
    spec = _spec(tensor)
    if isinstance(tensor, Variable):
        return tensor.path, [spec], "variable"
    if tensor.device == "none":
        return tensor.name or "input", [spec], "input"
    kind = "input" if tensor.requires_grad or tensor.name else "constant"
    value = [_short(tensor.item())] if tensor.size == 1 else []
    return tensor.name or "tensor", [*value, spec], kind


def _spec(value: Any) -> str:
    """Return dtype and shape of a tensor or an array, such as `float32 (3, 4)`."""
    return f"{value.dtype} {tuple(value.shape)}"


def _short(value: Any) -> str:
    text = repr(float(f"{value:.6g}")) if isinstance(value, float) else repr(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
