"""The layer that reads a sequence both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers import signatures
from kerasish.layers.layer import Layer
from kerasish.serialization import ObjectSharingScope, deserialize_keras_object, serialize_keras_object

_MERGES: dict[str | None, Callable[[Tensor, Tensor], Any]] = {
    "sum": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "ave": lambda x, y: (x + y) / 2,
    "concat": lambda x, y: ops.concatenate([x, y], axis=-1),
    None: lambda x, y: (x, y),
}
_SHARED = ("stateful", "return_sequences", "return_state")


class Bidirectional(Layer):
    """Run two copies of a recurrent layer, one from each end of the sequence, and merge their outputs.

    Example:

    >>> layer = kerasish.layers.Bidirectional(kerasish.layers.LSTM(4))
    >>> layer(kerasish.ops.ones((2, 5, 8))).shape
    (2, 8)

    Args:
        layer: The recurrent layer, such as an `LSTM`. It is copied.
        merge_mode: How to merge the outputs: `"concat"`, `"sum"`, `"mul"`, `"ave"`, or None for a tuple of both.
        weights: Values for the weights, first those of the forward layer.
        backward_layer: The layer for the other direction; by default a copy of `layer` that goes the other way.

    Call arguments:
        sequences: `(batch, timesteps, ...)`.
        initial_state: States of the forward layer, then those of the backward layer.
        mask: Booleans `(batch, timesteps)`.
        training: Passed on to the layers.

    Raises:
        ValueError: If a layer is none, `merge_mode` is unknown, or the two layers do not belong together.
    """

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ):
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `Bidirectional` layer with a `keras.layers.Layer` instance. Received: "
                f"{layer}"
            )
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ValueError(
                f"`backward_layer` need to be a `keras.layers.Layer` instance. Received: {backward_layer}"
            )
        if merge_mode not in _MERGES:
            raise ValueError(
                f"Invalid merge mode. Received: {merge_mode}. Merge mode should be one of {list(_MERGES)}"
            )
        super().__init__(**kwargs)
        self.forward_layer = _copied(layer, "forward")
        self.backward_layer = backward_layer or _copied(layer, "backward", go_backwards=True)
        self._check_layers()
        for part in (self.forward_layer, self.backward_layer):
            if getattr(part, "zero_output_for_mask", None) is not None:
                part.zero_output_for_mask = part.return_sequences
        self.merge_mode = merge_mode
        self._initial_weights = weights
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_layers(self) -> None:
        ahead, back = self.forward_layer, self.backward_layer
        if ahead.go_backwards == back.go_backwards:
            raise ValueError(
                "Forward layer and backward layer should have different `go_backwards` value. Received: "
                f"forward_layer.go_backwards={ahead.go_backwards}, backward_layer.go_backwards={back.go_backwards}"
            )
        for name in _SHARED:
            if getattr(ahead, name) != getattr(back, name):
                raise ValueError(
                    "Forward layer and backward layer are expected to have the same value for attribute "
                    f'"{name}", got "{getattr(ahead, name)}" for forward layer and "{getattr(back, name)}" for '
                    "backward layer"
                )

    def build(self, sequences_shape: tuple, initial_state_shape: Any = None) -> None:
        for part in (self.forward_layer, self.backward_layer):
            if not part.built:
                part.build(sequences_shape)
        if self._initial_weights:
            half = len(self._initial_weights) // 2
            self.forward_layer.set_weights(self._initial_weights[:half])
            self.backward_layer.set_weights(self._initial_weights[half:])
            self._initial_weights = None

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None, training: bool | None = None
    ) -> Any:
        half = 0 if initial_state is None else len(initial_state) // 2
        results = []
        for part, states in (
            (self.forward_layer, initial_state[:half] if half else None),
            (self.backward_layer, initial_state[half:] if half else None),
        ):
            takes = signatures.of_call(type(part))
            given: dict[str, Any] = {"training": training} if takes.takes_training else {}
            if "mask" in takes.mask_names:
                given["mask"] = mask
            results.append(part(sequences, initial_state=states, **given))
        states = ()
        if self.return_state:
            states = (*results[0][1:], *results[1][1:])
            results = [result[0] for result in results]
        ahead, back = (ops.cast(result, self.compute_dtype) for result in results)
        output = _MERGES[self.merge_mode](ahead, ops.flip(back, axis=1) if self.return_sequences else back)
        if not self.return_state:
            return output
        return (*output, *states) if self.merge_mode is None else (output, *states)

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """Return the mask of the outputs: that of the inputs if all timesteps are returned."""
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        mask = mask if self.return_sequences else None
        return (mask, mask) if self.merge_mode is None else mask

    def compute_output_shape(self, sequences_shape: tuple, initial_state_shape: Any = None) -> Any:
        shape = self.forward_layer.compute_output_shape(sequences_shape)
        states: tuple = ()
        if self.return_state:
            shape, states = shape[0], (*shape[1:], *shape[1:])
        if self.merge_mode is None:
            return (shape, shape, *states)
        if self.merge_mode == "concat":
            shape = (*shape[:-1], 2 * shape[-1])
        return (shape, *states) if self.return_state else tuple(shape)

    def reset_states(self) -> None:
        """Set the states of stateful layers back to zero."""
        self.reset_state()

    def reset_state(self) -> None:
        """Set the states of stateful layers back to zero."""
        if not self.stateful:
            raise AttributeError("Layer must be stateful: make it with `stateful=True`.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    @property
    def states(self) -> tuple | None:
        """The states of both layers if they are stateful, else None."""
        if self.forward_layer.states and self.backward_layer.states:
            return (*self.forward_layer.states, *self.backward_layer.states)
        return None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize_keras_object(self.forward_layer),
            "backward_layer": serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        for name in ("layer", "backward_layer"):
            if config.get(name) is not None:
                config[name] = deserialize_keras_object(config[name], custom_objects=custom_objects)
        return cls(**config)


def _copied(layer: Layer, prefix: str, **changes: Any) -> Any:
    """Return a copy of a layer by its config."""
    with ObjectSharingScope():  # of its own: what a file that is being loaded shares has other numbers
        config = serialize_keras_object(layer)
        name = f"{prefix}_{layer.name.removeprefix(f'{prefix}_')}"
        config["config"] = {**config["config"], **changes, "name": name}
        return deserialize_keras_object(config)
