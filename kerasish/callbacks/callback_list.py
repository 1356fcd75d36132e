"""The callbacks of one run, called together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerasish import tree
from kerasish.callbacks.callback import Callback
from kerasish.callbacks.history import History
from kerasish.callbacks.logs import to_floats
from kerasish.callbacks.progbar_logger import ProgbarLogger

_MODES = ("train", "test", "predict")


class CallbackList(Callback):
    """Call a list of callbacks as if they were one.

    Which callbacks listen to batches is decided once, when the list is made: hooks that are not overridden
    are never called. They are called in the order of the list; `BackupAndRestore` comes last, since it keeps what the
    others remember.

    Example:

    ```python
    callbacks = keras.callbacks.CallbackList([early_stopping], add_history=True, model=model, epochs=10)
    callbacks.on_train_begin()
    ```

    Args:
        callbacks: A callback, or a possibly nested list of callbacks.
        add_history: Whether to add a `History` if the list has none.
        add_progbar: Whether to add a `ProgbarLogger` if the list has none.
        model: The model these callbacks are used with.
        **params: Parameters of the run (`verbose`, `epochs`, `steps`), handed to every callback.

    Raises:
        TypeError: If something in `callbacks` is not a callback.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Callback] = tree.flatten(callbacks) if callbacks else []
        for callback in self.callbacks:
            _check_is_callback(callback)
        self._history = next((c for c in self.callbacks if isinstance(c, History)), None)
        self._progbar = next((c for c in self.callbacks if isinstance(c, ProgbarLogger)), None)
        if add_history and self._history is None:
            self._history = History()
            self.callbacks.append(self._history)
        if add_progbar and self._progbar is None:
            self._progbar = ProgbarLogger()
            self.callbacks.append(self._progbar)
        self._open_runs = 0
        self.set_model(model)
        self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Add a callback at the end of the list."""
        _check_is_callback(callback)
        self.callbacks.append(callback)
        self._route_batch_hooks()

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)
        self._route_batch_hooks()

    def set_model(self, model: Any) -> None:
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def wants_batch_hooks(self, mode: str) -> bool:
        """Return whether any callback listens to the batches of a mode.

        Args:
            mode: `"train"`, `"test"` or `"predict"`.
        """
        return bool(self._hooks[f"on_{mode}_batch_begin"] or self._hooks[f"on_{mode}_batch_end"])

    def wants_every_batch(self, mode: str) -> bool:
        """Return whether any callback that listens to the batches of a mode has to be told of each.

        A progress bar, for one, may be told of several at a time, as with `steps_per_execution`.

        Args:
            mode: `"train"`, `"test"` or `"predict"`.
        """
        return self._wants_every[mode]

    def wants_batch_logs(self, mode: str) -> bool:
        """Return whether any callback listens to the end of the batches of a mode and may keep the logs.

        Args:
            mode: `"train"`, `"test"` or `"predict"`.
        """
        return self._keeps_logs[f"on_{mode}_batch_end"]

    @property
    def _in_order(self) -> list[Callback]:
        """The callbacks in the order in which they are called."""
        return sorted(self.callbacks, key=lambda callback: getattr(callback, "_comes_last", False))

    def _route_batch_hooks(self) -> None:
        self._hooks: dict[str, list] = {}
        self._keeps_logs: dict[str, bool] = {}
        self._passes_floats: dict[str, bool] = {}
        self._wants_every = dict.fromkeys(_MODES, False)
        for mode in _MODES:
            for moment in ("begin", "end"):
                name = f"on_{mode}_batch_{moment}"
                listeners = [callback for callback in self._in_order if _listens(callback, name)]
                self._hooks[name] = [getattr(callback, name) for callback in listeners]
                self._wants_every[mode] |= any(
                    _listens(callback, name, "_coarse_batch_hooks") for callback in listeners
                )
                keeps = any(not getattr(callback, "reads_logs_lazily", False) for callback in listeners)
                self._keeps_logs[name] = keeps
                # Logs of predictions hold outputs, not metrics: they are passed as they are.
                self._passes_floats[name] = keeps and mode != "predict"

    def _call_batch_hooks(self, name: str, batch: int, logs: Mapping[str, Any] | None) -> None:
        hooks = self._hooks[name]
        if hooks:
            if logs is None:
                logs = {}
            elif self._passes_floats[name]:
                logs = to_floats(logs)
            for hook in hooks:
                hook(batch, logs=logs)

    def on_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        for callback in self._in_order:
            callback.on_batch_begin(batch, logs=to_floats(logs))

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        for callback in self._in_order:
            callback.on_batch_end(batch, logs=to_floats(logs))

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._call_batch_hooks("on_predict_batch_end", batch, logs)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = to_floats(logs)
        for callback in self._in_order:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = to_floats(logs)
        for callback in self._in_order:
            callback.on_epoch_end(epoch, logs)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._begin("on_train_begin", logs)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._end("on_train_end", logs)

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._begin("on_test_begin", logs)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._end("on_test_end", logs)

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._begin("on_predict_begin", logs)

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._end("on_predict_end", logs)

    def _begin(self, name: str, logs: Mapping[str, Any] | None) -> None:
        self._open_runs += 1
        logs = to_floats(logs)
        for callback in self._in_order:
            getattr(callback, name)(logs)

    def _end(self, name: str, logs: Mapping[str, Any] | None) -> None:
        if self._open_runs == 0:
            raise ValueError(f"`{name}` called without corresponding `{name.replace('end', 'begin')}`.")
        logs = to_floats(logs)
        for callback in self._in_order:
            getattr(callback, name)(logs)
        self._open_runs -= 1


def _check_is_callback(callback: Any) -> None:
    if isinstance(callback, type) or not hasattr(callback, "on_epoch_end"):
        hint = f" Did you mean `{callback.__name__}()`?" if isinstance(callback, type) else ""
        raise TypeError(
            f"`callbacks` must be a callback or a list of callbacks (instances of "
            f"`keras.callbacks.Callback`). Received: {callback!r}.{hint}"
        )


def _listens(callback: Callback, name: str, apart_from: str = "_idle_batch_hooks") -> bool:
    """Return whether a batch hook, or the older hook that it calls, is overridden and not one of those to ignore.

    Args:
        callback: The callback.
        name: Name of the hook.
        apart_from: Name of the attribute in which the callback says which of its hooks are to be ignored.
    """
    hooks = [name, name.replace("train_", "")] if "train" in name else [name]
    ignored = getattr(callback, apart_from, ())
    for hook in hooks:
        method = getattr(callback, hook)
        function = getattr(method, "__func__", method)
        if function is not getattr(Callback, hook) and function not in ignored:
            return True
    return False
