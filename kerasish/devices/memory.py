"""Host memory: letting the C library keep what eager computation frees and asks for again at once."""

from __future__ import annotations

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
