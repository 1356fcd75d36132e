"""Integers as vectors."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.layer import Layer
from kerasish.layers.preprocessing.encoding import encode_categories


class CategoryEncoding(Layer):
    """Encode integers as vectors.

    Example:

    >>> kerasish.layers.CategoryEncoding(4, output_mode="one_hot")(np.array([3, 0])).numpy()
    array([[0., 0., 0., 1.],
           [1., 0., 0., 0.]], dtype=float32)

    Args:
        num_tokens: Length of the vectors: integers are from 0 up to but not including it.
        output_mode: `"one_hot"` for a vector for each integer, `"multi_hot"` for one of each sample's integers, or
            `"count"` for how often each is in a sample.
        sparse: Whether vectors are sparse: they are not here.

    Call arguments:
        inputs: Tensor of integers.
        count_weights: What each integer counts for, with `"count"`.

    Raises:
        ValueError: If the mode is unknown, or `num_tokens` is missing or not positive.
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        if output_mode not in ("count", "one_hot", "multi_hot"):
            raise ValueError(
                f"Unknown arg for output_mode: {output_mode}. Expected 'one_hot', 'multi_hot' or 'count'."
            )
        if sparse:
            raise ValueError(f"There are no sparse tensors here. Received: sparse={sparse}")
        if num_tokens is None:
            raise ValueError(
                "num_tokens must be set to use this layer. If the number of tokens is not known beforehand, use the "
                "IntegerLookup layer instead."
            )
        if num_tokens < 1:
            raise ValueError(f"`num_tokens` must be >= 1. Received: num_tokens={num_tokens}.")
        self.num_tokens = num_tokens
        self.output_mode = output_mode
        self.sparse = sparse
        self._allow_non_tensor_positional_args = True
        self._convert_input_args = False

    def call(self, inputs: Any, count_weights: Any = None) -> Tensor:
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    "`count_weights` is not used when `output_mode` is not `'count'`. Received "
                    f"`count_weights={count_weights}`."
                )
            count_weights = ops.convert_to_tensor(count_weights, dtype=self.compute_dtype)
        return encode_categories(
            ops.convert_to_tensor(inputs), self.output_mode, self.num_tokens, self.dtype, count_weights
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if not input_shape:
            return (self.num_tokens,)
        keeps = self.output_mode == "one_hot" and (input_shape[-1] != 1 or len(input_shape) == 1)
        return (*(input_shape if keeps else input_shape[:-1]), self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_tokens": self.num_tokens,
            "output_mode": self.output_mode,
        }
