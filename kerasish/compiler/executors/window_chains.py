"""Chains: what follows a convolution or a pooling's gradient, element by element, so that it can be done on the way.

Bias and ReLU after a convolution cost nothing while its sums are in registers, and a trip to memory afterwards. The
ReLU before a pooling sets to zero what the pooling's gradient is about to write.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerasish.compiler.graph import Graph, Op, Value


@dataclass(frozen=True)
class Chain:
    """Operations that are one kernel.

    Attributes:
        ops: The operations in order. Nothing else uses the results before the last one's.
        bias: What is added, one number a channel; None where nothing is.
        rectify: Whether a ReLU follows (for a gradient: whether there are zeros where the ReLU gave zeros).
    """

    ops: tuple[Op, ...]
    bias: Value | None = None
    rectify: bool = False

    @property
    def output(self) -> Value:
        return self.ops[-1].output


def chain_from(op: Op, users: dict[Value, list[Op]], wanted: set[Value]) -> Chain:
    """Return the longest chain that begins with an operation.

    Args:
        op: A convolution, transposed or not, or the gradient of a pooling; anything else is a chain by itself.
        users: The operations that use each value, once for each use.
        wanted: The values that have to be there after the graph has run.
    """

    def follower(value: Value, name: str) -> Op | None:
        using = users.get(value, [])
        fits = len(using) == 1 and value not in wanted and using[0].prim.name == name
        return using[0] if fits and using[0].output.shape == value.shape else None

    if op.prim.name in ("conv", "conv_transpose"):
        ops, bias, rectify = [op], None, False
        addition = follower(op.output, "add")
        if addition is not None:
            x, y = addition.inputs
            other = y if x is op.output else x
            if type(other) is Value and _is_for_channels(other, op.output):
                ops.append(addition)
                bias = other
        relu = follower(ops[-1].output, "relu")
        if relu is not None:
            ops.append(relu)
            rectify = True
        return Chain(tuple(ops), bias, rectify)
    if op.prim.name == "max_pool_route":
        choice = follower(op.output, "where")
        if choice is not None and choice.inputs[1] is op.output and _is_zero(choice.inputs[2]):
            return Chain((op, choice), rectify=True)
    return Chain((op,))


def chains(graph: Graph) -> dict[Op, Chain]:
    """Return the chains of a graph, each under all of its operations.

    Chains that the kernels can do are those that keep to their dtype, and gradients of poolings whose condition is that
    the pooling's input is above zero.
    """
    users: dict[Value, list[Op]] = {}
    maker = {value: op for op in graph.ops for value in op.outputs}
    for op in graph.ops:
        for value in op.values:
            users.setdefault(value, []).append(op)
    wanted = set(graph.wanted)
    found: dict[Op, Chain] = {}
    for op in graph.ops:
        if op in found:
            continue
        chain = chain_from(op, users, wanted)
        if op.prim.name == "max_pool_route" and chain.rectify:
            condition = maker.get(chain.ops[1].inputs[0])
            if condition is None or not _is_above_zero(condition, op.inputs[1]):
                chain = Chain((op,))
        if any(o.output.dtype != op.output.dtype for o in chain.ops):
            chain = Chain((op,))
        found.update((o, chain) for o in chain.ops)
    return found


def _is_for_channels(x: Value, made: Value) -> bool:
    """Tell whether a value has one number for each channel."""
    return x.dtype == made.dtype and x.ndim > 0 and x.size == x.shape[-1] == made.shape[-1]


def _is_zero(x: object) -> bool:
    return isinstance(x, (int, float)) and x == 0


def _is_above_zero(op: Op, x: object) -> bool:
    return op.prim.name == "greater" and op.inputs[0] is x and _is_zero(op.inputs[1])


__all__ = ["Chain", "chains"]
