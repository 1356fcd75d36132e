"""Configs of objects: registering custom ones, serialising, deserialising, and resolving identifiers."""

from kerasish.serialization.objects import (
    deserialize_keras_object,
    serialize_dict,
    serialize_keras_object,
)
from kerasish.serialization.registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from kerasish.serialization.resolve import resolve
from kerasish.serialization.scopes import (
    ObjectSharingScope,
    SerializableDict,
)

__all__ = [
    "CustomObjectScope",
    "ObjectSharingScope",
    "SerializableDict",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "register_keras_serializable",
    "resolve",
    "serialize_dict",
    "serialize_keras_object",
]
