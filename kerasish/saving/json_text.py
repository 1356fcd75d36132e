"""JSON from files of unknown origin."""

from __future__ import annotations

import math
from typing import Any

from kerasish.saving.errors import UnsafeFileError


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

    try:
        return json.loads(text, parse_constant=refuse, parse_float=finite)
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
