"""Functions of `kerasish.ops` as operations of a model's graph.

Called on a symbolic tensor that comes from an `Input`, a function records the call as an operation whose class name,
arguments and module are those that Keras writes into a model's config. On anything else it runs as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from importlib import import_module
from typing import Any

import numpy as np

from kerasish import config, tree
from kerasish.autograd import dtypes
from kerasish.autograd.tensor import KerasTensor, Tensor, as_tensor
from kerasish.autograd.variable import Variable
from kerasish.ops import operation_names
from kerasish.ops.operation import Call, Operation, any_from_operations, record

_functions: dict[str, Callable] = {}
_classes: dict[str, type] = {}
_symbols_exist = False
# What most arguments are, and no symbol.
_INERT = frozenset((Tensor, Variable, np.ndarray, int, float, bool, str, type(None)))


def symbols_exist() -> None:
    """Say that from now on there may be symbolic tensors that calls are recorded on."""
    global _symbols_exist
    _symbols_exist = True


class FunctionOperation(Operation):
    """A function of `kerasish.ops` with its settings.

    Args:
        name: The operation's name.
        **settings: The function's arguments that belong to the operation.
    """

    function: Callable
    call_names: Sequence[str] = ()
    leads = True

    def __init__(self, name: str | None = None, **settings: Any):
        super().__init__(name=name)
        self._settings = settings

    def call(self, *args: Any, **kwargs: Any) -> Any:
        function = type(self).function
        if self.leads:
            return function(*args, **kwargs, **self._settings)
        return function(*self._in_order(args), **kwargs)

    def prepared(self) -> Callable:
        if not self.leads:
            return self.call
        function = type(self).function
        return partial(function, **self._settings) if self._settings else function

    def _in_order(self, args: tuple) -> Iterator[Any]:
        """Yield settings and arguments of a call in the order of the function's parameters."""
        given = iter(args)
        for parameter in inspect.signature(type(self).function).parameters.values():
            if parameter.name in self._settings:
                yield self._settings[parameter.name]
            elif parameter.kind is parameter.VAR_POSITIONAL:
                yield from given
            else:
                yield next(given)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, **self._settings}

    def __reduce__(self) -> tuple:
        return _rebuilt, (type(self).__name__, self.get_config())


def _rebuilt(class_name: str, config: dict[str, Any]) -> Operation:
    return find_class(class_name).from_config(config)  # type: ignore[union-attr]


def operation_class(name: str) -> type[FunctionOperation]:
    """Return the class of the operations that a function of `kerasish.ops` makes.

    Args:
        name: The function's name.
    """
    name = operation_names.SAME_AS.get(name, name)
    found = _classes.get(name)
    if found is None:
        module, class_name, settings = operation_names.entry(name)
        function = _SPECIAL.get(name) or _function(name)
        parameters = [p for p in inspect.signature(function).parameters if p != "name"]
        call_names = [p for p in parameters if p not in settings]
        found = _classes[name] = type(
            class_name,
            (FunctionOperation,),
            {
                "__module__": f"kerasish.ops.{module}",
                "__doc__": f"The operation of `kerasish.ops.{name}`.",
                "function": staticmethod(function),
                "call_names": call_names,
                "leads": parameters[: len(call_names)] == call_names,
            },
        )
    return found


def find_class(class_name: str) -> type[FunctionOperation] | None:
    """Return the class of operations of this name, or None."""
    for function in operation_names.functions_of(class_name):
        if _function(function) is not None:
            return operation_class(function)
    return None


