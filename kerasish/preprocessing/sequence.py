"""Sequences of different lengths as one array; see `utils`."""

from kerasish.utils.sequence_utils import pad_sequences

__all__ = ["pad_sequences"]
