"""Compiling LLVM IR to machine code, once for each machine: object files are kept in a cache directory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_target: Any = None


@cache
def available() -> bool:
    """Tell whether llvmlite is installed (it comes with the extra `jit`), without importing it."""
    from importlib.util import find_spec

    return find_spec("llvmlite") is not None


def cache_directory() -> Path | None:
    """Return where kernels are kept: `$KERASISH_CACHE_DIR`, else `~/.cache/kerasish`; None if that is empty."""
    given = os.environ.get("KERASISH_CACHE_DIR")
    if given is not None:
        return Path(given) if given else None
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(root) / "kerasish"


def compile_module(
    text: str, names: list[str], finished: bool = False
) -> tuple[list[Callable[[int], None]], Any]:
    """Compile a module, or load it if it was compiled before.

    Args:
        text: LLVM IR.
        names: Its functions `void (ptr)` to return.
        finished: Whether the code has its vectors and unrolled loops already, so that LLVM need not look for any:
            that takes half of the time.

    Returns:
        The functions, and what holds their code: it must live as long as they are called.
    """
    import ctypes

    import llvmlite.binding as llvm

    machine, description = _machine(llvm)
    key = hashlib.sha256(f"{llvm.llvm_version_info} {description}\n{text}".encode()).hexdigest()
    directory = cache_directory()
    path = None if directory is None else directory / "kernels" / f"{key}.o"
    code = _read(path)
    if code is None:
        code = _compile(llvm, machine, text, finished)
        _write(path, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    return [prototype(engine.get_function_address(name)) for name in names], engine


@cache
def vector_registers() -> tuple[int, int]:
    """Return how many bytes this processor's vectors have, and how many of them it holds."""
    import llvmlite.binding as llvm

    features, arm = llvm.get_host_cpu_features(), llvm.get_process_triple().startswith(("aarch64", "arm64"))
    if features.get("avx512f"):
        return 64, 32
    return (32, 16) if features.get("avx") else (16, 32 if arm else 16)


def _machine(llvm: Any) -> tuple[Any, str]:
    """Return a new target machine for this processor, and a description of it."""
    global _target
    if _target is None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        triple = llvm.get_process_triple()
        cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        _target = (llvm.Target.from_triple(triple), cpu, features, f"{triple} {cpu} {features}")
    target, cpu, features, description = _target
    return target.create_target_machine(
        cpu=cpu, features=features, opt=2, jit=True, codemodel="jitdefault"
    ), description


def _compile(llvm: Any, machine: Any, text: str, finished: bool) -> bytes:
    module = llvm.parse_assembly(text)
    module.verify()  # LLVM's optimizer takes any text for granted, and crashes on what breaks the rules
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = not finished
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError:
        return None


def _write(path: Path | None, code: bytes) -> None:
    """Put a file into the cache in one step; a cache that cannot be written is done without."""
    if path is None:
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(code)
        os.replace(temporary, path)
    except OSError:
        pass
