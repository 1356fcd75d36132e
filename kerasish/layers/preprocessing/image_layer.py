"""What the layers that change images have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import config, ops, tree
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.layer import Layer
from kerasish.random import SeedGenerator
from kerasish.utils import bounding_boxes as box_utils

WARP_FILL_MODES = ("reflect", "wrap", "constant", "nearest")
WARP_INTERPOLATIONS = ("nearest", "bilinear")


class ImageLayer(Layer):
    """Base of layers that change images, and with them labels, bounding boxes and segmentation masks.

    A call draws a transformation (`get_random_transformation`) and applies it to all there is (`transform_images`,
    `transform_labels`, ...). What it does to single images it does to a batch of one.

    Args:
        bounding_box_format: Format of bounding boxes, where there are any; see `utils.bounding_boxes`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Call arguments:
        data: Images, as a tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with
            the channels before the height; or a dict of them under `"images"` and, as there are, `"labels"`,
            `"bounding_boxes"` (a dict of `"boxes"` and `"labels"`) and `"segmentation_masks"`.
        training: Whether images are changed at random.
    """

    def __init__(self, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.bounding_box_format = bounding_box_format
        self.data_format = config.standardize_data_format(data_format)
        self._allow_non_tensor_positional_args = True

    # What subclasses define

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return what is done to these images, drawn at random."""
        return None

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of images transformed."""
        images = ops.cast(images, self.compute_dtype)
        return self._transform_images(images, transformation, self._interpolation) if training else images

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """Return a batch of labels transformed."""
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return a batch of bounding boxes transformed."""
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return a batch of segmentation masks transformed."""
        return segmentation_masks

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        raise NotImplementedError

    @property
    def _interpolation(self) -> str:
        return getattr(self, "interpolation", "bilinear")

    # The call

    def call(self, data: Any, training: bool = True) -> Any:
        transformation = self.get_random_transformation(data, training=training)
        if not isinstance(data, dict):
            images = ops.convert_to_tensor(data)
            return self._applied(
                self.transform_images, images, self._is_batch(images), transformation, training
            )
        batched = self._is_batch(ops.convert_to_tensor(data["images"]))
        result = dict(data)
        for key, transform in (
            ("images", self.transform_images),
            ("bounding_boxes", self.transform_bounding_boxes),
            ("labels", self.transform_labels),
            ("segmentation_masks", self.transform_segmentation_masks),
        ):
            if key not in data:
                continue
            value = data[key]
            value = self._dense_boxes(value) if key == "bounding_boxes" else ops.convert_to_tensor(value)
            result[key] = self._applied(transform, value, batched, transformation, training)
        return result

    def _applied(self, transform: Any, value: Any, batched: bool, transformation: Any, training: bool) -> Any:
        """Return a batch transformed, or a single item as a batch of one."""
        if not batched:
            value = _each(value, lambda x: ops.expand_dims(x, 0))
        value = transform(value, transformation=transformation, training=training)
        return value if batched else _each(value, lambda x: ops.squeeze(x, 0))

    def _is_batch(self, images: Tensor) -> bool:
        if images.ndim not in (3, 4):
            raise ValueError(
                "Expected image tensor to have rank 3 (single image) or 4 (batch of images). "
                f"Received: data.shape={images.shape}"
            )
        return images.ndim == 4

    def _dense_boxes(self, boxes: Any) -> dict[str, Any]:
        if not self.bounding_box_format:
            raise ValueError(
                "You passed an input with a 'bounding_boxes' key, but you didn't specify a bounding box format. Pass a "
                f"`bounding_box_format` argument to your {type(self).__name__} layer, e.g. "
                "`bounding_box_format='xyxy'`."
            )
        if not isinstance(boxes, dict) or "boxes" not in boxes or "labels" not in boxes:
            raise ValueError(
                "Expected `bounding_boxes` to be a dict with keys 'boxes' and 'labels'. "
                f"Received: bounding_boxes={boxes}"
            )
        tensors = {
            "boxes": ops.convert_to_tensor(boxes["boxes"], "float32"),
            "labels": ops.convert_to_tensor(boxes["labels"]),
        }
        if tensors["boxes"].ndim not in (2, 3) or tensors["boxes"].shape[-1] != 4:
            raise ValueError(
                "Expected `bounding_boxes['boxes']` to have shape (num_boxes, 4) or (batch_size, num_boxes, 4). "
                f"Received: bounding_boxes['boxes'].shape={tensors['boxes'].shape}"
            )
        return {**boxes, **tensors}

    # What subclasses use

    def _images_shape(self, data: Any) -> tuple:
        images = data["images"] if isinstance(data, dict) else data
        shape = tuple(images.shape)
        if len(shape) not in (3, 4):
            raise ValueError(f"Expected the input image to be rank 3 or 4. Received: inputs.shape={shape}")
        return shape

    def _batch_size(self, data: Any) -> Any:
        shape = self._images_shape(data)
        return shape[0] if len(shape) == 4 else 1

    def _height_width(self, shape: Sequence[Any]) -> tuple[Any, Any]:
        last = self.data_format == "channels_last"
        return (shape[-3], shape[-2]) if last else (shape[-2], shape[-1])

    @property
    def _channels_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else -3

    def _converted(self, boxes: Any, source: Any, target: Any, sizes: Sequence[Any]) -> Any:
        return box_utils.convert_format(boxes, source, target, height=sizes[0], width=sizes[1])

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def compute_output_spec(self, data: Any, training: bool = True) -> Any:
        if None not in self._height_width(self._images_shape(data)):
            return self._run_in_precision((data,), {"training": training})
        shapes = self.compute_output_shape(tree.map_structure(lambda x: x.shape, data))
        return tree.map_shape_structure(lambda shape: KerasTensor(shape, self.compute_dtype), shapes)

    def get_config(self) -> dict[str, Any]:
        result = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            result["bounding_box_format"] = self.bounding_box_format
        return result


class RandomImageLayer(ImageLayer):
    """Base of layers that draw what they do.

    Args:
        seed: An integer that makes the stream of choices repeatable.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _source(self, seed: Any) -> Any:
        return self.generator if seed is None else seed

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def _each(value: Any, function: Any) -> Any:
    if isinstance(value, dict):
        return {k: function(v) if k in ("boxes", "labels") else v for k, v in value.items()}
    return function(value)


