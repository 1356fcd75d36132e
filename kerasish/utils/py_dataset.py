"""`PyDataset`: batches computed by Python code, by index, so that workers can prepare them in parallel."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class PyDataset:
    """Base class for a dataset whose batches are made by Python code, optionally by several workers.

    A subclass implements `__getitem__`, which returns one whole batch, and `__len__` (or the property
    `num_batches`, which may be `None` for an endless dataset). Each batch is used once an epoch. The
    arguments tell `fit()`, `evaluate()` and `predict()` how to prepare batches ahead; iterating over the
    dataset by hand uses no workers.

    Example:

    ```python
    class Crops(kerasish.utils.PyDataset):
        def __init__(self, images, labels, batch_size, **kwargs):
            super().__init__(**kwargs)
            self.images, self.labels, self.batch_size = images, labels, batch_size

        def __len__(self):
            return math.ceil(len(self.images) / self.batch_size)

        def __getitem__(self, index):
            rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
            return random_crop(self.images[rows]), self.labels[rows]

    model.fit(Crops(images, labels, 32, workers=4), epochs=5)
    ```

    Args:
        workers: Number of threads or processes that prepare batches. 1 (the default) without
            `use_multiprocessing`, or 0, means the calling thread.
        use_multiprocessing: Whether the workers are processes. Batches, and where processes are not forked
            the dataset too, must then be picklable.
        max_queue_size: Number of batches that are prepared ahead. Defaults to 10.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    # A subclass may have forgotten super().__init__(): the getters then warn and fall back to the defaults.

    @property
    def workers(self) -> int:
        """Number of threads or processes that prepare batches."""
        return self._setting("_workers", 1)

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Whether the workers are processes."""
        return self._setting("_use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """Number of batches prepared ahead."""
        return self._setting("_max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = value

    def __getitem__(self, index: int) -> Any:
        """Returns batch number `index`: `(x,)`, `(x, y)`, `(x, y, sample_weight)`, an array or a dict."""
        raise NotImplementedError(f"{type(self).__name__} must implement `__getitem__(self, index)`.")

    @property
    def num_batches(self) -> int | None:
        """Number of batches of an epoch, or `None` if the dataset is endless."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} must implement `__len__` or the property `num_batches` "
            "(which returns None for an endless dataset)."
        )

    def on_epoch_begin(self) -> None:
        """Called at the beginning of every epoch."""

    def on_epoch_end(self) -> None:
        """Called at the end of every epoch."""

    def __iter__(self) -> Iterator[Any]:
        try:
            num_batches = self.num_batches
        except NotImplementedError:
            num_batches = None
        for index in itertools.count() if num_batches is None else range(num_batches):
            yield self[index]

    def _setting(self, name: str, default: Any) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            import warnings

            warnings.warn(
                f"{type(self).__name__} should call `super().__init__(**kwargs)` in its constructor; "
                "`**kwargs` can include `workers`, `use_multiprocessing` and `max_queue_size`. The "
                "defaults are used.",
                stacklevel=3,
            )
            setattr(self, name, default)
            return default
