"""Weights as older releases laid them out, as layers take them today: a row of conversions for each class."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np


class Origin(NamedTuple):
    """What wrote a file."""

    version: str
    backend: str = ""

    @property
    def old(self) -> bool:
        """Whether it was Keras 1 or 2."""
        return self.version[:1] in ("", "1", "2")

    @property
    def first(self) -> bool:
        """Whether it was Keras 1."""
        return self.version[:1] in ("", "1")


class Stored(NamedTuple):
    """An array of a file that has not been read yet.

    Args:
        where: What error messages call it.
        shape: Its shape.
        read: Reads it.
    """

    where: str
    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]

    def then(self, shape: Sequence[int], change: Callable[[np.ndarray], np.ndarray]) -> Stored:
        """Return the array that `change` makes of this one."""
        return Stored(self.where, tuple(shape), lambda: change(self.read()))


def joined(parts: Sequence[Stored]) -> Stored:
    """Return arrays side by side along their last axis."""
    shape = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
    return Stored(parts[0].where, shape, lambda: np.concatenate([part.read() for part in parts], axis=-1))


Layout = Callable[[Any, list[Stored], Origin], list[Stored]]


def modern(layer: Any, variables: list[Any], stored: list[Stored], origin: Origin) -> list[Stored]:
    """Bring the arrays that a file holds for a layer or a nested model to today's layout.

    Args:
        layer: The layer.
        variables: Its variables in the order of the file.
        stored: The file's arrays.
        origin: What wrote them.

    Returns:
        As many arrays as there are variables, if the file's can be brought to that; else `stored`.
    """
    if not origin.old or not stored:
        return stored
    owners = {id(v): leaf for leaf, own in _leaves(layer) for v in own}
    counts = _counts([owners.get(id(v), layer) for v in variables], len(stored), origin)
    if counts is None:
        return stored
    places: dict[int, list[int]] = {}
    arrays: dict[int, list[Stored]] = {}
    leaves: dict[int, Any] = {}
    position = 0
    for number, variable in enumerate(variables):
        leaf = owners.get(id(variable), layer)
        leaves[id(leaf)] = leaf
        places.setdefault(id(leaf), []).append(number)
        arrays.setdefault(id(leaf), []).extend(stored[position : position + counts[number]])
        position += counts[number]
    result = list(stored[:1]) * len(variables)
    for key, leaf in leaves.items():
        converted = arrays[key]
        for layout in _LAYOUTS.get(type(leaf).__name__, ()):
            converted = layout(leaf, converted, origin)
        if len(converted) != len(places[key]):
            return stored
        for number, array in zip(places[key], converted, strict=True):
            result[number] = array
    return result


def adapt_loaded(model: Any, origin: Origin) -> None:
    """Bring weights that were loaded as they are, from an archive of Keras 2, to what today's functions take."""
    if not origin.old:
        return
    for leaf, variables in _leaves(model):
        if not variables or not _rescaled(leaf):
            continue
        stored = [Stored(v.path, tuple(v.shape), v.numpy) for v in variables]
        for variable, array in zip(variables, _old_hard_sigmoid(leaf, stored, origin), strict=True):
            variable.assign(array.read())


