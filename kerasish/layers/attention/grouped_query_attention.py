"""Attention whose heads share keys and values."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.attention.heads import BaseHeads, Projections, check_shapes
from kerasish.layers.attention.masks import attention_mask_of


class GroupedQueryAttention(BaseHeads):
    """Attention of several heads, groups of which share their keys and values.

    As many groups as heads is multi-head attention, one group multi-query attention (Ainslie et al., "GQA: training
    generalized multi-query transformer models from multi-head checkpoints", 2023). Exported as `GroupQueryAttention`.

    Example:

    >>> layer = kerasish.layers.GroupQueryAttention(head_dim=8, num_query_heads=4, num_key_value_heads=2)
    >>> layer(kerasish.ops.ones((2, 8, 16)), kerasish.ops.ones((2, 4, 16))).shape
    (2, 8, 16)

    Args:
        head_dim: Length of queries, keys and values of a head.
        num_query_heads: Number of heads.
        num_key_value_heads: Number of groups, a divisor of the number of heads.
        dropout: Probability of dropping a weight in training, from 0 to 1.
        use_bias: Whether projections have biases.
        sliding_window: How many steps away values must be less than; None for any distance.
        flash_attention: Accepted for Keras's sake: there is one way of computing.
        kernel_initializer: Initial values of the projections' kernels.
        bias_initializer: Initial values of the projections' biases.
        kernel_regularizer: Penalty on the kernels.
        bias_regularizer: Penalty on the biases.
        activity_regularizer: Penalty on the projections' outputs.
        kernel_constraint: Map to allowed kernels, applied after each update.
        bias_constraint: Map to allowed biases, applied after each update.
        use_gate: Whether outputs of the heads are multiplied by a sigmoid of a projection of the query.
        seed: An integer that makes the stream of dropouts repeatable.

    Call arguments:
        query: Tensor `(batch, queries, features)`.
        value: Tensor `(batch, values, features)`.
        key: Tensor `(batch, values, features)`, the value by default.
        query_mask: Mask of the queries, `(batch, queries)`.
        value_mask: Mask of the values, `(batch, values)`.
        key_mask: Mask of the keys, `(batch, values)`.
        attention_mask: Mask of pairs, that broadcasts to `(batch, queries, values)`.
        return_attention_scores: Whether to return the weights too, `(batch, heads, queries, values)`.
        training: Whether to drop weights.
        use_causal_mask: Whether query i attends to values 0 … i only.

    Raises:
        ValueError: If the number of groups does not divide the number of heads.
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "`num_query_heads` must be divisible by `num_key_value_heads`. Received: "
                f"num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}"
            )
        arguments = {
            "kernel_initializer": kernel_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "bias_regularizer": bias_regularizer,
            "activity_regularizer": activity_regularizer,
            "kernel_constraint": kernel_constraint,
            "bias_constraint": bias_constraint,
        }
        super().__init__(
            depth=head_dim,
            dropout_rate=dropout,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            projections=Projections(use_bias, arguments),
            seed=seed,
            **kwargs,
        )
        self.head_dim = head_dim
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads
        self.num_repeats = num_query_heads // num_key_value_heads
        self.dropout = dropout
        self.use_bias = use_bias
        self.use_gate = use_gate
        self.sliding_window = sliding_window

    def build(self, query_shape: tuple, value_shape: tuple, key_shape: tuple | None = None) -> None:
        # Axes: b batch, q queries, k values, m features, u heads, v groups of them, h features of a head.
        key_shape = value_shape if key_shape is None else key_shape
        self.feature_dim = query_shape[-1]
        queries = (None, self.num_query_heads, self.head_dim)
        values = (None, self.num_key_value_heads, self.head_dim)
        self._query_dense = self._project("bqm,muh->bquh", queries, "uh", "query", query_shape)
        self._key_dense = self._project("bkm,mvh->bkvh", values, "vh", "key", key_shape)
        if self.use_gate:
            self._gate_dense = self._project("bqm,muh->bquh", queries, "uh", "gate", query_shape, "sigmoid")
        self._value_dense = self._project("bkm,mvh->bkvh", values, "vh", "value", value_shape)
        self._make_softmax(-1)
        self._output_dense = self._project(
            "bquh,uhm->bqm", (None, self.feature_dim), "m", "attention_output", (None, *queries)
        )

    def _compute_attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the outputs of the heads and their weights; override it for attention of another kind."""
        return self._attend(
            query,
            key,
            value,
            attention_mask,
            training,
            return_attention_scores,
            use_causal_mask,
            ("bkuh,bquh->buqk", "buqk,bkuh->bquh"),
        )

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        mask = attention_mask_of(
            query,
            value,
            query_mask=query_mask,
            value_mask=value_mask,
            key_mask=key_mask,
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
            sliding_window=self._window,
        )
        gate = self._gate_dense(query) if self.use_gate else None
        outputs, weights = self._compute_attention(
            self._query_dense(query),
            ops.repeat(self._key_dense(key), self.num_repeats, axis=2),
            ops.repeat(self._value_dense(value), self.num_repeats, axis=2),
            mask,
            training,
            return_attention_scores,
        )
        outputs = self._output_dense(outputs if gate is None else outputs * gate)
        return (outputs, weights) if return_attention_scores else outputs

    def compute_output_shape(
        self, query_shape: tuple, value_shape: tuple, key_shape: tuple | None = None
    ) -> tuple:
        if query_shape[-1] != value_shape[-1]:
            raise ValueError(
                "The last dimension of `query_shape` and `value_shape` must be equal, but are "
                f"{query_shape[-1]}, {value_shape[-1]}. Received: query_shape={query_shape}, value_shape={value_shape}"
            )
        check_shapes(value_shape, value_shape if key_shape is None else key_shape)
        return query_shape

    def compute_output_spec(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        shape = self.compute_output_shape(query.shape, value.shape, None if key is None else key.shape)
        outputs = KerasTensor(shape, self.compute_dtype)
        if not return_attention_scores:
            return outputs
        weights = (query.shape[0], self.num_query_heads, query.shape[1], value.shape[1])
        return outputs, KerasTensor(weights, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "sliding_window": self.sliding_window,
            "dropout": self.dropout,
            **self._projections.config(),
            "seed": self.seed,
        }
