"""Primitives of connectionist temporal classification: sequences of labels and the frames that they are read from.

Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
networks", ICML 2006. A sequence of n labels is walked through by two kinds of states: a blank before, between and
after labels (`between`, n + 1 of them), and a label itself (`on`, n of them). All of it runs over the frames in one
primitive, so that neither a trace nor a gradient grows with their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.primitives.shapes import expand_dims

IMPOSSIBLE = -1e5
"""The logarithm that stands for the probability 0; finite, so that sequences that do not fit have a loss, too."""


def _edge(xp: Any, values: Any) -> Any:
    """Return a column of impossible states beside `values`."""
    return xp.full((values.shape[0], 1), IMPOSSIBLE, values.dtype)


def _forwards(xp: Any, blank: Any, label: Any, again: Any, inside: Any) -> tuple[list, list]:
    """Return the log-probabilities of having come to each state, frame by frame."""
    batch, count = again.shape
    dtype = blank.dtype
    between = xp.full((batch, count + 1), IMPOSSIBLE, dtype)
    between[:, 0] = 0
    on = xp.full((batch, count), IMPOSSIBLE, dtype)
    betweens, ons = [], []
    for t in range(blank.shape[1]):
        rested = xp.concatenate([between[:, :1], xp.logaddexp(between[:, 1:], on)], 1)
        # From a label straight to the next one, unless that is the same.
        reached = xp.concatenate([between[:, :1], xp.logaddexp(between[:, 1:], on + again)], 1)
        next_on = xp.logaddexp(reached[:, :-1], on) + label[:, t]
        next_between = rested + blank[:, t]
        here = inside[:, t]
        between, on = xp.where(here, next_between, between), xp.where(here, next_on, on)
        betweens.append(between)
        ons.append(on)
    return betweens, ons


def _backwards(
    xp: Any, blank: Any, label: Any, again: Any, inside: Any, end: Any, end_on: Any, states: tuple, total: Any
) -> tuple[list, list]:
    """Return the probabilities of being in each state, frame by frame, given the sequence of labels."""
    betweens, ons = states
    between, on = end, end_on
    found: tuple[list, list] = ([], [])
    beyond = _edge(xp, total)
    for t in reversed(range(blank.shape[1])):
        here = inside[:, t]
        for way, past, future in ((0, betweens[t], between), (1, ons[t], on)):
            found[way].append(xp.where(here, xp.exp(past + future - total), 0))
        stay, emit = blank[:, t] + between, label[:, t] + on
        emit_next = xp.concatenate([emit[:, 1:], beyond], 1) if on.shape[1] else emit
        next_between = xp.logaddexp(stay, xp.concatenate([emit, beyond], 1))
        next_on = xp.logaddexp(xp.logaddexp(emit, stay[:, 1:]), emit_next + again)
        between, on = xp.where(here, next_between, between), xp.where(here, next_on, on)
    return found[0][::-1], found[1][::-1]


def _loss_run(
    xp: Any, scores: Any, target: Any, target_length: Any, output_length: Any, mask_index: int
) -> tuple:
    batch, frames, classes = scores.shape
    count, dtype = target.shape[1], scores.dtype
    target = xp.maximum(target, 0)
    blank = scores[:, :, mask_index].reshape(batch, frames, 1)
    label = xp.take_along_axis(scores, xp.broadcast_to(target[:, None, :], (batch, frames, count)), 2)
    same = xp.equal(target[:, :-1], target[:, 1:]).astype(dtype)
    again = (
        xp.concatenate([same, xp.zeros((batch, 1), dtype)], 1)[:, :count] * np.array(IMPOSSIBLE, dtype).item()
    )
    inside = xp.arange(frames).reshape(1, frames, 1) < output_length.reshape(batch, 1, 1)
    betweens, ons = _forwards(xp, blank, label, again, inside)
    ends = xp.arange(count + 1).reshape(1, count + 1) - target_length.reshape(batch, 1)
    end = xp.where(xp.equal(ends, 0), 0, IMPOSSIBLE).astype(dtype)
    end_on = xp.where(xp.equal(ends[:, 1:], 0), 0, IMPOSSIBLE).astype(dtype)
    last = xp.concatenate([betweens[-1] + end, ons[-1] + end_on], 1)
    top = xp.max(last, (1,), keepdims=True)
    total = top + xp.log(xp.sum(xp.exp(last - top), (1,), keepdims=True))
    rests, labels = _backwards(xp, blank, label, again, inside, end, end_on, (betweens, ons), total)
    one_hot = xp.equal(target[:, :, None], xp.arange(classes).reshape(1, 1, classes)).astype(dtype)
    slope = xp.matmul(xp.stack(labels, 1), one_hot)
    slope[:, :, mask_index] += xp.sum(xp.stack(rests, 1), (2,))
    return -total.reshape(batch), -slope


def _loss_infer(
    scores: Abstract, target: Abstract, target_length: Abstract, output_length: Abstract, mask_index: int
) -> tuple:
    return Abstract(scores.shape[:1], scores.dtype), Abstract(scores.shape, scores.dtype)


def _loss_vjp(g: Any, out: Any, inputs: Sequence[Any], wanted: Sequence[bool], mask_index: int) -> list:
    if g[1] is not None:
        raise NotImplementedError(
            "`ctc_loss` has first derivatives only: the gradient of its gradient is not known."
        )
    return [expand_dims(g[0], (1, 2)) * out[1], None, None, None]


ctc = Primitive("ctc", _loss_run, _loss_infer, vjp_all=_loss_vjp)
"""The negative log-likelihood of sequences of labels, and its derivatives by the log-probabilities of classes."""


# Decoding


def _log_sum(xp: Any, values: Any, places: Any, count: int) -> Any:
    """Return the logarithms of the sums of exponentials of values that have the same place."""
    top = xp.max(values, (0,))
    top = xp.where(xp.isfinite(top), top, 0)
    sums = xp.index_add(xp.zeros((count,), values.dtype), (places,), xp.exp(values - top))
    return xp.where(sums > 0, xp.log(xp.where(sums > 0, sums, 1)), -xp.inf) + top


def _extended(xp: Any, beams: tuple, scores: Any, mask_index: int) -> tuple:
    """Return every continuation of each beam by one frame: as it is, or with one more label."""
    paths, lengths, rested, emitted = beams
    width, classes = paths.shape[0], scores.shape[0]
    either = xp.logaddexp(rested, emitted)
    last = xp.where(lengths > 0, paths[xp.arange(width), xp.maximum(lengths - 1, 0)], -1)
    nothing = xp.full((width,), -xp.inf, scores.dtype)
    same = xp.where(lengths > 0, emitted + scores[xp.maximum(last, 0)], nothing)
    all_paths, all_lengths = [paths], [lengths]
    all_rested, all_emitted = [either + scores[mask_index], nothing], [nothing, same]
    all_paths.append(paths)
    all_lengths.append(lengths)
    for label in range(classes):
        if label == mask_index:
            continue
        longer = paths.copy()
        longer[xp.arange(width), lengths] = label
        all_paths.append(longer)
        all_lengths.append(lengths + 1)
        all_rested.append(nothing)
        all_emitted.append(xp.where(xp.equal(last, label), rested, either) + scores[label])
    return tuple(xp.concatenate(part, 0) for part in (all_paths, all_lengths, all_rested, all_emitted))


def _kept(xp: Any, beams: tuple, width: int) -> tuple:
    """Return the most likely beams, those of the same labels taken together."""
    paths, lengths, rested, emitted = beams
    _, first, places = xp.unique(paths, True, True, axis=0)
    places, count = places.reshape(paths.shape[0]), first.shape[0]
    rested, emitted = _log_sum(xp, rested, places, count), _log_sum(xp, emitted, places, count)
    order = xp.argsort(-xp.logaddexp(rested, emitted), kind="stable")[:width]
    chosen = first[order]
    return paths[chosen], lengths[chosen], rested[order], emitted[order]


def _search_run(
    xp: Any, scores: Any, lengths: Any, beam_width: int, top_paths: int, mask_index: int
) -> tuple[Any, Any]:
    batch, frames, _ = scores.shape
    dtype = scores.dtype
    found, totals = [], []
    for row in range(batch):
        beams = (
            xp.full((1, frames + 1), -1, np.int32),
            xp.zeros((1,), np.int32),
            xp.zeros((1,), dtype),
            xp.full((1,), -xp.inf, dtype),
        )
        for t in range(frames):
            wider = _kept(xp, _extended(xp, beams, scores[row, t], mask_index), beam_width)
            beams = _chosen(xp, t < lengths[row], wider, beams)
        paths, _, rested, emitted = beams
        total = xp.logaddexp(rested, emitted)
        order = xp.argsort(-total, kind="stable")[:top_paths]
        short = top_paths - order.shape[0]
        paths, total = paths[order][:, :frames], total[order]
        if short > 0:
            paths = xp.concatenate([paths, xp.full((short, frames), -1, np.int32)], 0)
            total = xp.concatenate([total, xp.full((short,), -xp.inf, dtype)], 0)
        found.append(paths)
        totals.append(total)
    return xp.stack(found, 1), xp.stack(totals, 0)


def _chosen(xp: Any, condition: Any, new: tuple, old: tuple) -> tuple:
    """Return `new` beams where the condition, which is on the device, holds, and `old` ones elsewhere."""
    count = new[0].shape[0]
    fill = (-1, 0, -xp.inf, -xp.inf)
    result = []
    for one, other, value in zip(new, old, fill, strict=True):
        if other.shape[0] < count:
            rest = xp.full((count - other.shape[0], *other.shape[1:]), value, other.dtype)
            other = xp.concatenate([other, rest], 0)
        result.append(xp.where(condition, one, other[:count]))
    return tuple(result)


def _search_infer(
    scores: Abstract, lengths: Abstract, beam_width: int, top_paths: int, mask_index: int
) -> tuple[Abstract, Abstract]:
    batch, frames, _ = scores.shape
    return Abstract((top_paths, batch, frames), np.dtype(np.int32)), Abstract(
        (batch, top_paths), scores.dtype
    )


ctc_beam_search = Primitive("ctc_beam_search", _search_run, _search_infer)
"""The most likely sequences of labels and the logarithms of their probabilities."""