def factor_range(
    factor: Any, low: float, high: float, name: str = "factor", symmetric: bool = True
) -> tuple[Any, Any]:
    """Return the ends of the range that a number is drawn from.

    Args:
        factor: The two ends in any order, or one number for the range from its negative (or 0) to itself.
        low: The smallest allowed.
        high: The largest allowed.
        name: Name of the argument, for the error.
        symmetric: Whether one number stands for a range on both sides of 0.

    Raises:
        ValueError: If the argument is something else, or outside of what is allowed.
    """
    if isinstance(factor, (list, tuple)) and len(factor) == 2:
        lower, upper = sorted(factor)
        if lower <= high and upper >= low:
            return lower, upper
    elif isinstance(factor, (int, float)) and low <= factor <= high:
        size = abs(factor)
        return (max(-size, low) if symmetric else low), size
    raise ValueError(
        f"The `{name}` argument should be a number (or a list of two numbers) in the range [{low}, {high}]. "
        f"Received: {name}={factor}"
    )


def checked_factors(
    factor: Any, low: float, high: float, name: str, above_low: bool = False
) -> tuple[Any, Any]:
    """Return the ends of a range, each of which is within bounds, and one number as a range on both sides of 0."""
    ends = factor if isinstance(factor, (list, tuple)) else (factor,)
    if not (
        len(ends) == (2 if isinstance(factor, (list, tuple)) else 1)
        and all(
            isinstance(n, (int, float)) and (low < n if above_low else low <= n) and n <= high for n in ends
        )
    ):
        raise ValueError(
            f"The `{name}` argument should be a number (or a list of two numbers) in the range "
            f"{'(' if above_low else '['}{low}, {high}]. Received: {name}={factor}"
        )
    lower, upper = sorted(ends) if len(ends) == 2 else (-abs(ends[0]), abs(ends[0]))
    return lower, upper


def checked_value_range(value_range: Any) -> list:
    """Return the smallest and the largest value that images may have.

    Raises:
        ValueError: If these are not two numbers.
    """
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
        raise ValueError(
            f"The `value_range` argument should be a list of two numbers. Received: value_range={value_range}"
        )
    return sorted(value_range)


def check_warp(
    fill_mode: str | None, interpolation: str, fill_modes: Sequence[str] = WARP_FILL_MODES
) -> None:
    """Raise an error unless images can be filled and interpolated in this way."""
    if fill_mode is not None and fill_mode not in fill_modes:
        raise NotImplementedError(f"Unknown `fill_mode` {fill_mode}. Expected of one {fill_modes}.")
    if interpolation not in WARP_INTERPOLATIONS:
        raise NotImplementedError(
            f"Unknown `interpolation` {interpolation}. Expected of one {WARP_INTERPOLATIONS}."
        )


def rescaled(images: Any, old: Sequence[float], new: Sequence[float], dtype: str) -> Any:
    """Return images of values in one range brought to another."""
    if tuple(old) == tuple(new):
        return images
    images = (ops.cast(images, dtype) - old[0]) / (old[1] - old[0])
    return images * (new[1] - new[0]) + new[0]
