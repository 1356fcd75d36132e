"""Settings of a program as attributes."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any


class Config(MutableMapping):
    """Named values, read and written as attributes or items, that can be frozen.

    Example:

    >>> config = kerasish.utils.Config(learning_rate=0.1)
    >>> config.momentum = 0.9
    >>> config["learning_rate"], config.to_json()
    (0.1, '{"learning_rate": 0.1, "momentum": 0.9}')
    >>> config.freeze()  # from now on a change raises ValueError

    Args:
        **kwargs: Names and values to begin with.
    """

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_values", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether the values cannot be changed."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def get(self, keyname: str, value: Any = None) -> Any:
        """Return the value of a name, or `value` where there is none."""
        return self._values.get(keyname, value)

    def as_dict(self) -> dict[str, Any]:
        """Return names and values as a new dict."""
        return dict(self._values)

    def to_json(self) -> str:
        """Return names and values as JSON text."""
        import json

        return json.dumps(self._values)

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        from kerasish.serialization.vocabulary import close_names

        raise AttributeError(f"Unknown attribute: '{name}'.{close_names(name, values)}")

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._check_open()
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        self._check_open()
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def _check_open(self) -> None:
        if self._frozen:
            raise ValueError(
                "Cannot mutate attribute(s) because the config is frozen. Call `unfreeze()` first."
            )

    def __repr__(self) -> str:
        return f"<Config {self._values}>"
