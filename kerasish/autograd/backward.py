"""Reverse-mode differentiation: walking the recorded nodes from newest to oldest.

One loop serves `Tensor.backward`, `GradientTape`, `grad` and `value_and_grad`. Gradients are computed by the same
primitives as everything else, so recording while walking gives gradients of gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

from kerasish import tree
from kerasish.autograd.checks import applies
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives.elementwise import add
from kerasish.autograd.primitives.shapes import broadcast_to, identity_p, sum_to
from kerasish.autograd.state import Recording, clock, state
from kerasish.autograd.tensor import Node, Tensor, as_tensor


def _changed_since(node: Node, variable: Any) -> RuntimeError:
    """Return the error for a variable that was changed in place after `node` had used it."""
    return RuntimeError(
        f"The variable {getattr(variable, 'path', variable.name)!r} was changed in place after `{node.prim.name}` "
        "had used it, so the gradient would be computed from the wrong value. Call backward (or tape.gradient) "
        "before assigning to it, or use a copy: `ops.copy(variable)`."
    )


def _result(node: Node, index: int) -> Tensor:
    """Return a tensor that stands for a recorded result, linked to its node as the original was."""
    result = object.__new__(Tensor)
    result._value = node.outputs[index]
    result._node, result._index, result._tracked = node, index, True
    return result


class _Walk:
    """One walk over the nodes behind some tensors, newest first.

    A node's results are used by newer nodes only, so once it is the newest one left its gradient is complete: a heap
    of the times of nodes with a gradient is all the order that there is to know. It is not recursive, so a chain may
    have any length.

    Attributes:
        of_leaves: The gradients of leaves, and of `kept` tensors, by the tensor's id; with the tensor.

    Args:
        kept: Recorded tensors (by the id of their node) whose gradients are wanted beside the leaves'.
    """

    def __init__(self, kept: dict[int, list[Tensor]]):
        self.of_leaves: dict[int, tuple[Tensor, Tensor]] = {}
        self._kept = kept
        self._nodes: dict[int, Node] = {}
        self._gradients: dict[int, Any] = {}  # by the node's time, negative; a list for several results
        self._heap: list[int] = []

    def add(self, tensor: Tensor, gradient: Tensor) -> None:
        """Add to the gradient of a leaf or of a recorded result."""
        node = tensor._node
        if node is None:
            key = id(tensor)
            before = self.of_leaves.get(key)
            self.of_leaves[key] = (tensor, gradient if before is None else add(before[1], gradient))
            return
        key = -node.time
        present = self._gradients.get(key)
        if present is None:
            self._nodes[key] = node
            heappush(self._heap, key)
        if len(node.outputs) == 1:
            self._gradients[key] = gradient if present is None else add(present, gradient)
            return
        if present is None:
            present = self._gradients[key] = [None] * len(node.outputs)
        before = present[tensor._index]
        present[tensor._index] = gradient if before is None else add(before, gradient)

    def run(self) -> dict[int, tuple[Tensor, Tensor]]:
        """Walk to the leaves and return `of_leaves`."""
        heap, nodes, gradients, kept = self._heap, self._nodes, self._gradients, self._kept
        while heap:
            key = heappop(heap)
            node, gradient = nodes.pop(key), gradients.pop(key)
            if kept:
                for tensor in kept.get(id(node), ()):
                    own = gradient[tensor._index] if isinstance(gradient, list) else gradient
                    if own is not None:
                        self.of_leaves[id(tensor)] = (tensor, own)
            self._pull_back(node, gradient)
        return self.of_leaves

    def _pull_back(self, node: Node, gradient: Any) -> None:
        """Apply one node's gradient rules and add what they give to its inputs."""
        primitive, inputs, time = node.prim, node.inputs, node.time
        wanted = []
        for i, x in enumerate(inputs):
            if isinstance(x, Tensor):
                if x._changed > time:
                    raise _changed_since(node, x)
                if x._tracked:
                    wanted.append(i)
        rules = primitive.vjp
        if rules is None:
            self._pull_back_together(node, gradient)
            return
        params, out, broadcasts = node.params, _result(node, 0), primitive.broadcasts
        for i in wanted:
            rule = rules[i]
            if rule is None:
                continue
            part = rule(gradient, out, *inputs, **params)
            x = inputs[i]
            if broadcasts and part._value.shape != x._value.shape:
                part = sum_to(part, x.shape)
            self.add(x, part)

    def _pull_back_together(self, node: Node, gradient: Any) -> None:
        """Apply the one rule of a primitive of any number of inputs."""
        if node.prim.vjp_all is None:
            return  # a symbol that was cut off from what it stands for, and watched anew
        wanted = [isinstance(x, Tensor) and x._tracked for x in node.inputs]
        results = [_result(node, i) for i in range(len(node.outputs))]
        out = results[0] if len(results) == 1 else tuple(results)
        parts = node.prim.vjp_all(gradient, out, node.inputs, wanted, **node.params)
        for x, want, part in zip(node.inputs, wanted, parts, strict=True):
            if want and part is not None:
                self.add(x, part)


