"""Seeds: where streams of random numbers start and how they go on."""

from __future__ import annotations

import random as _python_random
from typing import Any

import numpy as np

from kerasish import devices
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.naming import auto_name, name_scope
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.autograd.variable import Variable


class SeedGenerator:
    """A stream of seeds, each of which gives one batch of random numbers.

    Its state is a variable of two integers, the seed and a counter; every number drawn depends on these two and its
    position alone, so a stored state continues the stream exactly, eager or compiled, on a CPU or a GPU.

    Example:

    >>> generator = kerasish.random.SeedGenerator(seed=1337)
    >>> kerasish.random.normal((2,), seed=generator)

    Args:
        seed: Where the stream starts, an integer; random where None.
        name: A name.

    Raises:
        ValueError: If `seed` is no integer.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        kwargs.pop("backend", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer))):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        self.name = name or auto_name(type(self).__name__)
        self._initial_seed = seed
        start = make_default_seed() if seed is None else int(seed)
        with name_scope(self.name, caller=self):
            self.state = Variable(
                np.array([start & 0xFFFFFFFF, 0], dtype=np.uint32),
                trainable=False,
                name="seed_generator_state",
            )

    def next(self, ordered: bool = True) -> Tensor:
        """Return the present state as a seed and move on to the next."""
        seed = self.state.value
        self.state.assign_add(_step_beside(self.state))
        return seed

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """Return a generator made from `get_config`'s result."""
        return cls(**config)


_steps: dict[tuple[type, str], Tensor] = {}


def _step_beside(state: Variable) -> Tensor:
    """Return what is added to a stream's state for each seed, on the state's device."""
    device = devices.device_name(state._array)
    step = _steps.get((type(state._array), device))
    if step is None:
        step = _steps[type(state._array), device] = Tensor(np.array([0, 1], dtype=np.uint32)).to(device)
    return step


_global: SeedGenerator | None = None


def make_default_seed() -> int:
    """Return a seed drawn from Python's `random`."""
    return _python_random.randint(1, int(1e9))


def global_seed_generator() -> SeedGenerator:
    """Return the generator behind every random function that is given no seed."""
    global _global
    if _global is None:
        _global = SeedGenerator(name="global_seed_generator")
    return _global


def reset_global_seed(seed: int | None = None) -> None:
    """Start the global stream anew at `seed`; where it exists its variable stays the same object."""
    if seed is None:
        seed = make_default_seed()
    generator = global_seed_generator()
    generator.state.assign(np.array([seed & 0xFFFFFFFF, 0], dtype=np.uint32))


def _on_default_device(seed: Tensor) -> Tensor:
    """Return the global stream's seed where new tensors are made: its state stays where the stream began."""
    value = seed._value
    if type(value) is Abstract or (here := devices.to_default(value)) is value:
        return seed
    moved = object.__new__(Tensor)
    moved._value = here
    return moved


def draw_seed(seed: SeedGenerator | int | Tensor | None) -> Tensor:
    """Return a seed tensor: the generator's next, the same one each time for an int, the global next for None.

    Raises:
        ValueError: If `seed` is of another kind.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        return _on_default_device(global_seed_generator().next())
    if isinstance(seed, Tensor):
        return seed
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return as_tensor(np.array([int(seed) & 0xFFFFFFFF, 0], dtype=np.uint32))
    raise ValueError(
        "Argument `seed` must be either an integer or an instance of `SeedGenerator`. "
        f"Received: seed={seed} (of type {type(seed)})"
    )
