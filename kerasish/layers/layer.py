"""The base class of layers."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

from kerasish import dtype_policies, regularizers, tree
from kerasish.autograd import dtypes
from kerasish.autograd.state import state
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.autograd.variable import Variable
from kerasish.layers import signatures
from kerasish.layers.building import wrapped_build
from kerasish.layers.calling import LayerCalls
from kerasish.ops.operation import Operation, own_arguments


class _AddedLosses(threading.local):
    """What a thread's calls have added by `add_loss`: a layer may be called by several threads at once."""

    def __init__(self) -> None:
        self.losses: weakref.WeakKeyDictionary[Layer, list[Tensor]] = weakref.WeakKeyDictionary()


_added = _AddedLosses()


class Layer(LayerCalls):
    """A function on tensors with state: weights, sublayers, seeds.

    Subclass it: make state in `__init__` or in `build`, which is called once with the input's shape, and write the
    computation in `call` out of `kerasish.ops`.

    Example:

    ```python
    class Linear(keras.layers.Layer):
        def __init__(self, units=32, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units))

        def call(self, inputs):
            return keras.ops.matmul(inputs, self.w)
    ```

    Args:
        activity_regularizer: Penalty on the layer's output, added to the loss.
        trainable: Whether the layer's variables are trained.
        dtype: Float type or dtype policy of computation and weights.
        autocast: Whether float inputs are cast to the layer's compute dtype.
        name: The layer's name; made from the class name where None.

    Call arguments:
        inputs: Tensors, arrays, or nested structures of them.
        training: Whether the layer is to behave as in training; inherited from the outer layer or model where None.
        mask: A bool tensor that tells which timesteps count, for layers that take one.

    Raises:
        ValueError: If there is an unknown argument, or `trainable` is no bool.
    """

    _role_in_checks = "layer"

    input_spec: Any
    _signature: Any = None
    _fitting: tuple | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._signature = None
        if "build" in cls.__dict__:
            cls.build = wrapped_build(cls.__dict__["build"])

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        self._prepare_tracking()
        input_shape = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            input_shape = (kwargs.pop("input_dim"),)
        if input_shape is not None:
            warnings.warn(
                "Do not pass an `input_shape`/`input_dim` argument to a layer. When using Sequential models, prefer "
                "using an `Input(shape)` object as the first layer in the model instead.",
                stacklevel=3,
            )
            self._input_shape_arg = (
                tuple(input_shape) if isinstance(input_shape, (list, tuple)) else (input_shape,)
            )
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        if not isinstance(trainable, bool):
            raise ValueError(
                f"Expected `trainable` to be a boolean. Received: trainable={trainable} (of type {type(trainable)})"
            )
        Operation.__init__(self, name=name)
        self.dtype_policy = dtype
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self.input_spec: Any = None
        self.built = False
        self.supports_jit = True
        self._path: str | None = None
        self._trainable = trainable
        self._build_shapes_dict: dict[str, Any] | None = None
        self._settled = False
        self._supports_masking = type(self).compute_mask is not Layer.compute_mask
        self._convert_input_args = True
        self._allow_non_tensor_positional_args = False

    # Types

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """The types of the layer's weights and computation."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy = dtype_policies.get(value)
        policies, path = self.__dict__.get("_dtype_policy"), self.__dict__.get("_path")
        if isinstance(policies, dtype_policies.DTypePolicyMap) and path:
            if path in policies:
                del policies[path]
            policies[path] = policy
        else:
            self._dtype_policy = policy
        self._choose_policy()

    def _choose_policy(self) -> None:
        """Find the layer's own policy: of a map that for its path, once it has one."""
        policy, path = self._dtype_policy, self.__dict__.get("_path")
        if isinstance(policy, dtype_policies.DTypePolicyMap) and path:
            policy = policy[path]
        self._own_policy = policy
        self._compute = dtypes.to_numpy_dtype(policy.compute_dtype)
        self._mixed = policy.compute_dtype != policy.variable_dtype

    @property
    def dtype(self) -> str:
        """The type of the weights."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The type of the computation."""
        return self._own_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The type of the weights."""
        return self._own_policy.variable_dtype

    @property
    def input_dtype(self) -> str:
        """The type that float inputs are cast to."""
        return self.compute_dtype

    @property
    def supports_masking(self) -> bool:
        """Whether the layer passes on or computes a mask."""
        return self._supports_masking

    @supports_masking.setter
    def supports_masking(self, value: bool) -> None:
        self._supports_masking = value

    # Losses

    _losses_may_linger = False

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to what training minimizes. Called in `call`, it counts for that call.

        Args:
            loss: A scalar tensor, or a list of them.
        """
        for part in tree.flatten(loss):
            tensor = as_tensor(part)
            if tensor.size not in (1, None):
                raise ValueError(
                    f"`add_loss` takes scalars. Received: shape={tensor.shape}. Reduce it first."
                )
            _added.losses.setdefault(self, []).append(tensor)
            if getattr(state.overlay, "collect_losses", False):
                state.overlay.add_loss(tensor)
        Layer._losses_may_linger = True

    @property
    def losses(self) -> list[Tensor]:
        """The scalars added by `add_loss` and by the regularizers of weights, of the layer and its sublayers."""
        found: list[Tensor] = []
        if Layer._losses_may_linger:
            added = _added.losses
            found.extend(loss for layer in self._flatten_layers() for loss in added.get(layer, ()))
        if Variable.any_regularizer:
            found.extend(v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None)
        return found

    def _clear_losses(self) -> None:
        added = _added.losses
        if added:
            for layer in self._flatten_layers():
                added.pop(layer, None)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> Iterator[Layer]:
        if include_self:
            yield self
        for layer in self._layers:
            yield layer
            if recursive:
                yield from layer._flatten_layers(include_self=False)

    # Config

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs to make the layer again, without its weights.

        Raises:
            NotImplementedError: If a subclass takes constructor arguments of its own that are no plain values and
                overrides nothing.
        """
        self._check_super_called()
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is Layer.get_config:
            config = {
                "name": self.name,
                **own_arguments(self, without=signatures.BASE_ARGUMENTS),
                **signatures.accepted(self, config),
            }
            if not signatures.accepted(self, {"name": self.name}):
                del config["name"]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return a layer made from `get_config`'s result."""
        try:
            return cls(**config)
        except MemoryError:
            raise
        except Exception as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\nException encountered: "
                f"{error}"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes along: not what is compiled, nor the calls, which belong to this instance."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_compiled_steps", "_inbound_nodes", "_metrics_step", "_position")
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.__dict__.get('built', False)}>"
