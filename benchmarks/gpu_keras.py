"""The sides of `gpu.py` that are kerasish and real Keras on JAX and PyTorch: all but the import is one code."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import gpu_fit
import numpy as np
from gpu_channel import Channel, timed

BACKENDS = {"Keras on JAX": "jax", "Keras on PyTorch": "torch"}
SAMPLES = {"mnist": 60000, "cnn": 6400, "mlp": 4 * gpu_fit.WIDTH, "dispatch": 6400}
SMOKE_SAMPLES = {"mnist": 640, "cnn": 256, "mlp": 4 * 64, "dispatch": 640}
ELEMENTS = 1 << 28
"""Of each array of the part `bandwidth`: 1 GiB of float32."""

CHAINS: dict[str, tuple[int, Callable[..., Any]]] = {
    "tanh(2 x + y)": (2, lambda ops, x, y: ops.tanh(x * 2.0 + y)),
    "relu(2 x + y)": (2, lambda ops, x, y: ops.relu(x * 2.0 + y)),
    "x sigmoid(x)": (1, lambda ops, x: x * ops.sigmoid(x)),
}
"""Elementwise work by its name: how many arrays it reads, and how to compute it. Each writes one."""


def load(side: str) -> tuple[Any, Callable[[], None], dict[str, Any]]:
    """Import a framework and reach its device; return Keras, a function that waits for the device, and notes."""
    start = time.perf_counter()
    if side in BACKENDS:
        os.environ["KERAS_BACKEND"] = BACKENDS[side]
        import keras
    else:
        import kerasish as keras
    import_s = time.perf_counter() - start
    device = str(getattr(keras.ops.ones((1,)), "device", ""))
    return keras, _synchronizer(side), {"import_s": round(import_s, 3), "device": device}


def _synchronizer(side: str) -> Callable[[], None]:
    if side == "Keras on JAX":
        import jax

        # Programs of one device run in order, so what is started now ends after all before it.
        return lambda: jax.block_until_ready(jax.numpy.zeros(1) + 1)
    if side == "Keras on PyTorch":
        import torch

        return torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    return _cuda_synchronize()


def _cuda_synchronize() -> Callable[[], None]:
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except Exception:
        return lambda: None
    return cupy.cuda.runtime.deviceSynchronize


def _memory(keras: Any) -> dict[str, Any]:
    try:
        return {"memory": keras.devices.memory_info()._asdict()}
    except Exception as error:  # a report without this figure is still one
        return {"memory": repr(error)}


def set_precision(keras: Any, side: str) -> None:
    """Take what stands in the side's name in brackets: TF32 or bfloat16; nothing leaves the framework's default."""
    if "TF32" in side:
        keras.config.enable_tf32()
    if "bfloat16" in side:
        keras.config.set_dtype_policy("mixed_bfloat16")


def run(channel: Channel) -> None:
    """Load, say so, wait for the word, and train by turns (or run an elementwise chain)."""
    keras, synchronize, notes = load(channel.side)
    channel.say("loaded")
    channel.wait()
    if channel.side not in BACKENDS:
        set_precision(keras, channel.side)
    if channel.part == "bandwidth":
        chain(keras, channel, synchronize, notes)
        return
    part, watch = channel.part, None
    samples = (SMOKE_SAMPLES if channel.smoke else SAMPLES)[part]
    if part == "dispatch":
        from gpu_trace import Dispatch

        watch = Dispatch()
    if part == "mnist" and channel.side == "Keras on PyTorch":
        samples //= 10
        notes["scaled"] = "measured on a tenth of the epoch"
    if part == "mlp":
        work = gpu_fit.mlp(keras, samples, 64 if channel.smoke else gpu_fit.WIDTH)
    else:
        work = getattr(gpu_fit, "cnn" if part == "cnn" else "mnist")(keras, samples)
    gpu_fit.epochs_by_turns(keras, channel, work, synchronize, watch, **notes)
    if channel.side not in BACKENDS:
        channel.say("closed", notes=_memory(keras))


def chain(keras: Any, channel: Channel, synchronize: Callable[[], None], notes: dict[str, Any]) -> None:
    """Run one compiled elementwise function on arrays that are on the device."""
    inputs, function = CHAINS[channel.side.partition(": ")[2]]
    elements = 1 << 16 if channel.smoke else ELEMENTS
    random = np.random.default_rng(0)
    arrays = []
    for _ in range(inputs):
        block = random.standard_normal(min(elements, 1 << 22), "float32")
        arrays.append(keras.ops.convert_to_tensor(np.tile(block, elements // block.size)))
    compiled = keras.function(lambda *tensors: function(keras.ops, *tensors))
    seen = keras.ops.convert_to_numpy(compiled(*arrays)[-1000:])
    expected = keras.ops.convert_to_numpy(function(keras.ops, *(a[-1000:] for a in arrays)))
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-6)

    def work(units: int) -> None:
        for _ in range(units):
            compiled(*arrays)

    work(3)
    channel.serve(timed(work, synchronize), bytes=4 * elements * (inputs + 1), **notes)
