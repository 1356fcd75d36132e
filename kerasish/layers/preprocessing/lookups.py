"""Layers with vocabularies of strings and of integers."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.layers.preprocessing.index_lookup import IndexLookup


class StringLookup(IndexLookup):
    """Replace strings by their places in a vocabulary, or encode them as vectors.

    Place 0 is that of the mask token, where there is one; then those of strings that are not in the vocabulary. Strings
    are looked up on the CPU, from values: not within a compiled function.

    Example:

    >>> layer = kerasish.layers.StringLookup(vocabulary=["a", "b", "c", "d"])
    >>> layer([["a", "c", "d"], ["d", "z", "b"]]).numpy().tolist()
    [[1, 3, 4], [4, 0, 2]]

    Args:
        max_tokens: Most tokens that the vocabulary may have, special ones included; None for any number.
        num_oov_indices: How many places there are for strings that are not in the vocabulary.
        mask_token: A string that stands for no token.
        oov_token: What `invert` returns for places of none.
        vocabulary: A list or array of strings, or the path of a text file with one a line.
        idf_weights: A weight for each token, with `output_mode="tf_idf"`.
        invert: Whether to return the strings at given places.
        output_mode: `"int"` for places, `"one_hot"` for a vector for each string, `"multi_hot"` for one of each sample,
            `"count"` for how often each is in a sample, `"tf_idf"` for that times how rare it is among samples.
        pad_to_max_tokens: Whether vectors are as long as `max_tokens` whatever the vocabulary.
        sparse: Whether vectors are sparse: they are not here.
        encoding: What bytes are text in.
        salt: One or two integers that make another hash of strings that are not in the vocabulary.

    Raises:
        ValueError: If arguments contradict each other, or the vocabulary has repeated or reserved strings.
    """

    _kind = str

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary_dtype="string",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            name=name,
            salt=salt,
            **kwargs,
        )
        self.encoding = encoding

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["vocabulary_dtype"]
        return {"encoding": self.encoding, **config}


class IntegerLookup(IndexLookup):
    """Replace integers by their places in a vocabulary, or encode them as vectors.

    Place 0 is that of the mask token, where there is one; then those of integers that are not in the vocabulary.

    Example:

    >>> layer = kerasish.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> layer([[12, 1138, 42], [42, 1000, 36]]).numpy().tolist()
    [[1, 3, 4], [4, 0, 2]]

    Args:
        max_tokens: Most tokens that the vocabulary may have, special ones included; None for any number.
        num_oov_indices: How many places there are for integers that are not in the vocabulary.
        mask_token: An integer that stands for no token.
        oov_token: What `invert` returns for places of none.
        vocabulary: A list or array of integers, or the path of a text file with one a line.
        vocabulary_dtype: `"int64"`.
        idf_weights: A weight for each token, with `output_mode="tf_idf"`.
        invert: Whether to return the integers at given places.
        output_mode: `"int"` for places, `"one_hot"` for a vector for each integer, `"multi_hot"` for one of each
            sample, `"count"` for how often each is in a sample, `"tf_idf"` for that times how rare it is among samples.
        sparse: Whether vectors are sparse: they are not here.
        pad_to_max_tokens: Whether vectors are as long as `max_tokens` whatever the vocabulary.
        oov_method: How integers that are not in the vocabulary get their place: `"floormod"` for the remainder of a
            division, `"farmhash"` for a hash.
        salt: One or two integers that make another hash, with `"farmhash"`.

    Raises:
        ValueError: If arguments contradict each other, or the vocabulary has repeated or reserved integers.
    """

    _kind = int

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if vocabulary_dtype != "int64":
            raise ValueError(
                "Only `vocabulary_dtype='int64'` is supported at this time. Received: "
                f"vocabulary_dtype={vocabulary_dtype}"
            )
        if salt is not None and oov_method != "farmhash":
            raise ValueError(
                f"`salt` can only be used when `oov_method='farmhash'`. Received: oov_method={oov_method}"
            )
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary_dtype=vocabulary_dtype,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            salt=salt,
            name=name,
            **kwargs,
        )

    def _tokens_at(self, inputs: Any) -> Any:
        return ops.convert_to_tensor(super()._tokens_at(inputs).astype("int64"))
