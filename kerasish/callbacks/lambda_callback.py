"""Callbacks from plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish.callbacks.callback import Callback


class LambdaCallback(Callback):
    """Make a callback of functions.

    Example:

    ```python
    show = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    model.fit(x, y, callbacks=[show])
    ```

    Args:
        on_epoch_begin: Function of `epoch` and `logs`.
        on_epoch_end: Function of `epoch` and `logs`.
        on_train_begin: Function of `logs`.
        on_train_end: Function of `logs`.
        on_train_batch_begin: Function of `batch` and the keyword argument `logs`.
        on_train_batch_end: Function of `batch` and the keyword argument `logs`.
        **kwargs: Functions for any other hook of `Callback`, by its name.
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.__dict__.update(kwargs)
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        self.__dict__.update({name: hook for name, hook in hooks.items() if hook is not None})
