"""Operations: what may stand in a model's graph, and the record of their calls on symbolic tensors.

A layer, a model and a function of `kerasish.ops` are operations. Called on symbolic tensors that come from an
`Input`, an operation leaves a `Call` behind its results, as a primitive leaves a `Node`: so a model's graph is the
same structure as a gradient's, one level up. Inside the call the symbols are cut off from where they come from: what
the operation is made of is nobody's business but its own.
"""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

from kerasish import tree
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.naming import auto_name
from kerasish.autograd.remat import RematScope, remat, remat_scope
from kerasish.autograd.scope import StatelessScope
from kerasish.autograd.state import clock, state
from kerasish.autograd.tensor import KerasTensor, Node, Tensor

KerasHistory = namedtuple("KerasHistory", ["operation", "node_index", "tensor_index"])
_PLAIN = (str, int, float, bool, type(None))


class Call(Node):
    """One call of an operation on symbolic tensors.

    Attributes:
        operation: The operation.
        index: How many calls of the operation came before.
        args: Its positional arguments, symbolic tensors among them.
        kwargs: Its keyword arguments.
        input_tensors: The symbolic tensors among the arguments, in order.
        output_tensors: The symbolic tensors of the result, in order.
    """

    __slots__ = ("args", "index", "kwargs", "operation")

    def __init__(self, operation: Operation, args: tuple, kwargs: dict[str, Any], outputs: list[KerasTensor]):
        inputs = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        super().__init__(operation, inputs, {}, outputs, clock())  # type: ignore[arg-type]
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.index = len(operation._inbound_nodes)

    @property
    def input_tensors(self) -> list[KerasTensor]:
        return self.inputs  # type: ignore[return-value]

    @property
    def output_tensors(self) -> list[KerasTensor]:
        return self.outputs  # type: ignore[return-value]

    @property
    def is_input(self) -> bool:
        """Whether it is where symbols come from: an `Input`."""
        return not self.inputs

    @property
    def parents(self) -> list[Call]:
        """The calls that its inputs come from."""
        return [x._node for x in self.inputs if type(x._node) is Call]

    def __repr__(self) -> str:
        return f"<Call of {self.operation.name}, number {self.index}>"


def record(operation: Operation, args: tuple, kwargs: dict[str, Any], outputs: Any) -> Call:
    """Put the call of an operation behind the symbolic tensors that it returned.

    Raises:
        ValueError: If one of the outputs is no symbolic tensor.
    """
    flat = tree.flatten(outputs)
    for x in flat:
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"All operation outputs must be tensors. Operation {operation} returned a non-tensor. "
                f"Non-tensor received: {x}"
            )
    args, kwargs = tree.map_structure(lambda x: x, (args, kwargs))  # the user's containers may change
    call = Call(operation, args, kwargs, flat)
    operation._inbound_nodes.append(call)
    for index, x in enumerate(flat):
        x._node, x._index = call, index
        if x.name is None:
            x.name = auto_name("keras_tensor")
    return call


def comes_from_operation(x: Any) -> bool:
    """Tell whether `x` is a symbolic tensor that an operation (an `Input`, a layer, a function) returned."""
    return isinstance(x, KerasTensor) and type(x._node) is Call


def any_from_operations(values: Sequence[Any]) -> bool:
    """Tell whether there is a symbolic tensor that an operation returned among `values`, which may be nested."""
    for x in values:
        kind = type(x)
        if kind is KerasTensor:
            if type(x._node) is Call:
                return True
        elif kind is list or kind is tuple:
            if any_from_operations(x):
                return True
        elif isinstance(x, (dict, list, tuple)) and any_from_operations(tree.flatten(x)):
            return True
    return False


def cut_off(structure: Any) -> Any:
    """Return a structure with its symbolic tensors cut off from the operations that returned them."""
    return tree.map_structure(_cut_off, structure)


def _cut_off(x: Any) -> Any:
    if not comes_from_operation(x):
        return x
    plain = object.__new__(KerasTensor)
    plain._value = x._value
    mask = x.__dict__.get("_keras_mask")
    if mask is not None:
        plain._keras_mask = _cut_off(mask)  # type: ignore[attr-defined]
    return plain


def fresh(structure: Any) -> Any:
    """Return a structure with new symbolic tensors of the same shapes and types, each without a past."""
    return tree.map_structure(
        lambda x: KerasTensor(x.shape, x.dtype) if isinstance(x, KerasTensor) else x, structure
    )


def _history(tensor: KerasTensor) -> KerasHistory:
    call = tensor._node
    if type(call) is not Call:
        raise AttributeError(
            "This symbolic tensor was not returned by a layer, a model or a function of ops."
        )
    return KerasHistory(call.operation, call.index, tensor._index)


KerasTensor._keras_history = property(_history)  # type: ignore[attr-defined]


