"""The side of `gpu.py` that copies an array from the device's memory to the device's memory."""

from __future__ import annotations

import numpy as np
from gpu_channel import Channel, timed
from gpu_keras import ELEMENTS


def run(channel: Channel) -> None:
    """Allocate, say so, wait for the word, and copy by turns."""
    if channel.smoke:
        source = np.ones(1 << 16, "float32")
        target = np.empty_like(source)

        def copy() -> None:
            np.copyto(target, source)

        def synchronize() -> None:
            return None
    else:
        import cupy

        source = cupy.random.standard_normal(ELEMENTS, "float32")
        target = cupy.empty_like(source)
        synchronize = cupy.cuda.runtime.deviceSynchronize

        def copy() -> None:
            target.data.copy_from_device_async(source.data, source.nbytes)

    channel.say("loaded")
    channel.wait()

    def work(units: int) -> None:
        for _ in range(units):
            copy()

    work(3)
    channel.serve(timed(work, synchronize), bytes=2 * source.nbytes)
