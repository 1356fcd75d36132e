"""A dense layer over any axes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kerasish import activations, constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.initializers import VarianceScaling
from kerasish.layers.adaptation import refuse_adaptation
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer


class EinsumDense(Layer):
    """A dense layer whose product is written as an `einsum` equation: `activation(einsum(inputs, kernel) + bias)`.

    Example:

    >>> layer = kerasish.layers.EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")
    >>> layer(kerasish.ops.ones((2, 32, 128))).shape
    (2, 32, 64)

    Args:
        equation: Names of the axes of the inputs, the kernel and the outputs: `"ab,bc->ac"`, with `...` in front of or
            behind those of inputs and outputs for any further axes.
        output_shape: Lengths of the outputs' axes, without the batch and what `...` stands for; None where an axis is
            the inputs' own.
        activation: Function applied to the outputs: a callable or a name; none by default.
        bias_axes: The names of the outputs' axes that the bias has; None for no bias.
        kernel_initializer: Initial values of the kernel.
        bias_initializer: Initial values of the bias.
        kernel_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        kernel_constraint: Map to allowed kernels, applied after each update.
        bias_constraint: Map to allowed biases, applied after each update.

    Raises:
        ValueError: If the equation has another form, or does not fit the shapes.
    """

    kernel: Any  # made by `build`

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        refuse_adaptation(
            "EinsumDense", lora_rank, lora_alpha, quantization_config or gptq_unpacked_column_size
        )
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._linear = self.activation is None or self.activation is activations.linear

    def build(self, input_shape: tuple) -> None:
        axes = _Axes(self.equation, tuple(input_shape), self.partial_output_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        self.kernel = self.add_weight(
            name="kernel",
            shape=axes.kernel_shape(),
            initializer=_with_axes(self.kernel_initializer, *axes.fan_axes()),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.bias_axes is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=axes.bias_shape(self.bias_axes),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        outputs = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            outputs = outputs + self.bias
        return outputs if self._linear else self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return tuple(_Axes(self.equation, tuple(input_shape), self.partial_output_shape).output_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "quantization_config": None,
        }


def _with_axes(initializer: Any, inputs: list[int], outputs: list[int]) -> Any:
    """Return an initializer that knows which axes of the kernel are inputs and outputs, if it depends on them."""
    if not isinstance(initializer, VarianceScaling):
        return initializer
    if initializer.input_axes is not None and initializer.output_axes is not None:
        return initializer
    own = {**initializer.get_config(), "seed": initializer.seed}
    return type(initializer).from_config({**own, "input_axes": inputs, "output_axes": outputs})


_FORMS = (
    r"(?P<x>[a-zA-Z]+),(?P<w>[a-zA-Z]+)->(?P<y>[a-zA-Z]+)",
    r"(?P<left>\.\.\.)(?P<x>[a-zA-Z]+),(?P<w>[a-zA-Z]+)->\.\.\.(?P<y>[a-zA-Z]+)",
    r"(?P<x>[a-zA-Z]{2,})\.\.\.,(?P<w>[a-zA-Z]+)->(?P<y>[a-zA-Z]+)\.\.\.",
)


class _Axes:
    """The axes of an equation and their lengths.

    Attributes:
        output_shape: The whole shape of the outputs.
    """

    def __init__(self, equation: str, input_shape: tuple, output_shape: tuple):
        found = next((match for form in _FORMS if (match := re.fullmatch(form, equation))), None)
        if found is None:
            raise ValueError(
                f"Invalid einsum equation '{equation}'. Equations must be in the form [X],[Y]->[Z], "
                "...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
            )
        self._x, self._w, self._y = found["x"], found["w"], found["y"]
        self._left = bool(found.groupdict().get("left"))
        elided = self._elided = len(input_shape) - len(self._x)
        shape = [input_shape[0], *output_shape]
        if elided > 0 and self._left:
            shape[1:1] = input_shape[1:elided]
        elif elided > 0:
            shape += input_shape[-elided:]
        self.output_shape = shape
        skipped = elided if self._left else 0
        self._inputs = {name: input_shape[skipped + i] for i, name in enumerate(self._x)}
        self._outputs = {name: shape[skipped + i] for i, name in enumerate(self._y)}
        self._check()

    def _check(self) -> None:
        for name, length in self._inputs.items():
            if self._outputs.get(name) not in (None, length):
                raise ValueError(
                    f"Input shape and output shape do not match at shared dimension '{name}'. Input shape is {length}, "
                    f"and output shape is {self._outputs[name]}."
                )
        for name in self._y:
            if name not in self._x and name not in self._w:
                raise ValueError(
                    f"Dimension '{name}' was specified in the output '{self._y}' but has no corresponding dim in the "
                    f"input spec '{self._x}' or weight spec '{self._w}'"
                )
        for name in self._w:
            if name not in self._outputs and name not in self._inputs:
                raise ValueError(
                    f"Weight dimension '{name}' did not have a match in either the input spec '{self._x}' or the "
                    f"output spec '{self._y}'. For this layer, the weight must be fully specified."
                )

    def kernel_shape(self) -> tuple:
        return tuple(self._outputs[n] if n in self._outputs else self._inputs[n] for n in self._w)

    def fan_axes(self) -> tuple[list[int], list[int]]:
        """Return which axes of the kernel are summed over, and which are in the outputs."""
        outputs = [i for i, name in enumerate(self._w) if name in self._outputs]
        return [i for i in range(len(self._w)) if i not in outputs], outputs

    def bias_shape(self, bias_axes: str) -> tuple:
        for name in bias_axes:
            if name not in self._y:
                raise ValueError(
                    f"Bias dimension '{name}' was requested, but is not part of the output spec '{self._y}'"
                )
        first = min(self._y.find(name) for name in bias_axes)
        shape = tuple(self._outputs[name] if name in bias_axes else 1 for name in self._y[first:])
        return shape if self._left else (*shape, *(1,) * max(self._elided, 0))
