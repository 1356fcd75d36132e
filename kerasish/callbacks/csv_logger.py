"""Epochs' results as a CSV file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import Any

from kerasish.callbacks.callback import Callback


class CSVLogger(Callback):
    """Write every epoch's loss and metrics to a CSV file, line by line.

    A line is written in one go when its epoch has ended. A run that `BackupAndRestore` takes up goes on after the lines
    of the epochs that it does not run again.

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
        self._length: int | None = None  # what to cut the file down to before anything is written
        self.writer: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._close()
        self.append_header = not self.append or _size_of(self.filename) == 0
        # The csv module ends lines itself.
        self.csv_file = open(self.filename, "a", newline="", encoding="utf-8")  # noqa: SIM115 (closed at the end)
        # What is there is dropped when the first epoch begins: a run that is taken up keeps it.
        self._length = None if self.append else 0
        self.keys = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._cut()

    def get_backup_state(self) -> Any:
        """Return how long the file is, and its columns."""
        return {"length": _size_of(self.filename), "keys": self.keys}

    def set_backup_state(self, state: Any) -> None:
        """Go on after the lines that were there, if they still are."""
        if _size_of(self.filename) >= state["length"] > 0:
            self._length, self.keys, self.append_header = state["length"], state["keys"], False
            self._cut()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if self.writer is None:
            self._start(logs)
        row = {name: _cell(logs.get(name, "NA")) for name in self.keys or ()}
        length = _size_of(self.filename)
        try:
            self.writer.writerow({"epoch": epoch, **row})
            self.csv_file.flush()
        except OSError:  # of a full disk: no half of a line stays
            with contextlib.suppress(OSError):
                self._close()
            with contextlib.suppress(OSError):
                os.truncate(self.filename, length)
            raise

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.csv_file is not None:
            self._cut()
        self._close()

    def _cut(self) -> None:
        """Drop the lines that are to be replaced."""
        if self._length is not None:
            self.csv_file.truncate(self._length)
        self._length = None

    def _start(self, logs: dict[str, Any]) -> None:
        import csv

        if self.keys is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):
                # With a `validation_freq` above 1 the first epoch has none: its columns come all the same.
                self.keys += [f"val_{name}" for name in self.keys]
        self.writer = csv.DictWriter(self.csv_file, fieldnames=["epoch", *self.keys], delimiter=self.sep)
        if self.append_header:
            self.writer.writeheader()

    def _close(self) -> None:
        file, self.csv_file, self.writer = self.csv_file, None, None
        if file is not None:
            file.close()


def _size_of(path: str) -> int:
    """Return the length of a file in bytes, 0 where there is none."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _cell(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1) != 0:
        return f'"[{", ".join(map(str, value))}]"'
    return value
