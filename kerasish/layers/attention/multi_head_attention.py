"""Attention with several heads."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any

from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.attention.heads import BaseHeads, Projections, check_shapes, positive
from kerasish.layers.attention.masks import attention_mask_of


class MultiHeadAttention(BaseHeads):
    """Attention of several heads: each projects queries, keys and values, attends, and their outputs are projected.

    For each head, `softmax(q @ transpose(k) / sqrt(key_dim)) @ v` of `q = query @ Wq + bq` and `k` and `v` likewise
    (Vaswani et al., "Attention is all you need", 2017).

    Example:

    >>> query, value = kerasish.ops.ones((2, 8, 16)), kerasish.ops.ones((2, 4, 16))
    >>> kerasish.layers.MultiHeadAttention(num_heads=2, key_dim=3)(query, value).shape
    (2, 8, 16)

    Args:
        num_heads: Number of heads.
        key_dim: Length of queries and keys of a head.
        value_dim: Length of values of a head, that of keys by default.
        dropout: Probability of dropping a weight in training, from 0 to 1.
        use_bias: Whether projections have biases.
        output_shape: Lengths of the outputs' last axes, those of the query by default.
        attention_axes: Axes that are attended over, all but the batch, the heads and the features by default.
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
        query_mask: Mask that the query carries.
        value_mask: Mask of the values, `(batch, values)`.
        key_mask: Mask of the keys, `(batch, values)`.
        attention_mask: Mask of pairs, that broadcasts to `(batch, queries, values)`.
        return_attention_scores: Whether to return the weights too, `(batch, heads, queries, values)`.
        training: Whether to drop weights.
        use_causal_mask: Whether query i attends to values 0 … i only.

    Raises:
        ValueError: If a number is not positive, or keys are not as many as values.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
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
            depth=positive("key_dim", key_dim),
            dropout_rate=dropout,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            projections=Projections(use_bias, arguments),
            seed=seed,
            **kwargs,
        )
        self._num_heads = positive("num_heads", num_heads)
        self._key_dim = key_dim
        self._value_dim = key_dim if value_dim is None else positive("value_dim", value_dim)
        self._use_gate = use_gate
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        self._output_shape = tuple(output_shape) if output_shape else None
        if isinstance(attention_axes, int):
            attention_axes = (attention_axes,)
        if attention_axes is not None and not isinstance(attention_axes, (list, tuple)):
            raise ValueError(
                f"`attention_axes` must be an int, list, or tuple. Received: attention_axes={attention_axes}"
            )
        self._attention_axes = attention_axes

    @property
    def num_heads(self) -> int:
        """Number of heads."""
        return self._num_heads

    @property
    def key_dim(self) -> int:
        """Length of queries and keys of a head."""
        return self._key_dim

    @property
    def value_dim(self) -> int:
        """Length of values of a head."""
        return self._value_dim

    @property
    def dropout(self) -> float:
        """Probability of dropping a weight in training."""
        return self._rate

    @property
    def use_bias(self) -> bool:
        """Whether projections have biases."""
        return self._projections.use_bias

    @property
    def attention_axes(self) -> Any:
        """Axes that are attended over."""
        return self._attention_axes

    @property
    def query_dense(self) -> Any:
        """The projection of queries."""
        return self._query_dense

    @property
    def key_dense(self) -> Any:
        """The projection of keys."""
        return self._key_dense

    @property
    def value_dense(self) -> Any:
        """The projection of values."""
        return self._value_dense

    @property
    def output_dense(self) -> Any:
        """The projection of what the heads return."""
        return self._output_dense

    def build(self, query_shape: tuple, value_shape: tuple, key_shape: tuple | None = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        check_shapes(value_shape, key_shape)
        heads, key_dim, value_dim = self._num_heads, self._key_dim, self._value_dim

        def project(name: str, shape: tuple, depth: int, activation: Any = None) -> Any:
            equation, bias_axes, free = _projection(len(shape) - 1, 1, 2)
            lengths = [None] * (free - 1) + [heads, depth]
            return self._project(equation, lengths, bias_axes, name, shape, activation)

        self._query_dense = project("query", query_shape, key_dim)
        self._key_dense = project("key", key_shape, key_dim)
        if self._use_gate:
            self._gate_dense = project("gate", query_shape, value_dim, "sigmoid")
        self._value_dense = project("value", value_shape, value_dim)
        self._build_attention(len(value_shape) + 1)
        last = self._output_shape or (query_shape[-1],)
        equation, bias_axes, free = _projection(len(query_shape) - 1, 2, len(last))
        self._output_dense = self._project(
            equation,
            [None] * (free - 1) + list(last),
            bias_axes,
            "attention_output",
            (*query_shape[:-1], heads, value_dim),
        )

    def _build_attention(self, rank: int) -> None:
        """Make what attention needs for projected tensors of `rank` axes."""
        self._attention_axes = self._attended(rank)
        self._equations = _attention_equations(rank, self._attention_axes)
        scores_rank = len(self._equations[0].split("->")[1])
        self._make_softmax(tuple(range(scores_rank - len(self._attention_axes), scores_rank)))

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
            self._equations,
            len(self._attention_axes),
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
        # Keras goes by the mask that the query carries, and so do the outputs.
        mask = attention_mask_of(
            query,
            value,
            query_mask=getattr(query, "_keras_mask", None),
            value_mask=value_mask,
            key_mask=key_mask,
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
            sliding_window=self._window,
        )
        gate = self._gate_dense(query) if self._use_gate else None
        outputs, weights = self._compute_attention(
            self._query_dense(query),
            self._key_dense(key),
            self._value_dense(value),
            mask,
            training,
            return_attention_scores,
        )
        outputs = self._output_dense(outputs if gate is None else outputs * gate)
        return (outputs, weights) if return_attention_scores else outputs

    def compute_output_shape(
        self, query_shape: tuple, value_shape: tuple, key_shape: tuple | None = None
    ) -> tuple:
        check_shapes(value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(self._output_shape or query_shape[-1:]))

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
        axes = self._attended(len(query.shape) + 1)
        apart = [n for i, n in enumerate(query.shape[:-1]) if i not in axes]
        pairs = [*(query.shape[a] for a in axes), *(value.shape[a] for a in axes)]
        return outputs, KerasTensor((*apart, self._num_heads, *pairs), self.compute_dtype)

    def _attended(self, rank: int) -> tuple[int, ...]:
        """Return the axes that are attended over in projected tensors of `rank` axes."""
        axes = range(1, rank - 2) if self._attention_axes is None else self._attention_axes
        return tuple(a if a >= 0 else rank - 1 + a for a in axes)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self._num_heads,
            "key_dim": self._key_dim,
            "value_dim": self._value_dim,
            "dropout": self._rate,
            "use_bias": self.use_bias,
            "use_gate": self._use_gate,
            "output_shape": self._output_shape,
            "attention_axes": self._attention_axes,
            "sliding_window": self._window,
            **self._projections.config(),
            "seed": self.seed,
        }


def _projection(free: int, bound: int, made: int) -> tuple[str, str, int]:
    """Return the equation of a projection that keeps `free` axes, sums over `bound` ones and makes `made` ones.

    Returns:
        The equation, the names of the made axes, and the number of those kept.
    """
    kept = ascii_lowercase[:free]
    summed = ascii_lowercase[free : free + bound]
    new = ascii_lowercase[free + bound : free + bound + made]
    return f"{kept}{summed},{summed}{new}->{kept}{new}", new, free


def _attention_equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str]:
    """Return the equations of the weights from key and query, and of the outputs from weights and values.

    Args:
        rank: Number of axes of projected tensors: batch, others, those attended over, heads, features.
        axes: Those attended over.
    """
    target = ascii_lowercase[:rank]
    fresh = iter(ascii_lowercase[rank:])
    source = "".join(next(fresh) if i in axes else target[i] for i in range(rank))
    batch = "".join(target[i] for i in range(rank - 1) if i not in axes)
    weights = batch + "".join(target[i] for i in axes) + "".join(source[i] for i in axes)
    return f"{source},{target}->{weights}", f"{weights},{source}->{target}"
