"""One side of `gpu.py`, in a process of its own; started by it and of no use alone.

python gpu_worker.py PART SIDE {full|smoke}
"""

from __future__ import annotations

import importlib
import sys

from gpu_channel import Channel, Done

MODULES = {
    "JAX scan": "gpu_jax",
    "PyTorch CUDA graph": "gpu_torch",
    "PyTorch compiled": "gpu_torch",
    "cuBLAS bfloat16": "gpu_torch",
    "cuBLAS TF32": "gpu_torch",
    "copy": "gpu_copy",
}


def main(part: str, side: str, size: str) -> None:
    """Hand over to the side's module; whatever goes wrong is the answer."""
    channel = Channel(part, side, size == "smoke")
    try:
        importlib.import_module(MODULES.get(side, "gpu_keras")).run(channel)
    except Done:
        pass
    except Exception as error:
        channel.say("failed", why=f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
