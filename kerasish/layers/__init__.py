"""Layers: functions on tensors with state, the parts of models."""

from kerasish.layers.activation import Activation
from kerasish.layers.dense import Dense
from kerasish.layers.dropout import Dropout
from kerasish.layers.flatten import Flatten
from kerasish.layers.input_layer import Input, InputLayer
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.layers.reshape import Reshape
from kerasish.serialization import deserialize_keras_object as deserialize
from kerasish.serialization import serialize_keras_object as serialize

__all__ = [
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "Reshape",
    "deserialize",
    "serialize",
]
