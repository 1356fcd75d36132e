"""Windows that slide over a time series."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.utils.sample_batches import SampleBatches, drawn_seed


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> SampleBatches:
    """Return the windows of a time series as a dataset.

    Example:

    ```python
    # The last 10 values predict the next one.
    dataset = keras.utils.timeseries_dataset_from_array(series[:-10], series[10:], sequence_length=10)
    for windows, targets in dataset:
        windows.shape, targets.shape  # (128, 10), (128,)
    ```

    Args:
        data: Values in order of time, along the first axis.
        targets: `targets[i]` belongs to the window that starts at `data[i]`; None for windows alone.
        sequence_length: Values in a window.
        sequence_stride: How far a window starts after the one before.
        sampling_rate: How far values in a window are apart.
        batch_size: Windows in a batch; None for single windows.
        shuffle: Whether windows come in random order, another one in every pass.
        seed: Seed of the order.
        start_index: Values before it are not used.
        end_index: Values from it on are not used.
        format: `"tf"` or `"grain"`, as in Keras; the dataset is the same.

    Returns:
        A dataset of `(windows, targets)`, or of windows where `targets` is None: NumPy arrays of shape
        `(batch, sequence_length, ...)` and `(batch, ...)`.

    Raises:
        ValueError: If a number is out of range, or no window fits into the data.
    """
    data = np.asarray(data)
    _check(len(data), sequence_length, sequence_stride, sampling_rate, start_index, end_index, format)
    used = data[start_index or 0 : end_index]
    values = None if targets is None else np.asarray(targets)[start_index or 0 : end_index]
    count = len(used) - (sequence_length - 1) * sampling_rate
    if values is not None:
        count = min(count, len(values))
    if count < 1:
        raise ValueError(
            f"No window fits into the data: {len(used)} values, sequence_length={sequence_length}, "
            f"sampling_rate={sampling_rate}" + ("" if values is None else f", {len(values)} targets") + "."
        )
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        seed = drawn_seed(seed)
        np.random.RandomState(seed).shuffle(starts)
    offsets = np.arange(sequence_length) * sampling_rate

    def read(numbers: np.ndarray) -> Any:
        first = starts[numbers]
        windows = used[first[:, None] + offsets]
        return windows if values is None else (windows, values[first])

    return SampleBatches(read, len(starts), batch_size, shuffle=shuffle, seed=seed)


def _check(
    length: int,
    sequence_length: int,
    sequence_stride: int,
    sampling_rate: int,
    start_index: int | None,
    end_index: int | None,
    format: str,
) -> None:
    """Raise ValueError for a number that is out of range."""
    if start_index and not 0 <= start_index < length:
        raise ValueError(
            "`start_index` must be 0 or greater and lower than the length of the data. "
            f"Received: start_index={start_index}, for data of length {length}"
        )
    if end_index and not (start_index or 0) < end_index < length:
        raise ValueError(
            "`end_index` must be higher than `start_index` and lower than the length of the data. "
            f"Received: start_index={start_index}, end_index={end_index}, for data of length {length}"
        )
    if sequence_length < 1:
        raise ValueError(
            f"`sequence_length` must be higher than 0. Received: sequence_length={sequence_length}"
        )
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < length:
            raise ValueError(
                f"`{name}` must be higher than 0 and lower than the length of the data. "
                f"Received: {name}={value}, for data of length {length}"
            )
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