class Operation:
    """What may stand in a model's graph: a computation with a name, a config, and a record of its symbolic calls.

    Subclass it for a computation without weights that a model's config is to name; layers are operations with state.

    Example:

    ```python
    class Scale(keras.Operation):
        def __init__(self, factor, name=None):
            super().__init__(name=name)
            self.factor = factor

        def call(self, x):
            return x * self.factor
    ```

    Args:
        name: The operation's name; made from the class name where None.

    Raises:
        ValueError: If the name is no string or contains a slash.
    """

    _inbound_nodes: list[Call]
    name: str
    _remat: RematScope | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__new__(cls)
        # Kept for the config of a subclass that writes no get_config.
        object.__setattr__(instance, "_init_arguments", (args, kwargs))
        object.__setattr__(instance, "_inbound_nodes", [])
        return instance

    def __init__(self, name: str | None = None):
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        self.name = name or auto_name(type(self).__name__)
        if state.remat_scopes:
            self._remat = remat_scope()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_from_operations(args) or kwargs and any_from_operations(kwargs.values()):  # type: ignore[arg-type]
            return self.symbolic_call(*args, **kwargs)
        call = self.call if self._remat is None else self.rematerialized_call(self.call, *args, **kwargs)
        return call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result. Override it."""
        raise NotImplementedError(f"Operation {type(self).__name__} does not have a `call()` method.")

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs, and record the call."""
        outputs = self.compute_output_spec(*args, **kwargs)
        record(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs."""
        args, kwargs = cut_off((args, kwargs))
        with StatelessScope():
            return fresh(self.call(*args, **kwargs))

    def rematerialized_call(self, fn: Callable, *args: Any, **kwargs: Any) -> Callable:
        """Return `fn`, or a function that computes it again for the gradient if the operation's `RematScope` says so.

        Args:
            fn: The operation's `call`.
            *args: What it will be called with.
            **kwargs: What it will be called with.
        """
        scope, leaves = self._remat, tree.flatten((args, kwargs))
        if scope is None or any(isinstance(x, Tensor) and type(x._value) is Abstract for x in leaves):
            return fn
        if scope.mode == "full" or scope.mode == "list_of_layers" and self.name in scope.layer_names:
            return remat(fn)
        if scope.mode == "larger_than":
            symbols = tree.map_structure(
                lambda x: KerasTensor(x.shape, x.dtype) if isinstance(x, Tensor) else x, (args, kwargs)
            )
            outputs = tree.flatten(self.compute_output_spec(*symbols[0], **symbols[1]))
            if sum(x.size or 0 for x in outputs if isinstance(x, Tensor)) > scope.output_size_threshold:
                return remat(fn)
        return fn

    def prepared(self) -> Callable:
        """Return what a model calls, again and again, to run the operation."""
        return self.call if self._remat is None else self

    @property
    def input(self) -> Any:
        """The symbolic inputs of the first call."""
        return self._of_first_call("input_tensors", "input")

    @property
    def output(self) -> Any:
        """The symbolic outputs of the first call."""
        return self._of_first_call("output_tensors", "output")

    def _of_first_call(self, attribute: str, what: str) -> Any:
        if not self._inbound_nodes:
            raise AttributeError(
                f"The layer {self.name} has never been called and thus has no defined {what}."
            )
        tensors = getattr(self._inbound_nodes[0], attribute)
        return tensors[0] if len(tensors) == 1 else tensors

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs to make the operation again."""
        if type(self).get_config is not Operation.get_config:
            return {"name": self.name}
        config = {"name": self.name, **own_arguments(self)}
        takes = inspect.signature(type(self).__init__).parameters
        if "name" not in takes and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
            del config["name"]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return an operation made from `get_config`'s result."""
        try:
            return cls(**config)
        except MemoryError:
            raise
        except Exception as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\nException encountered: "
                f"{error}"
            ) from error

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


def own_arguments(operation: Operation, without: Sequence[str] = ("name",)) -> dict[str, Any]:
    """Return the constructor arguments of an operation whose class writes no `get_config`.

    Args:
        operation: The operation.
        without: Arguments to leave out.

    Raises:
        NotImplementedError: If one of them is no plain value.
    """
    args, kwargs = operation._init_arguments  # type: ignore[attr-defined]
    cls = type(operation)
    try:
        bound = inspect.signature(cls.__init__).bind(operation, *args, **kwargs).arguments
    except (TypeError, ValueError):
        return {}
    signature = inspect.signature(cls.__init__).parameters
    defaults = {n: p.default for n, p in signature.items() if p.default is not p.empty}
    given = {
        name: bound.get(name, defaults.get(name))
        for name in [*signature][1:]
        if name in bound or name in defaults
    }
    config: dict[str, Any] = {}
    for name, value in given.items():
        kind = signature[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            config.update(value)
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            config[name] = None if value else ()
        else:
            config[name] = value
    own = {k: v for k, v in config.items() if k not in without}
    odd = [k for k, v in own.items() if not all(isinstance(leaf, _PLAIN) for leaf in tree.flatten(v))]
    if odd:
        raise NotImplementedError(
            f"Object {cls.__name__} was created by passing non-serializable argument values in `__init__()` "
            f"({', '.join(odd)}), and therefore the object must override `get_config()` in order to be serializable. "
            "Please implement `get_config()`."
        )
    return own
