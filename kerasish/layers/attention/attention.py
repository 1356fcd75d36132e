"""Attention with one head: of dot products, and of sums."""

from __future__ import annotations

from typing import Any

from kerasish import ops, random
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.attention.masks import causal_mask
from kerasish.layers.layer import Layer


class Attention(Layer):
    """Dot-product attention: `softmax(query @ transpose(key)) @ value` (Luong et al., 2015).

    Example:

    >>> query, value = kerasish.ops.ones((2, 3, 16)), kerasish.ops.ones((2, 4, 16))
    >>> kerasish.layers.Attention()([query, value]).shape
    (2, 3, 16)

    Args:
        use_scale: Whether scores are multiplied by a number that is learned.
        score_mode: `"dot"` for `query @ transpose(key)`, `"concat"` for `sum(tanh(query + key))` times a number that
            is learned.
        dropout: Probability of dropping a weight in training, from 0 to 1.
        seed: An integer that makes the stream of choices repeatable.

    Call arguments:
        inputs: List of the query `(batch, queries, features)`, the value `(batch, values, features)` and, where it is
            not the value, the key `(batch, values, features)`.
        mask: List of the query's mask `(batch, queries)`, which makes outputs zero, and the value's `(batch, values)`,
            which keeps values from being attended to; None for no mask.
        training: Whether to drop weights.
        return_attention_scores: Whether to return the weights too, `(batch, queries, values)`.
        use_causal_mask: Whether query i attends to values 0 … i only.

    Raises:
        ValueError: If inputs or masks are no list of two or three, or `score_mode` is unknown.
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                "Invalid value for argument score_mode. Expected one of {'dot', 'concat'}. "
                f"Received: score_mode={score_mode}"
            )
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def build(self, input_shape: list) -> None:
        self._check_inputs(input_shape)
        self.scale = self.concat_score_weight = None
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                name="concat_score_weight", shape=(), initializer="ones"
            )

    def _calculate_scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the score of each value for each query."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else scores * self.scale
        sums = pairwise_sums(query, key)
        if self.scale is not None:
            sums = self.scale * sums
        return self.concat_score_weight * ops.sum(ops.tanh(sums), axis=-1)

    def _apply_scores(
        self, scores: Tensor, value: Tensor, scores_mask: Any = None, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return the values averaged by the softmax of their scores, and the weights of that average."""
        if scores_mask is not None:
            if scores_mask.ndim == 2:
                scores_mask = ops.expand_dims(scores_mask, -2)
            large = 65504.0 if scores.dtype == "float16" else 1.0e9
            scores = ops.where(scores_mask, scores, scores - large)
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        return ops.matmul(weights, value), weights

    def _calculate_score_mask(self, scores: Tensor, value_mask: Any, use_causal_mask: bool) -> Any:
        if not use_causal_mask:
            return value_mask
        causal = causal_mask(scores.shape[-2], scores.shape[-1])
        return causal if value_mask is None else ops.logical_and(ops.expand_dims(value_mask, -2), causal)

    def call(
        self,
        inputs: list[Tensor],
        mask: list | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_inputs(inputs, mask)
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (as_bool(m) for m in mask[:2]) if mask else (None, None)
        scores = self._calculate_scores(query, key)
        scores_mask = self._calculate_score_mask(scores, value_mask, use_causal_mask)
        outputs, weights = self._apply_scores(scores, value, scores_mask, training)
        if query_mask is not None:
            outputs = ops.where(ops.expand_dims(query_mask, -1), outputs, 0)
        return (outputs, weights) if return_attention_scores else outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        self._check_inputs(inputs, mask)
        return None if mask is None or mask[0] is None else ops.convert_to_tensor(mask[0])

    def compute_output_shape(self, input_shape: list) -> tuple:
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(
        self,
        inputs: list,
        mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_inputs(inputs, mask)
        query, key = inputs[0], inputs[-1]
        outputs = KerasTensor(self.compute_output_shape([x.shape for x in inputs]), self.compute_dtype)
        if not return_attention_scores:
            return outputs
        return outputs, KerasTensor((*query.shape[:-1], key.shape[-2]), self.compute_dtype)

    def _check_inputs(self, inputs: Any, mask: Any = None) -> None:
        name = type(self).__name__
        if not isinstance(inputs, list):
            raise ValueError(
                f"{name} layer must be called on a list of inputs, namely [query, value] or [query, value, key]. "
                f"Received: inputs={inputs}."
            )
        if len(inputs) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts inputs list of length 2 or 3, namely [query, value] or [query, value, key]. "
                f"Received length: {len(inputs)}."
            )
        if mask is None:
            return
        if not isinstance(mask, list):
            raise ValueError(
                f"{name} layer mask must be a list, namely [query_mask, value_mask]. Received: mask={mask}."
            )
        if len(mask) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts mask list of length 2 or 3. Received: inputs={inputs}, mask={mask}."
            )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }


class AdditiveAttention(Attention):
    """Additive attention: `softmax(sum(scale * tanh(query + key))) @ value` (Bahdanau et al., 2015).

    Example:

    >>> query, value = kerasish.ops.ones((2, 3, 16)), kerasish.ops.ones((2, 4, 16))
    >>> kerasish.layers.AdditiveAttention()([query, value]).shape
    (2, 3, 16)

    Args:
        use_scale: Whether features are weighted by numbers that are learned.
        dropout: Probability of dropping a weight in training, from 0 to 1.

    Call arguments:
        As those of `Attention`.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: list) -> None:
        self._check_inputs(input_shape)
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight(
                name="scale", shape=(input_shape[0][-1],), initializer="glorot_uniform"
            )

    def _calculate_scores(self, query: Tensor, key: Tensor) -> Tensor:
        terms = ops.tanh(pairwise_sums(query, key))
        return ops.sum(terms if self.scale is None else self.scale * terms, axis=-1)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["score_mode"]
        return config


def pairwise_sums(query: Tensor, key: Tensor) -> Tensor:
    """Return each query plus each key: `(batch, queries, keys, features)`."""
    return ops.expand_dims(query, -2) + ops.expand_dims(key, -3)


def as_bool(mask: Any) -> Any:
    """Return a mask as a bool tensor; None stays None."""
    return None if mask is None else ops.cast(mask, "bool")
