"""What all convolution layers share: their windows, the bias and the activation."""

from __future__ import annotations

from typing import Any

from kerasish import activations, constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.autograd.variable import Variable
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.layers.window_arguments import (
    join_shape,
    split_shape,
    standardize_padding,
    standardize_tuple,
    windowed_lengths,
)


class BaseConvolution(Layer):
    """A layer that moves windows over one to three spatial axes and adds a bias and an activation.

    A subclass says how many spatial axes there are (`rank`), makes its kernels by `_add_kernel` and computes
    `call` by `_finish`.
    """

    rank: int
    _paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        *,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        rank = self.rank
        self.kernel_size = standardize_tuple(kernel_size, rank, "kernel_size")
        self.strides = standardize_tuple(strides, rank, "strides")
        self.dilation_rate = standardize_tuple(dilation_rate, rank, "dilation_rate")
        self.padding = standardize_padding(padding, self._paddings)
        self.data_format = standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=rank + 2)
        self._linear = self.activation is None or self.activation is activations.linear

    def _check_positive(self, name: str, value: Any) -> None:
        if value is not None and value <= 0:
            raise ValueError(
                f"Invalid value for argument `{name}`. Expected a strictly positive value. Received {name}={value}."
            )

    def _check_strides_or_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}"
            )

    def _input_channels(self, input_shape: tuple) -> int:
        """Return the number of channels of the inputs, and expect as many from here on."""
        channels = split_shape(input_shape, self.data_format)[2]
        if channels is None:
            raise ValueError(
                f"The channels axis of the inputs to layer '{self.name}' must have a known length. "
                f"Received: input_shape={input_shape} (data_format='{self.data_format}')"
            )
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _add_kernel(self, name: str, shape: tuple, kind: str) -> Variable:
        """Make a kernel with the `kind`'s own initializer, regularizer and constraint."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    def _add_bias(self, length: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(length,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _finish(self, outputs: Tensor) -> Tensor:
        """Add the bias and apply the activation."""
        if self.bias is not None:
            bias: Tensor = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (*bias.shape, *(1,) * self.rank))
            outputs = outputs + bias
        return outputs if self._linear else self.activation(outputs)

    def _convolved_shape(self, input_shape: tuple, filters: int) -> tuple:
        batch, lengths, _ = split_shape(tuple(input_shape), self.data_format)
        if len(lengths) != self.rank:
            raise ValueError(
                f"Layer '{self.name}' takes inputs of {self.rank + 2} axes. Received: input_shape={input_shape}"
            )
        received = (
            f"`inputs shape={tuple(input_shape)}`, `kernel_size={self.kernel_size}`, "
            f"`dilation_rate={self.dilation_rate}`"
        )
        made = windowed_lengths(
            lengths, self.kernel_size, self.strides, self.padding, self.dilation_rate, received
        )
        return join_shape(batch, made, filters, self.data_format)

    def _window_config(self) -> dict[str, Any]:
        return {
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
        }

    def _weights_config(self, *kinds: str) -> dict[str, Any]:
        """Return the initializers, regularizers and constraints of kernels (by kind) and bias."""
        kinds = (*kinds, "bias")
        found: dict[str, Any] = {}
        for what, module in (
            ("initializer", initializers),
            ("regularizer", regularizers),
            ("constraint", constraints),
        ):
            for kind in kinds:
                found[f"{kind}_{what}"] = module.serialize(getattr(self, f"{kind}_{what}"))
        found["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return found
