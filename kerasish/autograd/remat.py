"""Computing again instead of keeping: what a function computes inside is let go, and computed anew for its gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from kerasish import tree
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.backward import gradients_of
from kerasish.autograd.custom import recorded
from kerasish.autograd.primitives.shapes import identity_p
from kerasish.autograd.scope import StatelessScope
from kerasish.autograd.state import enable_grad, no_grad, state
from kerasish.autograd.tensor import Tensor


class _Watch:
    """The scope of the first run: notes what variables held when they were read first."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[Any, Tensor]] = {}

    def current(self, argument: Any) -> Any:
        if argument.mutable and id(argument) not in self.seen:
            self._outside(lambda: self.seen.setdefault(id(argument), (argument, argument.value)))
        return argument

    def read(self, variable: Any) -> Any:
        return self.current(variable)._array

    def assign(self, variable: Any, value: Any) -> None:
        self.current(variable)
        self._outside(lambda: variable.assign(value))

    def _outside(self, action: Callable[[], Any]) -> None:
        state.overlay = None
        try:
            action()
        finally:
            state.overlay = self


class RematScope:
    """Context in which layers are made whose calls keep less in memory, and are computed again for the gradient.

    What counts is where a layer is made, not where it is called. See `remat` for what is computed again.

    Example:

    ```python
    with keras.RematScope(mode="larger_than", output_size_threshold=2048):
        block = keras.layers.Conv2D(64, 3)
    ```

    Args:
        mode: `"full"` for all layers, `"activations"` for the activation functions of layers only, `"larger_than"` for
            layers whose output has more numbers than `output_size_threshold`, `"list_of_layers"` for those that
            `layer_names` names, None for no layer.
        output_size_threshold: A number of elements, for `"larger_than"`.
        layer_names: Names of layers, for `"list_of_layers"`.

    Raises:
        ValueError: If there is no such mode.
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ):
        if mode not in ("full", "activations", "larger_than", "list_of_layers", None):
            raise ValueError(
                f"Invalid mode '{mode}'. Supported modes are: 'full', 'activations', 'larger_than', 'list_of_layers', "
                "or None."
            )
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> RematScope:
        state.remat_scopes = (*state.remat_scopes, self)
        return self

    def __exit__(self, *exception: object) -> None:
        state.remat_scopes = state.remat_scopes[:-1]


def remat_scope() -> RematScope | None:
    """Return the innermost `RematScope` that says something; None where there is none."""
    scope = state.remat_scopes[-1] if state.remat_scopes else None
    return None if scope is None or scope.mode is None else scope


def remat(f: Callable) -> Callable:
    """Return a function like `f` that keeps none of what it computes inside, and computes it again for the gradient.

    This saves memory for time in eager training. The second run sees the variables as the first one saw them, so
    random numbers are the same, and changes nothing. Compiled steps plan their memory themselves: there `f` runs as
    it is, as it does inside a scope that stands before the variables.

    Example:

    >>> block = keras.remat(lambda x: ops.tanh(ops.exp(x) - 1))
    >>> loss = ops.sum(block(x))  # backward runs the block once more

    Args:
        f: A function of tensors, or of nested structures of them, or a layer. Gradients flow to its arguments and to
            the variables that it reads; of other tensors from outside it takes the values.

    Returns:
        A function of the same arguments and results.
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves = tree.flatten((args, kwargs))
        symbolic = any(isinstance(x, Tensor) and type(x._value) is Abstract for x in leaves)
        if symbolic or state.overlay is not None or not state.recording:
            return f(*args, **kwargs)
        watch = state.overlay = _Watch()
        try:
            with no_grad():
                result = f(*args, **kwargs)
        finally:
            state.overlay = None
        inputs = [x for x in leaves if isinstance(x, Tensor) and x._tracked]
        inputs += [variable for variable, _ in watch.seen.values() if variable._tracked]
        inputs = list({id(x): x for x in inputs}.values())
        if not inputs:
            return result
        flat = tree.flatten(result)
        places = [i for i, part in enumerate(flat) if isinstance(part, Tensor)]

        def rule(*upstream: Tensor) -> list[Tensor | None]:
            return _gradients(f, (args, kwargs), inputs, list(watch.seen.values()), places, upstream)

        for place, output in zip(places, recorded(inputs, [flat[i] for i in places], rule), strict=True):
            flat[place] = output
        return tree.pack_sequence_as(result, flat)

    return wrapped


def _gradients(
    f: Callable, given: Any, inputs: list[Any], seen: list[Any], places: list[int], upstream: tuple
) -> list[Tensor | None]:
    """Run `f` again on copies of its inputs, and return their gradients."""
    again = state.recording  # whether the gradients will be differentiated in turn
    copies = {id(x): identity_p(x) if again else _leaf(x) for x in inputs}
    args, kwargs = tree.map_structure(lambda x: copies.get(id(x), x), given)
    variables = [(variable, copies.get(id(variable), value)) for variable, value in seen]
    with enable_grad(), StatelessScope(variables):
        flat = tree.flatten(f(*args, **kwargs))
    outputs = [(flat[i], g) for i, g in zip(places, upstream, strict=True) if g is not None]
    return gradients_of(
        [o for o, _ in outputs], list(copies.values()), [g for _, g in outputs], create_graph=again
    )


def _leaf(tensor: Any) -> Tensor:
    leaf = object.__new__(Tensor)
    leaf._value = tensor._value
    leaf.requires_grad = True
    return leaf
