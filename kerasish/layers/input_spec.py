"""What a layer says about the inputs that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import tree
from kerasish.autograd.tensor import Tensor


class InputSpec:
    """The dtype, rank and shape that a layer expects of an input; None means anything.

    Example:

    ```python
    class Pairwise(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.input_spec = keras.layers.InputSpec(shape=(None, 28, 28, 1))
    ```

    Args:
        dtype: Expected dtype.
        shape: Expected shape; None for a dimension that may have any length.
        ndim: Expected number of axes.
        max_ndim: Largest number of axes.
        min_ndim: Smallest number of axes.
        axes: Dict from axes to their expected lengths.
        allow_last_axis_squeeze: Whether a last axis of length one may be missing or extra.
        name: Expected key, where inputs come as a dict.
        optional: Whether the input may be None.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.name = name
        self.optional = optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        try:
            self.axes = {int(k): v for k, v in (axes or {}).items()}
        except (TypeError, ValueError, AttributeError):
            raise TypeError(
                f"Argument `axes` must be a dict with integer keys. Received: axes={axes}"
            ) from None
        limit = self.ndim if self.ndim is not None else max_ndim
        if self.axes and limit is not None and max(self.axes) >= limit:
            raise ValueError(f"Axis {max(self.axes)} is greater than the maximum allowed value: {limit - 1}")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's main arguments."""
        return {
            "dtype": self.dtype,
            "shape": self.shape,
            "ndim": self.ndim,
            "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim,
            "axes": self.axes,
            "optional": self.optional,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """Return a spec made from `get_config`'s result."""
        return cls(**config)

    def __repr__(self) -> str:
        shown = {k: v for k, v in self.get_config().items() if v}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in shown.items())})"


def check_inputs(spec: Any, inputs: Any, layer_name: str) -> None:
    """Raise ValueError unless `inputs` fit a layer's `input_spec`."""
    if type(spec) is InputSpec and isinstance(inputs, Tensor):
        _check(spec, inputs, 0, layer_name)
        return
    specs = tree.flatten(spec)
    if isinstance(inputs, dict) and all(s.name for s in specs):
        values = [inputs.get(s.name) for s in specs]
    else:
        values = tree.flatten(inputs)
    if len(values) != len(specs):
        raise ValueError(
            f"Layer '{layer_name}' expected {len(specs)} input(s). Received {len(values)} instead: "
            f"{[getattr(v, 'shape', v) for v in values]}"
        )
    for index, (one, value) in enumerate(zip(specs, values, strict=True)):
        if one is None or value is None and one.optional:
            continue
        _check(one, value, index, layer_name)


def _check(spec: InputSpec, x: Any, index: int, layer_name: str) -> None:
    if not isinstance(x, Tensor):
        raise ValueError(
            f"Input {index} of layer '{layer_name}' must be a tensor or an array. Received: {x!r} (of type {type(x)})"
        )
    shape = x.shape
    rank = len(shape)
    problem = None
    if spec.ndim is not None and not spec.allow_last_axis_squeeze and rank != spec.ndim:
        problem = f"expected ndim={spec.ndim}, found ndim={rank}"
    elif spec.max_ndim is not None and rank > spec.max_ndim:
        problem = f"expected max_ndim={spec.max_ndim}, found ndim={rank}"
    elif spec.min_ndim is not None and rank < spec.min_ndim:
        problem = f"expected min_ndim={spec.min_ndim}, found ndim={rank}"
    elif spec.dtype is not None and x.dtype != spec.dtype:
        problem = f"expected dtype={spec.dtype}, found dtype={x.dtype}"
    else:
        for axis, length in spec.axes.items():
            if length is not None and shape[axis] not in (length, None):
                problem = f"expected axis {axis} of input shape to have value {length}"
                break
        if spec.shape is not None and problem is None:
            problem = _shape_problem(spec, shape)
    if problem:
        named = f" with name '{spec.name}'" if spec.name else ""
        raise ValueError(
            f"Input {index}{named} of layer '{layer_name}' is incompatible with the layer: {problem}. Full shape "
            f"received: {tuple(shape)}"
        )


def _shape_problem(spec: InputSpec, shape: tuple) -> str | None:
    expected = spec.shape or ()
    if spec.allow_last_axis_squeeze:
        shape = shape[:-1] if shape and shape[-1] == 1 else shape
        expected = expected[:-1] if expected and expected[-1] == 1 else expected
        if len(shape) != len(expected):
            return f"expected shape={spec.shape}, found shape={shape}"
    if any(e is not None and d is not None and e != d for e, d in zip(expected, shape, strict=True)):
        return f"expected shape={spec.shape}, found shape={shape}"
    return None
