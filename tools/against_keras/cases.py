"""Random arguments: what the families of cases are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

FLOATS = ("float32", "float32", "float32", "float16", "bfloat16")
INTEGERS = ("int32", "int32", "int8", "uint8", "int16", "uint16", "uint32")
DTYPES = (*FLOATS, *INTEGERS, "bool")
SHAPES = (
    (),
    (3,),
    (1,),
    (0,),
    (2, 3),
    (3, 1),
    (1, 3),
    (0, 3),
    (2, 0),
    (2, 2),
    (3, 3),
    (2, 3, 4),
    (2, 1, 3),
    (1, 1, 1),
)


@dataclass
class Case:
    """One call to be made with both libraries.

    Attributes:
        name: What is called, as it is reported.
        args: Positional arguments; arrays stand for tensors.
        kwargs: Keyword arguments.
        call: Makes the call: `call(keras, args, kwargs)` with either library.
        tolerance: Largest relative difference; for 16-bit results at least two steps of theirs.
        function: Gives with either library a function and its arguments, for gradients; those of `call` otherwise.
    """

    name: str
    args: list[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    call: Callable[..., Any] | None = None
    tolerance: float = 2e-5
    function: Callable[..., Any] | None = None

    def __str__(self) -> str:
        parts = [brief(a) for a in self.args] + [f"{k}={brief(v)}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(parts)})"


def brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        values = f"={value.tolist()}" if value.size <= 4 else ""
        return f"{value.dtype}{list(value.shape)}{values}".replace(" ", "")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(brief, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {brief(v)}" for k, v in value.items()) + "}"
    return getattr(value, "__name__", repr(value))


def set_mask(x: Any, mask: Any) -> None:
    """Give a tensor a mask; JAX's tracers, which take no attributes, through Keras's own table."""
    try:
        x._keras_mask = mask
    except AttributeError:
        from keras.src.backend import set_keras_mask

        set_keras_mask(x, mask)


class Draw:
    """Draws arguments; all from one generator, so that a seed gives the same cases again."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def of(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def integer(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def shape(self) -> tuple[int, ...]:
        return self.of(*SHAPES)

    def values(self, shape: tuple[int, ...], dtype: str, low: float = -3.0, high: float = 3.0) -> np.ndarray:
        if dtype == "bool":
            return self.rng.random(shape) < 0.5
        if dtype.startswith(("int", "uint")):
            low = 0 if dtype.startswith("uint") else low
            return self.rng.integers(int(low), int(high) + 1, shape).astype(dtype)
        kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
        return np.asarray(self.rng.uniform(low, high, shape), "float32").astype(kind)

    def array(
        self, shape: Any = None, dtypes: Any = DTYPES, low: float = -3.0, high: float = 3.0
    ) -> np.ndarray:
        """An array; sometimes with ties, zeros, infinities or NaN in it."""
        x = self.values(self.shape() if shape is None else shape, self.of(*dtypes), low, high)
        if x.dtype.kind not in "biu" and x.size and low < 0:
            if self.chance(0.15):
                x = np.round(x.astype("float32")).astype(x.dtype)
            if self.chance(0.05):
                x = np.where(
                    self.rng.random(x.shape) < 0.2, self.of(np.nan, np.inf, -np.inf), x.astype("float32")
                ).astype(x.dtype)
        return x

    def scalar(self) -> Any:
        return self.of(True, 2, -1, 0, 3, 1.5, -0.5, 2.0, np.float32(1.5), np.int64(2))

    def operand(self, shape: tuple[int, ...], dtypes: Any = DTYPES) -> Any:
        """What broadcasts with an array of the shape (or, rarely, does not)."""
        if self.chance(0.2):
            return self.scalar()
        if self.chance(0.03):
            return self.array(None, dtypes)
        start = self.integer(0, len(shape))
        return self.array(tuple(1 if self.chance(0.2) else n for n in shape[start:]), dtypes)

    def axis(self, rank: int) -> int:
        """One axis; rarely one that there is not."""
        return (
            self.integer(-rank, rank - 1) if rank and not self.chance(0.04) else self.integer(-rank - 1, rank)
        )

    def axes(self, rank: int) -> Any:
        """None, one axis or several."""
        kind = self.of("none", "one", "several")
        if kind == "none":
            return None
        if kind == "one" or rank == 0:
            return self.axis(rank)
        count = self.integer(0, rank) if self.chance(0.3) else self.integer(1, rank)
        found = [int(a) - (rank if self.chance(0.3) else 0) for a in self.rng.permutation(rank)[:count]]
        return self.of(tuple, list)(found)
