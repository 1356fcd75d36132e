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

    from kerasish.utils import bounding_boxes
    from kerasish.utils.audio_dataset import audio_dataset_from_directory
    from kerasish.utils.dataset_splitting import split_dataset
    from kerasish.utils.drawing import draw, model_to_dot, plot_model, remember, to_dot, to_svg
    from kerasish.utils.file_utils import get_file
    from kerasish.utils.image_dataset import image_dataset_from_directory
    from kerasish.utils.image_utils import array_to_img, img_to_array, load_img, save_img
    from kerasish.utils.named_values import Config
    from kerasish.utils.numerical_utils import normalize, to_categorical
    from kerasish.utils.progbar import Progbar
    from kerasish.utils.rng_utils import set_random_seed
    from kerasish.utils.sequence_utils import pad_sequences
    from kerasish.utils.session import clear_session, get_source_inputs, is_keras_tensor
    from kerasish.utils.summary_utils import print_summary
    from kerasish.utils.text_dataset import text_dataset_from_directory
    from kerasish.utils.timeseries_dataset import timeseries_dataset_from_array

Sequence = PyDataset

_LAZY = {
    "Config": "named_values",
    "Progbar": "progbar",
    "array_to_img": "image_utils",
    "audio_dataset_from_directory": "audio_dataset",
    "clear_session": "session",
    "draw": "drawing",
    "get_file": "file_utils",
    "get_source_inputs": "session",
    "image_dataset_from_directory": "image_dataset",
    "img_to_array": "image_utils",
    "is_keras_tensor": "session",
    "load_img": "image_utils",
    "model_to_dot": "drawing",
    "normalize": "numerical_utils",
    "pad_sequences": "sequence_utils",
    "plot_model": "drawing",
    "print_summary": "summary_utils",
    "remember": "drawing",
    "save_img": "image_utils",
    "set_random_seed": "rng_utils",
    "split_dataset": "dataset_splitting",
    "text_dataset_from_directory": "text_dataset",
    "timeseries_dataset_from_array": "timeseries_dataset",
    "to_categorical": "numerical_utils",
    "to_dot": "drawing",
    "to_svg": "drawing",
}

__all__ = [
    "Config",
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "draw",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "print_summary",
    "register_keras_serializable",
    "remember",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "to_dot",
    "to_svg",
    "unpack_x_y_sample_weight",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    module = _LAZY.get(name)
    if name == "bounding_boxes":
        return import_module(f"{__name__}.{name}")
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
