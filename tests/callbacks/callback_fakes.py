"""Stand-ins for a model, small enough to see what callbacks do to it."""

from __future__ import annotations

import h5py
import numpy as np


class Optimizer:
    built = True

    def __init__(self, learning_rate=0.01, name="sgd"):
        self.learning_rate = learning_rate
        self.name = name


class Metric:
    def __init__(self, name, direction=None):
        self.name = name
        if direction is not None:
            self._direction = direction


class Model:
    """A model with one weight, whose files hold that weight."""

    built = True
    variables = ()

    def __init__(self, optimizer=None, metrics=()):
        self.optimizer = optimizer or Optimizer()
        self.metrics = list(metrics)
        self.stop_training = False
        self.weight = 0.0
        self.saved = []
        self._initial_epoch = None

    def get_weights(self):
        return [np.array(self.weight)]

    def set_weights(self, weights):
        self.weight = float(weights[0])

    def save(self, path, overwrite=True):
        self.saved.append(path)
        with h5py.File(path, "w") as file:
            file["weight"] = self.weight

    save_weights = save

    def load_weights(self, path, allow_nan=False):
        with h5py.File(path, "r") as file:
            self.weight = float(file["weight"][()])


def run(callbacks, epochs, steps=0, initial_epoch=0):
    """Call a callback list as `fit` does, with scripted logs: `epochs` is one dict an epoch."""
    callbacks.on_train_begin()
    model = callbacks.model
    logs = {}
    for epoch in range(initial_epoch, len(epochs)):
        callbacks.on_epoch_begin(epoch)
        for step in range(steps):
            callbacks.on_train_batch_begin(step)
            callbacks.on_train_batch_end(step, epochs[epoch])
            if model.stop_training:
                break
        logs = epochs[epoch]
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callbacks.on_train_end(logs)
