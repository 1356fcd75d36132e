"""A stand-in for a GPU: arrays on the host that behave as CuPy's do at the border to NumPy.

`StrictArray` refuses every silent conversion to NumPy, and its module refuses NumPy's arrays among its arguments, so
code that would fail on a GPU fails on any machine. `with strict_device() as device:` makes it the default device;
`with device.no_transfers():` also refuses the explicit ways to the host (`get`, `item`, `bool`, ...), each of which
waits for the GPU.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from kerasish import devices
from kerasish.devices import cpu
from kerasish.random import seed as seeds


class TransferError(AssertionError):
    """Values went to the host where they must not."""


class Device:
    """What happens on the stand-in device.

    Attributes:
        transfers: How often values went to the host.
    """

    def __init__(self) -> None:
        self.transfers = 0
        self._allowed = True

    def transfer(self, how: str) -> None:
        if not self._allowed:
            raise TransferError(f"`{how}` brings values to the host here.")
        self.transfers += 1

    @contextmanager
    def no_transfers(self) -> Iterator[None]:
        """Context in which bringing values to the host is an error."""
        before, self._allowed = self._allowed, False
        try:
            yield
        finally:
            self._allowed = before


DEVICE = Device()


def _host(value: Any, what: str) -> Any:
    """Return `value` with strict arrays in it unwrapped; NumPy's arrays are refused as CuPy refuses them."""
    if type(value) is StrictArray:
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError(
            f"`{what}`: unsupported type numpy.ndarray (shape {value.shape}) on the strict device."
        )
    if type(value) in (tuple, list):
        return type(value)(_host(v, what) for v in value)
    return value


def _strict(value: Any) -> Any:
    """Return a result with NumPy's arrays and scalars in it as arrays of the device."""
    if isinstance(value, (np.ndarray, np.generic)):
        return StrictArray(np.asarray(value))
    if isinstance(value, (tuple, list)):  # NumPy's named tuples too
        return (list if isinstance(value, list) else tuple)(_strict(v) for v in value)
    return value


def _method(name: str) -> Callable:
    def method(self: StrictArray, *args: Any, **kwargs: Any) -> Any:
        host_args = [_host(a, name) for a in args]
        host_kwargs = {k: _host(v, name) for k, v in kwargs.items()}
        return _strict(getattr(self.host, name)(*host_args, **host_kwargs))

    return method


def _binary(function: Callable, reflected: bool = False) -> Callable:
    def method(self: StrictArray, other: Any) -> Any:
        other = _host(other, function.__name__)
        return _strict(function(other, self.host) if reflected else function(self.host, other))

    return method


def _in_place(function: Callable) -> Callable:
    def method(self: StrictArray, other: Any) -> StrictArray:
        self.host = np.asarray(function(self.host, _host(other, function.__name__)))
        return self

    return method


class StrictArray:
    """An array of the strict device."""

    __slots__ = ("host", "__weakref__")
    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, host: np.ndarray):
        self.host = host

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    ndim = property(lambda self: self.host.ndim)
    size = property(lambda self: self.host.size)
    nbytes = property(lambda self: self.host.nbytes)
    itemsize = property(lambda self: self.host.itemsize)
    strides = property(lambda self: self.host.strides)
    flags = property(lambda self: self.host.flags)
    T = property(lambda self: StrictArray(self.host.T))
    real = property(lambda self: StrictArray(self.host.real))
    imag = property(lambda self: StrictArray(self.host.imag))

    # The border

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Use `.get()` to do it explicitly."
        )

    def __array_function__(self, function: Callable, *args: Any) -> Any:
        raise TypeError(f"`numpy.{function.__name__}` does not take arrays of the strict device.")

    def __iter__(self) -> Any:
        raise TypeError("Iterating over an array of the strict device is slow: index it.")

    def get(self) -> np.ndarray:
        DEVICE.transfer("get")
        return self.host.copy()

    def item(self) -> Any:
        DEVICE.transfer("item")
        return self.host.item()

    def tolist(self) -> Any:
        DEVICE.transfer("tolist")
        return self.host.tolist()

    def __bool__(self) -> bool:
        DEVICE.transfer("bool")
        return bool(self.host)

    def __float__(self) -> float:
        DEVICE.transfer("float")
        return float(self.host)

    def __int__(self) -> int:
        DEVICE.transfer("int")
        return int(self.host)

    def __len__(self) -> int:
        return len(self.host)

    def __repr__(self) -> str:
        return f"StrictArray(shape={self.shape}, dtype={self.dtype})"

    # Computation

    def __getitem__(self, key: Any) -> Any:
        return _strict(self.host[_host(key, "getitem")])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.host[_host(key, "setitem")] = _host(value, "setitem")

    for _name in "astype reshape transpose swapaxes copy fill ravel squeeze view".split():
        locals()[_name] = _method(_name)
    for (
        _name
    ) in "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift lt le gt ge eq ne matmul".split():
        _function = getattr(operator, _name)
        _dunder = _name.strip("_")
        locals()[f"__{_dunder}__"] = _binary(_function)
        if _name not in ("lt", "le", "gt", "ge", "eq", "ne"):
            locals()[f"__r{_dunder}__"] = _binary(_function, reflected=True)
            if _name != "matmul":
                locals()[f"__i{_dunder}__"] = _in_place(getattr(operator, f"i{_dunder}"))
    for _name in "neg pos abs invert".split():
        locals()[f"__{_name}__"] = _method(f"__{_name}__")
    del _name, _function, _dunder


class StrictModule:
    """NumPy's functions and those of `devices.cpu`, for strict arrays only."""

    def __init__(self, source: Any = cpu):
        self._source = source

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._source, name)
        if isinstance(function, ModuleType):
            return StrictModule(function)
        if isinstance(function, type) or not callable(function):
            return function

        def strict(*args: Any, **kwargs: Any) -> Any:
            host_args = [_host(a, name) for a in args]
            out = kwargs.get("out")
            result = function(*host_args, **{k: _host(v, name) for k, v in kwargs.items()})
            return out if out is not None else _strict(result)

        strict.__name__ = name
        setattr(self, name, strict)
        return strict

    def asarray(self, value: Any, dtype: Any = None) -> StrictArray:
        """Return host values as an array of the device: the one explicit way there."""
        host = value.host if type(value) is StrictArray else np.asarray(value)
        return StrictArray(host if dtype is None else host.astype(dtype))


MODULE = StrictModule()


def to_device(array: np.ndarray) -> StrictArray:
    return StrictArray(array.copy())


@contextmanager
def strict_device() -> Iterator[Device]:
    """Context in which new tensors and variables are made on the strict device."""
    devices.register_array_type(StrictArray, MODULE, "strict")
    before = devices._to_default, devices._default_module
    devices.set_default_device(to_device)
    # The global stream's state stays where it was made; here another takes its place.
    stream, seeds._global = seeds._global, None
    try:
        yield DEVICE
    finally:
        devices.set_default_device(*before)
        seeds._global = stream
