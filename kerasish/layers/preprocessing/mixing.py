"""Images mixed with others of their batch."""

from __future__ import annotations

from typing import Any

from kerasish import config, ops
from kerasish.autograd.tensor import KerasTensor
from kerasish.layers.preprocessing.image_layer import RandomImageLayer, factor_range
from kerasish.layers.preprocessing.random_distortion import of_each_image
from kerasish.layers.preprocessing.random_filter import rectangles, span
from kerasish.random import beta, uniform


def _order(batch: Any, source: Any) -> Any:
    """Return the numbers of a batch's images in random order."""
    return ops.cast(ops.argsort(uniform((batch,), seed=source)), "int32")


def _weights(batch: Any, alpha: Any, dtype: str, source: Any) -> Any:
    """Return a number from a symmetric beta distribution for each image."""
    if batch is None:  # symbolic
        return KerasTensor((None,), dtype)
    return beta((batch,), alpha, alpha, dtype=dtype, seed=source)


class CutMix(RandomImageLayer):
    """In training, put a rectangle of another image of the batch into each (Yun et al., 2019).

    Labels are mixed by the areas: a batch needs them as numbers for each class.

    Example:

    >>> layer = kerasish.layers.CutMix(seed=1)
    >>> batch = {"images": kerasish.ops.ones((2, 8, 8, 3)), "labels": kerasish.ops.eye(2)}
    >>> layer(batch, training=True)["labels"].shape
    (2, 2)

    Args:
        factor: The range of the parameter of the beta distribution from which the area that is kept is drawn: two
            numbers from 0 to 1, or one for its end.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: A layer's arguments.

    Raises:
        ValueError: If the range is none.
    """

    def __init__(
        self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        shape = self._images_shape(data)
        if not training or len(shape) == 3:
            return None
        batch, source, dtype = shape[0], self._source(seed), self.compute_dtype
        height, width = self._height_width(shape)
        alpha = uniform((), *self.factor, dtype=dtype, seed=source) + 1e-6
        cut = ops.sqrt(1.0 - _weights(batch, alpha, dtype, source))
        left, right = span(batch, width, cut, dtype, source)
        top, bottom = span(batch, height, cut, dtype, source)
        area = (right - left) * (bottom - top) / (width * height)
        return {
            "permutation_order": _order(batch, source),
            "batch_masks": rectangles(height, width, (left, right, top, bottom), dtype, self.data_format),
            "mix_weight": of_each_image(1.0 - area),
        }

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        others = ops.take(images, transformation["permutation_order"], axis=0)
        return ops.where(transformation["batch_masks"], others, images)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return labels
        return _mixed(labels, ops.reshape(transformation["mix_weight"], (-1, 1)), transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        raise NotImplementedError("CutMix does not say what becomes of bounding boxes.")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def _mixed(x: Any, weight: Any, transformation: Any) -> Any:
    x = x if x.dtype.startswith(("float", "bfloat")) else ops.cast(x, weight.dtype)
    weight = ops.cast(weight, x.dtype)
    return weight * x + (1.0 - weight) * ops.take(x, transformation["permutation_order"], axis=0)


class MixUp(RandomImageLayer):
    """In training, replace each image by a mean of it and another of the batch (Zhang et al., 2018).

    Labels are mixed in the same way: a batch needs them as numbers for each class.

    Example:

    >>> layer = kerasish.layers.MixUp(alpha=0.2)
    >>> batch = {"images": kerasish.ops.ones((2, 8, 8, 3)), "labels": kerasish.ops.eye(2)}
    >>> layer(batch, training=True)["labels"].shape
    (2, 2)

    Args:
        alpha: Parameter of the beta distribution that the weights are drawn from.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.alpha = alpha

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        batch, source = self._batch_size(data), self._source(seed)
        order = _order(batch, source)
        return {
            "mix_weight": _weights(batch, self.alpha, config.floatx(), source),
            "permutation_order": order,
        }

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        images = ops.cast(images, self.compute_dtype)
        return _mixed(images, of_each_image(transformation["mix_weight"]), transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        return _mixed(segmentation_masks, of_each_image(transformation["mix_weight"]), transformation)

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return labels
        return _mixed(labels, ops.reshape(transformation["mix_weight"], (-1, 1)), transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return bounding_boxes
        order = transformation["permutation_order"]
        both = {
            k: ops.concatenate([v, ops.take(v, order, axis=0)], axis=1)
            for k, v in bounding_boxes.items()
            if k in ("boxes", "labels")
        }
        return {**bounding_boxes, **both}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}