applies(_Walk._pull_back, gradient=True)
applies(_Walk._pull_back_together, gradient=True)


def _gradients_behind(
    outputs: Sequence[Tensor], seeds: Sequence[Tensor], kept: dict[int, list[Tensor]]
) -> dict[int, tuple[Tensor, Tensor]]:
    """Return the gradients of `outputs` weighted by `seeds` in the leaves behind them and in `kept`, by id."""
    walk = _Walk(kept)
    for output, seed in zip(outputs, seeds, strict=True):
        walk.add(output, seed)
    return walk.run()


def _seed(output: Tensor, gradient: Any) -> Tensor:
    """Return the gradient to start from for `output`: `gradient` broadcast to it, or ones."""
    if gradient is None:
        return broadcast_to(as_tensor(1.0, output.dtype), output.shape)
    gradient = as_tensor(gradient)
    if gradient.shape != output.shape:
        raise ValueError(
            f"The gradient to start from must have the shape of the tensor. Received: gradient.shape={gradient.shape} "
            f"for a tensor of shape {output.shape}."
        )
    return cast(gradient, output.dtype)


def backward(output: Tensor, gradient: Any = None) -> None:
    """Add the gradient of `output` to `.grad` of each leaf that requires one (see `Tensor.backward`)."""
    if not output._tracked:
        raise RuntimeError(
            "Nothing to differentiate: the tensor does not depend on a tensor with `requires_grad=True` or on a "
            "trainable variable, or it was computed under `no_grad()`."
        )
    if gradient is None and output.size != 1:
        raise RuntimeError(
            "Only a tensor of one element can be differentiated without a gradient to start from. "
            f"Received: shape={output.shape}. Reduce it first (for example `.mean()`), or pass `gradient=`."
        )
    with Recording(False):
        found = _gradients_behind([output], [_seed(output, gradient)], {})
        for leaf, part in found.values():
            if leaf.requires_grad:
                leaf.grad = part if leaf.grad is None else add(leaf.grad, part)


def gradients_of(
    outputs: Sequence[Tensor],
    sources: Sequence[Tensor],
    seeds: Sequence[Any] | None = None,
    create_graph: bool = False,
) -> list[Tensor | None]:
    """Return the gradients of the sum of `outputs` with respect to each of `sources`; None where unconnected.

    Args:
        outputs: Recorded tensors; ones that depend on nothing tracked are left out.
        sources: Leaves or recorded tensors.
        seeds: The gradient to start from for each output, ones by default.
        create_graph: Whether the gradients may be differentiated in turn.
    """
    if state.overlay is not None:
        sources = [state.overlay.current(source) for source in sources]
    pairs = [(o, None if seeds is None else seeds[i]) for i, o in enumerate(outputs) if o._tracked]
    kept: dict[int, list[Tensor]] = {}
    for source in sources:
        if source._node is not None:
            kept.setdefault(id(source._node), []).append(source)
    with Recording(create_graph):
        start = [_seed(output, seed) for output, seed in pairs]
        found = _gradients_behind([output for output, _ in pairs], start, kept)
    return [found[id(s)][1] if id(s) in found else None for s in sources]


