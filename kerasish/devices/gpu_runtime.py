"""What is the GPUs' own beside their array module: how many there are, whose memory it is, and how kernels are called.

This file imports CuPy, and is imported itself when a GPU is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import cupy
import numpy as np
from cupy import ndarray

from kerasish.devices import gpu
from kerasish.devices.memory import MemoryInfo, OutOfMemoryError, out_of_memory


@cache
def count() -> int:
    """Return how many GPUs there are."""
    return cupy.cuda.runtime.getDeviceCount()


def name(array: ndarray) -> str:
    """Return the name of the GPU that holds `array`."""
    return "gpu:0" if count() < 2 else f"gpu:{array.device.id}"


# Memory


def memory_info(number: int) -> MemoryInfo:
    """Return how the memory of a GPU is used."""
    with cupy.cuda.Device(number):
        free, total = cupy.cuda.runtime.memGetInfo()
        pool = cupy.get_default_memory_pool()
        held, used = pool.total_bytes(), pool.used_bytes()
    return MemoryInfo(f"gpu:{number}", total, free, used, held - used)


_OF_CUDA = (cupy.cuda.runtime.CUDARuntimeError, cupy.cuda.driver.CUDADriverError)
FAILURES = (cupy.cuda.memory.OutOfMemoryError, *_OF_CUDA)
"""What CuPy raises where a GPU's memory is used up; see `explained`."""
_MEMORY_ALLOCATION = 2  # cudaErrorMemoryAllocation and CUDA_ERROR_OUT_OF_MEMORY


def explained(error: BaseException) -> BaseException:
    """Return what to raise for an error of CuPy's: that memory is used up is told with what can be done about it."""
    if isinstance(error, cupy.cuda.memory.OutOfMemoryError):
        return _used_up(error._size)
    if isinstance(error, _OF_CUDA) and error.status == _MEMORY_ALLOCATION:
        return _used_up(None)
    return error


def _used_up(size: int | None) -> OutOfMemoryError:
    return out_of_memory(size, memory_info(cupy.cuda.runtime.getDevice()))


# Kernels


def bound(kernel: Callable) -> Callable:
    """Return `kernel` as primitives call it: with errors that help, and on the GPU that holds its arguments."""

    def run(*arrays: Any, **params: Any) -> Any:
        try:
            return kernel(*arrays, **params)
        except FAILURES as error:
            raise explained(error) from None

    return run if count() < 2 else _where_its_arguments_are(run)


def _where_its_arguments_are(kernel: Callable) -> Callable:
    def run(*arrays: Any, **params: Any) -> Any:
        numbers = {array.device.id for array in arrays if isinstance(array, ndarray)}
        if len(numbers) > 1:
            listing = ", ".join(f"gpu:{n}" for n in sorted(numbers))
            raise ValueError(
                f"A computation got tensors on different devices: {listing}. Move them to one device first, for "
                f'example with `x.to("gpu:{min(numbers)}")`.'
            )
        if not numbers:
            return kernel(*arrays, **params)
        with cupy.cuda.Device(numbers.pop()):
            return kernel(*arrays, **params)

    return run


# Moving and making


def _moved(array: Any) -> ndarray:
    """Return an array of the host or of another GPU on the current one.

    A single number goes there with a kernel's arguments, which is no transfer.
    """
    if type(array) is ndarray:
        here = count() < 2 or array.device.id == cupy.cuda.runtime.getDevice()
        return array if here else array.copy()
    if array.ndim == 0 and array.dtype.kind in "biuf":
        found = cupy.empty((), array.dtype.newbyteorder("="))
        found.fill(array.item())
        return found
    if array.nbytes > _MUCH and array.dtype.isnative:
        found = cupy.empty(array.shape, array.dtype)
        found.set(array)
        cupy.cuda.get_current_stream().synchronize()  # (the array's memory may be page-locked)
        return found
    return gpu.asarray(array)


_MUCH = 1 << 26
"""Bytes from which on arrays are moved where they lie: `cupy.asarray` locks as many of the host's, and keeps them."""


def _on(number: int, function: Callable) -> Callable:
    """Return `function`, which makes arrays out of nothing, so that it makes them on GPU `number`."""

    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            if count() < 2:
                return function(*args, **kwargs)
            with cupy.cuda.Device(number):
                return function(*args, **kwargs)
        except FAILURES as error:
            raise explained(error) from None

    return run


@cache
def mover(number: int) -> Callable[[np.ndarray | ndarray], ndarray]:
    """Return the function that brings arrays, of the host or of another GPU, to GPU `number`."""
    return _on(number, _moved)


@cache
def module(number: int) -> Any:
    """Return the array module for new arrays on GPU `number`."""
    return _Maker(number)


class _Maker:
    """The array module where its functions make new arrays: on one GPU, with errors that help."""

    def __init__(self, number: int):
        self._number = number

    def __getattr__(self, name: str) -> Any:
        value = getattr(gpu, name)
        if callable(value) and not isinstance(value, type):
            value = _on(self._number, value)
        setattr(self, name, value)
        return value


def check(number: int) -> None:
    """Compute something on GPU `number`: what is wrong with driver, compiler or libraries shows now."""
    with cupy.cuda.Device(number):
        (cupy.zeros(1, np.float32) + 1).get()
