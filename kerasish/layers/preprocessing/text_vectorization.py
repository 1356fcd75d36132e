"""Text as integers or vectors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from kerasish import config, ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.layer import Layer
from kerasish.layers.preprocessing.hashing import refuse_sparse
from kerasish.layers.preprocessing.index_lookup import listed, refuse_path, standardize_mode
from kerasish.layers.preprocessing.lookups import StringLookup
from kerasish.layers.preprocessing.strings import as_objects, mapped
from kerasish.serialization import deserialize_keras_object

_PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")
_STANDARDIZERS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLITTERS = ("whitespace", "character")


class TextVectorization(Layer):
    """Standardize texts, split them into tokens, and replace those by their places in a vocabulary.

    Place 0 is padding, place 1 that of tokens which are not in the vocabulary. Text is processed on the CPU, from
    values: not within a compiled function.

    Example:

    >>> layer = kerasish.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer([["Foo qux, bar!"]]).numpy().tolist()
    [[4, 1, 3, 0]]

    Args:
        max_tokens: Most tokens that the vocabulary may have, special ones included; None for any number.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"`, a function of an array of
            strings, or None for texts as they are.
        split: `"whitespace"`, `"character"`, a function of an array of strings that returns a list of tokens for each,
            or None for texts that are tokens.
        ngrams: Up to how many neighbouring tokens are joined, or a tuple of how many; None for none.
        output_mode: `"int"` for places, `"multi_hot"`, `"count"` or `"tf_idf"` for a vector for each text.
        output_sequence_length: Length that sequences of places are cut or padded to; by default the longest one's.
        pad_to_max_tokens: Whether vectors are as long as `max_tokens` whatever the vocabulary.
        vocabulary: A list or array of tokens, or the path of a text file with one a line.
        idf_weights: A weight for each token, with `output_mode="tf_idf"`.
        sparse: Whether vectors are sparse: they are not here.
        ragged: Whether sequences are of different lengths: they are not here.
        encoding: What bytes are text in.

    Raises:
        ValueError: If an argument is unknown, or arguments contradict each other.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ):
        self_made = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        kwargs.pop("vocabulary_size", None)
        refuse_sparse(sparse)
        if ragged:
            raise ValueError(f"There are no ragged tensors here. Received: ragged={ragged}")
        _check_choice("standardize", standardize, _STANDARDIZERS)
        _check_choice("split", split, _SPLITTERS)
        output_mode = standardize_mode(output_mode, "TextVectorization")
        if not _is_ngrams(ngrams):
            raise ValueError(
                f"`ngrams` must be None, an integer, or a tuple of integers. Received: ngrams={ngrams}"
            )
        if output_sequence_length is not None and (
            output_mode != "int" or not isinstance(output_sequence_length, int)
        ):
            raise ValueError(
                "`output_sequence_length` must be an integer or None, and None if `output_mode` is not 'int'. "
                f"Received: output_sequence_length={output_sequence_length}, output_mode={output_mode!r}"
            )
        super().__init__(name=name, **kwargs)
        self._standardize = standardize
        self._split = split
        self._ngrams = ngrams
        self._output_mode = output_mode
        self._output_sequence_length = output_sequence_length
        self._encoding = encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            encoding=encoding,
            has_input_vocabulary=self_made,
        )
        self.supports_jit = False
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def build(self, input_shape: Any = None) -> None:
        """Make nothing: the vocabulary is no weight."""

    # The vocabulary

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Make the vocabulary of the tokens in a data set, the most frequent first, in place of any before.

        Args:
            data: A list or array of texts, or an iterable of batches of them.
            batch_size: Accepted for Keras's sake.
            steps: How many batches, all by default.
        """
        self.reset_state()
        whole = hasattr(data, "__array__") or hasattr(data, "numpy") or isinstance(data, (list, tuple))
        for number, batch in enumerate([data] if whole else data):
            if steps is not None and number >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of more texts."""
        self._lookup_layer._count(self._tokens_of(data))

    def finalize_state(self) -> None:
        """Make the vocabulary of the tokens counted, if there are any."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget the tokens counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the tokens in order, padding and the one that stands for unknown tokens first if included."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return the number of tokens, padding and the one that stands for unknown tokens included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens: a list or array of them, or the path of a text file with one a line."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # Calling

    def _tokens_of(self, inputs: Any) -> list[list[str]]:
        """Return the tokens of each text."""
        texts = as_objects(inputs, self._encoding)
        if texts.ndim == 0:
            texts = texts.reshape(1)
        texts = self._standardized(texts)
        if self._split is None:
            documents = [list(row) for row in (texts[:, None] if texts.ndim == 1 else texts)]
        else:
            if texts.ndim > 1 and texts.shape[-1] != 1:
                raise ValueError(
                    "When using `TextVectorization` to tokenize strings, the input rank must be 1 or the last shape "
                    f"dimension must be 1. Received: inputs.shape={texts.shape} with rank={texts.ndim}"
                )
            documents = self._split_up(texts.reshape(-1))
        return documents if self._ngrams is None else [self._joined(tokens) for tokens in documents]

    def _standardized(self, texts: np.ndarray) -> np.ndarray:
        if callable(self._standardize):
            return as_objects(self._standardize(texts.astype(str)), self._encoding)
        if self._standardize in ("lower", "lower_and_strip_punctuation"):
            texts = mapped(str.lower, texts)
        if self._standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
            texts = mapped(lambda text: _PUNCTUATION.sub("", text), texts)
        return texts

    def _split_up(self, texts: np.ndarray) -> list[list[str]]:
        if callable(self._split):
            return [[str(token) for token in row] for row in self._split(texts.astype(str))]
        return [text.split() if self._split == "whitespace" else list(text) for text in texts]

    def _joined(self, tokens: list[str]) -> list[str]:
        widths = range(1, self._ngrams + 1) if isinstance(self._ngrams, int) else self._ngrams
        return [" ".join(tokens[i : i + width]) for width in widths for i in range(len(tokens) - width + 1)]

    def call(self, inputs: Any) -> Tensor:
        documents = self._tokens_of(inputs)
        single = not as_objects(inputs, self._encoding).ndim
        length = self._output_sequence_length
        if length is None:
            length = max(map(len, documents), default=0)
        padded = np.full((len(documents), length), "", object)  # the mask token, which counts as nothing
        for row, tokens in zip(padded, documents, strict=True):
            row[: len(tokens)] = tokens[:length]
        outputs = self._lookup_layer(padded)
        return ops.squeeze(outputs, 0) if single else outputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if self._output_mode == "int":
            return (*input_shape[:1], self._output_sequence_length)
        return (*input_shape[:1], self._lookup_layer._depth())

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        dtype = "int64" if self._output_mode == "int" else config.floatx()
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    # Files

    def get_config(self) -> dict[str, Any]:
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "max_tokens": lookup.max_tokens,
            "standardize": self._standardize,
            "split": self._split,
            "ngrams": self._ngrams,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens,
            "sparse": False,
            "ragged": False,
            "vocabulary": listed(lookup.input_vocabulary),
            "idf_weights": listed(lookup.input_idf_weights),
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        refuse_path(config, cls.__name__)
        config = dict(config)
        for name in ("standardize", "split"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(config[name])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)

    def save_own_variables(self, store: Any) -> None:
        """Write the weights of tokens into `store`."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Read the weights of tokens from `store`."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder, unless the config holds it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from a folder, unless the config held it."""
        self._lookup_layer.load_assets(dir_path)


def _check_choice(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value is not None and value not in known and not callable(value):
        raise ValueError(
            f"Unknown `{name}` argument for layer TextVectorization. Received: {name}={value!r}, expected one of "
            f"{known}, None or a callable"
        )


def _is_ngrams(value: Any) -> bool:
    if value is None or isinstance(value, int):
        return True
    return isinstance(value, tuple) and all(isinstance(n, int) for n in value)
