"""Connectionist temporal classification: losses and decoding where frames and labels are not aligned."""

from __future__ import annotations

from typing import Any

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import alignment, indexing, reductions
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.activations import log_softmax
from kerasish.ops.creation import arange
from kerasish.ops.reductions import argmax, max, sum


def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Tensor:
    """Return the negative log-likelihood of label sequences that are not aligned with the frames.

    Args:
        target: The labels, integers of shape `(batch, labels)`.
        output: The logits, of shape `(batch, frames, classes)`.
        target_length: How many of the labels of each row count, of shape `(batch,)`.
        output_length: How many of its frames, likewise.
        mask_index: The class that stands for no label.

    Returns:
        Tensor of shape `(batch,)`. It has first derivatives only.

    Raises:
        ValueError: If the shapes do not fit.
    """
    target, output = cast(target, "int32"), as_tensor(output)
    target_length, output_length = cast(target_length, "int32"), cast(output_length, "int32")
    if target.ndim != 2 or output.ndim != 3:
        raise ValueError(
            "`target` must be of shape (batch, labels) and `output` of shape (batch, frames, classes). "
            f"Received: target.shape={target.shape}, output.shape={output.shape}"
        )
    for name, tensor in (
        ("target", target),
        ("target_length", target_length),
        ("output_length", output_length),
    ):
        if None not in (tensor.shape[0], output.shape[0]) and tensor.shape[0] != output.shape[0]:
            raise ValueError(
                f"Arguments `{name}` and `output` must have the same first dimension. "
                f"Received shapes: `{tensor.shape}` and `{output.shape}`."
            )
    scores = log_softmax(cast(output, dtypes.result_type(output.dtype, "float32")))
    return alignment.ctc(scores, target, target_length, output_length, mask_index=int(mask_index))[0]


def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Tensor, Tensor]:
    """Return the label sequences that the output of a model stands for.

    Args:
        inputs: The logits, of shape `(batch, frames, classes)`.
        sequence_lengths: How many of the frames of each row count, of shape `(batch,)`.
        strategy: `"greedy"` (the best class of each frame) or `"beam_search"` (the best sequences that are found when
            `beam_width` of them are kept from frame to frame).
        beam_width: How many sequences are kept, for `"beam_search"`.
        top_paths: How many are returned, for `"beam_search"`.
        merge_repeated: Whether equal labels of neighboring frames count once, for `"greedy"`.
        mask_index: The class that stands for no label; the last one if None.

    Returns:
        The labels, int32 of shape `(top_paths, batch, frames)`, -1 behind the last; and scores of shape
        `(batch, top_paths)`: the negative sum of the chosen logits for `"greedy"`, log-probabilities for
        `"beam_search"`.

    Raises:
        ValueError: If there is no such strategy.
    """
    inputs = as_tensor(inputs)
    inputs = cast(inputs, dtypes.result_type(inputs.dtype, "float32"))
    lengths = cast(sequence_lengths, "int32")
    if mask_index is None:
        mask_index = inputs.shape[-1] - 1
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy != "beam_search":
        raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'.")
    return alignment.ctc_beam_search(
        log_softmax(inputs), lengths, beam_width=beam_width, top_paths=top_paths, mask_index=mask_index
    )


def _greedy(inputs: Tensor, lengths: Tensor, merge_repeated: bool, mask_index: int) -> tuple[Tensor, Tensor]:
    frames = inputs.shape[1]
    steps = arange(frames, dtype="int32")
    beyond = e.greater_equal(steps, s.expand_dims(lengths, -1))
    labels = e.where(beyond, mask_index, argmax(inputs, -1))
    scores = -sum(e.where(beyond, 0.0, max(inputs, -1)), 1, keepdims=True)
    nothing = e.equal(labels, mask_index)
    if merge_repeated:
        repeated = e.equal(labels[:, 1:], labels[:, :-1])
        nothing = e.logical_or(nothing, s.pad_constant(repeated, width=((0, 0), (1, 0)), value=False))
    labels = e.where(nothing, -1, labels)
    # What counts moves to the front, in its order.
    order = reductions.argsort(e.where(nothing, frames, steps), axis=1)
    return s.expand_dims(indexing.take_along_axis(labels, order, 1), 0), scores
