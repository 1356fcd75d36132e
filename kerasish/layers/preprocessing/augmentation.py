"""Chains of random changes of images."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.layers.preprocessing.image_layer import RandomImageLayer, factor_range
from kerasish.layers.preprocessing.random_affine import RandomRotation, RandomShear, RandomTranslation
from kerasish.layers.preprocessing.random_color import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
)
from kerasish.layers.preprocessing.random_filter import RandomSharpness
from kerasish.layers.preprocessing.tones import (
    AutoContrast,
    Equalization,
    RandomPosterization,
    Solarization,
)
from kerasish.random import beta, gamma, randint

_CHANGES = (
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
)


class ChainedAugmentation(RandomImageLayer):
    """Base of layers that choose among other layers.

    Args:
        value_range: The smallest and the largest value of images.
        factor: How strong the changes are: two numbers from 0 to 1, or one for the range up to it.
        interpolation: `"bilinear"` or `"nearest"`.
        colors: Whether there are layers for colors and sharpness among them.
    """

    def __init__(self, value_range: Any, factor: Any, interpolation: str, colors: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = value_range
        self.factor = factor_range(factor, 0, 1)
        self.interpolation = interpolation
        for part in ("trainable", "name"):
            kwargs.pop(part, None)
        warps = {**kwargs, "interpolation": interpolation}
        tones = {**kwargs, "value_range": value_range}
        still = {k: v for k, v in tones.items() if k != "seed"}
        chosen = self.factor
        self.random_shear = RandomShear(x_factor=chosen, y_factor=chosen, **warps)
        self.random_translation = RandomTranslation(chosen, chosen, **warps)
        self.random_rotation = RandomRotation(chosen, **warps)
        if colors:
            self.random_brightness = RandomBrightness(chosen, **tones)
            self.random_color_degeneration = RandomColorDegeneration(chosen, **tones)
            self.random_contrast = RandomContrast(chosen, **tones)
            self.random_sharpness = RandomSharpness(chosen, **tones)
        self.random_posterization = RandomPosterization(max(1, int(8 * chosen[1])), **tones)
        self.solarization = Solarization(chosen, chosen, **tones)
        self.auto_contrast = AutoContrast(**still)
        self.equalization = Equalization(**still)
        self._names = [name for name in _CHANGES if hasattr(self, name)]

    def _drawn(self, data: Any) -> dict[str, Any]:
        """Return what each layer would do."""
        return {
            name: getattr(self, name).get_random_transformation(data, seed=self.generator)
            for name in self._names
        }

    def _changed(self, method: str, x: Any, index: Any, drawn: dict[str, Any]) -> Any:
        """Return what the layer of a given number makes of `x`; a number that no layer has leaves it."""
        for number, name in enumerate(self._names):
            change = getattr(getattr(self, name), method)
            x = ops.cond(
                ops.equal(index, number),
                lambda x=x, change=change, transformation=drawn[name]: change(x, transformation),
                lambda x=x: x,
            )
        return x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "factor": self.factor,
            "interpolation": self.interpolation,
        }


class RandAugment(ChainedAugmentation):
    """In training, apply random ones of eleven changes one after another (Cubuk et al., 2020).

    Example:

    >>> layer = kerasish.layers.RandAugment(num_ops=2, factor=0.4)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        value_range: The smallest and the largest value of images.
        num_ops: How many changes.
        factor: How strong they are: two numbers from 0 to 1, or one for the range up to it.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the range is none.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(value_range, factor, interpolation, seed=seed, data_format=data_format, **kwargs)
        self.num_ops = num_ops

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        indices = randint((self.num_ops,), 0, len(self._names), seed=self._source(seed))
        return {"transforms": self._drawn(data), "layer_idxes": indices}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        return ops.cast(self._all("transform_images", images, transformation), self.compute_dtype)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        return self._all("transform_segmentation_masks", segmentation_masks, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return bounding_boxes
        return self._all("transform_bounding_boxes", bounding_boxes, transformation)

    def _all(self, method: str, x: Any, transformation: Any) -> Any:
        for i in range(self.num_ops):
            x = self._changed(method, x, transformation["layer_idxes"][i], transformation["transforms"])
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_ops": self.num_ops}


class AugMix(ChainedAugmentation):
    """In training, mix each image with several chains of random changes of it (Hendrycks et al., 2020).

    Example:

    >>> layer = kerasish.layers.AugMix(num_chains=3, chain_depth=2)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        value_range: The smallest and the largest value of images.
        num_chains: How many chains.
        chain_depth: How many changes a chain is made of at most.
        factor: How strong they are: two numbers from 0 to 1, or one for the range up to it.
        alpha: Parameter of the distributions that the weights of chains are drawn from.
        all_ops: Whether changes of colors and sharpness are among them.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the range is none.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            value_range, factor, interpolation, all_ops, seed=seed, data_format=data_format, **kwargs
        )
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        source = self._source(seed)
        drawn = gamma((self.num_chains,), self.alpha, seed=source)
        # One number more than there are layers: no change.
        indices = randint((self.num_chains, self.chain_depth), 0, len(self._names) + 1, seed=source)
        return {
            "chain_mixing_weights": drawn / ops.sum(drawn, axis=-1, keepdims=True),
            "weight_sample": beta((), self.alpha, self.alpha, seed=source),
            "layer_idxes": indices,
            "transforms": [
                [self._drawn(data) for _ in range(self.chain_depth)] for _ in range(self.num_chains)
            ],
        }

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        mixed = self._blended("transform_images", images, transformation)
        return ops.clip(mixed, self.value_range[0], self.value_range[1])

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        return self._blended("transform_segmentation_masks", segmentation_masks, transformation)

    def _blended(self, method: str, x: Any, transformation: Any) -> Any:
        weights = ops.cast(transformation["chain_mixing_weights"], self.compute_dtype)
        share = ops.cast(transformation["weight_sample"], self.compute_dtype)
        result: Any = 0.0
        for chain in range(self.num_chains):
            changed = x
            for depth in range(self.chain_depth):
                index, drawn = transformation["layer_idxes"][chain, depth], transformation["transforms"]
                changed = self._changed(method, changed, index, drawn[chain][depth])
            result = result + changed * weights[chain]
        return share * x + (1 - share) * result

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_chains": self.num_chains,
            "chain_depth": self.chain_depth,
            "alpha": self.alpha,
            "all_ops": self.all_ops,
        }
