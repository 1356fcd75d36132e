"""Forecasting a series from its last 48 values: dilated causal convolutions on generated data with two seasons."""

import argparse

import numpy as np

import kerasish as keras
from kerasish import layers


def series(steps, seed=0):
    """A daily and a weekly season, a slow trend and noise, one value an hour; mean 0 and deviation 1."""
    hours = np.arange(steps)
    values = np.sin(2 * np.pi * hours / 24) + 0.5 * np.sin(2 * np.pi * hours / 168) + 1e-4 * hours
    values += np.random.default_rng(seed).normal(0.0, 0.1, steps)
    return ((values - values.mean()) / values.std()).astype("float32")


def windows(values, length=48):
    """Windows of `length` values, and the value after each."""
    x = np.lib.stride_tricks.sliding_window_view(values, length)[:-1, :, None]
    return np.ascontiguousarray(x), values[length:, None]


def main(epochs=10, steps=10000, batch_size=128):
    keras.utils.set_random_seed(0)
    x, y = windows(series(steps))
    split = int(0.8 * len(x))  # the future is what is tested
    model = keras.Sequential([layers.Input((48, 1))])
    for dilation in (1, 2, 4, 8):
        model.add(layers.Conv1D(16, 3, padding="causal", dilation_rate=dilation, activation="relu"))
    model.add(layers.Flatten())
    model.add(layers.Dense(1))
    model.compile("adam", "mse")
    history = model.fit(x[:split], y[:split], batch_size=batch_size, epochs=epochs)
    error = model.evaluate(x[split:], y[split:], verbose=0)
    naive = float(np.mean((x[split:, -1] - y[split:]) ** 2))
    print(f"mean squared error: {error:.4f}; of the last value as forecast: {naive:.4f}")
    return history.history["loss"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=10000)
    main(**vars(parser.parse_args()))