class GradientTape:
    """Record operations to differentiate them, in TensorFlow's style.

    Trainable variables are watched by themselves, other tensors by `watch`. Inside another open tape (or this one, if
    `persistent`) the gradients are recorded too, so they can be differentiated again.

    Example:

    >>> x = kerasish.Tensor([1.0, 2.0, 3.0])
    >>> with kerasish.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = kerasish.ops.mean(x**2)
    >>> tape.gradient(y, x).numpy()
    array([0.6666667, 1.3333334, 2.       ], dtype=float32)

    Args:
        persistent: Whether `gradient` may be called more than once.
        watch_accessed_variables: Whether trainable variables are watched without being named.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent = persistent
        self._watch_variables = watch_accessed_variables
        self._watched: list[tuple[Tensor, bool]] = []  # with whether it was tracked before
        self._used = False
        self._open = False
        self._started = 0

    def __enter__(self) -> GradientTape:
        if self._open:
            raise ValueError("The tape is recording already.")
        self._open = True
        self._started = self._started or clock()
        self._recording = Recording(True)
        self._recording.__enter__()
        state.tapes += 1
        return self

    def __exit__(self, *exception: object) -> None:
        self._open = False
        state.tapes -= 1
        self._recording.__exit__()
        for tensor, tracked in self._watched:
            tensor._tracked = tracked

    def watch(self, tensor: Any) -> None:
        """Compute gradients with respect to `tensor` (or every tensor of a nested structure) from here on.

        Raises:
            TypeError: If a tensor is not of a float type.
        """
        for leaf in tree.flatten(tensor):
            if not isinstance(leaf, Tensor):
                raise TypeError(
                    f"Only tensors can be watched. Received: {leaf!r} (type {type(leaf).__name__})."
                )
            if leaf._value.dtype.kind not in "fcV":
                raise TypeError(
                    f"Only floating-point tensors can be watched. Received: dtype={leaf.dtype}. Cast it to a float "
                    "type first."
                )
            self._watched.append((leaf, leaf._tracked))
            leaf._tracked = True

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none"
    ) -> Any:
        """Return the gradients of `target` with respect to `sources`, in the structure of `sources`.

        Args:
            target: A recorded tensor or a nested structure of them, whose sum is differentiated.
            sources: A tensor, a variable or a nested structure of them.
            output_gradients: Gradients to start from, in the structure of `target`; ones by default.
            unconnected_gradients: What an unconnected source gets: `"none"` for None, `"zero"` for zeros.

        Raises:
            RuntimeError: If the tape was used already and is not persistent.
            ValueError: If `unconnected_gradients` is neither of the two.
        """
        unconnected = str(getattr(unconnected_gradients, "value", unconnected_gradients))
        if unconnected not in ("none", "zero"):
            raise ValueError(
                f"Unknown value for `unconnected_gradients`: {unconnected!r}. Expected 'none' or 'zero'."
            )
        if self._used and not self._persistent:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients. Make it with "
                "`GradientTape(persistent=True)` to call `gradient` again."
            )
        self._used = True
        outputs = tree.flatten(target)
        seeds = None if output_gradients is None else tree.flatten(output_gradients)
        flat = tree.flatten(sources)
        now = [(tensor, tensor._tracked) for tensor, _ in self._watched]
        for tensor, _ in now:
            tensor._tracked = True
        try:
            found = gradients_of(outputs, flat, seeds, create_graph=state.tapes > 0)
        finally:
            for tensor, tracked in now:
                tensor._tracked = tracked
        if not self._watch_variables:
            named = {id(t) for t, _ in self._watched}
            found = [g if not s.mutable or id(s) in named else None for g, s in zip(found, flat, strict=True)]
        if unconnected == "zero":
            zeros = [broadcast_to(as_tensor(0.0, s.dtype), s.shape) for s in flat]
            found = [z if g is None else g for g, z in zip(found, zeros, strict=True)]
        return tree.pack_sequence_as(sources, found)

    def reset(self) -> None:
        """Forget what was watched and that the tape was used."""
        self._watched = []
        self._used = False

    def watched_variables(self) -> tuple[Tensor, ...]:
        """Return the variables that were watched by name."""
        return tuple(t for t, _ in self._watched if t.mutable)


def value_and_grad(function: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """Return a function that computes `function`'s value and its gradient.

    Example:

    >>> value, gradient = kerasish.value_and_grad(lambda x: (x**2).sum())(kerasish.Tensor([1.0, 2.0]))

    Args:
        function: Takes tensors (or nested structures of them) and returns a scalar tensor; `(scalar, anything)` if
            `has_aux`.
        argnums: Which positional arguments to differentiate by: one number or a sequence.
        has_aux: Whether `function` returns something beside the scalar.

    Returns:
        A function of the same arguments that returns `(value, gradient)`: the gradient has the structure of the
        argument, or is a tuple of such where `argnums` is a sequence. Unconnected arguments get zeros.
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        arguments = list(args)
        if any(number >= len(args) or number < -len(args) for number in numbers):
            raise ValueError(
                f"`argnums` counts positional arguments. Received: argnums={argnums}, and {len(args)} positional."
            )
        for number in numbers:
            arguments[number] = tree.map_structure(_leaf, arguments[number])
        state.tapes += 1
        try:
            with Recording(True):
                result = function(*arguments, **kwargs)
        finally:
            state.tapes -= 1
        value = result[0] if has_aux else result
        if not isinstance(value, Tensor) or value.size not in (1, None):
            raise ValueError(
                "The function to differentiate must return a tensor of one element. "
                f"Received: {getattr(value, 'shape', value)!r}"
            )
        flat = [leaf for number in numbers for leaf in tree.flatten(arguments[number])]
        found = gradients_of([value], flat, create_graph=state.tapes > 0)
        filled = iter(
            broadcast_to(as_tensor(0.0, s.dtype), s.shape) if g is None else g
            for g, s in zip(found, flat, strict=True)
        )
        packed = tuple(tree.map_structure(lambda _: next(filled), arguments[number]) for number in numbers)
        return result, packed[0] if isinstance(argnums, int) else packed

    return wrapped


def grad(function: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """Return a function that computes `function`'s gradient (see `value_and_grad`).

    Example:

    >>> second = kerasish.grad(kerasish.grad(lambda x: x**3))(kerasish.Tensor(2.0))  # 6 x = 12

    Args:
        function: Takes tensors and returns a scalar tensor.
        argnums: Which positional arguments to differentiate by.
        has_aux: Whether `function` returns something beside the scalar; then `(gradient, that)` is returned.
    """
    both = value_and_grad(function, argnums, has_aux)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result, gradient = both(*args, **kwargs)
        return (gradient, result[1]) if has_aux else gradient

    return wrapped


def _leaf(value: Any) -> Tensor:
    """Return a tracked stand-in for an argument: itself linked to whatever it depends on, or a new leaf."""
    tensor = as_tensor(value)
    if tensor._value.dtype.kind not in "fcV":
        raise TypeError(
            f"Only floating-point arguments can be differentiated by. Received: dtype={tensor.dtype}. Write numbers as "
            "floats, or cast the tensor."
        )
    if tensor._tracked:
        return tensor if tensor.mutable else identity_p(tensor)
    leaf = tensor.detach()
    leaf._tracked = True
    return leaf
