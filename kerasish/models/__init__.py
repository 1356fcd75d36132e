"""Models: layers that can be trained, summarized and saved."""

from typing import Any as _Any

from kerasish.models.cloning import clone_model
from kerasish.models.functional import Functional
from kerasish.models.model import Model, model_from_json
from kerasish.models.sequential import Sequential

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]


def __getattr__(name: str) -> _Any:
    if name in ("load_model", "save_model"):
        from kerasish import saving

        return getattr(saving, name)
    raise AttributeError(f"module 'kerasish.models' has no attribute {name!r}")
