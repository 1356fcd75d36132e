"""The values of a model's variables in nested dicts, by kind and by the parts of their paths."""

from __future__ import annotations

from typing import Any


def _kinds(model: Any) -> dict[str, list[Any]]:
    optimizer = getattr(model, "optimizer", None)
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": [] if optimizer is None else optimizer.variables,
        "metrics_variables": model.metrics_variables,
    }


def of_model(model: Any, value_format: str) -> dict[str, Any]:
    """Return the values of a model's variables (see `Model.get_state_tree`)."""
    if value_format not in ("backend_tensor", "numpy_array"):
        raise ValueError(
            "Invalid `value_format` argument. Expected one of {'numpy_array', 'backend_tensor'}. "
            f"Received: value_format={value_format}"
        )
    found: dict[str, Any] = {}
    for kind, variables in _kinds(model).items():
        values = found[kind] = {}
        for variable in variables:
            *parents, name = variable.path.split("/")
            place = values
            for parent in parents:
                place = place.setdefault(parent, {})
            if name in place:
                raise ValueError(
                    f"The following variable path is found twice in the model: '{variable.path}'. "
                    "`get_state_tree()` can only be called when all variable paths are unique. Give unique "
                    "names to your layers (and other objects)."
                )
            place[name] = variable.numpy() if value_format == "numpy_array" else variable.value
    return found


def set_on_model(model: Any, values: dict[str, Any]) -> None:
    """Give a model's variables values (see `Model.set_state_tree`)."""
    kinds = _kinds(model)
    for kind, part in values.items():
        if kind not in kinds:
            raise ValueError(f"Unknown variable name: {kind}. Expected one of {list(kinds)}.")
        given = dict(_flat(part, ""))
        for variable in kinds[kind]:
            if variable.path in given:
                variable.assign(given[variable.path])


def _flat(part: dict[str, Any], path: str) -> Any:
    for name, value in part.items():
        inside = f"{path}/{name}" if path else name
        if isinstance(value, dict):
            yield from _flat(value, inside)
        else:
            yield inside, value
