"""Sequences of different lengths to one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def pad_sequences(
    sequences: Sequence[Sequence],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Makes sequences the same length, by padding short ones and truncating long ones.

    Example:

    >>> kerasish.utils.pad_sequences([[1], [2, 3], [4, 5, 6]])
    array([[0, 0, 1],
           [0, 2, 3],
           [4, 5, 6]], dtype=int32)

    Args:
        sequences: A list of sequences of numbers (or of equally shaped arrays).
        maxlen: Length of the result. Defaults to that of the longest sequence.
        dtype: Type of the result. Strings of different lengths need `object`.
        padding: `"pre"` pads at the beginning, `"post"` at the end.
        truncating: `"pre"` removes values from the beginning, `"post"` from the end.
        value: The padding value.

    Returns:
        An array of shape `(len(sequences), maxlen, ...)`.

    Raises:
        ValueError: If `sequences` is not a list of sequences, their elements differ in shape, `padding` or
            `truncating` is unknown, or `value` does not fit `dtype`.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f"`{name}` must be 'pre' or 'post'. Received: {name}={side!r}")
    if not hasattr(sequences, "__len__"):
        raise ValueError(
            f"`sequences` must be a list of sequences. Received type: {type(sequences).__name__}"
        )
    for sequence in sequences:
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {sequence}")
    if isinstance(value, str) and dtype is not object and not np.issubdtype(dtype, np.character):
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}. "
            "Set `dtype=object` for strings of different lengths."
        )
    if maxlen is None:
        maxlen = max(map(len, sequences), default=0)
    element = next((np.shape(sequence)[1:] for sequence in sequences if len(sequence)), ())
    padded = np.full((len(sequences), maxlen, *element), value, dtype=dtype)
    for number, sequence in enumerate(sequences):
        kept = sequence[max(len(sequence) - maxlen, 0) :] if truncating == "pre" else sequence[:maxlen]
        if len(kept) == 0:
            continue
        values = np.asarray(kept, dtype=dtype)
        if values.shape[1:] != element:
            raise ValueError(
                f"Shape of sample {values.shape[1:]} of sequence at position {number} is different from "
                f"expected shape {element}"
            )
        place = slice(maxlen - len(kept), None) if padding == "pre" else slice(len(kept))
        padded[number, place] = values
    return padded
