"""Embedding of integers."""

from __future__ import annotations

import warnings
from typing import Any

from kerasish import constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.adaptation import refuse_adaptation
from kerasish.layers.layer import Layer


class Embedding(Layer):
    """Replace each integer by its row of a table that is learned.

    Example:

    >>> kerasish.layers.Embedding(1000, 64)(kerasish.ops.zeros((32, 10), "int32")).shape
    (32, 10, 64)

    Args:
        input_dim: Number of rows: integers are from 0 up to but not including it.
        output_dim: Length of a row.
        embeddings_initializer: Initial values of the table, of shape `(input_dim, output_dim)`.
        embeddings_regularizer: Penalty on the table.
        embeddings_constraint: Map to allowed tables, applied after each update.
        mask_zero: Whether 0 stands for padding: then the layer gives a mask to those after it.
        weights: The table to start with.

    Input shape:
        Any, of integers.

    Output shape:
        `(*input shape, output_dim)`.

    Raises:
        ValueError: If a length is no positive integer.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        for argument, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise ValueError(
                    f"`{argument}` must be a positive integer. Received: {argument}={value} "
                    f"(of type {type(value).__name__})."
                )
        refuse_adaptation("Embedding", lora_rank, lora_alpha, quantization_config)
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Argument `input_length` is deprecated. Just remove it.", stacklevel=2)
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self._embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    @property
    def embeddings(self) -> Any:
        """The table.

        Raises:
            AttributeError: If the layer is not built.
        """
        if not self.built:
            raise AttributeError("You must build the layer before accessing `embeddings`.")
        return self._embeddings

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        return ops.cast(ops.take(self._embeddings, inputs, axis=0), self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
            "quantization_config": None,
        }