def _recorded(name: str, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a function on symbolic tensors and record the call."""
    cls = operation_class(name)
    bound = inspect.signature(cls.function).bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    call_args: list[Any] = []
    for parameter in cls.call_names:
        kind = bound.signature.parameters[parameter].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            call_args.extend(given[parameter])
        elif kind is not inspect.Parameter.VAR_KEYWORD:
            call_args.append(given[parameter])
    chosen = {k: _setting(name, k, v) for k, v in given.items() if k not in cls.call_names and k != "name"}
    plain = _nameless(cls, chosen)
    outputs = plain.compute_output_spec(*call_args)
    if not any(isinstance(x, KerasTensor) for x in tree.flatten(outputs)):
        return outputs
    operation = cls(**chosen)
    record(operation, tuple(call_args), {}, outputs)
    return outputs


def _nameless(cls: type[FunctionOperation], chosen: dict[str, Any]) -> FunctionOperation:
    """Return an operation to try a call with, which takes no name from those to come."""
    return cls(name="unnamed", **chosen)


def _setting(function: str, name: str, value: Any) -> Any:
    """Return a setting as configs hold it."""
    if name == "data_format" and value is None:
        return config.image_data_format()
    if name == "dtype" and (value is not None or function in ("one_hot", "multi_hot")):
        return dtypes.standardize_dtype(value)
    return value


def recording(function: Callable) -> Callable:
    """Return a function that records its calls on symbolic tensors and is `function` otherwise."""
    name = getattr(function, "__name__", "")
    if (
        not inspect.isfunction(function)
        or name in operation_names.NOT_RECORDED
        or hasattr(function, "__wrapped__")
    ):
        return function
    _functions[name] = function

    # A wrapper that has the parameters of what it wraps costs a third of one that has any: worth it for the shortest.
    code = function.__code__
    names, plain = (
        code.co_varnames[: code.co_argcount],
        not code.co_flags & 0x0C and not code.co_kwonlyargcount,
    )

    def unary(x: Any) -> Any:
        if _symbols_exist and type(x) not in _INERT and any_from_operations((x,)):
            return _recorded(name, (x,), {})
        return function(x)

    def binary(x1: Any, x2: Any) -> Any:
        if (
            _symbols_exist
            and (type(x1) not in _INERT or type(x2) not in _INERT)
            and any_from_operations((x1, x2))
        ):
            return _recorded(name, (x1, x2), {})
        return function(x1, x2)

    def general(*args: Any, **kwargs: Any) -> Any:
        if _symbols_exist:
            for x in args:
                if type(x) not in _INERT and any_from_operations((x,)):
                    return _recorded(name, args, kwargs)
            if kwargs and any_from_operations(kwargs.values()):  # type: ignore[arg-type]
                return _recorded(name, args, kwargs)
        return function(*args, **kwargs) if kwargs else function(*args)

    if plain and names == ("x",) and not function.__defaults__:
        return wraps(function)(unary)
    if plain and names == ("x1", "x2") and not function.__defaults__:
        return wraps(function)(binary)
    return wraps(function)(general)


def install(namespace: dict[str, Any]) -> None:
    """Let the public functions of a module record their calls on symbolic tensors."""
    for name, value in list(namespace.items()):
        if not name.startswith("_") and getattr(value, "__module__", None) == namespace["__name__"]:
            namespace[name] = recording(value)


def _function(name: str) -> Callable | None:
    """Return the function of `kerasish.ops`, or of one of its namespaces, that has this name."""
    if name not in _functions:
        ops = import_module("kerasish.ops")
        namespace = operation_names.entry(name)[0]
        if not hasattr(ops, name) and hasattr(ops, namespace):
            getattr(getattr(ops, namespace), name, None)
    return _functions.get(name)


# Operators and methods of symbolic tensors.

_OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
_COMPARISONS = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}
_UNARY = {"neg": "negative", "abs": "absolute", "invert": "bitwise_not"}
_METHODS = {"reshape": "reshape", "transpose": "transpose", "astype": "cast"}


def _get_item(x: Any, key: Any) -> Any:
    # A key of several parts is a tuple, which files turn into a list.
    return as_tensor(x)[tuple(key) if isinstance(key, list) else key]


_SPECIAL: dict[str, Callable] = {"get_item": _get_item}


def _recorded_method(method: str, function: str, reflected: bool = False) -> Callable:
    original = getattr(KerasTensor, method)

    def operator(self: KerasTensor, *args: Any, **kwargs: Any) -> Any:
        if not _symbols_exist or type(self._node) is not Call and not any_from_operations(args):
            return original(self, *args, **kwargs)
        if args and (args[0] is None or isinstance(args[0], str)) and function in ("equal", "not_equal"):
            return NotImplemented
        name = function
        if self.dtype == "bool" and name.startswith("bitwise"):
            name = name.replace("bitwise", "logical")
        if method in ("reshape", "transpose") and len(args) > 1:
            args = (args,)
        return _recorded(name, (*args, self) if reflected else (self, *args), kwargs)

    operator.__name__ = method
    operator.__doc__ = original.__doc__
    return operator


def _item(self: KerasTensor, key: Any) -> Any:
    if not _symbols_exist or not any_from_operations((self, key)):
        return _original_item(self, key)
    # A list of positions is an array; Keras reads a list as a tuple.
    return _recorded("get_item", (self, as_tensor(key) if isinstance(key, list) else key), {})


_original_item = KerasTensor.__getitem__


def install_operators() -> None:
    """Let the operators and methods of symbolic tensors record themselves."""
    for short, function in (*_OPERATORS.items(), *_COMPARISONS.items(), *_UNARY.items()):
        setattr(KerasTensor, f"__{short}__", _recorded_method(f"__{short}__", function))
    for short, function in _OPERATORS.items():
        setattr(KerasTensor, f"__r{short}__", _recorded_method(f"__r{short}__", function, reflected=True))
    for method, function in _METHODS.items():
        setattr(KerasTensor, method, _recorded_method(method, function))
    KerasTensor.T = property(lambda self: self.transpose())  # type: ignore[attr-defined]
    KerasTensor.__getitem__ = _item  # type: ignore[method-assign]
    KerasTensor.__hash__ = object.__hash__  # type: ignore[method-assign]


install_operators()
