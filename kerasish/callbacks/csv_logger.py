"""Epochs' results as a CSV file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from kerasish.callbacks.callback import Callback


class CSVLogger(Callback):
    """Write every epoch's loss and metrics to a CSV file, line by line.

    Example:

    ```python
    model.fit(x, y, epochs=10, callbacks=[keras.callbacks.CSVLogger("training.csv")])
    ```

    Args:
        filename: Path of the file.
        separator: Character between the columns.
        append: Whether to add to a file that exists, or to replace it.
    """

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self.append_header = True
        self.csv_file: Any = None
        self.writer: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._close()
        if self.append and os.path.exists(self.filename):
            self.append_header = os.path.getsize(self.filename) == 0
        # The csv module ends lines itself.
        mode = "a" if self.append else "w"
        self.csv_file = open(self.filename, mode, newline="", encoding="utf-8")  # noqa: SIM115 (closed at the end)
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if self.writer is None:
            self._start(logs)
        row = {name: _cell(logs.get(name, "NA")) for name in self.keys or ()}
        self.writer.writerow({"epoch": epoch, **row})
        self.csv_file.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._close()

    def _start(self, logs: dict[str, Any]) -> None:
        import csv

        self.keys = sorted(logs)
        if not any(name.startswith("val_") for name in self.keys):
            # With a `validation_freq` above 1 the first epoch has none: its columns come all the same.
            self.keys += [f"val_{name}" for name in self.keys]
        self.writer = csv.DictWriter(self.csv_file, fieldnames=["epoch", *self.keys], delimiter=self.sep)
        if self.append_header:
            self.writer.writeheader()

    def _close(self) -> None:
        if self.csv_file is not None:
            self.csv_file.close()
        self.csv_file = None
        self.writer = None


def _cell(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1) != 0:
        return f'"[{", ".join(map(str, value))}]"'
    return value
