"""Memory: what is free and what is used, and letting the C library keep what eager computation asks for again."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

_LARGEST_KEPT = 30 * 2**20


def keep_freed_memory() -> None:
    """Let freed memory stay with the process instead of going back to the system after every operation.

    glibc gives blocks of 128 KiB and more back as soon as they are freed. A training step that makes and frees many
    such arrays then spends more time on page faults (590 a step for the MNIST network) than on arithmetic. But glibc
    learns: when a large block is freed, blocks up to that size (at most 32 MiB) are kept from then on. So one is asked
    for and freed. It is never touched and so takes no memory. Other C libraries do as they always do.
    """
    np.empty(_LARGEST_KEPT, dtype=np.uint8)


class MemoryInfo(NamedTuple):
    """How a device's memory is used, in bytes.

    Attributes:
        device: The device's name.
        total: All of its memory.
        free: What no process has asked for.
        used: What arrays of this process hold (0 on the CPU, where it is not counted).
        pooled: What this process keeps for arrays to come (0 on the CPU).
    """

    device: str
    total: int
    free: int
    used: int
    pooled: int

    def __str__(self) -> str:
        return (
            f"{self.device}: {size_text(self.free)} of {size_text(self.total)} free, {size_text(self.used)} in arrays, "
            f"{size_text(self.pooled)} kept for arrays to come"
        )


class OutOfMemoryError(MemoryError):
    """A device's memory does not suffice. Tensors and models are as they were before the operation that failed."""


def size_text(size: int) -> str:
    """Return a number of bytes for readers."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.3g} {unit}" if size < 1000 else f"{size:.0f} {unit}"


def out_of_memory(asked: int | None, info: MemoryInfo) -> OutOfMemoryError:
    """Return the error that says what was asked for, what is free, and what to do.

    Args:
        asked: How many bytes were asked for, if that is known.
        info: How the device's memory is used.
    """
    wanted = "for more" if asked is None else f"for {size_text(asked)} more"
    return OutOfMemoryError(
        f"There is no room {wanted} on {info.device}: {size_text(info.free)} of {size_text(info.total)} are free, "
        f"tensors of this process hold {size_text(info.used)}, and {size_text(info.pooled)} are kept for tensors to "
        "come, in pieces. Use a smaller batch (`batch_size`), shorter sequences or smaller images, a smaller model or "
        'optimizer state, or `kerasish.config.set_dtype_policy("mixed_float16")`; `nvidia-smi` lists other processes '
        "that take memory. What was there before is unharmed."
    )


def host_memory() -> MemoryInfo:
    """Return how the computer's memory is used."""
    try:
        with open("/proc/meminfo") as file:
            fields = dict(line.split(":", 1) for line in file)
        total, free = (int(fields[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
        total = page * os.sysconf("SC_PHYS_PAGES") if page else 0
        free = page * os.sysconf("SC_AVPHYS_PAGES") if page and "SC_AVPHYS_PAGES" in os.sysconf_names else 0
    return MemoryInfo("cpu", total, free, 0, 0)
