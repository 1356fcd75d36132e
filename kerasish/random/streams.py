"""The states of all random streams that a model and a program draw from, to be kept and put back."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from kerasish.random.seed import global_seed_generator


def states(model: Any) -> dict[str, Any]:
    """Return where the random streams are: kerasish's own, those of the model's layers, Python's and NumPy's."""
    return {
        "seeds": [seed.numpy() for seed in _seeds(model)],
        "python": random.getstate(),
        "numpy": list(np.random.get_state()),
    }


def restore(model: Any, saved: dict[str, Any]) -> None:
    """Put the random streams back to where `states` found them.

    Raises:
        ValueError: If the model has more or fewer streams.
    """
    seeds = _seeds(model)
    if len(saved["seeds"]) != len(seeds):
        raise ValueError(
            f"it has {len(saved['seeds'])} random streams, the model and the program have {len(seeds)}"
        )
    for seed, value in zip(seeds, saved["seeds"], strict=True):
        seed.assign(value)
    version, words, gauss = saved["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(tuple(saved["numpy"]))


def _seeds(model: Any) -> list[Any]:
    """The states of kerasish's streams: the global one, and those of the model's layers.

    Files of weights leave the latter out, as Keras's do.
    """
    own = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    return [global_seed_generator().state, *own]
