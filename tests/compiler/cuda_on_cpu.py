"""CUDA source without a GPU: kernels that run on the CPU, and compilation for GPUs that are not there."""

from __future__ import annotations

import ctypes
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HEADER = Path(__file__).with_suffix(".h")
ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
_KERNEL = re.compile(r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(')
_FLAGS = "-O0 -fPIC -shared -std=c++17 -ffp-contract=off -w -U_FORTIFY_SOURCE -fvisibility=hidden -fno-strict-aliasing".split()
# What is undefined on a GPU too and not caught by the pages around each array.
_CHECKS = "-fsanitize=alignment,bounds -fsanitize-undefined-trap-on-error".split()


class CudaError(AssertionError):
    """A launch that a GPU would not have survived, or whose result it would have left to chance."""


_stacks: int | None = None


def compile_cuda(source: str) -> dict[str, Callable[..., None]]:
    """Compile kernels for the CPU; skip the test where there is no g++.

    Args:
        source: CUDA C++ that includes nothing, with functions `extern "C" __global__ void name(pointers...)`.

    Returns:
        The kernels by name, each called as `kernel(grid, block, arrays)`. An array is a NumPy array, whose bounds are
        watched, or an address, whose are not; `reverse=True` runs blocks and threads the other way round.
    """
    global _stacks
    library = ctypes.CDLL(_build(source))
    library.share_stacks.restype = ctypes.c_void_p
    library.share_stacks.argtypes = [ctypes.c_void_p]
    _stacks = library.share_stacks(_stacks)
    return {name: _Kernel(library, name) for name in _KERNEL.findall(source)}


class _Kernel:
    def __init__(self, library: ctypes.CDLL, name: str):
        self.name = name
        self._launch = getattr(library, f"launch_{name}")
        self._launch.restype = ctypes.c_char_p

    def __call__(self, grid: int, block: int, arrays: Sequence[Any], reverse: bool = False) -> None:
        pointers = (ctypes.c_void_p * max(len(arrays), 1))()
        sizes = (ctypes.c_longlong * max(len(arrays), 1))()
        for i, array in enumerate(arrays):
            watched = isinstance(array, np.ndarray)
            if watched and not array.flags.c_contiguous:
                raise ValueError(f"{self.name}: array {i} is not contiguous.")
            pointers[i] = array.ctypes.data if watched else array
            sizes[i] = array.nbytes if watched else -1
        said = self._launch(grid, block, len(arrays), pointers, sizes, reverse)
        if said:
            raise CudaError(f"{self.name}: {said.decode()}")


def _build(source: str) -> str:
    """Return the path of a library with the kernels, from an earlier test run if there is one."""
    compiler = shutil.which("g++")
    if compiler is None or sys.platform != "linux":
        pytest.skip("kernels run on the CPU on Linux, where g++ is installed")
    names = _KERNEL.findall(source)
    entries = "\n".join(
        f'extern "C" __attribute__((visibility("default"))) const char *launch_{name}('
        f"unsigned grid, unsigned block, int count, void **pointers,"
        f" const long long *sizes, bool reverse) {{ return cuda::enter({name}, [](void **p) {{ cuda::call({name}, p); }},"
        " grid, block, count, pointers, sizes, reverse); }"
        for name in names
    )
    entries += (
        '\nextern "C" __attribute__((visibility("default"))) char *share_stacks(char *given) '
        "{ return cuda::share_stacks(given); }"
    )
    # Inside a namespace without a name nothing is shared with other libraries, static variables of functions included.
    text = f'#include "{HEADER.name}"\nnamespace {{\n#line 1 "kernels.cu"\n{source}\n}}\n{entries}\n'
    folder = Path(tempfile.gettempdir()) / f"kerasish-cuda-on-cpu-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    header = _precompiled_header(compiler, folder)
    path = folder / f"{_digest(text, header.name)}.so"
    if not path.exists():
        unfinished = folder / f"{path.stem}.{os.getpid()}.so"
        includes = [f"-I{header}", f"-I{HEADER.parent}"]
        command = [compiler, *_FLAGS, *_CHECKS, *includes, "-x", "c++", "-", "-o", str(unfinished)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CudaError(f"g++ refuses the source:\n{done.stderr[:4000]}")
        os.replace(unfinished, path)
    return str(path)


def _precompiled_header(compiler: str, folder: Path) -> Path:
    """Return the folder of the header as g++ has read it once: reading it anew takes half of each compilation."""
    made = folder / _digest(HEADER.read_text(encoding="utf-8"), compiler, *_FLAGS, *_CHECKS)
    if not made.exists():
        unfinished = Path(tempfile.mkdtemp(dir=folder))
        output = unfinished / f"{HEADER.name}.gch"
        command = [compiler, *_FLAGS, *_CHECKS, "-x", "c++-header", str(HEADER), "-o", str(output)]
        # Where this is refused the folder stays empty, and g++ reads the header itself.
        subprocess.run(command, capture_output=True, check=False)
        try:
            unfinished.rename(made)
        except OSError:  # another process was first
            shutil.rmtree(unfinished)
    return made


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


# For GPUs that are not there


def nvrtc_compile(source: str, arch: str) -> str:
    """Compile source for a GPU, to machine code; skip the test where neither NVRTC nor nvcc is found.

    Args:
        source: CUDA C++.
        arch: For which GPU, such as `"sm_90"`.

    Returns:
        What the compiler says; nothing where all is well.

    Raises:
        CudaError: If the compiler refuses the source.
    """
    library = _nvrtc()
    if library is not None:
        return _compile_with_nvrtc(library, source, arch)
    if shutil.which("nvcc") is None:
        pytest.skip("neither NVRTC nor nvcc is found")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.cu"
        path.write_text(source, encoding="utf-8")
        command = [
            "nvcc",
            "-cubin",
            "-std=c++17",
            f"-arch={arch}",
            "-o",
            str(path.with_suffix(".cubin")),
            str(path),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CudaError(f"nvcc refuses the source for {arch}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


@lru_cache(maxsize=1)
def _nvrtc() -> ctypes.CDLL | None:
    """Return the newest NVRTC among the installed packages and the usual folders, None if there is none."""
    places = [f"{folder}/nvidia/*/lib/libnvrtc.so.*" for folder in sys.path if folder]
    places += ["/usr/local/cuda*/lib64/libnvrtc.so.*", "/usr/lib/*/libnvrtc.so.*"]
    found = [path for place in places for path in glob.glob(place) if ".alt." not in path]
    found.sort(key=lambda path: [int(n) for n in re.findall(r"\d+", Path(path).name)])
    for path in reversed(found):
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    return None


def _compile_with_nvrtc(library: ctypes.CDLL, source: str, arch: str) -> str:
    program = ctypes.c_void_p()
    options = (ctypes.c_char_p * 2)(b"--std=c++17", f"--gpu-architecture={arch}".encode())
    library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None)
    status = library.nvrtcCompileProgram(program, len(options), options)
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(max(size.value, 1))
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    said = log.value.decode(errors="replace")
    if status:
        raise CudaError(f"NVRTC refuses the source for {arch} (status {status}):\n{said}")
    return said
