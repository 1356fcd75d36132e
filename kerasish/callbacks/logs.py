"""Logs: what a callback is told about losses and metrics, read only when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


class LazyLogs(Mapping):
    """A mapping of metric names to values that are computed at the first look.

    `fit` passes one at the end of every batch: while nobody looks, the metrics cost nothing and the device
    is not waited for. The values are those of the first look, so look during the hook that received the
    logs; a copy for later is `dict(logs)`.

    Example:

    ```python
    logs = LazyLogs(model.get_metrics_result)
    logs["loss"]
    ```

    Args:
        read: A function that returns a mapping of names to values that `float` accepts.
    """

    __slots__ = ("_read", "_values")

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        self._read = read
        self._values: dict[str, Any] | None = None

    def _seen(self) -> dict[str, Any]:
        if self._values is None:
            self._values = to_floats(self._read())
        return self._values

    def __getitem__(self, name: str) -> Any:
        return self._seen()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen())

    def __len__(self) -> int:
        return len(self._seen())

    def __repr__(self) -> str:
        return repr(self._seen())


class LazyOutputs(LazyLogs):
    """The logs of a batch of predictions: outputs, which are brought to the host at the first look."""

    __slots__ = ()

    def _seen(self) -> dict[str, Any]:
        if self._values is None:
            self._values = dict(self._read())
        return self._values


def to_floats(logs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return logs as a new dict sorted by name: nested dicts flattened, values as floats where possible.

    Args:
        logs: A mapping of names to tensors, arrays, numbers or further mappings; `None` is an empty one.
    """
    result: dict[str, Any] = {}
    for name, value in sorted((logs or {}).items()):
        if isinstance(value, Mapping):
            result.update(to_floats(value))
        else:
            try:
                result[name] = float(value)
            except (TypeError, ValueError):
                result[name] = value
    return result
