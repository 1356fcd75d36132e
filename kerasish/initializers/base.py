"""The base class of initializers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class Initializer:
    """Makes the first value of a variable from its shape and dtype.

    Subclass it with a `__call__`, and with a `get_config` that returns the constructor's arguments if the
    initializer is to be saved.

    Example:

    ```python
    class Halves(kerasish.Initializer):
        def __call__(self, shape, dtype=None):
            return kerasish.ops.full(shape, 0.5, dtype=dtype)
    ```
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Returns the initial value.

        Args:
            shape: Shape of the value.
            dtype: Dtype of the value; `None` for `config.floatx()`.

        Returns:
            A tensor of that shape and dtype.
        """
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as a JSON-serializable dict."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """Returns an initializer made from the result of `get_config`."""
        return cls(**config)

    def clone(self) -> Initializer:
        """Returns a new initializer with the same config (and a new seed where the seed was `None`)."""
        return self.from_config(self.get_config())
