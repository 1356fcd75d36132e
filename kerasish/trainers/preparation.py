"""Before the first batch: the model is built from the shapes of the data, and the data are checked against it."""

from __future__ import annotations

from typing import Any

from kerasish import tree
from kerasish.autograd.dtypes import standardize_dtype
from kerasish.autograd.state import no_grad
from kerasish.autograd.tensor import KerasTensor, NoValueError
from kerasish.layers.tracking import unbuilt_again
from kerasish.trainers.batch_steps import BatchSteps
from kerasish.trainers.data_adapters import EpochIterator
from kerasish.trainers.data_adapters.array_adapter import ArrayAdapter
from kerasish.trainers.steps import CompiledStep, as_batch_tensor
from kerasish.utils.data_utils import unpack_x_y_sample_weight


def keep_data_near(adapter: Any, step: Any) -> None:
    """Have compiled steps gather their batches themselves, of a copy of the data on the model's device if need be.

    Args:
        adapter: Where the batches come from.
        step: What runs them.
    """
    if isinstance(step, CompiledStep) and isinstance(adapter, ArrayAdapter) and step.variables:
        adapter.follow(step.variables[0]._array)


def prepare(
    model: BatchSteps, epoch_iterator: EpochIterator, y: Any, training: bool, argument: str = "y"
) -> None:
    """Build the model, its metrics and its optimizer from the shapes of the data, and check the labels.

    Everything is looked at before the first step, so that data that do not fit leave the model as it was.
    """
    batch = epoch_iterator.adapter.peek()
    if batch is None:
        raise ValueError("The data are empty: they have no batches. Expected at least one.")
    _check_what_is_needed(model, batch, training)
    with unbuilt_again(model):
        if not all(layer.built for layer in model._flatten_layers()):
            _build_by(model, batch)
        if (
            y is not None
            and model._compile_loss is not None
            and type(model).compute_loss is BatchSteps.compute_loss
        ):
            outputs = _symbolic_outputs(model, batch)
            if outputs is not None:
                model._compile_loss.check_labels(y, outputs, argument)


def build_optimizer(model: BatchSteps) -> None:
    """Make the optimizer's variables, once everything has been looked at."""
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _check_what_is_needed(model: BatchSteps, batch: tuple, training: bool) -> None:
    """Raise ValueError if the steps as they are will miss targets or an optimizer."""
    cls = type(model)
    if (cls.train_step if training else cls.test_step) is not (
        BatchSteps.train_step if training else BatchSteps.test_step
    ):
        return
    if training and model.optimizer is None and model.trainable_variables:
        raise ValueError(
            "The model was compiled with `optimizer=None`, so it can be evaluated but not trained. Call "
            '`compile()` with an optimizer, such as "adam".'
        )
    if model._compile_loss is None or cls.compute_loss is not BatchSteps.compute_loss:
        return
    if unpack_x_y_sample_weight(batch)[1] is None:
        raise ValueError(
            f"The model was compiled with loss={model.loss!r}, but there are no targets to compute it with. Pass "
            "argument `y`, or data whose batches are tuples `(x, y)`."
        )


def _build_by(model: BatchSteps, batch: tuple) -> None:
    """Build the model for a batch: symbolically, or by running it where its Python needs values."""
    x, _, _ = unpack_x_y_sample_weight(batch)
    try:
        model(tree.map_structure(_symbol, x))
    except NoValueError:
        with no_grad():
            model(tree.map_structure(as_batch_tensor, x))


def _symbolic_outputs(model: BatchSteps, batch: tuple) -> Any:
    """Return the model's outputs as symbolic tensors; None where its Python needs values."""
    x, _, _ = unpack_x_y_sample_weight(batch)
    symbols = tree.map_structure(_symbol, x)
    # Looked at in every fit, and the same as long as the model is compiled as it is and has the same weights.
    key = (len(model.weights), *((t.shape, t.dtype) for t in tree.flatten(symbols) if t is not None))
    if model._output_symbols is None or model._output_symbols[0] != key:
        try:
            outputs = model(symbols, training=False)
        except NoValueError:
            outputs = None
        model._output_symbols = (key, outputs)
    return model._output_symbols[1]


def _symbol(value: Any) -> Any:
    """Return a symbolic tensor of an array's type and shape, its first dimension unknown."""
    if value is None:
        return None
    shape = tuple(value.shape)
    dtype = value.dtype if isinstance(value.dtype, str) else standardize_dtype(value.dtype)
    return KerasTensor((None, *shape[1:]) if shape else shape, dtype)
