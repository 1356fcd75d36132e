"""Utilities, under the names of `keras.utils`.

Those that not every program uses (downloads, progress bars, drawings, ...) are loaded when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish.autograd.dtypes import standardize_dtype
from kerasish.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from kerasish.utils.data_utils import pack_x_y_sample_weight, unpack_x_y_sample_weight
from kerasish.utils.io_utils import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from kerasish.utils.py_dataset import PyDataset

if TYPE_CHECKING:
    from typing import Any

    from kerasish.utils.drawing import draw, model_to_dot, plot_model, remember, to_dot, to_svg
    from kerasish.utils.file_utils import get_file
    from kerasish.utils.numerical_utils import normalize, to_categorical
    from kerasish.utils.progbar import Progbar
    from kerasish.utils.rng_utils import set_random_seed
    from kerasish.utils.sequence_utils import pad_sequences
    from kerasish.utils.summary_utils import print_summary

Sequence = PyDataset

_LAZY = {
    "Progbar": "progbar",
    "draw": "drawing",
    "get_file": "file_utils",
    "model_to_dot": "drawing",
    "normalize": "numerical_utils",
    "pad_sequences": "sequence_utils",
    "plot_model": "drawing",
    "print_summary": "summary_utils",
    "remember": "drawing",
    "set_random_seed": "rng_utils",
    "to_categorical": "numerical_utils",
    "to_dot": "drawing",
    "to_svg": "drawing",
}

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "draw",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "print_summary",
    "register_keras_serializable",
    "remember",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "to_dot",
    "to_svg",
    "unpack_x_y_sample_weight",
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
