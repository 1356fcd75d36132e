"""What happens around a layer's `call`: converting inputs, `training`, masks, recording."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from functools import wraps
from typing import Any

from kerasish import tree
from kerasish.autograd.naming import name_scope
from kerasish.autograd.remat import remat
from kerasish.autograd.scope import AutocastScope, StatelessScope
from kerasish.autograd.state import making, state
from kerasish.autograd.tensor import KerasTensor, NoValueError, Tensor, as_tensor
from kerasish.layers import signatures
from kerasish.layers.building import LayerBuilding
from kerasish.layers.input_spec import check_inputs
from kerasish.ops.operation import any_from_operations, cut_off, fresh, record


class _CallContext(threading.local):
    """What nested calls inherit: whether a call is under way, and its `training` argument."""

    depth: int = 0
    training: bool | None = None


_context = _CallContext()

_NOT_INPUTS = frozenset(("training", "mask"))


class LayerCalls(LayerBuilding):
    """Calling a layer: it is built when it first sees an input, and called with what its `call` expects."""

    _casts_inputs = True

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
        given, named = args, kwargs
        if self._convert_input_args:
            if len(args) != 1 or type(args[0]) is not Tensor or args[0]._value.dtype is not self._compute:
                args = tuple(
                    [self._convert(a) if isinstance(a, Tensor) else self._positional(a) for a in args]
                )
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
                with making, name_scope(self.name, caller=self):
                    if self.input_spec is not None:
                        check_inputs(self.input_spec, inputs, self.name)
                    was_built = self.built
                    self._maybe_build(args, kwargs)
                    outputs = self._run(inputs, args, kwargs)
                    self._settle(was_built)
            if mask is not None or type(self).compute_mask is not LayerCalls.compute_mask:
                self._set_mask(inputs, outputs, mask)
            if self.activity_regularizer is not None:
                self._add_activity_losses(outputs)
            if type(outputs) is not Tensor and any_from_operations((given, *named.values())):
                self._record(given, named, kwargs, signature, outputs)
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
        if self._remat is not None:
            return False
        if not self._settled or self._mixed or self.activity_regularizer is not None or signature.mask_names:
            return False
        if type(x) is not Tensor or x._value.dtype is not self._compute or "_keras_mask" in x.__dict__:
            return False
        if state.autocast is not None or type(self).compute_mask is not LayerCalls.compute_mask:
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
            # What a model's graph is made of has no loss: that comes with the data.
            if isinstance(output, Tensor) and not (type(output) is KerasTensor and _is_plain(state.overlay)):
                loss = self.activity_regularizer(output)  # type: ignore[misc]
                # A mean over the batch, so that its size changes nothing.
                self.add_loss(loss / output.shape[0] if output.shape and output.shape[0] else loss)

    def _run(self, inputs: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Run `call`, on symbolic inputs without touching any state."""
        if type(inputs) is Tensor and len(args) == 1:
            return self._run_in_precision(args, kwargs)
        if any_from_operations(args) or any_from_operations(kwargs.values()):
            return fresh(self._run_on_symbols(*cut_off((args, kwargs))))
        if _is_plain(state.overlay) and any(isinstance(x, KerasTensor) for x in tree.flatten((args, kwargs))):
            return self._run_on_symbols(args, kwargs)
        return self._run_in_precision(args, kwargs)

    def _run_in_precision(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Run `call`, under mixed precision in its scope."""
        if self._mixed or state.autocast is not None:
            # Where weights are of the type of the computation, or nothing is to be cast, they are read as they are.
            wanted = self.compute_dtype if self.autocast and self._compute.kind in "fV" else None
            if wanted != state.autocast:
                with AutocastScope(wanted):
                    return self._remembering(args, kwargs)(*args, **kwargs)
        return self._remembering(args, kwargs)(*args, **kwargs)

    def _remembering(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Return `call`, or what computes it again for the gradient."""
        return self.call if self._remat is None else self.rematerialized_call(self.call, *args, **kwargs)

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """Return `layer_call`, or a function that computes it again for the gradient if the layer's scope says so.

        Args:
            layer_call: The layer's `call`.
            *args: What it will be called with.
            **kwargs: What it will be called with.
        """
        activation = getattr(self, "activation", None)
        if self._remat is None or self._remat.mode != "activations" or activation is None:
            return super().rematerialized_call(layer_call, *args, **kwargs)

        @wraps(layer_call)
        def with_activation(*args: Any, **kwargs: Any) -> Any:
            self.activation = remat(activation)
            try:
                return layer_call(*args, **kwargs)
            finally:
                self.activation = activation

        return with_activation

    def _run_on_symbols(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Run `call` on symbolic tensors, or ask the class what comes out where it says so itself."""
        cls = type(self)
        with StatelessScope():
            if cls.compute_output_spec is not LayerCalls.compute_output_spec:
                chosen = {k: v for k, v in kwargs.items() if k != "training" or v is not None}
                return self.compute_output_spec(*args, **chosen)
            try:
                return self._run_in_precision(args, kwargs)
            except NoValueError:
                if len(args) != 1 or cls.compute_output_shape is LayerCalls.compute_output_shape:
                    raise
        shapes = self.compute_output_shape(tree.map_structure(lambda x: x.shape, args[0]))
        return tree.map_shape_structure(lambda shape: KerasTensor(shape, self.compute_dtype), shapes)

    def _record(self, given: tuple, named: dict, kwargs: dict, signature: Any, outputs: Any) -> None:
        """Record a call on symbolic tensors, as Keras does.

        Arguments that were filled in (`training`, masks) are part of the record where nothing had to be converted.
        """
        as_it_is = not self._casts_inputs or (
            named is kwargs
            and len(given) == 1
            and isinstance(given[0], Tensor)
            and given[0].dtype == self.input_dtype
        )
        noted = {} if named is kwargs else named
        if as_it_is:
            noted = {k: v for k, v in kwargs.items() if k != "training" or v is not None}
            if "mask" in signature.mask_names:
                noted.setdefault("mask", None)
        record(self, given, noted, outputs)
        if _context.depth == 1 and self._losses_may_linger:
            self._clear_losses()

    def prepared(self) -> Any:
        return self

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

    # Shapes without values

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shape of the output for the shape of the input."""
        self._check_super_called()
        shapes = args or tuple(kwargs.values())
        inputs = [_symbols(shape, self.compute_dtype) for shape in shapes]
        return tree.map_structure(lambda t: t.shape, self.compute_output_spec(*inputs))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs."""
        args, kwargs = cut_off((args, kwargs))
        return self(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs."""
        return self.compute_output_spec(*args, **kwargs)

    # Masks

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the output for that of the input. By default it is passed on."""
        return previous_mask

    def _set_mask(self, inputs: Any, outputs: Any, mask: Any) -> None:
        if not self._supports_masking:
            if mask is None:
                return
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


def _holds_tensors(values: Sequence[Any]) -> bool:
    return any(
        isinstance(v, Tensor) or hasattr(v, "__array__") or isinstance(v, (list, tuple)) and _holds_tensors(v)
        for v in values
    )


def _symbols(shape: Any, dtype: str) -> Any:
    """Return symbolic tensors for a shape, or a structure of them for a structure of shapes."""
    if isinstance(shape, dict):
        return {k: _symbols(s, dtype) for k, s in shape.items()}
    if isinstance(shape, (list, tuple)) and any(isinstance(s, (list, tuple, dict)) for s in shape):
        return [_symbols(s, dtype) for s in shape]
    return KerasTensor(shape, dtype)
