"""Building layers: making their weights when the shapes of their inputs are known."""

from __future__ import annotations

import warnings
from functools import wraps
from typing import Any

from kerasish.autograd.naming import current_path, name_scope
from kerasish.layers import signatures
from kerasish.layers.state import LayerState


class LayerBuilding(LayerState):
    """Building a layer, by hand, from a config, or by its first call."""

    def build(self, input_shape: Any) -> None:
        """Make the layer's weights. Override it; it is called once, before the first call.

        Args:
            input_shape: Shape of the input (or a structure of shapes), None for the batch.
        """
        self._check_super_called()
        unbuilt = [layer.name for layer in self._layers if not layer.built]
        if unbuilt and type(self).build is LayerBuilding.build:
            warnings.warn(
                f"`build()` was called on layer '{self.name}', however the layer does not have a `build()` method "
                f"implemented and it looks like it has unbuilt state: {unbuilt}. This will cause the layer to be "
                "marked as built, despite not being actually built, which may cause failures down the line. Make sure "
                "to implement a proper `build()` method.",
                stacklevel=2,
            )
        if not self.built or self._build_shapes_dict is None:
            self._set_path(self._path or current_path() or self.name)
            self._build_shapes_dict = {"input_shape": input_shape}
        self.built = True
        if not self.__dict__.get("_building"):
            self._locked = True

    def _set_path(self, path: str) -> None:
        """Note where the layer is, which may decide on its types."""
        if path != self.__dict__.get("_path"):
            self._path = path
            self._choose_policy()

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layer as `get_build_config()` says it was built."""
        if not config:
            return
        if "input_shape" in config:
            self.build(_shape_from_config(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{k: _shape_from_config(v) for k, v in config["shapes_dict"].items()})

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the input shapes that the layer was built with; None where it was not built."""
        shapes = self._build_shapes_dict
        if not shapes:  # built for no tensor, as layers are that take lists of strings
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def _maybe_build(self, args: tuple, kwargs: dict[str, Any]) -> None:
        if self.built:
            return
        self._check_super_called()
        shapes = signatures.input_shapes(self, args, kwargs)
        if type(self).build is LayerBuilding.build:
            # Sublayers are built by the call that follows.
            self._set_path(current_path())
            self._build_shapes_dict = shapes
            self.built = True
            return
        takes = signatures.parameters(type(self).build)
        if len(shapes) == 1 or not any(name in takes for name in shapes):
            self.build(next(iter(shapes.values()), None))
            return
        needed = signatures.parameters(type(self).build, optional=False)
        unknown = [name for name in needed if name not in shapes]
        if unknown:
            raise ValueError(
                f"For a `build()` method with more than one argument, all arguments should have a `_shape` suffix and "
                f"match an argument from `call()`. E.g. `build(self, foo_shape, bar_shape)`. For layer "
                f"'{type(self).__name__}', received `build()` arguments {takes}, of which {unknown} match none of "
                f"{list(shapes)}."
            )
        self.build(**{name: shapes[name] for name in takes if name in shapes})


def wrapped_build(build: Any) -> Any:
    """Run a `build` inside the layer's name scope, note the shapes it got, and mark the layer as built."""

    @wraps(build)
    def wrapper(self: LayerBuilding, *args: Any, **kwargs: Any) -> None:
        if self.__dict__.get("_building"):  # `super().build(...)`: more may follow
            build(self, *args, **kwargs)
            return
        self._building = True
        try:
            with name_scope(self.name, caller=self):
                self._set_path(current_path())
                if not self.__dict__.get("built", False):
                    self._build_shapes_dict = signatures.named_shapes(build, args, kwargs)
                build(self, *args, **kwargs)
        finally:
            self._building = False
        self.built = True
        self._locked = True

    return wrapper


def _shape_from_config(shape: Any) -> Any:
    """Turn the lists that JSON made of shapes back into tuples."""
    if isinstance(shape, dict):
        return {k: _shape_from_config(v) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        if all(d is None or isinstance(d, int) for d in shape):
            return tuple(shape)
        return [_shape_from_config(s) for s in shape]
    return shape
