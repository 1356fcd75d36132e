"""Stop training when the loss is lost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kerasish.callbacks.callback import Callback
from kerasish.utils import io_utils


class TerminateOnNaN(Callback):
    """Stop training when the loss is NaN or infinite.

    Example:

    ```python
    model.fit(x, y, callbacks=[keras.callbacks.TerminateOnNaN()])
    ```

    Args:
        raise_error: `False`: training ends after the batch, and all callbacks see its end. `True`: an error
            is raised at once, so that no callback acts on the end of training (a backup is kept, for
            example).

    Raises:
        RuntimeError: During training, with `raise_error=True`.
    """

    reads_logs_lazily = True

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {float(loss)}. "
                "Terminating training immediately."
            )
        io_utils.print_msg(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
