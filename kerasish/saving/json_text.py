"""JSON from files of unknown origin."""

from __future__ import annotations

import math
from typing import Any

from kerasish.saving.errors import UnsafeFileError

# Far more than any model has; each takes a few hundred bytes of memory, whatever little the text takes.
_MAX_CONTAINERS = 1_000_000
_MAX_DEPTH = 200


def parse(text: str | bytes, label: str, allow_nan: bool = False) -> Any:
    """Return what a JSON text says.

    Args:
        text: The text.
        label: What error messages call it.
        allow_nan: Whether NaN and infinities, which JSON has not but Python writes, are taken as numbers.

    Raises:
        ValueError: if it is no JSON; `UnsafeFileError` if it is nested too deeply or holds NaN or an infinity.
    """
    import json

    def refuse(number: str) -> float:
        if allow_nan:
            return float(number)
        raise UnsafeFileError(
            f"Not allowed: {label} holds the number {number[:40]}, which JSON has not and no layer can use as a "
            "size. If the model is meant to have it, pass `allow_nan=True`."
        )

    def finite(number: str) -> float:
        value = float(number)
        return value if math.isfinite(value) else refuse(number)

    containers = (
        text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    )
    if containers > _MAX_CONTAINERS:
        raise UnsafeFileError(
            f"Not allowed: {label} holds {containers:,} lists and dicts; {_MAX_CONTAINERS:,} are the most that are "
            "read."
        )
    try:
        value = json.loads(text, parse_constant=refuse, parse_float=finite)
        _check_depth(value)
        return value
    except RecursionError as error:
        raise UnsafeFileError(f"Not allowed: {label} is nested too deeply.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{label} is not text: {error}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{label} is not JSON: {error}") from error
    except UnsafeFileError:
        raise
    except ValueError as error:  # an integer of more digits than Python reads
        raise UnsafeFileError(f"Not allowed: {label} holds a number that is none: {error}") from error


def _check_depth(value: Any) -> None:
    """Raise RecursionError if lists and dicts are nested deeper than any model's, whose layers code must go through."""
    level, depth = [value], 0
    while level:
        if depth > _MAX_DEPTH:
            raise RecursionError
        depth += 1
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += [v for v in item.values() if isinstance(v, (dict, list))]
            elif isinstance(item, list):
                inner += [v for v in item if isinstance(v, (dict, list))]
        level = inner
