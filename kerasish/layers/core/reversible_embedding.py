"""Embedding that also gives logits."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.core.embedding import Embedding


class ReversibleEmbedding(Embedding):
    """Replace each integer by its row of a table, or, called in reverse, give each row's product with the inputs.

    Models of language use one table for both ends: the reverse turns hidden states into logits of the tokens.

    Example:

    >>> layer = kerasish.layers.ReversibleEmbedding(1000, 64)
    >>> hidden = layer(kerasish.ops.zeros((32, 10), "int32"))
    >>> layer(hidden, reverse=True).shape
    (32, 10, 1000)

    Args:
        input_dim: Number of rows: integers are from 0 up to but not including it.
        output_dim: Length of a row.
        tie_weights: Whether the reverse uses the same table, and not one of its own, of shape
            `(output_dim, input_dim)`.
        embeddings_initializer: Initial values of the tables.
        embeddings_regularizer: Penalty on the table of shape `(input_dim, output_dim)`.
        embeddings_constraint: Map to allowed tables, applied to it after each update.
        mask_zero: Whether 0 stands for padding: then the layer gives a mask to those after it.
        reverse_dtype: Type in which the reverse is computed, by default that of its inputs and the table.
        logit_soft_cap: A number that logits stay below in absolute value: `cap * tanh(logits / cap)`.

    Call arguments:
        inputs: Integers; in reverse, a tensor of shape `(..., output_dim)`.
        reverse: Whether logits are wanted, of shape `(..., input_dim)`.

    Raises:
        ValueError: If a length is no positive integer.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: str | None = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        if not reverse:
            result = super().call(inputs)
            if self.mask_zero:  # here, as what is masked depends on the direction
                result._keras_mask = ops.not_equal(inputs, 0)  # type: ignore[attr-defined]
            return result
        kernel = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype is not None:
            inputs, kernel = (ops.cast(x, self.reverse_dtype) for x in (inputs, kernel))
        logits = ops.matmul(inputs, kernel)
        cap = self.logit_soft_cap
        return logits if cap is None else ops.tanh(logits / cap) * cap

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None

    def compute_output_shape(self, input_shape: tuple, reverse: bool = False) -> tuple:
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape, reverse), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }
