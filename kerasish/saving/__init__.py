"""Saving and loading of models and weights in Keras's own file formats, and registration of objects."""

from kerasish.saving.api import load_model, load_weights, save_model, save_weights
from kerasish.saving.file_editor import KerasFileEditor
from kerasish.saving.inspection import Inspection, inspect
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

__all__ = [
    "CustomObjectScope",
    "Inspection",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "inspect",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
