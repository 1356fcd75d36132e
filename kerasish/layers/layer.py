"""The base class of layers: state, building, and what happens around `call`."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from functools import wraps
from typing import Any

from kerasish import constraints, dtype_policies, initializers, regularizers, tree
from kerasish.autograd import dtypes
from kerasish.autograd.naming import auto_name, current_path, name_scope
from kerasish.autograd.scope import AutocastScope, StatelessScope
from kerasish.autograd.state import state
from kerasish.autograd.tensor import KerasTensor, NoValueError, Tensor, as_tensor
from kerasish.autograd.variable import Variable
from kerasish.layers import signatures
from kerasish.layers.input_spec import check_inputs
from kerasish.layers.tracking import wrap
from kerasish.metrics import Metric
from kerasish.random import SeedGenerator


class _CallContext(threading.local):
    """What nested calls inherit: whether a call is under way, and its `training` argument."""

    depth: int = 0
    training: bool | None = None


_context = _CallContext()


class Layer:
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

    _signature: Any = None
    _fitting: tuple | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Layer:
        instance = super().__new__(cls)
        # Kept for the config of a subclass that writes no get_config.
        object.__setattr__(instance, "_init_arguments", (args, kwargs))
        return instance

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._signature = None
        if "build" in cls.__dict__:
            cls.build = _wrapped_build(cls.__dict__["build"])

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
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        self.name = name or auto_name(type(self).__name__)
        self.dtype_policy = dtype
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self.input_spec: Any = None
        self.built = False
        self.supports_jit = True
        self._path: str | None = None
        self._trainable = trainable
        self._losses: list[Tensor] = []
        self._build_shapes_dict: dict[str, Any] | None = None
        self._symbolic_output_shape: Any = None
        self._settled = False
        self._supports_masking = type(self).compute_mask is not Layer.compute_mask
        self._convert_input_args = True
        self._allow_non_tensor_positional_args = False

    # Tracking

    def _prepare_tracking(self) -> None:
        fresh = {
            "_trainable_variables": [],
            "_non_trainable_variables": [],
            "_layers": [],
            "_metrics": [],
            "_seed_generators": [],
            "_locked": False,
        }
        for attribute, value in fresh.items():
            if attribute not in self.__dict__:
                object.__setattr__(self, attribute, value)

    def _track(self, value: Any) -> None:
        if isinstance(value, Variable):
            self._track_variable(value)
        elif isinstance(value, Layer):
            self._add_tracked(self._layers, value)
        elif isinstance(value, Metric):
            self._add_tracked(self._metrics, value)
        elif isinstance(value, SeedGenerator):
            self._add_tracked(self._seed_generators, value)

    def _track_variable(self, variable: Variable) -> None:
        known = [*self._trainable_variables, *self._non_trainable_variables]
        if any(v is variable for v in known):
            return
        home = self._trainable_variables if variable.trainable else self._non_trainable_variables
        self._add_tracked(home, variable)

    def _add_tracked(self, home: list, value: Any) -> None:
        if any(v is value for v in home):
            return
        if self._locked:
            raise ValueError(
                "You cannot add new elements of state (variables or sub-layers) to a layer that is already built. All "
                "state must be created in the `__init__()` method or in the `build()` method. "
                f"Received: {value!r} for layer '{self.name}'."
            )
        home.append(value)
        if self.__dict__.get("_settled"):
            self._settled = False

    def _untrack(self, value: Any) -> None:
        for home in (
            self._trainable_variables,
            self._non_trainable_variables,
            self._layers,
            self._metrics,
            self._seed_generators,
        ):
            home[:] = [v for v in home if v is not value]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _UNTRACKED:
            object.__setattr__(self, name, value)
            return
        if isinstance(value, (Variable, Layer, Metric, SeedGenerator, list, tuple, dict, set)):
            self._prepare_tracking()
            value = wrap(value, self._track)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        value = self.__dict__.get(name)
        if isinstance(value, (Variable, Layer, Metric, SeedGenerator)):
            self._untrack(value)
        super().__delattr__(name)

    def _check_super_called(self) -> None:
        if "_dtype_policy" not in self.__dict__:
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the first statement "
                "in the `__init__()` method. Go add it!"
            )

    # State

    def add_weight(
        self,
        shape: Sequence[int] | int | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight of the layer.

        Args:
            shape: Its shape, `()` by default.
            initializer: Initial value: an initializer, its name, or a callable; by default `"glorot_uniform"` for
                floats and zeros for other types.
            dtype: Element type, by default the policy's variable dtype.
            trainable: Whether it is trained.
            autocast: Whether mixed precision may read it in a narrower type.
            regularizer: Penalty on its value, added to the loss.
            constraint: Map to allowed values, applied after each update.
            aggregation: How replicas would be combined.
            overwrite_with_gradient: Whether an optimizer replaces the value by its gradient.
            name: Its name.

        Returns:
            The variable.
        """
        self._check_super_called()
        shape = () if shape is None else shape
        dtype = self.variable_dtype if dtype is None else dtypes.standardize_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if "float" in dtype else "zeros"
        with name_scope(self.name, caller=self):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        self._track_variable(variable)
        variable.trainable = variable.trainable and self._trainable
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        return variable

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """Make a weight of the layer (see `add_weight`)."""
        return self.add_weight(*args, **kwargs)

    @property
    def path(self) -> str | None:
        """The names of the layers around it and its own, joined by slashes; None before it is built."""
        return self._path

    @property
    def trainable(self) -> bool:
        """Whether the layer's variables are trained. Setting it sets it for all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        for variable in self._trainable_variables:
            variable.trainable = value
        for layer in self._layers:
            layer.trainable = value

    @property
    def variables(self) -> list[Variable]:
        """All variables: weights, seeds and those of sublayers."""
        return _unique(self._own_variables(seeds=True))

    @property
    def weights(self) -> list[Variable]:
        """The weights of the layer and its sublayers, without seeds and metrics."""
        return _unique(self._own_variables(seeds=False))

    def _own_variables(self, seeds: bool) -> Iterator[Variable]:
        yield from self._trainable_variables
        yield from self._non_trainable_variables
        if seeds:
            for generator in self._seed_generators:
                yield generator.state
        for layer in self._layers:
            yield from layer.variables if seeds else layer.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone, seeds included."""
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of the layer and its sublayers."""
        return [*self._metrics, *(m for layer in self._layers for m in layer.metrics)]

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of all metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    def get_weights(self) -> list[Any]:
        """Return the values of all weights as a list of NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights, in the order of `get_weights()`; nothing changes if one does not fit.

        Raises:
            ValueError: If there are more or fewer arrays than weights, or a shape differs.
        """
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length "
                f"{len(weights)}, but the layer was expecting {len(own)} weights."
            )
        for variable, value in zip(own, weights, strict=True):
            shape = tuple(getattr(value, "shape", None) or as_tensor(value).shape)
            if shape != variable.shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {variable.shape} is not compatible with provided weight shape "
                    f"{shape} (weight '{variable.path}')."
                )
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Return the number of values in all weights.

        Raises:
            ValueError: If the layer is not built.
        """
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. You can build "
                f"it manually via: `layer.build(input_shape)`."
            )
        return sum(v.size for v in self.weights)

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own weights into `store`, a mapping from names to arrays."""
        for i, variable in enumerate([*self._trainable_variables, *self._non_trainable_variables]):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the layer's own weights from `store`.

        Raises:
            ValueError: If there are more or fewer than the layer has.
        """
        own = [*self._trainable_variables, *self._non_trainable_variables]
        if len(store.keys()) != len(own):
            if not own and not self.built:
                raise ValueError(
                    f"Layer '{self.name}' was never built and thus it doesn't have any variables. However the weights "
                    f"file lists {len(store.keys())} variables for this layer. Call the layer on data, or `build` it, "
                    "before loading; the `build()` of a layer around it must build it too."
                )
            raise ValueError(
                f"Layer '{self.name}' expected {len(own)} variables, but received {len(store.keys())} variables "
                f"during loading. Expected: {[v.name for v in own]}"
            )
        for i, variable in enumerate(own):
            variable.assign(store[str(i)])

    # Types

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """The types of the layer's weights and computation."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy = self._dtype_policy = dtype_policies.get(value)
        self._compute = dtypes.to_numpy_dtype(policy.compute_dtype)
        self._mixed = policy.compute_dtype != policy.variable_dtype

    @property
    def dtype(self) -> str:
        """The type of the weights."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The type of the computation."""
        return self._dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The type of the weights."""
        return self._dtype_policy.variable_dtype

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

    # Building

    def build(self, input_shape: Any) -> None:
        """Make the layer's weights. Override it; it is called once, before the first call.

        Args:
            input_shape: Shape of the input (or a structure of shapes), None for the batch.
        """
        self._check_super_called()
        unbuilt = [layer.name for layer in self._layers if not layer.built]
        if unbuilt and type(self).build is Layer.build:
            warnings.warn(
                f"`build()` was called on layer '{self.name}', however the layer does not have a `build()` method "
                f"implemented and it looks like it has unbuilt state: {unbuilt}. This will cause the layer to be "
                "marked as built, despite not being actually built, which may cause failures down the line. Make sure "
                "to implement a proper `build()` method.",
                stacklevel=2,
            )
        if not self.built or self._build_shapes_dict is None:
            self._path = self._path or current_path() or self.name
            self._build_shapes_dict = {"input_shape": input_shape}
        self.built = True
        if not self.__dict__.get("_building"):
            self._locked = True

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
        if type(self).build is Layer.build:
            # Sublayers are built by the call that follows.
            self._path = current_path()
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

    # Calling

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the layer's output. Override it."""
        self._check_super_called()
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call()` method implemented.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if "_dtype_policy" not in self.__dict__:
            self._check_super_called()
        signature = type(self)._signature or signatures.of_call(type(self))
        if len(args) == 1 and not kwargs and _context.depth and self._takes_as_it_is(args[0], signature):
            return self._call_inside(args[0], signature)
        if self._convert_input_args:
            args = tuple([self._convert(a) if isinstance(a, Tensor) else self._positional(a) for a in args])
            if kwargs:
                kwargs = {k: v if k in _NOT_INPUTS else self._convert(v) for k, v in kwargs.items()}
        inputs = args[0] if args else signature.first_argument(self, kwargs)
        context = _context
        outer_training = context.training
        training = kwargs.get("training")
        if training is None:
            training = outer_training if outer_training is not None else signature.default_training
        context.training = training
        if signature.takes_training:
            kwargs["training"] = training
        elif "training" in kwargs and not signature.takes_any:
            del kwargs["training"]
        if context.depth == 0 and self._losses_may_linger:
            self._clear_losses()
        context.depth += 1
        try:
            mask = _mask_of(inputs)
            if signature.mask_names:
                mask = signature.fill_masks(args, kwargs, mask, _mask_of)
            if self._settled:
                if self.input_spec is not None:
                    check_inputs(self.input_spec, inputs, self.name)
                outputs = self._run(inputs, args, kwargs)
            else:
                with name_scope(self.name, caller=self):
                    if self.input_spec is not None:
                        check_inputs(self.input_spec, inputs, self.name)
                    was_built = self.built
                    self._maybe_build(args, kwargs)
                    outputs = self._run(inputs, args, kwargs)
                    self._settle(was_built)
            if mask is not None or type(self).compute_mask is not Layer.compute_mask:
                self._set_mask(inputs, outputs, mask)
            if self.activity_regularizer is not None:
                self._add_activity_losses(outputs)
            return outputs
        except Exception as error:
            if not isinstance(error, NoValueError):
                error.add_note(f"While calling {self!r} on {signatures.brief(inputs)}")
            raise
        finally:
            context.depth -= 1
            context.training = outer_training

    def _takes_as_it_is(self, x: Any, signature: Any) -> bool:
        """Tell whether there is nothing to do around a nested call: the layer is built, and the input fits as it is."""
        if not self._settled or self._mixed or self.activity_regularizer is not None or signature.mask_names:
            return False
        if type(x) is not Tensor or x._value.dtype is not self._compute or "_keras_mask" in x.__dict__:
            return False
        if state.autocast is not None or type(self).compute_mask is not Layer.compute_mask:
            return False
        if self.input_spec is not None and self._fitting != (x._value.shape, self.input_spec):
            check_inputs(self.input_spec, x, self.name)
            self._fitting = (x._value.shape, self.input_spec)
        return True

    def _call_inside(self, x: Tensor, signature: Any) -> Any:
        """Call the layer inside another's call on an input that needs nothing done to it."""
        try:
            if not signature.takes_training:
                return self.call(x)
            training = _context.training
            return self.call(x, training=signature.default_training if training is None else training)
        except Exception as error:
            if not isinstance(error, NoValueError):
                error.add_note(f"While calling {self!r} on {signatures.brief(x)}")
            raise

    def _settle(self, was_built: bool) -> None:
        """Note after a call that the layer is built, and whether calls need no more name scopes."""
        self.built = True
        if not was_built:
            self._locked = True
        self._settled = all(layer._settled for layer in self._layers)

    def _add_activity_losses(self, outputs: Any) -> None:
        for output in tree.flatten(outputs):
            if isinstance(output, Tensor):
                loss = self.activity_regularizer(output)  # type: ignore[misc]
                # A mean over the batch, so that its size changes nothing.
                self.add_loss(loss / output.shape[0] if output.shape and output.shape[0] else loss)

    def _run(self, inputs: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Run `call`: under mixed precision in its scope, and on symbolic inputs without touching any state."""
        if isinstance(inputs, KerasTensor) and _is_plain(state.overlay):
            with StatelessScope():
                outputs = self._run_in_precision(args, kwargs)
            self._symbolic_output_shape = tree.map_structure(lambda t: t.shape, outputs)
            return outputs
        return self._run_in_precision(args, kwargs)

    def _run_in_precision(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        if self._mixed or state.autocast is not None:
            # Where weights are of the type of the computation, or nothing is to be cast, they are read as they are.
            wanted = self.compute_dtype if self.autocast and self._compute.kind in "fV" else None
            if wanted != state.autocast:
                with AutocastScope(wanted):
                    return self.call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def _positional(self, value: Any) -> Any:
        """Convert a positional argument that is no tensor; what does not become one must be passed by name."""
        converted = self._convert(value)
        if not isinstance(converted, Tensor) and not self._allow_non_tensor_positional_args:
            for leaf in tree.flatten(converted):
                if leaf is not None and not isinstance(leaf, Tensor) and not hasattr(leaf, "__array__"):
                    raise ValueError(
                        "Only input tensors may be passed as positional arguments. The following argument value should "
                        f"be passed as a keyword argument: {leaf} (of type {type(leaf)})"
                    )
        return converted

    def _convert(self, value: Any) -> Any:
        """Return an argument with its arrays as tensors and its floats in the compute dtype."""
        if isinstance(value, Tensor):
            dtype = value._value.dtype
            if dtype.kind != "f" or dtype is self._compute or dtype == self._compute or not self.autocast:
                return value
            mask = getattr(value, "_keras_mask", None)
            cast = as_tensor(value, self.compute_dtype)
            if mask is not None:
                cast._keras_mask = mask
            return cast
        if value is None or isinstance(value, (bool, str)):
            return value
        if hasattr(value, "__array__"):
            return self._convert(as_tensor(value)) if value.dtype.kind not in "OSU" else value
        if isinstance(value, (int, float)):
            return value
        if isinstance(value, (list, tuple)) and value and not _holds_tensors(value):
            try:
                return self._convert(as_tensor(value))
            except (ValueError, TypeError):
                return value
        if isinstance(value, (list, tuple, dict)):
            return tree.map_structure(self._convert, value)
        return value

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """Call the layer with given values of its variables, changing none of them.

        Returns:
            `(outputs, new non-trainable values)`, and the losses if `return_losses`.

        Raises:
            ValueError: If the layer is not built, or the values are more or fewer than the variables.
        """
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables must have been "
                "already created). You can build it by calling it on some data."
            )
        own, fixed = self.trainable_variables, self.non_trainable_variables
        for kind, variables, values in (
            ("trainable_variables", own, trainable_variables),
            ("non_trainable_variables", fixed, non_trainable_variables),
        ):
            if len(variables) != len(values):
                raise ValueError(
                    f"Argument `{kind}` must be a list of tensors corresponding 1:1 to {type(self).__name__}().{kind}. "
                    f"Received list with length {len(values)}, but expected {len(variables)} variables."
                )
        mapping = [
            *zip(own, trainable_variables, strict=True),
            *zip(fixed, non_trainable_variables, strict=True),
        ]
        with StatelessScope(mapping) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        values = [v if (new := scope.get_current_value(v)) is None else new for v in fixed]
        return (outputs, values, losses) if return_losses else (outputs, values)

    # Masks

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the output for that of the input. By default it is passed on."""
        return previous_mask

    def _set_mask(self, inputs: Any, outputs: Any, mask: Any) -> None:
        if not self._supports_masking:
            warnings.warn(
                f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a mask attached to it. "
                "However, this layer does not support masking and will therefore destroy the mask information. "
                "Downstream layers will not see the mask.",
                stacklevel=4,
            )
            return
        flat = tree.flatten(outputs)
        if all(_mask_of(output) is not None for output in flat):
            return
        masks = self.compute_mask(inputs, mask)
        if masks is None:
            return
        for output, part in zip(flat, tree.flatten(masks), strict=False):
            if isinstance(output, Tensor) and part is not None and _mask_of(output) is None:
                output._keras_mask = part

    # Shapes without values

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shape of the output for the shape of the input."""
        self._check_super_called()
        shapes = args or tuple(kwargs.values())
        inputs = [_symbols(shape, self.compute_dtype) for shape in shapes]
        return tree.map_structure(lambda t: t.shape, self.compute_output_spec(*inputs))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs."""
        return self(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs."""
        return self.compute_output_spec(*args, **kwargs)

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
            self._losses.append(tensor)
        Layer._losses_may_linger = True

    @property
    def losses(self) -> list[Tensor]:
        """The scalars added by `add_loss` and by the regularizers of weights, of the layer and its sublayers."""
        found: list[Tensor] = []
        if Layer._losses_may_linger:
            found.extend(loss for layer in self._flatten_layers() for loss in layer._losses)
        if Variable.any_regularizer:
            found.extend(v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None)
        return found

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            if layer._losses:
                object.__setattr__(layer, "_losses", [])

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
                **signatures.own_arguments(self),
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
        except Exception as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\nException encountered: "
                f"{error}"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes along: everything but what is compiled, which refers to this instance."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_compiled_steps", "_metrics_step")
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.__dict__.get('built', False)}>"


_UNTRACKED = frozenset(
    (
        "_build_shapes_dict",
        "_building",
        "_compile_loss",
        "_compile_metrics",
        "_compiled_steps",
        "_fitting",
        "_init_arguments",
        "_input_shape_arg",
        "_loss_tracker",
        "_losses",
        "_metrics_step",
        "_output_symbols",
        "_settled",
        "_symbolic_output_shape",
        "_trained",
        "built",
        "input_spec",
    )
)
_NOT_INPUTS = frozenset(("training", "mask"))


def _mask_of(value: Any) -> Any:
    """Return the mask that a tensor carries, those of a structure of tensors, or None where there is none."""
    if isinstance(value, Tensor):
        return value.__dict__.get("_keras_mask")
    if isinstance(value, (list, tuple, dict)):
        masks = tree.map_structure(lambda t: getattr(t, "_keras_mask", None), value)
        return masks if any(m is not None for m in tree.flatten(masks)) else None
    return None


def _is_plain(overlay: Any) -> bool:
    """Whether variables are read and assigned for real."""
    return overlay is None or type(overlay) is AutocastScope and overlay.outer is None


def _wrapped_build(build: Any) -> Any:
    """Run a `build` inside the layer's name scope, note the shapes it got, and mark the layer as built."""

    @wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self.__dict__.get("_building"):  # `super().build(...)`: more may follow
            build(self, *args, **kwargs)
            return
        self._building = True
        try:
            with name_scope(self.name, caller=self):
                self._path = current_path()
                if not self.__dict__.get("built", False):
                    self._build_shapes_dict = signatures.named_shapes(build, args, kwargs)
                build(self, *args, **kwargs)
        finally:
            self._building = False
        self.built = True
        self._locked = True

    return wrapper


def _unique(variables: Iterator[Variable]) -> list[Variable]:
    return list({id(v): v for v in variables}.values())


def _holds_tensors(values: Sequence[Any]) -> bool:
    return any(
        isinstance(v, Tensor) or hasattr(v, "__array__") or isinstance(v, (list, tuple)) and _holds_tensors(v)
        for v in values
    )


def _shape_from_config(shape: Any) -> Any:
    """Turn the lists that JSON made of shapes back into tuples."""
    if isinstance(shape, dict):
        return {k: _shape_from_config(v) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        if all(d is None or isinstance(d, int) for d in shape):
            return tuple(shape)
        return [_shape_from_config(s) for s in shape]
    return shape


def _symbols(shape: Any, dtype: str) -> Any:
    """Return symbolic tensors for a shape, or a structure of them for a structure of shapes."""
    if isinstance(shape, dict):
        return {k: _symbols(s, dtype) for k, s in shape.items()}
    if isinstance(shape, (list, tuple)) and any(isinstance(s, (list, tuple, dict)) for s in shape):
        return [_symbols(s, dtype) for s in shape]
    return KerasTensor(shape, dtype)
