"""Dtype policies: in which type a layer keeps its weights and in which it computes."""

from __future__ import annotations

from typing import Any

from kerasish import config
from kerasish.autograd import dtypes


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


_default: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are given none: that of the default float type, unless set."""
    return DTypePolicy() if _default is None else _default


def set_dtype_policy(policy: str | DTypePolicy | None) -> None:
    """Set the policy of layers that are given none; None goes back to the default float type."""
    global _default
    _default = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """Return a policy for a name, a dtype, a config, a policy, or None (the default one)."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    return DTypePolicy(dtypes.standardize_dtype(identifier))


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return the config that files hold for a policy."""
    return {
        "module": "keras",
        "class_name": type(dtype_policy).__name__,
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> DTypePolicy:
    """Return the policy of a file's config.

    Raises:
        ValueError: If the config is of something else.
    """
    class_name = config.get("class_name")
    if class_name in ("DTypePolicy", "FloatDTypePolicy"):
        return DTypePolicy(config["config"]["name"])
    raise ValueError(f"Expected the config of a DTypePolicy. Received: class_name={class_name!r}")


__all__ = ["DTypePolicy", "deserialize", "dtype_policy", "get", "serialize", "set_dtype_policy"]
