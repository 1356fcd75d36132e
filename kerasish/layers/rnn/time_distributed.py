"""The layer that applies another to each timestep."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers import signatures
from kerasish.layers.core.wrapper import Wrapper
from kerasish.layers.layer import Layer
from kerasish.layers.rnn.recurrence import time_first


class TimeDistributed(Wrapper):
    """Apply a layer to each timestep.

    Example:

    >>> layer = kerasish.layers.TimeDistributed(kerasish.layers.Conv2D(8, 3))
    >>> layer(kerasish.ops.ones((2, 5, 16, 16, 3))).shape
    (2, 5, 14, 14, 8)

    Args:
        layer: The layer.

    Call arguments:
        inputs: `(batch, timesteps, ...)`.
        training: Passed on to the layer.
        mask: Booleans `(batch, timesteps)`, of which the layer gets those of its timestep.

    Raises:
        ValueError: If it is no layer.
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `TimeDistributed` layer with a `keras.layers.Layer` instance. Received: "
                f"{layer}"
            )
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _step_shape(self, input_shape: Any) -> tuple:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(
                "`TimeDistributed` Layer should be passed an `input_shape` with at least 3 dimensions (batch, "
                f"timesteps and what the layer takes), received: {input_shape}"
            )
        return (input_shape[0], *input_shape[2:])

    def build(self, input_shape: Any = None) -> None:
        super().build(self._step_shape(input_shape))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, *rest = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (batch, input_shape[1], *rest)

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        takes = signatures.of_call(type(self.layer))
        given = {"training": training} if takes.takes_training else {}
        xs: tuple = (time_first(inputs),)
        if mask is not None:
            _check_mask(inputs.shape, mask.shape)
            if "mask" in takes.mask_names:
                xs = (*xs, time_first(mask))

        def step(carry: None, x: tuple) -> tuple[None, Tensor]:
            return None, self.layer.call(x[0], **given, **({"mask": x[1]} if len(x) > 1 else {}))

        return time_first(ops.scan(step, None, xs)[1])


def _check_mask(inputs: tuple, mask: tuple) -> None:
    if len(mask) < 2:
        raise ValueError(
            "The `mask` passed to the `TimeDistributed` layer must be at least 2D (e.g., `(batch_size, timesteps)`), "
            f"but it has {len(mask)} dimension(s) with shape {mask}."
        )
    if any(None not in (n, m) and n != m for n, m in zip(inputs[:2], mask[:2], strict=True)):
        raise ValueError(
            f"The `mask` passed to the `TimeDistributed` layer has a shape {mask} that is incompatible with the input "
            f"shape {inputs}. The first two dimensions of the mask (batch size and timesteps) must match the input's "
            f"first two dimensions. Expected mask shape prefix: {inputs[:2]}."
        )
