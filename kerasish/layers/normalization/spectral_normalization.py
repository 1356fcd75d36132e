"""Spectral normalization of a layer's kernel."""

from __future__ import annotations

from typing import Any

from kerasish import initializers, ops
from kerasish.autograd import no_grad
from kerasish.autograd.tensor import Tensor
from kerasish.layers.core.wrapper import Wrapper
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer


class SpectralNormalization(Wrapper):
    """Divide the kernel of a layer by its largest singular value before each call in training.

    The singular value is estimated by power iteration, which goes on from call to call (Miyato et al., "Spectral
    normalization for generative adversarial networks", 2018).

    Example:

    >>> layer = kerasish.layers.SpectralNormalization(kerasish.layers.Dense(4))
    >>> layer(kerasish.ops.ones((2, 3))).shape
    (2, 4)

    Args:
        layer: A layer with a `kernel` or `embeddings`.
        power_iterations: Steps of the iteration for each call, a positive number.

    Call arguments:
        inputs: What the layer inside takes.
        training: Whether the kernel is normalized.

    Raises:
        ValueError: If `power_iterations` is not positive, or the layer has no kernel.
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(
                "`power_iterations` should be greater than zero. Received: "
                f"`power_iterations={power_iterations}`"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", None)
        kernel = getattr(self.layer, "embeddings", None) if kernel is None else kernel
        if kernel is None:
            raise ValueError(f"{type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'")
        self.kernel = kernel
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=kernel.dtype,
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if training:
            with no_grad():
                vector_u, kernel = self.normalized_weights()
                self.vector_u.assign(vector_u)
                self.kernel.assign(kernel)
        return ops.cast(self.layer(inputs), inputs.dtype)

    def normalized_weights(self) -> tuple[Tensor, Tensor]:
        """Return the next singular vector and the kernel divided by its singular value; both as they are if it is 0."""
        kernel, before = self.kernel.value, self.vector_u.value
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        vector_u = before
        for _ in range(self.power_iterations):
            vector_v = _unit(ops.matmul(vector_u, ops.transpose(matrix)))
            vector_u = _unit(ops.matmul(vector_v, matrix))
        largest = ops.squeeze(ops.matmul(ops.matmul(vector_v, matrix), ops.transpose(vector_u)))
        zero = ops.all(ops.equal(kernel, 0))
        divided = kernel / ops.where(zero, ops.ones_like(largest), largest)
        return ops.where(zero, before, vector_u), divided

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {"power_iterations": self.power_iterations, **super().get_config()}


def _unit(x: Tensor) -> Tensor:
    return ops.normalize(x, axis=-1)
