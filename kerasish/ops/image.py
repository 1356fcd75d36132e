"""`keras.ops.image`: functions of images."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from kerasish.ops import symbolic as _symbolic

HOMES = {
    "colors": "hsv_to_rgb rgb_to_grayscale rgb_to_hsv",
    "patches": "extract_patches extract_patches_3d",
    "filters": "gaussian_blur sobel_edges ssim",
    "resizing": "crop_images pad_images resize scale_and_translate",
    "warping": "affine_transform elastic_transform map_coordinates perspective_transform",
}
_FILE_OF = {name: file for file, names in HOMES.items() for name in names.split()}
__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]


def __getattr__(name: str) -> Any:
    file = _FILE_OF.get(name)
    if file is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = _symbolic.recording(getattr(_import_module(f"kerasish.ops.{file}"), name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


# What `__getattr__` finds, for editors and the reference.
# ruff: noqa: F403, F405
if TYPE_CHECKING:
    from kerasish.ops.colors import *
    from kerasish.ops.filters import *
    from kerasish.ops.patches import *
    from kerasish.ops.resizing import *
    from kerasish.ops.warping import *
