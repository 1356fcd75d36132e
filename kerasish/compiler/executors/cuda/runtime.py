"""Running steps on an NVIDIA GPU through CuPy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from kerasish.compiler.executors.cuda.code import PRELUDE
from kerasish.compiler.executors.cuda.steps import Launch, Product


def module_text(steps: Sequence[Launch]) -> tuple[str, list[str]]:
    """Return a module with the kernels of these launches, and their names."""
    names = [f"kerasish_{i}_{re.sub(r'[^0-9A-Za-z_]', '_', step.name)}" for i, step in enumerate(steps)]
    kernels = [
        re.sub(r"\bNAME\b", name, step.source, count=1) for name, step in zip(names, steps, strict=True)
    ]
    return "\n".join([PRELUDE, *kernels]), names


class CupyRuntime:
    """Runs steps on a GPU.

    Args:
        number: The GPU's number.
    """

    def __init__(self, number: int) -> None:
        import cupy

        from kerasish.devices import gpu_runtime

        self._cupy = cupy
        self._gpus = gpu_runtime
        self._number = number
        self.array_type = cupy.ndarray

    @property
    def records(self) -> bool:
        return _library(self._number) is not None

    @contextmanager
    def use(self) -> Iterator[None]:
        try:
            if self._gpus.count() < 2:
                yield
            else:
                with self._cupy.cuda.Device(self._number):
                    yield
        except self._gpus.FAILURES as error:
            raise self._gpus.explained(error) from None

    def compile(self, steps: Sequence[Launch]) -> list[Any]:
        text, names = module_text(steps)
        # CuPy keeps what NVRTC compiles in its cache directory.
        module = self._cupy.RawModule(code=text, options=("-std=c++17",))
        return [module.get_function(name) for name in names]

    # Memory

    def memory(self, nbytes: int) -> Any:
        return self._cupy.cuda.alloc(nbytes)

    def location(self, array: Any) -> Any:
        return array.data

    def array(
        self, location: Any, shape: Sequence[int], dtype: np.dtype, strides: Sequence[int] | None
    ) -> Any:
        return self._cupy.ndarray(tuple(shape), dtype, location, None if strides is None else tuple(strides))

    def fits(self, array: Any) -> bool:
        return bool(array.flags.c_contiguous) and array.data.ptr % 16 == 0

    def fresh(self, array: Any) -> Any:
        return self._cupy.array(array, order="C", copy=True)

    def contiguous(self, array: Any) -> Any:
        return self._cupy.ascontiguousarray(array)

    def asarray(self, array: np.ndarray) -> Any:
        return self._cupy.asarray(array)

    def put(self, array: Any, location: Any) -> None:
        if not array.size:
            return
        target = self._cupy.ndarray(array.shape, array.dtype, location)
        if type(array) is np.ndarray:
            target.set(np.ascontiguousarray(array))
        else:
            self._cupy.copyto(target, array)

    # Steps

    def launch(self, function: Any, step: Launch, addresses: Sequence[int]) -> None:
        function((step.grid,), (step.block,), tuple(addresses))

    def product(self, step: Product, addresses: Sequence[int]) -> None:
        library = _library(self._number)
        if library is None:
            self._multiply(step, addresses)
        else:
            library.run(step, addresses, self._cupy.cuda.get_current_stream().ptr)

    def _multiply(self, step: Product, addresses: Sequence[int]) -> None:
        """Multiply by CuPy's own function, which nothing can record."""
        cupy = self._cupy
        arrays = []
        for m, address in zip((step.out, step.x, step.y), addresses, strict=False):
            itemsize = m.value.dtype.itemsize
            shape, strides = (step.count, m.rows, m.columns), (m.step, m.stride, 1)
            memory = cupy.cuda.UnownedMemory(address, 1 << 62, self)
            array = cupy.ndarray(
                shape,
                m.value.dtype,
                cupy.cuda.MemoryPointer(memory, m.offset * itemsize),
                tuple(s * itemsize for s in strides),
            )
            arrays.append(array.swapaxes(-1, -2) if m.transposed else array)
        out, x, y = arrays
        result = cupy.matmul(x, y)
        if step.bias is not None:
            memory = cupy.cuda.UnownedMemory(addresses[3], 1 << 62, self)
            result += cupy.ndarray((out.shape[-1],), out.dtype, cupy.cuda.MemoryPointer(memory, 0))
        if step.activation == "relu":
            cupy.maximum(result, 0, out=result)
        out[...] = out + result if step.accumulate else result

    def synchronize(self) -> None:
        self.stream().synchronize()

    # Transfers

    def page_locked(self, nbytes: int) -> np.ndarray:
        cuda = self._cupy.cuda
        try:
            return np.frombuffer(cuda.alloc_pinned_memory(nbytes), np.uint8, nbytes)
        except cuda.runtime.CUDARuntimeError:  # CUDA then copies through a little such memory of its own
            return np.empty(nbytes, np.uint8)

    def stream(self) -> Any:
        return self._cupy.cuda.get_current_stream()

    def side_stream(self) -> Any:
        # (One that blocks would wait for CUDA's default stream, and that for it.)
        return self._cupy.cuda.Stream(non_blocking=True)

    def event(self) -> Any:
        # (The thread that waits leaves its processor to others, such as those that make batches.)
        return self._cupy.cuda.Event(block=True, disable_timing=True)

    def copy(self, source: Any, target: Any, nbytes: int, stream: Any) -> None:
        if type(source) is np.ndarray:
            target.copy_from_host_async(source.ctypes.data, nbytes, stream)
        else:
            target.copy_from_device_async(source, nbytes, stream)

    def record(self, run: Callable[[], None]) -> Callable[[], None] | None:
        """Record as a CUDA graph. What is allocated meanwhile comes from a pool of the graph's own."""
        if not self.records:
            return None
        cuda = self._cupy.cuda
        stream, pool = cuda.Stream(non_blocking=True), cuda.MemoryPool()
        graph = None
        with stream, cuda.using_allocator(pool.malloc):
            stream.begin_capture(cuda.runtime.streamCaptureModeRelaxed)  # others may ask for memory meanwhile
            try:
                run()
                graph = stream.end_capture()
            except BaseException as error:
                _abandon(stream)
                if not isinstance(error, Exception):
                    raise
                return None  # whatever a library says of it: it then runs step by step, as it did before
        graph.upload(stream)
        stream.synchronize()

        def replay(pool: Any = pool) -> None:
            graph.launch(cuda.get_current_stream())

        return replay


def _abandon(stream: Any) -> None:
    try:
        stream.end_capture()
    except Exception:  # the capture is over either way
        pass


@cache
def _library(number: int) -> Any:
    """Return the library of matrix products on a GPU, which is in use; None where nvmath-python is not installed."""
    from importlib.util import find_spec

    if find_spec("nvmath") is None:
        return None
    from kerasish.compiler.executors.cuda.cublas import MatrixLibrary

    return MatrixLibrary()


@cache
def _runtime(number: int) -> CupyRuntime:
    return CupyRuntime(number)


def runtime_of(array: Any) -> CupyRuntime:
    """Return what runs steps on the GPU that holds an array."""
    return _runtime(array.device.id)
