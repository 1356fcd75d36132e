"""Dtype policies: in which type a layer keeps its weights and in which it computes."""

from __future__ import annotations

from typing import Any

from kerasish.autograd import dtypes
from kerasish.dtype_policies.dtype_policy import DTypePolicy, FloatDTypePolicy
from kerasish.dtype_policies.policy_map import DTypePolicyMap

__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "deserialize",
    "dtype_policy",
    "get",
    "serialize",
    "set_dtype_policy",
]

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
    name = type(dtype_policy).__name__
    return {
        "module": "keras.dtype_policies" if name == "DTypePolicyMap" else "keras",
        "class_name": name,
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
    if class_name == "DTypePolicyMap":
        return DTypePolicyMap.from_config(config["config"])
    raise ValueError(f"Expected the config of a DTypePolicy. Received: class_name={class_name!r}")
