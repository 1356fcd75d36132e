"""The tuples `(x, y, sample_weight)` in which batches travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Unpacks a batch into inputs, targets and sample weights; for use in a `train_step` of your own.

    Example:

    >>> x, y, sample_weight = kerasish.utils.unpack_x_y_sample_weight((features, labels))
    >>> sample_weight is None
    True

    Args:
        data: A tuple (or list) `(x,)`, `(x, y)` or `(x, y, sample_weight)`; anything else is `x`.

    Returns:
        The tuple `(x, y, sample_weight)` with `None` for what `data` does not have.

    Raises:
        ValueError: If `data` is a tuple of more than three items, or an empty one.
    """
    if not isinstance(data, (tuple, list)):
        return (data, None, None)
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`. "
            f"Received: a {type(data).__name__} of {len(data)} items."
        )
    return (*data, *(None,) * (3 - len(data)))  # type: ignore[return-value]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Packs inputs, targets and sample weights into what `fit` takes as one batch.

    Example:

    >>> x, y = kerasish.utils.pack_x_y_sample_weight(features, labels)

    Args:
        x: Inputs: an array or a structure of arrays.
        y: Targets, or `None`.
        sample_weight: A weight for each sample, or `None`; dropped if there are no targets.

    Returns:
        `(x, y, sample_weight)`, `(x, y)`, or `x` alone (as `(x,)` if `x` is itself a tuple or list).
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
