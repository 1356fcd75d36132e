"""Global settings that Keras calls its config: float type, fuzz factor, image layout.

They are plain module state read when a layer or tensor is made; changing one does not touch what exists already.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kerasish.dtype_policies import DTypePolicy

_FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
_IMAGE_FORMATS = ("channels_last", "channels_first")

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_interactive_logging = True
_traceback_filtering = True
_flash_attention: bool | None = None
_tf32 = False
_numeric_checks = False
_told_of_numeric_checks: list[Callable[[], None]] = []
_max_epochs: int | None = int(os.environ["KERAS_MAX_EPOCHS"]) if "KERAS_MAX_EPOCHS" in os.environ else None
_max_steps_per_epoch: int | None = (
    int(os.environ["KERAS_MAX_STEPS_PER_EPOCH"]) if "KERAS_MAX_STEPS_PER_EPOCH" in os.environ else None
)


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


def dtype_policy() -> DTypePolicy:
    """Return the dtype policy of layers that are given none: that of the default float type, unless set.

    Example:

    >>> kerasish.config.dtype_policy()
    <DTypePolicy "float32">
    """
    from kerasish import dtype_policies

    return dtype_policies.dtype_policy()


def set_dtype_policy(policy: str | DTypePolicy | None) -> None:
    """Set the dtype policy of layers that are given none.

    Example:

    >>> kerasish.config.set_dtype_policy("mixed_float16")

    Args:
        policy: A policy or its name, such as `"float32"` or `"mixed_float16"`. None unsets it: the default float type
            decides again, which a policy that is set, `"float32"` too, keeps from deciding.

    Raises:
        ValueError: If there is no policy of this name.
    """
    from kerasish import dtype_policies

    dtype_policies.set_dtype_policy(policy)


def enable_interactive_logging() -> None:
    """Show progress and messages on standard output (the default)."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Send progress and messages to the logger named `kerasish` (level INFO) instead of standard output."""
    global _interactive_logging
    _interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Return whether progress and messages go to standard output."""
    return _interactive_logging


def enable_traceback_filtering() -> None:
    """Set the flag that Keras hides its own frames by; here tracebacks are short and always whole."""
    global _traceback_filtering
    _traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Clear the flag that Keras hides its own frames by; here tracebacks are short and always whole."""
    global _traceback_filtering
    _traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Return the flag of `enable_traceback_filtering`."""
    return _traceback_filtering


def enable_flash_attention() -> None:
    """Set the flag that lets Keras choose a fused attention kernel; here attention is computed in one way only."""
    global _flash_attention
    _flash_attention = True


def disable_flash_attention() -> None:
    """Clear the flag that lets Keras choose a fused attention kernel; here attention is computed in one way only."""
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """Return the flag of `enable_flash_attention`; None where it was neither set nor cleared."""
    return _flash_attention


def enable_tf32() -> None:
    """Let GPUs multiply float32 matrices in TF32: the factors are rounded to 11 bits, sums are formed in float32.

    It is several times as fast on NVIDIA GPUs since Ampere, with relative errors of about 1e-3, and applies to what is
    compiled from then on. Eager products are CuPy's, which asks the variable `CUPY_TF32`.

    Example:

    >>> kerasish.config.enable_tf32()
    """
    global _tf32
    _tf32 = True


def disable_tf32() -> None:
    """Let GPUs multiply float32 matrices in float32 (the default)."""
    global _tf32
    _tf32 = False


def is_tf32_enabled() -> bool:
    """Return whether GPUs may multiply float32 matrices in TF32."""
    return _tf32


def enable_numeric_checks() -> None:
    """Let the first operation that makes a NaN or an infinity out of finite numbers raise an error that names it.

    The error, a `FloatingPointError`, says which operation of which layer, loss, metric or optimizer it was, from which
    line of the program it was called, whether it was a gradient, and the ranges of what it was computed from. It is
    found in eager and in compiled execution, in `fit`, `evaluate`, `predict`, in functions and in loops. A compiled
    step that raises it has changed no variable.

    While the checks are on, compiled steps run op by op on the graph that was traced, several times slower. While they
    are off they cost nothing.

    An infinity that the program itself puts in, as a mask may, is no error, nor is a NaN in data that is dealt with.
    Gradients in `float16` may overflow: scaling the loss looks after that.

    Example:

    >>> kerasish.config.enable_numeric_checks()
    >>> kerasish.ops.log(kerasish.ops.array([1.0, -1.0]))
    Traceback (most recent call last):
    FloatingPointError: The first NaN appeared in `log` ...
    >>> kerasish.config.disable_numeric_checks()
    """
    _set_numeric_checks(True)


def disable_numeric_checks() -> None:
    """Compute without looking for NaN and infinities (the default; see `enable_numeric_checks`)."""
    _set_numeric_checks(False)


def is_numeric_checks_enabled() -> bool:
    """Return whether operations look for NaN and infinities (see `enable_numeric_checks`)."""
    return _numeric_checks


def _set_numeric_checks(value: bool) -> None:
    global _numeric_checks
    if value != _numeric_checks:
        _numeric_checks = value
        for tell in _told_of_numeric_checks:
            tell()


def call_when_numeric_checks_change(function: Callable[[], None]) -> None:
    """Have `function` called when the checks are turned on or off: what was made for the other case has to go."""
    _told_of_numeric_checks.append(function)


def max_epochs() -> int | None:
    """Return the most epochs that `fit` runs; None for no limit."""
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`, to try a script out. The variable `KERAS_MAX_EPOCHS` does the same from outside.

    Args:
        max_epochs: The most epochs that `fit` runs; None for no limit.
    """
    global _max_epochs
    _max_epochs = max_epochs


def max_steps_per_epoch() -> int | None:
    """Return the most batches in an epoch of `fit`, `evaluate` or `predict`; None for no limit."""
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of every `fit`, `evaluate` and `predict`, to try a script out.

    The variable `KERAS_MAX_STEPS_PER_EPOCH` does the same from outside.

    Args:
        max_steps_per_epoch: The most batches in an epoch; None for no limit.
    """
    global _max_steps_per_epoch
    _max_steps_per_epoch = max_steps_per_epoch
