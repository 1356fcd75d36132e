"""The CUDA executor without a GPU: kernels run by `cuda_on_cpu`, products by NumPy, arrays are NumPy's."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
from cuda_on_cpu import compile_cuda
from strict_device import StrictArray, strict_device

from kerasish.compiler.executors import register_runtime
from kerasish.compiler.executors.cuda.runtime import module_text
from kerasish.compiler.executors.cuda.steps import Launch, Product
from kerasish.devices.memory import OutOfMemoryError


class Memory:
    """An address in memory that something owns."""

    def __init__(self, ptr: int, owner: Any):
        self.ptr = ptr
        self.owner = owner

    def __add__(self, nbytes: int) -> Memory:
        return Memory(self.ptr + nbytes, self.owner)


class _Immediate:
    """A stream and an event of a device that does everything at once."""

    def wait_event(self, event: Any) -> None:
        pass

    def record(self, event: Any) -> None:
        pass

    def synchronize(self) -> None:
        pass


class StandInRuntime:
    """Runs steps on the CPU.

    Attributes:
        launches: Names of the kernels that were launched.
        products: Number of products.
        reverse: Whether blocks and threads run the other way round.
        records: Whether it can record. If not, products ask for memory, as CuPy's do.
        fails_in: After how many requests for memory one is refused; 0 for none.
        array_type: The class of the arrays: NumPy's or the strict device's.
    """

    def __init__(self, array_type: type = np.ndarray) -> None:
        self.array_type = array_type
        self.launches: list[str] = []
        self.products = 0
        self.reverse = False
        self.records = True
        self.fails_in = 0

    def use(self) -> Any:
        return nullcontext()

    def compile(self, steps: Sequence[Launch]) -> list[Any]:
        text, names = module_text(steps)
        functions = compile_cuda(text)
        return [functions[name] for name in names]

    def _ask(self) -> None:
        if self.fails_in:
            self.fails_in -= 1
            if not self.fails_in:
                raise OutOfMemoryError("There is no room.")

    def memory(self, nbytes: int) -> Memory:
        self._ask()
        raw = np.full(nbytes + 256, 0xFF, np.uint8)  # NaN where nothing was written
        return Memory(raw.ctypes.data + -raw.ctypes.data % 256, raw)

    def _host(self, array: Any) -> np.ndarray:
        return array if type(array) is np.ndarray else array.host

    def location(self, array: Any) -> Memory:
        host = self._host(array)
        return Memory(host.ctypes.data, host)

    def array(self, location: Memory, shape: Sequence[int], dtype: np.dtype, strides: Sequence[int]) -> Any:
        owner = location.owner
        low = location.ptr - owner.ctypes.data
        flat = owner.reshape(-1).view(np.uint8)
        return self._shown(np.ndarray(tuple(shape), dtype, flat, low, strides))

    def fits(self, array: Any) -> bool:
        host = self._host(array)
        return host.flags.c_contiguous and host.ctypes.data % 16 == 0

    def fresh(self, array: Any) -> Any:
        self._ask()
        return self._shown(np.array(self._host(array), order="C"))

    def contiguous(self, array: Any) -> Any:
        host = self._host(array)
        return array if host.flags.c_contiguous else self._shown(np.ascontiguousarray(host))

    def _shown(self, array: np.ndarray) -> Any:
        return array if self.array_type is np.ndarray else self.array_type(array)

    def asarray(self, array: np.ndarray) -> Any:
        self._ask()
        return self._shown(array)

    def put(self, array: Any, location: Memory) -> None:
        host = self._host(array)
        if host.size:
            ctypes.memmove(location.ptr, np.ascontiguousarray(host).ctypes.data, host.nbytes)

    def launch(self, function: Any, step: Launch, addresses: Sequence[int]) -> None:
        self.launches.append(step.name)
        arrays = [
            np.frombuffer((ctypes.c_char * v.nbytes).from_address(a), np.uint8)
            for v, a in zip(step.arguments, addresses, strict=True)
        ]
        spans = sorted((a, a + v.nbytes) for v, a in zip(step.arguments, addresses, strict=True))
        apart = all(one[1] <= other[0] for one, other in pairwise(spans))
        function(step.grid, step.block, arrays if apart else list(addresses), reverse=self.reverse)

    def product(self, step: Product, addresses: Sequence[int]) -> None:
        self.products += 1
        if not self.records:
            self._ask()
        out, x, y = (
            self._matrices(m, a, step.count)
            for m, a in zip((step.out, step.x, step.y), addresses, strict=False)
        )
        result = np.matmul(x, y)
        if step.bias is not None:
            result = result + self._at(addresses[3], (out.shape[-1],), (out.itemsize,), out.dtype)
        if step.activation == "relu":
            result = np.maximum(result, 0)
        out[...] = out + result if step.accumulate else result

    def _matrices(self, m: Any, address: int, count: int) -> np.ndarray:
        size = m.value.dtype.itemsize
        array = self._at(
            address + m.offset * size,
            (count, m.rows, m.columns),
            (m.step * size, m.stride * size, size),
            m.value.dtype,
        )
        return array.swapaxes(-1, -2) if m.transposed else array

    @staticmethod
    def _at(address: int, shape: tuple, strides: tuple, dtype: np.dtype) -> np.ndarray:
        span = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + dtype.itemsize
        return np.ndarray(shape, dtype, (ctypes.c_char * span).from_address(address), 0, strides)

    def synchronize(self) -> None:
        pass

    def page_locked(self, nbytes: int) -> np.ndarray:
        return np.full(nbytes, 0xFF, np.uint8)

    def stream(self) -> Any:
        return _Immediate()

    side_stream = event = stream

    def copy(self, source: Any, target: Memory, nbytes: int, stream: Any) -> None:
        ctypes.memmove(target.ptr, source.ctypes.data if type(source) is np.ndarray else source.ptr, nbytes)

    def record(self, run: Callable[[], None]) -> Callable[[], None] | None:
        if not self.records:
            return None

        def replay() -> None:  # what is recorded has all memory that it needs
            before, self.fails_in = self.fails_in, 0
            try:
                run()
            finally:
                self.fails_in = before

        return replay


@contextmanager
def strict_gpu(runtime: Any) -> Iterator[Any]:
    """Make the strict device a GPU: compiled steps run on `runtime`, which is an attribute of what is returned."""
    register_runtime(StrictArray, lambda array: runtime)
    try:
        with strict_device() as device:
            device.runtime = runtime
            yield device
    finally:
        register_runtime(StrictArray, None)
