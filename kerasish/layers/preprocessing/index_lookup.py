"""Vocabularies: categories to integers and back."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np

from kerasish import config, ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.layer import Layer
from kerasish.layers.preprocessing.encoding import encode_categories
from kerasish.layers.preprocessing.hashing import hash_bin, refuse_sparse, standardize_salt
from kerasish.layers.preprocessing.strings import as_objects, hash_texts, mapped

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
Rows = list[list[Any]]


class IndexLookup(Layer):
    """A layer with a vocabulary: it replaces tokens by their places in it, or the other way round.

    Places are counted from the mask token (where there is one and integers come out), then the places of tokens that
    are not in the vocabulary (out of vocabulary, OOV), then the tokens in order.
    """

    _kind: Any  # what makes a token of a value: `str` or `int`

    def __init__(
        self,
        *,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary_dtype: str,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        kwargs.pop("trainable", None)
        kwargs.pop("dtype", None)
        kwargs.pop("vocabulary_size", None)
        self_made = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword argument(s): {kwargs}")
        output_mode = standardize_mode(output_mode, type(self).__name__)
        _check_arguments(
            max_tokens, num_oov_indices, pad_to_max_tokens, oov_method, invert, output_mode, idf_weights
        )
        refuse_sparse(sparse)
        super().__init__(name=name)
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.vocabulary_dtype = vocabulary_dtype
        self.invert = invert
        self.output_mode = output_mode
        self.sparse = sparse
        self.pad_to_max_tokens = pad_to_max_tokens
        self.oov_method = oov_method
        self.salt = standardize_salt(salt, type(self).__name__)
        # A vocabulary from a file goes into saved files as an asset.
        self.input_vocabulary = None if isinstance(vocabulary, str) else vocabulary
        self.input_idf_weights = idf_weights
        self.idf_weights: np.ndarray | None = None
        self._has_input_vocabulary = self_made
        self.supports_jit = False
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self._tokens: list[Any] = []
        self._places: dict[Any, int] = {}
        self.reset_state()
        if vocabulary is not None:
            if output_mode == "tf_idf" and idf_weights is None:
                raise ValueError(
                    "When specifying the `vocabulary` argument, in TF-IDF output mode, the `idf_weights` argument "
                    "must also be provided."
                )
            self.set_vocabulary(vocabulary, idf_weights)

    # The vocabulary

    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    def _token_start(self) -> int:
        return self._oov_start() + self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the tokens in order.

        Args:
            include_special_tokens: Whether the mask token and those out of vocabulary are included, so that a token's
                place in the list is the one that the layer gives.
        """
        if not include_special_tokens:
            return list(self._tokens)
        mask = [self.mask_token] * self._oov_start()
        return [*mask, *[self.oov_token] * self.num_oov_indices, *self._tokens]

    def vocabulary_size(self) -> int:
        """Return the number of tokens, the mask token and those out of vocabulary included."""
        return self._token_start() + len(self._tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens, in place of any before.

        Args:
            vocabulary: A list or array of tokens, or the path of a text file with one token a line.
            idf_weights: A weight for each token, with `output_mode="tf_idf"`.

        Raises:
            ValueError: If there is no token, or one is repeated or reserved, or there are more than `max_tokens`.
        """
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(
                "`idf_weights` should only be set if output_mode is `'tf_idf'`. Received: "
                f"output_mode={self.output_mode} and idf_weights={idf_weights}"
            )
        if isinstance(vocabulary, str):
            if self.output_mode == "tf_idf":
                raise ValueError("output_mode `'tf_idf'` does not support loading a vocabulary from file.")
            vocabulary = _lines_of(vocabulary)
        given = [self._kind(v) for v in as_objects(vocabulary).reshape(-1)]
        if not given:
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        special = self.get_vocabulary()[: self._token_start()]
        has_special = bool(special) and given[: len(special)] == special
        tokens = given[len(special) :] if has_special else given
        self._check_tokens(tokens, given, special)
        self._set_tokens(tokens)
        if idf_weights is not None:
            self._set_idf_weights(
                np.asarray(as_objects(idf_weights), config.floatx()), len(given), has_special
            )

    def _check_tokens(self, tokens: list, given: list, special: list) -> None:
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ValueError(
                "The passed vocabulary has at least one repeated term. Please uniquify your dataset. The repeated "
                f"terms are: {repeated}"
            )
        for name, token in (("mask", self.mask_token), ("OOV", self.oov_token if self.invert else None)):
            if token is not None and token in tokens:
                raise ValueError(
                    f"Found reserved {name} token at unexpected location in `vocabulary`. Note that passed "
                    "`vocabulary` does not need to include the OOV and mask tokens. Either remove all mask and OOV "
                    "tokens, or include them only at the start of the vocabulary in precisely this order: "
                    f"{special}. Received: {name.lower()}_token={token} at vocabulary index {given.index(token)}"
                )
        size = self._token_start() + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                "Attempted to set a vocabulary larger than the maximum vocab size. Received vocabulary size is "
                f"{size}; `max_tokens` is {self.max_tokens}."
            )

    def _set_tokens(self, tokens: list) -> None:
        object.__setattr__(self, "_tokens", tokens)
        places = {token: i for i, token in enumerate(tokens, self._token_start())}
        object.__setattr__(self, "_places", places)

    def _set_idf_weights(self, weights: np.ndarray, count: int, has_special: bool) -> None:
        if weights.ndim != 1 or len(weights) != count:
            raise ValueError(
                f"`idf_weights` must be the same length as vocabulary. Received: idf_weights.shape={weights.shape}; "
                f"len(vocabulary) is {count}"
            )
        # What is out of vocabulary counts as much as the average token.
        front = 0 if has_special else self._token_start()
        self._pad_idf_weights(weights, front, float(weights.mean()))

    def _pad_idf_weights(self, weights: np.ndarray, front: int, value: float) -> None:
        back = (self.max_tokens or 0) - front - len(weights) if self.pad_to_max_tokens else 0
        weights = np.pad(weights, (front, 0), constant_values=value)
        self.idf_weights = np.pad(weights, (0, back)).astype(config.floatx())

    # Adapting

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Make the vocabulary of the tokens in a data set, the most frequent first, in place of any before.

        Tokens that are equally frequent come in falling order.

        Args:
            data: A list or array of tokens, or an iterable of batches of them.
            steps: How many batches, all by default.

        Raises:
            ValueError: If the layer was given its vocabulary.
        """
        self.reset_state()
        for batch in token_batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of more documents: rows of an array, or one document of a list of tokens."""
        array = as_objects(data)
        rows = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
        self._count(rows.tolist())

    def _count(self, documents: Rows) -> None:
        if self._has_input_vocabulary:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via `vocabulary` argument or "
                "`set_vocabulary()` method."
            )
        for document in documents:
            tokens = [self._kind(v) for v in document]
            self._counts.update(tokens)
            self._document_counts.update(set(tokens))
        self._documents += len(documents)

    def finalize_state(self) -> None:
        """Make the vocabulary of the tokens counted, if there are any."""
        if self._has_input_vocabulary or not self._counts:
            return
        counts = {
            token: n for token, n in self._counts.items() if token not in (self.mask_token, self.oov_token)
        }
        tokens = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
        if self.max_tokens is not None:
            tokens = tokens[: self.max_tokens - self._token_start()]
        self._set_tokens(tokens)
        if self.output_mode == "tf_idf":
            weights = [math.log(1 + self._documents / (1 + self._document_counts[t])) for t in tokens]
            self._pad_idf_weights(np.array(weights), self._token_start(), float(np.mean(weights)))
        self.reset_state()

    def reset_state(self) -> None:
        """Forget the tokens counted."""
        object.__setattr__(self, "_counts", Counter())
        object.__setattr__(self, "_document_counts", Counter())
        object.__setattr__(self, "_documents", 0)

    # Calling

    def call(self, inputs: Any) -> Any:
        if not self._tokens:
            raise ValueError(
                f"Layer '{self.name}' has no vocabulary. Call `adapt(data)` or `set_vocabulary(tokens)`, or pass "
                "`vocabulary` at construction time."
            )
        return self._tokens_at(inputs) if self.invert else self._encode(self._find(as_objects(inputs)))

    def _tokens_at(self, inputs: Any) -> Any:
        table = dict(enumerate(self._tokens, self._token_start()))
        if self.mask_token is not None:
            table[0] = self.mask_token
        return mapped(lambda i: table.get(int(i), self.oov_token), as_objects(inputs))

    def _find(self, values: np.ndarray) -> np.ndarray:
        """Return the place of each token; -1 where it is masked and no integers come out."""
        masked = 0 if self.output_mode == "int" else -1
        places = self._places

        def place(value: Any) -> int:
            token = self._kind(value)
            if self.mask_token is not None and token == self.mask_token:
                return masked
            found = places.get(token)
            return self._place_outside(token) if found is None else found

        return mapped(place, values).astype(np.int64)

    def _place_outside(self, token: Any) -> int:
        count, start = self.num_oov_indices, self._oov_start()
        if count == 0:
            raise ValueError(
                f"When `num_oov_indices=0` all inputs should be in vocabulary, found OOV value {token!r}, consider "
                "setting `num_oov_indices=1`."
            )
        if count == 1:
            return start
        if self._kind is int and self.oov_method == "floormod":
            return start + token % count
        return start + hash_bin(hash_texts(np.array([token], object))[0], count, self.salt)

    def _encode(self, places: np.ndarray) -> Tensor:
        if self.output_mode == "int":
            return ops.convert_to_tensor(places)
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        outputs = encode_categories(ops.convert_to_tensor(places), mode, self._depth(), config.floatx())
        return outputs if self.output_mode != "tf_idf" else outputs * self.idf_weights

    def _depth(self) -> int | None:
        return self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if self.output_mode == "int":
            return tuple(input_shape)
        if self.output_mode == "one_hot" and not (len(input_shape) > 1 and input_shape[-1] == 1):
            return (*input_shape, self._depth())
        return (*input_shape[:-1], self._depth())

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        dtype = "int64" if self.output_mode == "int" else config.floatx()
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    # Files

    def get_build_config(self) -> dict[str, Any]:
        return {}

    def build_from_config(self, config: dict[str, Any]) -> None:
        self.build(None)

    def get_config(self) -> dict[str, Any]:
        base = super().get_config()
        return {
            **base,
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "vocabulary_dtype": self.vocabulary_dtype,
            "idf_weights": listed(self.input_idf_weights),
            "vocabulary": listed(self.input_vocabulary),
            "vocabulary_size": self.vocabulary_size(),
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        refuse_path(config, cls.__name__)
        return super().from_config(config)

    def save_own_variables(self, store: Any) -> None:
        """Write the weights of tokens into `store`."""
        if self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        """Read the weights of tokens from `store`."""
        if self.output_mode == "tf_idf":
            self.idf_weights = np.asarray(store["idf_weights"])

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder, one token a line, unless the config holds it."""
        if self.input_vocabulary is None:
            with open(os.path.join(dir_path, "vocabulary.txt"), "w", encoding="utf-8") as file:
                file.write("\n".join(str(token) for token in self.get_vocabulary()))

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from a folder, unless the config held it."""
        if self.input_vocabulary is not None:
            return
        tokens = [self._kind(line) for line in _lines_of(os.path.join(dir_path, "vocabulary.txt"))]
        if tokens:
            self.set_vocabulary(tokens, self.idf_weights)


def standardize_mode(mode: str, layer: str) -> str:
    """Return the name of an output mode.

    Raises:
        ValueError: If there is none of that name.
    """
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if mode not in MODES:
        raise ValueError(
            f"Unknown `output_mode` argument for layer {layer}. Received: output_mode={mode!r}, expected one of {MODES}"
        )
    return mode


def _check_arguments(
    max_tokens: Any,
    num_oov_indices: Any,
    pad_to_max_tokens: bool,
    oov_method: str,
    invert: bool,
    output_mode: str,
    idf_weights: Any,
) -> None:
    if max_tokens is not None and max_tokens <= 1:
        raise ValueError(f"If set, `max_tokens` must be greater than 1. Received: max_tokens={max_tokens}")
    if pad_to_max_tokens and max_tokens is None:
        raise ValueError(
            f"If pad_to_max_tokens is True, must set `max_tokens`. Received: max_tokens={max_tokens}"
        )
    if num_oov_indices < 0:
        raise ValueError(
            f"`num_oov_indices` must be greater than or equal to 0. Received: num_oov_indices={num_oov_indices}"
        )
    if oov_method not in ("floormod", "farmhash"):
        raise ValueError(
            f"Unknown `oov_method` argument. Received: oov_method={oov_method!r}, expected 'floormod' or 'farmhash'"
        )
    if invert and output_mode != "int":
        raise ValueError(
            f"`output_mode` must be `'int'` when `invert` is true. Received: output_mode={output_mode}"
        )
    if idf_weights is not None and output_mode != "tf_idf":
        raise ValueError(
            "`idf_weights` should only be set if `output_mode` is `'tf_idf'`. Received: "
            f"idf_weights={idf_weights} and output_mode={output_mode}"
        )


def token_batches(data: Any, steps: int | None) -> Iterable[Any]:
    """Yield batches: lists and arrays as one (of one axis: a column of single tokens), others as they come."""
    if hasattr(data, "__array__") or hasattr(data, "numpy") or isinstance(data, (list, tuple)):
        array = as_objects(data)
        return [array[:, None] if array.ndim == 1 else array]
    return islice(iter(data), steps)


def refuse_path(config: dict[str, Any], layer: str) -> None:
    """Raise ValueError if a config names a file: loading reads no other file than the one it was given."""
    if isinstance(config.get("vocabulary"), str):
        raise ValueError(
            f"The config of a `{layer}` layer names the vocabulary file {config['vocabulary']!r}, and loading reads no "
            "file that a config names. Read the file yourself and pass its lines to `set_vocabulary`."
        )


def listed(values: Any) -> Any:
    """Return an array as a list that configs can hold."""
    if values is None:
        return None
    return [v.item() if isinstance(v, np.generic) else v for v in as_objects(values).reshape(-1)]


def _lines_of(path: str) -> list[str]:
    if not os.path.exists(path):
        raise ValueError(f"Vocabulary file {path} does not exist.")
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines
