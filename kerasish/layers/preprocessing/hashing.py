"""Hashing of categories to bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import config, ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.layer import Layer
from kerasish.layers.preprocessing.encoding import encode_categories
from kerasish.layers.preprocessing.fingerprints import fingerprint64, joined, siphash24
from kerasish.layers.preprocessing.strings import as_objects, hash_texts, mapped

_MODES = ("int", "one_hot", "multi_hot", "count")


class Hashing(Layer):
    """Put categories, strings or integers, into bins by a hash of them.

    The hash is FarmHash's, or SipHash if there is a `salt`: the same one as everywhere that Keras runs. It is computed
    on the CPU, from values: not within a compiled function.

    Example:

    >>> kerasish.layers.Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).numpy().tolist()
    [[1], [0], [1], [1], [2]]

    Args:
        num_bins: Number of bins; the first is that of `mask_value` where there is one.
        mask_value: A value that stands for no category.
        salt: One or two integers that make another hash.
        output_mode: `"int"` for numbers of bins, `"one_hot"`, `"multi_hot"` or `"count"` for vectors.
        sparse: Whether vectors are sparse: they are not here.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else config.floatx()
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(
                f"The `num_bins` for `Hashing` cannot be `None` or non-positive values. Received: num_bins={num_bins}."
            )
        if output_mode not in _MODES:
            raise ValueError(
                f"Invalid value for argument `output_mode`. Expected one of {_MODES}. "
                f"Received: output_mode={output_mode}"
            )
        if output_mode == "int" and self.dtype_policy.name not in ("int32", "int64"):
            raise ValueError(
                "When `output_mode=\"int\"`, `dtype` should be an integer type, 'int32' or 'int64'. Received: "
                f"dtype={kwargs['dtype']}"
            )
        refuse_sparse(sparse)
        self.num_bins = num_bins
        self.mask_value = mask_value
        self.strong_hash = salt is not None
        self.salt = standardize_salt(salt, "Hashing")
        self.output_mode = output_mode
        self.sparse = sparse
        self.supports_jit = False
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def call(self, inputs: Any) -> Tensor:
        values = as_objects(inputs)
        masked = self.mask_value is not None and self.num_bins > 1
        texts = hash_texts(values)
        count = self.num_bins - masked
        bins = mapped(lambda text: hash_bin(text, count, self.salt), texts).astype(np.int64)
        if masked:
            bins = np.where(values == self.mask_value, 0, bins + 1)
        return encode_categories(
            ops.convert_to_tensor(bins), self.output_mode, self.num_bins, self.compute_dtype
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if self.output_mode == "int":
            return tuple(input_shape)
        return (*input_shape[:-1], self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }


class HashedCrossing(Layer):
    """Put combinations of categories into bins by a hash of them.

    Example:

    >>> layer = kerasish.layers.HashedCrossing(num_bins=5)
    >>> layer((np.array(["A", "B"]), np.array([101, 101]))).numpy().tolist()
    [1, 4]

    Args:
        num_bins: Number of bins.
        output_mode: `"int"` for numbers of bins, `"one_hot"` for vectors.
        sparse: Whether vectors are sparse: they are not here.

    Call arguments:
        inputs: List of two or more arrays of strings or integers, each of shape `()`, `(batch,)` or `(batch, 1)`.

    Raises:
        ValueError: If the mode is unknown, or the inputs do not fit.
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        if output_mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype)
        if output_mode not in ("int", "one_hot"):
            raise ValueError(
                "Invalid value for argument `output_mode`. Expected one of ('int', 'one_hot'). "
                f"Received: output_mode={output_mode}"
            )
        refuse_sparse(sparse)
        self.num_bins = num_bins
        self.output_mode = output_mode
        self.sparse = sparse
        self.supports_jit = False
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def call(self, inputs: Any) -> Tensor:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(
                "`HashedCrossing` should be called on a list or tuple of at least two inputs. "
                f"Received: inputs={inputs}"
            )
        features = [as_objects(x) for x in inputs]
        shape = features[0].shape
        if len(shape) > 2 or (len(shape) == 2 and shape[-1] != 1) or any(f.shape != shape for f in features):
            raise ValueError(
                "All `HashedCrossing` inputs should have equal shape: `()`, `(batch_size)` or `(batch_size, 1)`. "
                f"Received: shapes {[f.shape for f in features]}"
            )
        bins = [self._bin(values) for values in zip(*(f.reshape(-1) for f in features), strict=True)]
        made = ops.convert_to_tensor(np.array(bins, np.int64).reshape(shape))
        return encode_categories(made, self.output_mode, self.num_bins, self.compute_dtype)

    def _bin(self, values: tuple) -> int:
        found = 0xDECAFCAFFE
        for value in values:
            own = fingerprint64(value.encode()) if isinstance(value, str) else int(value) & (2**64 - 1)
            found = joined(found, own)
        return found % self.num_bins

    def compute_output_shape(self, input_shape: Any) -> tuple:
        if len(input_shape) < 2 or not all(isinstance(s, (list, tuple)) for s in input_shape):
            raise ValueError(
                f"Expected as input a list/tuple of 2 tensors. Received input_shape={input_shape}"
            )
        shape = tuple(input_shape[0])
        if self.output_mode == "int":
            return shape
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape([x.shape for x in inputs]), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }


def hash_bin(text: str, count: int, salt: Any) -> int:
    """Return the bin, of `count`, of a text."""
    data = text.encode()
    return (fingerprint64(data) if salt is None else siphash24(data, tuple(salt))) % count


def standardize_salt(salt: Any, layer: str) -> list[int] | None:
    """Return a salt as two integers, or None.

    Raises:
        ValueError: If it is neither an integer nor two.
    """
    if salt is None or isinstance(salt, (list, tuple)) and len(salt) == 2:
        return None if salt is None else list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(
        f"The `salt` argument for `{layer}` can only be a tuple of 2 integers, or a single integer. "
        f"Received: salt={salt}."
    )


def refuse_sparse(sparse: bool) -> None:
    """Raise ValueError if sparse vectors are asked for."""
    if sparse:
        raise ValueError(f"There are no sparse tensors here. Received: sparse={sparse}")