def _leaves(layer: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Yield the layers that weights belong to, and for each its weights."""
    children = [] if type(layer).__name__ in _LAYOUTS else list(getattr(layer, "_layers", ()))
    if not children:
        yield layer, [*layer.trainable_weights, *layer.non_trainable_weights]
        return
    for child in children:
        yield from _leaves(child)


def _counts(leaves: list[Any], total: int, origin: Origin) -> list[int] | None:
    """Return how many arrays of the file there are for each variable."""
    if total == len(leaves):
        return [1] * total
    counts = [_GATES.get(type(leaf).__name__, 1) if origin.first else 1 for leaf in leaves]
    return counts if sum(counts) == total else None


# Recurrent layers of Keras 1 had a kernel, a recurrent kernel and a bias for each gate.
_GATES = {"LSTM": 4, "ConvLSTM2D": 4, "GRU": 3}
_GATE_ORDER = {4: (0, 2, 1, 3), 3: (0, 1, 2)}


def _gates_side_by_side(layer: Any, stored: list[Stored], origin: Origin) -> list[Stored]:
    gates = _GATES[type(layer).__name__]
    if len(stored) != 3 * gates:
        return stored
    if type(layer).__name__ == "ConvLSTM2D" and layer.data_format == "channels_first":
        stored = [_permuted(array, (2, 3, 1, 0)) for array in stored]
    return [joined([stored[3 * gate + kind] for gate in _GATE_ORDER[gates]]) for kind in range(3)]


def _of_cudnn(layer: Any, stored: list[Stored], origin: Origin) -> list[Stored]:
    """CuDNNLSTM and CuDNNGRU: matrices of each gate transposed in memory, and two biases one behind the other."""
    gates = _GATES[type(layer).__name__]
    if len(stored) != 3 or stored[2].shape != (2 * gates * stored[1].shape[0],):
        return stored
    kernel, recurrent, bias = stored
    width = bias.shape[0] // 2

    def kernels(array: np.ndarray) -> np.ndarray:
        parts = np.split(array, gates, axis=1)
        return np.concatenate([part.reshape(part.shape[::-1]).T for part in parts], axis=1)

    def recurrents(array: np.ndarray) -> np.ndarray:
        return np.concatenate([part.T for part in np.split(array, gates, axis=1)], axis=1)

    if gates == 4:
        biases = bias.then((width,), lambda array: array.reshape(2, width).sum(0))
    else:
        biases = bias.then((2, width), lambda array: array.reshape(2, width))
    return [kernel.then(kernel.shape, kernels), recurrent.then(recurrent.shape, recurrents), biases]


def _permuted(array: Stored, axes: Sequence[int]) -> Stored:
    if len(array.shape) != len(axes):
        return array
    return array.then([array.shape[axis] for axis in axes], lambda values: np.transpose(values, axes))


# Kernels of Keras 1 by class and order of the axes: how they are permuted today.
_KERNELS_OF_KERAS_1 = {
    ("Conv2D", "channels_first"): (2, 3, 1, 0),
    ("Conv3D", "channels_first"): (2, 3, 4, 1, 0),
    ("Conv2DTranspose", "channels_first"): (2, 3, 0, 1),
    ("Conv2DTranspose", "channels_last"): (0, 1, 3, 2),
}


def _old_kernel(layer: Any, stored: list[Stored], origin: Origin) -> list[Stored]:
    kernel, wanted = stored[0], tuple(layer.kernel.shape)
    if origin.first:
        axes = _KERNELS_OF_KERAS_1.get((type(layer).__name__, layer.data_format))
        if axes is not None:
            kernel = _permuted(kernel, axes)
        elif type(layer).__name__ == "Conv1D" and len(kernel.shape) == 4:
            if kernel.shape[:2] != (wanted[0], 1) or kernel.shape[3] != wanted[2]:
                kernel = _permuted(kernel, (2, 3, 1, 0))
            kernel = kernel.then((kernel.shape[0], *kernel.shape[2:]), lambda values: values[:, 0])
    if kernel.shape != wanted and len(wanted) == 4:  # Theano's order
        turned = _permuted(kernel, (2, 3, 1, 0))
        kernel = turned if turned.shape == wanted else kernel
    if origin.backend == "theano":  # whose convolutions turned the kernel round
        turn = tuple(slice(None, None, -1) for _ in range(len(kernel.shape) - 2))
        kernel = kernel.then(kernel.shape, lambda values, kernel=kernel: values[turn])  # type: ignore[misc]
    return [kernel, *stored[1:]]


_SLOPE = 1.2  # 0.2 x + 0.5 = (1.2 x) / 6 + 0.5


def _rescaled(layer: Any) -> tuple[bool, bool]:
    """Return whether the activation and the recurrent activation are `hard_sigmoid`; false where neither is."""
    from kerasish.activations import hard_sigmoid

    found = tuple(
        getattr(layer, name, None) is hard_sigmoid for name in ("activation", "recurrent_activation")
    )
    return found if any(found) else ()  # type: ignore[return-value]


def _old_hard_sigmoid(layer: Any, stored: list[Stored], origin: Origin) -> list[Stored]:
    """Scale what goes into `hard_sigmoid`, whose slope was 0.2 and is 1/6, so that what comes out is the same."""
    which = _rescaled(layer)
    if not which:
        return stored
    kind = type(layer).__name__.removesuffix("Cell")
    if kind in ("LSTM", "ConvLSTM2D") and which[0]:
        raise ValueError(
            f"Layer '{layer.name}' has activation='hard_sigmoid', which meant another function when the file was "
            "written, and is used in two places of the layer. Build the model in Python with a function of your own "
            "for it, and load the file's weights into it with `load_weights`."
        )
    gates = _GATES.get(kind, 1)
    scaled = [which[1] or which[0]] if gates == 1 else [which[1]] * gates
    if gates > 1:  # the candidate: the third of four gates, the last of three
        scaled[2] = which[0]
    first = 1 if kind.startswith("Separable") else 0  # its depthwise kernel comes before the pointwise one
    return [*stored[:first], *(_scaled(array, scaled) for array in stored[first:])]


def _scaled(array: Stored, scaled: list[bool]) -> Stored:
    width = array.shape[-1] // len(scaled)
    factors = np.repeat(np.array([_SLOPE if gate else 1.0 for gate in scaled]), width)
    return array.then(array.shape, lambda values: (values * factors).astype(values.dtype))


_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose")
_LAYOUTS: dict[str, tuple[Layout, ...]] = {
    **dict.fromkeys(("LSTM", "GRU"), (_gates_side_by_side, _of_cudnn, _old_hard_sigmoid)),
    "ConvLSTM2D": (_gates_side_by_side, _old_hard_sigmoid),
    **dict.fromkeys(("LSTMCell", "GRUCell", "SimpleRNNCell", "SimpleRNN"), (_old_hard_sigmoid,)),
    **dict.fromkeys(_CONVOLUTIONS, (_old_kernel, _old_hard_sigmoid)),
    **dict.fromkeys(
        (
            "Dense",
            "EinsumDense",
            "DepthwiseConv1D",
            "DepthwiseConv2D",
            "SeparableConv1D",
            "SeparableConv2D",
            "Conv1DTranspose",
        ),
        (_old_hard_sigmoid,),
    ),
}


def optimizer_order(shapes: list[tuple[int, ...]], variables: list[Any], trainable: int) -> list[int] | None:
    """Return which array of a file goes into which variable of an optimizer, or None if they do not match.

    Until Keras 2.10 files held the step and then each kind of slot for all weights; since then the step, the
    learning rate, and all slots weight by weight.

    Args:
        shapes: Shapes of the file's arrays.
        variables: The optimizer's variables.
        trainable: How many weights it has slots for.

    Returns:
        For each variable the number of an array, -1 for none.
    """
    wanted = [tuple(variable.shape) for variable in variables]
    if shapes == wanted:
        return list(range(len(wanted)))
    slots = (len(wanted) - 2) // max(trainable, 1)
    if len(wanted) != 2 + slots * trainable or len(shapes) < 1 + slots * trainable:
        return None
    order = [0, -1, *(1 + slot * trainable + i for i in range(trainable) for slot in range(slots))]
    rest = shapes[1 + slots * trainable :]
    fits = all(number < 0 or shapes[number] == shape for number, shape in zip(order, wanted, strict=True))
    return order if fits and all(math.prod(shape) == 1 for shape in rest) else None
