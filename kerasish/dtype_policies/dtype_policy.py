"""The type that a layer keeps its weights in and the type that it computes in."""

from __future__ import annotations

from typing import Any

from kerasish import config
from kerasish.autograd import dtypes
from kerasish.autograd.tensor import Tensor, as_tensor


class DTypePolicy:
    """The types of a layer: of its weights, and of its computation.

    Example:

    >>> kerasish.DTypePolicy("mixed_float16").compute_dtype
    'float16'

    Args:
        name: A float type for both, or `"mixed_float16"` / `"mixed_bfloat16"`: float32 weights, 16-bit computation.

    Raises:
        ValueError: If `name` is neither.
    """

    def __init__(self, name: str | None = None):
        name = config.floatx() if name is None else name
        if not isinstance(name, str):
            raise TypeError(f"'name' must be a string, such as 'mixed_float16'. Received: name={name}")
        self._name = name
        if name in ("mixed_float16", "mixed_bfloat16"):
            self._compute_dtype, self._variable_dtype = name[6:], "float32"
        else:
            try:
                self._compute_dtype = self._variable_dtype = dtypes.standardize_dtype(name)
            except ValueError:
                raise ValueError(
                    f"Cannot convert '{name}' to a mixed precision DTypePolicy. Valid policies include "
                    "'mixed_float16', 'mixed_bfloat16', and the name of any float dtype such as 'float32'."
                ) from None

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The type that a layer computes in and returns."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The type of a layer's weights."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> None:
        """None: layers are not quantized."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """Return an array or tensor as a tensor, of type `dtype` if it holds floats; all else as it is.

        Args:
            x: An array, a tensor, or anything else.
            autocast: Whether floats are cast.
            dtype: The type for floats.
        """
        if not isinstance(x, Tensor):
            if not hasattr(x, "__array__"):
                return x
            x = as_tensor(x)
        dtype = dtypes.standardize_dtype(dtype)
        return as_tensor(x, dtype) if autocast and dtypes.is_float(x.dtype) and x.dtype != dtype else x

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """Return a policy made from `get_config`'s result."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self._name == other._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


class FloatDTypePolicy(DTypePolicy):
    """Another name of `DTypePolicy`, from older versions of Keras."""
