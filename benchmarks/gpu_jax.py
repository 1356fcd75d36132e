"""The MNIST network by hand in JAX: one jitted call trains an epoch, a `lax.scan` over its steps."""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from gpu_channel import Channel, timed
from gpu_fit import mnist_data

BATCH, RATE, BETA_1, BETA_2, EPSILON, KEEP = 32, 1e-3, 0.9, 0.999, 1e-7, 0.8


def start(seed: int) -> dict[str, Any]:
    """Return parameters, moments, step count and the key of random numbers."""
    random = np.random.default_rng(seed)

    def glorot(rows: int, columns: int) -> Any:
        limit = np.sqrt(6 / (rows + columns))
        return jnp.asarray(random.uniform(-limit, limit, (rows, columns)), "float32")

    weights = [glorot(784, 128), jnp.zeros(128), glorot(128, 10), jnp.zeros(10)]
    return {
        "weights": weights,
        "mean": [jnp.zeros_like(w) for w in weights],
        "square": [jnp.zeros_like(w) for w in weights],
        "step": jnp.zeros((), "int32"),
        "key": jax.random.key(seed),
    }


def loss_and_logits(weights: list[Any], x: Any, y: Any, kept: Any) -> tuple[Any, Any]:
    """Return the mean cross-entropy of a batch, and the logits."""
    w1, b1, w2, b2 = weights
    hidden = jnp.where(kept, jax.nn.relu(x @ w1 + b1) / KEEP, 0.0)
    logits = hidden @ w2 + b2
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1)
    return -chosen.mean(), logits


def adam(state: dict[str, Any], gradients: list[Any]) -> dict[str, Any]:
    """Return the state after one update."""
    step = state["step"] + 1
    rate = RATE * jnp.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
    mean = [m + (g - m) * (1 - BETA_1) for m, g in zip(state["mean"], gradients, strict=True)]
    square = [v + (g * g - v) * (1 - BETA_2) for v, g in zip(state["square"], gradients, strict=True)]
    weights = [
        w - rate * m / (jnp.sqrt(v) + EPSILON) for w, m, v in zip(state["weights"], mean, square, strict=True)
    ]
    return {**state, "weights": weights, "mean": mean, "square": square, "step": step}


def make_epoch(samples: int, masks_at_once: bool, unroll: int) -> Any:
    """Return the jitted epoch: `(state, x, y) -> (state, loss, accuracy)`.

    Args:
        samples: Number of samples, a multiple of the batch.
        masks_at_once: Whether dropout's random numbers of all steps are drawn before the scan.
        unroll: How many steps the body of the loop holds.
    """
    steps = samples // BATCH
    draw = functools.partial(jax.random.bernoulli, p=KEEP)

    def epoch(state: dict[str, Any], x: Any, y: Any) -> tuple[dict[str, Any], Any, Any]:
        key, order_key, mask_key = jax.random.split(state["key"], 3)
        order = jax.random.permutation(order_key, samples).reshape(steps, BATCH)
        if masks_at_once:
            masks = draw(mask_key, shape=(steps, BATCH, 128))
        else:
            masks = jax.random.split(mask_key, steps)

        def step(carry: Any, inputs: Any) -> tuple[Any, None]:
            state, loss, right = carry
            index, mask = inputs
            kept = mask if masks_at_once else draw(mask, shape=(BATCH, 128))
            batch_x, batch_y = x[index], y[index]
            (value, logits), gradients = jax.value_and_grad(loss_and_logits, has_aux=True)(
                state["weights"], batch_x, batch_y, kept
            )
            right = right + (logits.argmax(1) == batch_y).sum()
            return (adam(state, gradients), loss + value, right), None

        carry = (state, jnp.zeros(()), jnp.zeros((), "int32"))
        (state, loss, right), _ = jax.lax.scan(step, carry, (order, masks), unroll=unroll)
        return {**state, "key": key}, loss / steps, right / samples

    return jax.jit(epoch, donate_argnums=0)


def run(channel: Channel) -> None:
    """Compile the epoch in two ways, keep the quicker, and run it by turns."""
    device = str(jax.devices()[0])
    jax.block_until_ready(jnp.zeros(1))
    channel.say("loaded")
    channel.wait()
    samples = 640 if channel.smoke else 60000
    x, y = mnist_data(samples)
    x, y = jnp.asarray(x.reshape(samples, 784)), jnp.asarray(y, "int32")
    trials = {}
    for masks_at_once, unroll in ((False, 1), (True, 5)):
        state, epoch = start(0), make_epoch(samples, masks_at_once, unroll)
        best = float("inf")
        for _ in range(3):
            began = time.perf_counter()
            state, loss, accuracy = jax.block_until_ready(epoch(state, x, y))
            best = min(best, time.perf_counter() - began)
        trials[f"masks_at_once={masks_at_once}, unroll={unroll}"] = best, epoch, state
    name = min(trials, key=lambda name: trials[name][0])
    _, epoch, state = trials[name]
    held = [state, None, None]

    def work(units: int) -> None:
        for _ in range(units):
            held[:] = epoch(held[0], x, y)
            float(held[1])  # what is shown at the end of an epoch

    steps = samples // BATCH
    measure = timed(work, lambda: jax.block_until_ready(held[0]["weights"]))

    def by_step(units: int) -> dict[str, Any]:
        return {"seconds": measure(units) / steps, "loss": float(held[1])}

    tried = {name: round(seconds, 4) for name, (seconds, *_) in trials.items()}
    channel.serve(by_step, device=device, way=name, epoch_s_of_ways=tried, steps=steps)
