"""What attention layers with several heads share: projections of their inputs, and attention of what is projected."""

from __future__ import annotations

import math
from typing import Any

from kerasish import constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.layers.activations.softmax import Softmax
from kerasish.layers.attention.masks import causal_mask
from kerasish.layers.core.einsum_dense import EinsumDense
from kerasish.layers.layer import Layer
from kerasish.layers.regularization.dropout import Dropout

KINDS = ("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
         "activity_regularizer", "kernel_constraint", "bias_constraint")  # fmt: skip
_MODULES = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


class Projections:
    """The arguments that all projections of a layer share.

    Args:
        use_bias: Whether there are biases.
        arguments: Initializers, regularizers and constraints by the names in `KINDS`.
    """

    def __init__(self, use_bias: bool, arguments: dict[str, Any]):
        self.use_bias = use_bias
        self.shared = {name: _MODULES[name.split("_")[-1]].get(arguments[name]) for name in KINDS}

    def make(
        self,
        equation: str,
        output_shape: tuple,
        bias_axes: str,
        name: str,
        dtype: Any,
        activation: Any = None,
    ) -> EinsumDense:
        """Return one projection, with initializers of its own, as an initializer draws the same numbers each time."""
        own = {
            kind: type(self.shared[kind]).from_config(self.shared[kind].get_config())
            for kind in ("kernel_initializer", "bias_initializer")
        }
        layer = EinsumDense(
            equation,
            output_shape=output_shape,
            activation=activation,
            bias_axes=bias_axes if self.use_bias else None,
            name=name,
            dtype=dtype,
            **{**self.shared, **own},
        )
        layer.supports_masking = True  # the layer around it takes care of masks
        return layer

    def config(self) -> dict[str, Any]:
        """Return the shared arguments as configs hold them."""
        return {name: _MODULES[name.split("_")[-1]].serialize(value) for name, value in self.shared.items()}


class BaseHeads(Layer):
    """A layer whose heads attend by `softmax(query @ transpose(key) / sqrt(depth)) @ value`.

    Args:
        depth: Length of queries and keys of a head.
        dropout_rate: Probability of dropping a weight in training.
        sliding_window: How many steps away values must be less than; None for any distance.
        flash_attention: Accepted for Keras's sake: there is one way of computing.
        projections: What the projections share.
        seed: Where the stream of dropouts starts.
    """

    def __init__(
        self,
        *,
        depth: int,
        dropout_rate: float,
        sliding_window: int | None,
        flash_attention: bool | None,
        projections: Projections,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if sliding_window is not None and (not isinstance(sliding_window, int) or sliding_window <= 0):
            raise ValueError(
                f"`sliding_window` must be `None` or a positive integer. Received: sliding_window={sliding_window}"
            )
        if flash_attention and dropout_rate > 0.0:
            raise ValueError(
                "Dropout is not supported when flash attention is enabled. Please set dropout to 0.0 to use flash "
                f"attention. Received: dropout={dropout_rate}"
            )
        self.supports_masking = True
        self.seed = seed
        self._window = sliding_window
        self._flash_attention = bool(flash_attention)
        self._projections = projections
        self._rate = dropout_rate
        self._factor = 1.0 / math.sqrt(float(depth))

    def _project(
        self,
        equation: str,
        output_shape: Any,
        bias_axes: str,
        name: str,
        input_shape: Any,
        activation: Any = None,
    ) -> EinsumDense:
        layer = self._projections.make(
            equation, tuple(output_shape), bias_axes, name, self.dtype_policy, activation
        )
        layer.build(tuple(input_shape))
        return layer

    def _make_softmax(self, axes: Any) -> None:
        self._softmax = Softmax(axis=axes, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(rate=self._rate, dtype=self.dtype_policy, seed=self.seed)

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Any,
        training: bool | None,
        return_scores: bool,
        use_causal_mask: bool,
        equations: tuple[str, str],
        attention_rank: int = 1,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the values averaged by how well keys match queries, and the weights where they were asked for.

        Args:
            query: Tensor `(batch, ..., queries, heads, depth)`.
            key: Tensor `(batch, ..., values, heads, depth)`.
            value: Tensor `(batch, ..., values, heads, value depth)`.
            mask: Which query may attend to which value, without the axis of the heads; or None.
            training: Whether to drop weights.
            return_scores: Whether the weights are returned.
            use_causal_mask: Whether queries attend to nothing after them.
            equations: Of the weights from key and query, and of the outputs from weights and values.
            attention_rank: Over how many axes queries attend.
        """
        if self._flash_attention and return_scores:
            raise ValueError(
                "Returning attention scores is not supported when flash attention is enabled. Please disable flash "
                "attention to access attention scores."
            )
        if self._rate == 0 and not return_scores and query.ndim == 4:
            outputs = ops.dot_product_attention(
                query,
                key,
                value,
                mask=_with_heads(mask, 4, attention_rank),
                scale=self._factor,
                is_causal=use_causal_mask,
            )
            return outputs, None
        if use_causal_mask:
            causal = causal_mask(query.shape[1], value.shape[1])
            mask = causal if mask is None else ops.logical_and(ops.cast(mask, "bool"), causal)
        scores = ops.einsum(equations[0], key, query * self._factor)
        weights = self._softmax(scores, mask=_with_heads(mask, scores.ndim, attention_rank))
        kept = self._dropout_layer(weights, training=training) if self._rate > 0 else weights
        return ops.einsum(equations[1], kept, value), weights


def _with_heads(mask: Any, rank: int, attention_rank: int) -> Any:
    """Return a mask with axes of length one for the heads and whatever else it lacks."""
    if mask is None or mask.ndim >= rank:
        return mask
    at = mask.ndim - 2 * attention_rank
    return ops.expand_dims(mask, tuple(range(at, at + rank - mask.ndim)))


def check_shapes(value_shape: tuple, key_shape: tuple) -> None:
    """Raise ValueError unless there is a key for each value."""
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ValueError(
            "All dimensions of `value` and `key`, except the last one, must be equal. Received: "
            f"value_shape={value_shape} and key_shape={key_shape}"
        )


def positive(name: str, value: Any) -> int:
    """Return `value`, which must be a positive integer."""
    if not isinstance(value, int) or value <= 0:
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected a positive integer. Received: {name}={value}"
        )
    return value
