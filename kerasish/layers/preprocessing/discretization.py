"""Numbers as bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import config, ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.layer import Layer
from kerasish.layers.preprocessing.batches import batches_of
from kerasish.layers.preprocessing.encoding import encode_categories

_MODES = ("int", "one_hot", "multi_hot", "count")


class Discretization(Layer):
    """Replace numbers by the bin that they are in.

    Boundaries are given, or found out by `adapt` such that bins have about as many numbers each.

    Example:

    >>> kerasish.layers.Discretization([0.0, 1.0, 2.0])(np.array([-1.5, 1.0, 3.4])).numpy()
    array([0, 2, 3], dtype=int32)

    Args:
        bin_boundaries: Boundaries in rising order: bin i is from boundary i - 1, included, to i.
        num_bins: How many bins `adapt` is to make.
        epsilon: How exact quantiles are, as a part of all numbers.
        output_mode: `"int"` for numbers of bins, `"one_hot"`, `"multi_hot"` or `"count"` for vectors.
        sparse: Whether vectors are sparse: they are not here.

    Raises:
        ValueError: If neither or both of `bin_boundaries` and `num_bins` are given, or the mode is unknown.
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if sparse:
            raise ValueError(f"There are no sparse tensors here. Received: sparse={sparse}")
        if output_mode not in _MODES:
            raise ValueError(
                f"Unknown `output_mode` argument for layer Discretization. Received: output_mode={output_mode!r}, "
                f"expected one of {_MODES}"
            )
        if num_bins is not None and num_bins < 0:
            raise ValueError(
                f"`num_bins` must be greater than or equal to 0. Received: `num_bins={num_bins}`"
            )
        if num_bins is not None and bin_boundaries is not None:
            raise ValueError(
                "Both `num_bins` and `bin_boundaries` should not be set. Received: "
                f"`num_bins={num_bins}` and `bin_boundaries={bin_boundaries}`"
            )
        if num_bins is None and bin_boundaries is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self.bin_boundaries = bin_boundaries
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = output_mode
        self.sparse = sparse
        self.reset_state()

    @property
    def input_dtype(self) -> str:
        """The type that inputs are cast to."""
        return config.floatx()

    @property
    def output_dtype(self) -> str:
        """The type of the outputs."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find out boundaries between which there are about as many numbers each, in place of earlier ones.

        Args:
            data: An array, a tensor, a `PyDataset`, or an iterable of batches.
            steps: How many batches, all by default.

        Raises:
            ValueError: If the layer was given `bin_boundaries`.
        """
        if self.num_bins is None:
            raise ValueError(
                "Cannot adapt a Discretization layer that has been initialized with `bin_boundaries`, use `num_bins` "
                "instead."
            )
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take more numbers into account."""
        found = _summary_of(np.asarray(data, "float32"), self.epsilon)
        merged = np.concatenate([found, self._summary], axis=1)
        self._summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Make boundaries of the numbers seen."""
        if self.num_bins is not None:
            self.bin_boundaries = _compressed(self._summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forget the numbers seen."""
        self._summary = np.zeros((2, 0), "float32")

    def call(self, inputs: Tensor) -> Tensor:
        if self.bin_boundaries is None:
            raise ValueError(
                "You need to either pass the `bin_boundaries` argument at construction time or call `adapt(dataset)` "
                "before you can start using the `Discretization` layer."
            )
        boundaries = list(self.bin_boundaries)
        return encode_categories(
            ops.digitize(inputs, boundaries), self.output_mode, len(boundaries) + 1, self.output_dtype
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if self.output_mode == "int":
            return input_shape
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        if self.output_mode == "one_hot":
            squeezed = len(input_shape) > 1 and input_shape[-1] == 1
            return (*(input_shape[:-1] if squeezed else input_shape), depth)
        return (*input_shape[:1], *input_shape[2:], depth) if len(input_shape) > 1 else (depth,)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype)

    def load_own_variables(self, store: Any) -> None:
        """Read nothing: boundaries are in the config, and files of older versions hold what they were made of."""

    def get_config(self) -> dict[str, Any]:
        return {
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        adapted = None
        if config.get("num_bins") is not None:
            adapted = config.pop("bin_boundaries", None)
        layer = cls(**config)
        if adapted is not None:
            layer.bin_boundaries = adapted
        return layer


# Summaries: numbers in rising order, and for each how many numbers it stands for.


def _summary_of(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Return every n-th of the sorted numbers, such that about `1 / epsilon` are left."""
    values = np.sort(values.reshape(-1))
    step = max(values.size * epsilon, 1)
    kept = values[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a summary of about `1 / epsilon` numbers: its quantiles, interpolated."""
    if summary.shape[1] * epsilon < 1:
        return summary
    wanted = epsilon + np.arange(0.0, 1.0, epsilon)
    counts = summary[1].cumsum()
    parts = counts / counts[-1]
    values = np.interp(wanted, parts, summary[0])
    counts = np.interp(wanted, parts, counts)
    return np.stack([values, np.diff(counts, prepend=0.0)]).astype("float32")
