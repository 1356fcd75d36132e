"""Loops over the leading axis, as one primitive.

`scan` carries arrays through the steps and stacks what each step gives. What a step does is a `Body`: the nodes that a
function left when it ran once, on symbols. So a traced loop is one node, however many steps it has.

Its gradient is made of two loops. The first is the loop itself, which also stacks those values of each step that the
gradient needs; the compiler sees that both loops are one. The second runs through the steps the other way round. The
gradient of what the loop takes from outside (weights) is a sum over the steps. Where it is a product of matrices, its
factors are stacked and multiplied once after the loop; else it is added up on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasish.autograd.abstract import Abstract, abstract
from kerasish.autograd.backward import gradients_of
from kerasish.autograd.checks import applies
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.primitives.elementwise import add
from kerasish.autograd.primitives.linalg import matmul
from kerasish.autograd.primitives.shapes import broadcast_to, reduce_sum, reshape
from kerasish.autograd.state import Recording, clock, state
from kerasish.autograd.tensor import KerasTensor, Node, Tensor, as_tensor

Key = Any
Step = Callable[[list[Tensor], list[Tensor]], tuple[Sequence[Tensor], Sequence[Tensor]]]
"""`(carried tensors, slices) -> (carried tensors, results of the step)`."""


def key(tensor: Tensor) -> Key:
    """Return what tells a tensor of a recorded computation from the others."""
    return id(tensor) if tensor._node is None else (id(tensor._node), tensor._index)


class Body:
    """What happens in one step of a loop.

    Attributes:
        arguments: The symbols that stand for what is carried and for the slices of a step.
        captured: Tensors from outside that it uses; constants are left where they are.
        results: What is carried on, and what is stacked.
        nodes: What is computed, in order.
        base: The body that this one is, with more results at the end; or None.
    """

    def __init__(
        self,
        arguments: Sequence[Tensor],
        captured: Sequence[Tensor],
        results: Sequence[Tensor],
        nodes: Sequence[Node],
        base: Body | None = None,
    ):
        self.arguments = tuple(arguments)
        self.captured = tuple(captured)
        self.results = tuple(results)
        self.nodes = tuple(nodes)
        self.base = base

    def replay(self, given: Sequence[Tensor]) -> tuple[list[Tensor], list[Node]]:
        """Apply the primitives to other arguments and captured tensors; return the results and the new nodes."""
        values = dict(zip(map(key, (*self.arguments, *self.captured)), given, strict=True))
        made = _replay(self.nodes, values)
        return [values.get(key(r), r) for r in self.results], made

    def compute(self, arrays: Sequence[Any]) -> list[Any]:
        """Compute the results on arrays."""
        kind = type(arrays[0])
        values = dict(zip(map(key, (*self.arguments, *self.captured)), arrays, strict=True))

        def value(x: Any) -> Any:
            return values.get(key(x), x._value) if isinstance(x, Tensor) else x

        for node in self.nodes:
            outs = node.prim.kernels[kind](*map(value, node.inputs), **node.params)
            outs = outs if type(outs) is tuple else (outs,)
            values.update(((id(node), i), out) for i, out in enumerate(outs))
        return [value(r) for r in self.results]


def _replay(nodes: Sequence[Node], values: dict[Key, Tensor]) -> list[Node]:
    """Apply the primitives of `nodes` to what `values` says that tensors stand for, and add the results to it."""
    made = []
    for node in nodes:
        inputs = [values.get(key(x), x) if isinstance(x, Tensor) else x for x in node.inputs]
        outs = node.prim(*inputs, **node.params)
        outs = outs if type(outs) is tuple else (outs,)
        values.update(((id(node), i), out) for i, out in enumerate(outs))
        made.append(outs[0]._node)
    return made


applies(Body.compute)
applies(_replay)


def _symbol(like: Abstract, tracked: bool) -> Tensor:
    symbol = object.__new__(KerasTensor)
    symbol._value = like
    symbol._tracked = tracked and _is_float(like)
    return symbol


def _is_float(value: Any) -> bool:
    return value.dtype.kind in "fcV"


def _behind(tensors: Sequence[Tensor], since: int) -> list[Node]:
    """Return the abstract nodes behind `tensors` that were recorded at or after a time, oldest first."""
    seen: dict[int, Node] = {}
    stack = [t._node for t in tensors if t._node is not None]
    while stack:
        node = stack.pop()
        if id(node) in seen or node.time < since or type(node.outputs[0]) is not Abstract:
            continue
        seen[id(node)] = node
        stack.extend(x._node for x in node.inputs if isinstance(x, Tensor) and x._node is not None)
    return sorted(seen.values(), key=lambda node: node.time)


def _recorded(function: Callable, abstracts: Sequence[Abstract]) -> Body:
    """Run a function on symbols; what does not depend on these happens outside, once."""
    since = clock()
    arguments = [_symbol(a, state.recording) for a in abstracts]
    results = function(arguments)
    inner = set(map(key, arguments))
    nodes = []
    for node in _behind(results, since):
        if any(isinstance(x, Tensor) and key(x) in inner for x in node.inputs):
            nodes.append(node)
            inner.update((id(node), i) for i in range(len(node.outputs)))
    used = [x for node in nodes for x in node.inputs if isinstance(x, Tensor)]
    captured = {key(x): x for x in (*used, *results) if key(x) not in inner and not _is_constant(x)}
    return Body(arguments, list(captured.values()), results, nodes)


def _is_constant(x: Tensor) -> bool:
    return type(x._value) is not Abstract and not x.mutable and not x._tracked


def loop(
    step: Step, carried: Sequence[Tensor], xs: Sequence[Tensor], length: int | None, reverse: bool = False
) -> tuple[list[Tensor], list[Tensor]]:
    """Run a step for each slice of `xs` along the leading axis.

    Args:
        step: What to do; called once, on symbols.
        carried: What the first step is given. Each step returns tensors of the same shapes and types.
        xs: What is sliced.
        length: The number of steps.
        reverse: Whether to begin with the last slice.

    Returns:
        What the last step carried on, and the stacked results of all.

    Raises:
        ValueError: If a step carries on tensors of other shapes or types.
    """
    count = len(carried)

    def flat(symbols: list[Tensor]) -> list[Tensor]:
        new, results = step(symbols[:count], symbols[count:])
        for old, now in zip(symbols[:count], new, strict=True):
            _check_carried(old, now)
        return [*new, *results]

    slices = [Abstract(tuple(x.shape[1:]), x._value.dtype) for x in xs]
    body = _recorded(flat, [*(abstract(c._value) for c in carried), *slices])
    params = {"body": body, "carried": count, "sliced": len(xs), "length": length, "reverse": reverse}
    outs = scan_p(*carried, *xs, *body.captured, **params)
    return list(outs[:count]), list(outs[count:])


class AssignmentScope:
    """Variables inside a loop's step: what the step assigns to one is kept here, to be carried to the next step.

    Args:
        start: Pairs of a variable and what it holds at the start of the step.
    """

    def __init__(self, start: Sequence[tuple[Any, Tensor]] = ()):
        self.values = {id(variable): (variable, tensor) for variable, tensor in start}

    def __enter__(self) -> AssignmentScope:
        self.outer = state.overlay
        state.overlay = self
        return self

    def __exit__(self, *exception: object) -> None:
        state.overlay = self.outer

    def read(self, variable: Any) -> Any:
        current = self.current(variable)
        return variable._array if current is variable else current._value

    def current(self, argument: Any) -> Any:
        found = self.values.get(id(argument))
        if found is not None:
            return found[1]
        return argument if self.outer is None else self.outer.current(argument)

    def assign(self, variable: Any, value: Any) -> None:
        tensor = as_tensor(value, variable.dtype)
        variable.check_shape(tensor.shape)
        tensor = tensor.value if tensor.mutable else tensor
        self.values[id(variable)] = (variable, tensor.detach())


def _check_carried(old: Tensor, now: Tensor) -> None:
    same = len(old.shape) == len(now.shape) and all(
        n == m or None in (n, m) for n, m in zip(old.shape, now.shape, strict=True)
    )
    if not same or old.dtype != now.dtype:
        raise ValueError(
            "What a loop carries must keep its shape and dtype. Received: "
            f"shape={old.shape}, dtype={old.dtype} before a step and shape={now.shape}, dtype={now.dtype} after it. "
            "Cast or reshape it at the end of the step, or start with the other shape and dtype."
        )


def _run(xp: Any, *arrays: Any, body: Body, carried: int, sliced: int, length: int, reverse: bool) -> tuple:
    now, xs, captured = arrays[:carried], arrays[carried : carried + sliced], arrays[carried + sliced :]
    stacks: list[list] = [[] for _ in body.results[carried:]]
    for t in reversed(range(length)) if reverse else range(length):
        results = body.compute([*now, *(x[t] for x in xs), *captured])
        now = results[:carried]
        for stack, result in zip(stacks, results[carried:], strict=True):
            stack.append(result)
    return (*now, *(xp.stack(stack[::-1] if reverse else stack) for stack in stacks))


def _infer(*inputs: Abstract, body: Body, carried: int, length: int | None, **params: Any) -> tuple:
    found = [abstract(r._value) for r in body.results]
    return (*inputs[:carried], *(Abstract((length, *a.shape), a.dtype) for a in found[carried:]))


def _vjp(
    g: Any,
    out: Any,
    inputs: Sequence[Tensor],
    wanted: Sequence[bool],
    body: Body,
    carried: int,
    sliced: int,
    length: int,
    reverse: bool,
) -> list[Tensor | None]:
    gradients = g if isinstance(g, list) else [g]
    given = [
        i
        for i, r in enumerate(body.results)
        if _is_float(r._value) and (i < carried or gradients[i] is not None)
    ]
    backward = _Backward(body, carried, sliced, given, wanted)
    params = {"carried": carried, "sliced": sliced, "length": length, "reverse": reverse}
    outs = scan_p(*inputs, body=backward.forward, **params)
    saved = outs[len(gradients) :]
    return backward.run(gradients, inputs, saved, length, not reverse)


scan_p = Primitive("scan", _run, _infer, vjp_all=_vjp)


class _Backward:
    """The step of the loop that computes the gradients of another loop.

    Attributes:
        forward: The other loop's body, with more results: what its gradient needs of each step.
    """

    def __init__(self, body: Body, carried: int, sliced: int, given: list[int], wanted: Sequence[bool]):
        self._carried, self._end = carried, carried + sliced
        self._given = given
        with Recording(True):
            inputs = [
                _symbol(abstract(x._value), i < self._end or wanted[i])
                for i, x in enumerate((*body.arguments, *body.captured))
            ]
            results, nodes = body.replay(inputs)
        self._inputs = inputs
        self._inner = {(id(node), i) for node in nodes for i in range(len(node.outputs))}
        self._inner.update(map(key, inputs[:carried]))
        self._since = clock()
        self._seeds = [_symbol(abstract(results[i]._value), False) for i in given]
        asked = [i for i, x in enumerate(inputs) if x._tracked and (i < carried or wanted[i])]
        found = gradients_of([results[i] for i in given], [inputs[i] for i in asked], self._seeds)
        self._found = {i: part for i, part in zip(asked, found, strict=True) if part is not None}
        self._stacked: dict[Key, Tensor] = {}  # what this loop stacks
        self._sums: dict[int, Callable] = {}
        for i, part in self._found.items():
            if carried <= i < self._end:
                self._stacked[key(part)] = part
            elif i >= self._end and (total := self._sum(part)) is not None:
                self._sums[i] = total
        self._added = [i for i in self._found if i >= self._end and i not in self._sums]
        self._nodes = _behind([*self._found.values(), *self._stacked.values()], self._since)
        self._saved = self._needed()
        self.forward = Body(
            inputs[: self._end], inputs[self._end :], [*results, *self._saved.values()], nodes, body
        )

    def _needed(self) -> dict[Key, Tensor]:
        """Return the values of the other loop's step that are used here."""
        used = [x for node in self._nodes for x in node.inputs if isinstance(x, Tensor)]
        used += [*self._found.values(), *self._stacked.values()]
        return {key(x): x for x in used if key(x) in self._inner}

    # Sums over the steps

    def _sum(self, part: Tensor) -> Callable | None:
        """Return a function of the stacks that gives the sum of `part` over the steps; None where there is no way."""
        node = part._node
        if node is None or node.time < self._since:
            return None
        name, inputs, params = node.prim.name, node.inputs, node.params
        if name == "add" and all(isinstance(x, Tensor) and x.shape == part.shape for x in inputs):
            one, other = self._sum(inputs[0]), self._sum(inputs[1])
            return None if one is None or other is None else lambda at: add(one(at), other(at))
        if name in ("reshape", "transpose"):
            inner = self._sum(inputs[0])
            return None if inner is None else lambda at: node.prim(inner(at), **params)
        if name == "reduce_sum" and self._stack(inputs[0]):
            axes = (0, *(axis + 1 for axis in params["axis"]))
            return lambda at: reshape(reduce_sum(at(inputs[0]), axis=axes, keepdims=False), part.shape)
        if name == "matmul" and params.get("transpose_x") and not params.get("transpose_y"):
            x, y = inputs
            if x.ndim == y.ndim == 2 and self._stack(x) and self._stack(y):
                return lambda at: matmul(_rows(at(x)), _rows(at(y)), transpose_x=True)
        return None

    def _stack(self, x: Tensor) -> bool:
        """Have a value of a step stacked, unless it is; False where it is no step's."""
        if x._node is None and key(x) not in self._inner:
            return any(x is argument for argument in self._inputs[self._carried : self._end])
        self._stacked[key(x)] = x
        return True

    # Running it

    def run(
        self, gradients: list, inputs: Sequence[Tensor], saved: Sequence[Tensor], length: int, reverse: bool
    ) -> list[Tensor | None]:
        """Return the gradients of the other loop's inputs."""
        first = [i for i in self._given if i < self._carried]
        start = [_or_zeros(gradients[i], self._inputs[i]) for i in first]
        start += [_or_zeros(None, self._inputs[i]) for i in self._added]
        rest = [i for i in self._given if i >= self._carried]
        slices = dict(
            zip(map(key, self._inputs[self._carried : self._end]), inputs[self._carried :], strict=False)
        )
        slices.update(zip(self._saved, saved, strict=True))
        outside = dict(zip(map(key, self._inputs[self._end :]), inputs[self._end :], strict=True))
        # What is stacked already need not be once more.
        own = {k: x for k, x in self._stacked.items() if k not in slices}
        asked = {k for node in self._nodes for k in map(key, _tensors(node.inputs))}
        asked.update(map(key, (*self._found.values(), *own.values())))
        names = [k for k in slices if k in asked]

        def step(carried: list[Tensor], x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            values = {**outside, **dict(zip(names, x[len(rest) :], strict=True))}
            seeds = [*carried[: len(first)], *x[: len(rest)]]
            values.update(zip(map(key, self._seeds), seeds, strict=True))
            _replay(self._nodes, values)

            def value(tensor: Tensor) -> Tensor:
                return values.get(key(tensor), tensor)

            new = [
                value(self._found[i]) if i in self._found else _or_zeros(None, self._inputs[i]) for i in first
            ]
            new += [
                add(total, value(self._found[i]))
                for i, total in zip(self._added, carried[len(first) :], strict=True)
            ]
            return new, [value(x) for x in own.values()]

        xs = [*(gradients[i] for i in rest), *(slices[k] for k in names)]
        last, stacks = loop(step, start, xs, length, reverse)
        at = {**slices, **dict(zip(own, stacks, strict=True))}
        parts: list[Tensor | None] = [None] * len(inputs)
        for i, total in zip([*first, *self._added], last, strict=True):
            parts[i] = total
        for i, part in self._found.items():
            if self._carried <= i < self._end:
                parts[i] = at[key(part)]
        for i, total in self._sums.items():
            parts[i] = total(lambda x: at[key(x)])
        return parts


def _tensors(inputs: Sequence[Any]) -> list[Tensor]:
    return [x for x in inputs if isinstance(x, Tensor)]


def _rows(x: Tensor) -> Tensor:
    """Return the rows of all steps."""
    return reshape(x, (-1, x.shape[-1]))


def _or_zeros(gradient: Tensor | None, like: Tensor) -> Tensor:
    return broadcast_to(as_tensor(0.0, like.dtype), like.shape) if gradient is None else gradient
