"""The fully connected layer."""

from __future__ import annotations

from typing import Any

from kerasish import activations, constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.layers.adaptation import refuse_adaptation
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.ops.products import affine


class Dense(Layer):
    """A fully connected layer: `outputs = activation(inputs @ kernel + bias)`.

    Example:

    >>> kerasish.layers.Dense(8, activation="relu")(kerasish.ops.ones((2, 16))).shape
    (2, 8)

    Args:
        units: Length of the last axis of the outputs, a positive integer.
        activation: Function applied to the outputs: a callable or a name; none by default.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial values of the kernel, of shape `(input length, units)`.
        bias_initializer: Initial values of the bias, of shape `(units,)`.
        kernel_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on the outputs.
        kernel_constraint: Map to allowed kernels, applied after each update.
        bias_constraint: Map to allowed biases, applied after each update.

    Input shape:
        `(batch, ..., input length)`.

    Output shape:
        `(batch, ..., units)`.

    Raises:
        ValueError: If `units` is no positive integer.
    """

    kernel: Any  # made by `build`

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        if not isinstance(units, int) or units <= 0:
            raise ValueError(
                f"Received an invalid value for `units`, expected a positive integer. Received: units={units}"
            )
        refuse_adaptation("Dense", lora_rank, lora_alpha, quantization_config)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        self._linear = self.activation is None or self.activation is activations.linear

    def build(self, input_shape: tuple) -> None:
        length = input_shape[-1]
        if length is None:
            raise ValueError(
                f"The last axis of the inputs to layer '{self.name}' must have a known length. "
                f"Received: input_shape={input_shape}"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(length, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: length})

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if self.bias is None:
            outputs = ops.matmul(inputs, self.kernel)
        else:
            outputs = affine(inputs, self.kernel, self.bias)
        return outputs if self._linear else self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "quantization_config": None,
        }
