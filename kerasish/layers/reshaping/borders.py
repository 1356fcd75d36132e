"""What cropping and padding layers share: two numbers for each spatial axis, before and after."""

from __future__ import annotations

from typing import Any

from kerasish.layers.window_arguments import standardize_tuple

Borders = tuple[tuple[int, ...], ...]


def standardize_borders(value: Any, rank: int, name: str) -> Borders:
    """Return the numbers of positions before and after each of `rank` axes.

    Args:
        value: One number for all, or for each axis one number or a pair of them.
        rank: Number of axes.
        name: Name of the argument.

    Raises:
        ValueError: If there are more or fewer, or one is negative or no integer.
    """
    if isinstance(value, int):
        if value < 0:
            raise ValueError(f"`{name}` cannot be negative. Received: {name}={value}.")
        return ((value, value),) * rank
    if not hasattr(value, "__len__"):
        raise ValueError(
            f"`{name}` should be either an int, a tuple of {rank} ints (one for each spatial axis), or a tuple of "
            f"{rank} tuples of 2 ints (before and after each spatial axis). Received: {name}={value}."
        )
    if len(value) != rank:
        raise ValueError(f"`{name}` should have {_NUMBERS[rank]} elements. Received: {name}={value}.")
    return tuple(
        standardize_tuple(pair, 2, f"{_ORDINALS[i]} entry of {name}", allow_zero=True)
        for i, pair in enumerate(value)
    )


_NUMBERS = {2: "two", 3: "3"}
_ORDINALS = ("1st", "2nd", "3rd")
