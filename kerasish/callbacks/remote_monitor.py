"""Epochs' results sent to a server."""

from __future__ import annotations

from typing import Any

from kerasish.callbacks.callback import Callback


class RemoteMonitor(Callback):
    """Send every epoch's loss and metrics to a server by HTTP POST.

    Example:

    ```python
    monitor = keras.callbacks.RemoteMonitor(root="http://localhost:9000", send_as_json=True)
    model.fit(x, y, epochs=10, callbacks=[monitor])
    ```

    Args:
        root: Address of the server.
        path: What follows it.
        field: Name of the form field that holds the values as JSON, where they are sent as a form.
        headers: Further HTTP headers.
        send_as_json: Whether the values are sent as JSON instead of a form.

    Raises:
        ValueError: If `root` is no HTTP address.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not root.lower().startswith(("http://", "https://")):
            raise ValueError(f"`root` must begin with http:// or https://. Received: root={root!r}")
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        import json
        import urllib.parse
        import urllib.request

        values = {"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}}
        text = json.dumps(values)
        if self.send_as_json:
            body, kind = text, "application/json"
        else:
            body, kind = urllib.parse.urlencode({self.field: text}), "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10):
                pass
        except OSError as error:  # refused, unreachable, too slow, or an answer that says no
            import warnings

            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root} ({error})", stacklevel=2)


def _plain(value: Any) -> Any:
    """Return a scalar or an array as what JSON can hold."""
    return value.tolist() if hasattr(value, "tolist") else value
