"""Datasets from directories and arrays, images and sequences, under the names of older versions of Keras."""

from __future__ import annotations

from kerasish.preprocessing import image, sequence
from kerasish.utils.image_dataset import image_dataset_from_directory
from kerasish.utils.text_dataset import text_dataset_from_directory
from kerasish.utils.timeseries_dataset import timeseries_dataset_from_array

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
