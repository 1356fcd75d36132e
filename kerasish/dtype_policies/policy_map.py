"""A dtype policy for each of several layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from kerasish.dtype_policies.dtype_policy import DTypePolicy


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by the paths of layers, with one for all other layers; itself a policy, that of the others.

    A key is a path or a regular expression for whole paths.

    Example:

    >>> policies = kerasish.dtype_policies.DTypePolicyMap("float32")
    >>> policies["encoder/.*"] = "mixed_float16"
    >>> policies["encoder/dense"].name, policies["decoder/dense"].name
    ('mixed_float16', 'float32')

    Args:
        default_policy: The policy of layers that the map does not name, or its name; by default that of
            `config.dtype_policy()` whenever it is asked for.
        policy_map: Policies by path.

    Raises:
        ValueError: If the default is a map itself.
        TypeError: If `policy_map` is no dict.
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("`default_policy` cannot be a `DTypePolicyMap`.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                f"If specified, `policy_map` must be a dict. Received: policy_map={policy_map} of type "
                f"{type(policy_map)}"
            )
        self._default = default_policy
        self._default_policy = None if default_policy is None else _policy(default_policy)
        self._policies: dict[str, DTypePolicy] = {}
        self.update(policy_map or {})

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers that the map does not name."""
        return _policy(None) if self._default_policy is None else self._default_policy

    @property
    def name(self) -> str:
        """The policy's name, made of the default's."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """The type that layers of the default policy compute in."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The type of the weights of layers of the default policy."""
        return self.default_policy.variable_dtype

    def __getitem__(self, key: str) -> DTypePolicy:
        """Return the policy of the path `key`: its own, that of the one expression for it, or the default.

        Raises:
            ValueError: If several expressions are for this path.
        """
        if key in self._policies:
            return self._policies[key]
        matching = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple dtype policy specification keys: {matching}. Please make sure each "
                "path only matches at most one dtype policy specification key in the DTypePolicyMap."
            )
        return self._policies[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise ValueError(
                f"{key} already exist in the DTypePolicyMap with value {self._policies[key]}. Please make sure to "
                "not use duplicated keys."
            )
        self._policies[key] = _policy(policy)

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DTypePolicyMap)
            and self._policies == other._policies
            and self._default_policy == other._default_policy
        )

    def __hash__(self) -> int:
        return hash((self._default_policy, *self._policies.items()))

    def __bool__(self) -> bool:
        return True  # a policy also while it names no layer

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        from kerasish import dtype_policies

        policies = {key: dtype_policies.serialize(policy) for key, policy in self._policies.items()}
        default = self._default.name if isinstance(self._default, DTypePolicy) else self._default
        return {"default_policy": default, "policy_map": policies}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> DTypePolicyMap:
        """Return the map that `get_config` described."""
        return cls(config.get("default_policy"), dict(config.get("policy_map") or {}))

    def __repr__(self) -> str:
        mapping = [(key, policy.name) for key, policy in self._policies.items()]
        return f"<DTypePolicyMap default_policy={self.default_policy.name}, mapping={mapping}>"


def _policy(identifier: Any) -> DTypePolicy:
    from kerasish import dtype_policies  # which knows this class

    return dtype_policies.get(identifier)
