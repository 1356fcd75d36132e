"""The entry of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.autograd import dtypes
from kerasish.autograd.tensor import KerasTensor
from kerasish.layers.layer import Layer
from kerasish.ops.operation import record
from kerasish.ops.symbolic import symbols_exist


class InputLayer(Layer):
    """The entry of a model, which says the shape and type of what comes in.

    Args:
        shape: Shape of one sample, None for dimensions that vary.
        batch_size: Number of samples in a batch, where it is fixed.
        dtype: Type of the input, the default float type by default.
        sparse: Accepted for Keras's sake; tensors are dense.
        ragged: Accepted for Keras's sake; tensors are regular.
        batch_shape: Shape with the batch, instead of `shape` and `batch_size`.
        input_tensor: A symbolic tensor to take shape and type from.
        optional: Whether the input may be None.
        name: The layer's name.

    Raises:
        ValueError: If the shape is missing, given twice, or no shape.
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name)
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
        if "batch_input_shape" in kwargs:
            batch_shape = kwargs.pop("batch_input_shape")
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to InputLayer: {kwargs}")
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise ValueError(
                    "Argument `input_tensor` must be a KerasTensor. "
                    f"Received invalid type: input_tensor={input_tensor} (of type {type(input_tensor)})"
                )
            batch_shape = input_tensor.shape
            dtype = dtype or input_tensor.dtype
        if shape is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
        if batch_size is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `batch_size` and `batch_shape` at the same time.")
        if shape is None and batch_shape is None:
            raise ValueError("You must pass a `shape` argument.")
        self._batch_shape = (
            (batch_size, *_checked_shape(shape)) if batch_shape is None else _checked_shape(batch_shape)
        )
        self._dtype = dtypes.standardize_dtype(dtype)
        self.sparse = bool(sparse)
        self.ragged = bool(ragged)
        self.optional = bool(optional)
        if input_tensor is None:
            input_tensor = KerasTensor(self._batch_shape, self._dtype, name=self.name)
        record(self, (), {}, [input_tensor])
        symbols_exist()
        self._build_shapes_dict = {"input_shape": self._batch_shape}
        self.built = True
        self._settled = True  # there is nothing to build, and it is never called

    def get_build_config(self) -> None:
        """Return None: the config has the shape already."""

    @property
    def batch_shape(self) -> tuple:
        """The input's shape with the batch."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """The input's type."""
        return self._dtype

    def call(self) -> None:
        return None

    def compute_output_shape(self, *args: Any) -> tuple:
        return self._batch_shape

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self._batch_shape,
            "dtype": self._dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
            "optional": self.optional,
        }


def _checked_shape(shape: Any) -> tuple:
    dims = (shape,) if isinstance(shape, int) else shape
    if not isinstance(dims, (list, tuple)) or not all(
        d is None or isinstance(d, int) and d >= 0 for d in dims
    ):
        raise ValueError(
            f"A shape must be a tuple of non-negative integers and None. Received: shape={shape!r}"
        )
    return tuple(dims)


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """Return the symbolic tensor that a model starts from.

    Example:

    >>> kerasish.Input((28, 28), name="images")
    <KerasTensor shape=(None, 28, 28), dtype=float32, name=images>

    Args:
        shape: Shape of one sample, None for dimensions that vary.
        batch_size: Number of samples in a batch, where it is fixed.
        dtype: Type of the input, the default float type by default.
        sparse: Accepted for Keras's sake; tensors are dense.
        ragged: Accepted for Keras's sake; tensors are regular.
        batch_shape: Shape with the batch, instead of `shape` and `batch_size`.
        name: The input's name.
        tensor: A symbolic tensor to take shape and type from.
        optional: Whether the input may be None.
    """
    return InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
    ).output
