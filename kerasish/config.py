"""Global settings that Keras calls its config: float type, fuzz factor, image layout.

They are plain module state read when a layer or tensor is made; changing one does not touch what exists already.
"""

from __future__ import annotations

_FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
_IMAGE_FORMATS = ("channels_last", "channels_first")

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"


def floatx() -> str:
    """Return the default float type, as a string.

    Example:

    >>> kerasish.config.floatx()
    'float32'

    Returns:
        `"float16"`, `"float32"` (the default) or `"float64"`.
    """
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type of new weights and tensors.

    Example:

    >>> kerasish.config.set_floatx("float64")

    Args:
        value: `"bfloat16"`, `"float16"`, `"float32"` or `"float64"`.

    Raises:
        ValueError: If `value` is none of these.
    """
    global _floatx
    if value not in _FLOAT_TYPES:
        raise ValueError(f"Unknown `floatx` value: {value!r}. Expected one of {set(_FLOAT_TYPES)}.")
    _floatx = str(value)


def epsilon() -> float:
    """Return the small number that keeps divisions and logarithms finite (1e-7 unless set).

    Example:

    >>> kerasish.config.epsilon()
    1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the small number that keeps divisions and logarithms finite.

    Args:
        value: The new fuzz factor, a positive float.
    """
    global _epsilon
    _epsilon = value


def image_data_format() -> str:
    """Return the default image layout: `"channels_last"` or `"channels_first"`."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default image layout.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: If `data_format` is neither.
    """
    global _image_data_format
    value = str(data_format).lower()
    if value not in _IMAGE_FORMATS:
        raise ValueError(
            f"The `data_format` argument must be one of {_IMAGE_FORMATS}. Received: data_format={data_format!r}"
        )
    _image_data_format = value


def standardize_data_format(data_format: str | None) -> str:
    """Return `data_format` checked and in lower case, or the default where it is None."""
    if data_format is None:
        return _image_data_format
    value = str(data_format).lower()
    if value not in _IMAGE_FORMATS:
        raise ValueError(
            f"The `data_format` argument must be one of {_IMAGE_FORMATS}. Received: data_format={data_format!r}"
        )
    return value


def backend() -> str:
    """Return the name of the backend: always `"kerasish"`."""
    return "kerasish"
