"""What is done with one batch: its loss, its metrics, and the steps that users override."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from kerasish import config, ops, tree
from kerasish.autograd.backward import gradients_of
from kerasish.autograd.dtypes import standardize_dtype
from kerasish.autograd.state import Recording, no_grad
from kerasish.autograd.tensor import Tensor
from kerasish.compiler.executors import compiles_for
from kerasish.trainers.compilation import Compilation
from kerasish.trainers.steps import CheckedStep, CompiledStep, EagerStep, MetricsStep
from kerasish.utils.data_utils import unpack_x_y_sample_weight


class BatchSteps(Compilation):
    """The steps of a model, each for one batch of tensors; they may be overridden."""

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the metrics with one batch and return their values.

        Args:
            x: Inputs.
            y: Targets.
            y_pred: Predictions.
            sample_weight: Weights of the samples.
        """
        self._update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        if self._compile_metrics is not None:
            with no_grad():
                self._compile_metrics.update_state(y, y_pred, sample_weight)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Return what training minimizes for one batch: the compiled loss and all added losses.

        Args:
            x: Inputs.
            y: Targets.
            y_pred: Predictions.
            sample_weight: Weights of the samples.
            training: Whether the batch is trained on.

        Raises:
            ValueError: If there is no loss at all.
        """
        total = None
        if self._compile_loss is not None:
            total = self._compile_loss(y, y_pred, sample_weight)
        for loss in self.losses:
            loss = (
                loss
                if loss.dtype.startswith(("float", "bfloat"))
                else ops.cast(loss, standardize_dtype(None))
            )
            loss = ops.sum(loss) if loss.ndim else loss
            total = loss if total is None else total + loss
        if total is None:
            if not training:
                return ops.zeros(())
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        return total

    def _compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Tensor:
        """Call `compute_loss`, which an older override may have written without `training`."""
        if self._compute_loss_takes_training:
            return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train on one batch and return the metrics' values. Override it for a training of your own.

        Args:
            data: `(x,)`, `(x, y)` or `(x, y, sample_weight)` of tensors.
        """
        loss, x, y, y_pred, sample_weight = self._descend(data)
        self._track_loss(loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _descend(self, data: Any) -> tuple:
        """Take one step of the optimizer down the loss of a batch."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with Recording(True):
            y_pred = self(x, training=True)
            loss = self._compute_loss(x, y, y_pred, sample_weight, training=True)
            scaled = loss if self.optimizer is None else self.optimizer.scale_loss(loss)
        variables = self.trainable_variables if self._trained is None else self._trained
        if variables:
            self.optimizer.apply(gradients_of([scaled], variables), variables)
        else:
            warnings.warn("The model does not have any trainable weights.", stacklevel=4)
        return loss, x, y, y_pred, sample_weight

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch and return the metrics' values. Override it for an evaluation of your own.

        Args:
            data: `(x,)`, `(x, y)` or `(x, y, sample_weight)` of tensors.
        """
        loss, x, y, y_pred, sample_weight = self._assess(data)
        self._track_loss(loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _assess(self, data: Any) -> tuple:
        """Compute predictions and loss of a batch."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with no_grad():
            y_pred = self(x, training=False)
            loss = self._compute_loss(x, y, y_pred, sample_weight, training=False)
        return loss, x, y, y_pred, sample_weight

    def predict_step(self, data: Any) -> Any:
        """Return the predictions for one batch. Override it for a prediction of your own.

        Args:
            data: `(x,)`, `(x, y)` or `(x, y, sample_weight)` of tensors; only `x` is used.
        """
        x, _, _ = unpack_x_y_sample_weight(data)
        with no_grad():
            return self(x, training=False)

    def _track_loss(self, loss: Tensor, x: Any) -> None:
        """Count a batch's loss with as much weight as it has samples."""
        with no_grad():
            self._loss_tracker.update_state(loss, sample_weight=_batch_size(x))

    def _step(self, kind: str) -> Callable[[Any], Any]:
        """Return what runs one batch of NumPy arrays and returns its logs, or None for lazy ones."""
        step = self._plain_step(kind)
        return CheckedStep(self, step) if config.is_numeric_checks_enabled() else step

    def _plain_step(self, kind: str) -> Callable[[Any], Any]:
        function = self._step_function(kind)
        if kind == "train":
            self._trained = self.trainable_variables
        variables = self.variables
        compiles = all(map(compiles_for, {type(v._array) for v in variables}))
        if self._run_eagerly or self._jit_compile is False or not compiles:
            return EagerStep(function)
        # A trace holds as long as the same variables are trained by the same optimizer.
        state = (id(self.optimizer), tuple([(id(v), v._trainable) for v in variables]))
        steps = self.__dict__.get("_compiled_steps")
        if steps is None or steps[0] != state:
            steps = self._compiled_steps = (state, {})
        step = steps[1].get(kind)
        if step is None:
            step = steps[1][kind] = CompiledStep(
                self, function, variables, required=self._jit_compile is True
            )
        return step

    def _step_function(self, kind: str) -> Callable[[tuple], Any]:
        """Return the function of one batch of tensors.

        Where nothing of a step is overridden, the metrics are only updated: their values are computed when something
        shows them.
        """
        if kind == "predict":
            return self.predict_step
        cls = type(self)
        overridden = (
            getattr(cls, f"{kind}_step") is not getattr(BatchSteps, f"{kind}_step")
            or cls.compute_metrics is not BatchSteps.compute_metrics
            or cls.get_metrics_result is not BatchSteps.get_metrics_result
        )
        if overridden:
            return self.train_step if kind == "train" else self.test_step
        plain = self._descend if kind == "train" else self._assess
        if self._metrics_step is None:
            self._metrics_step = MetricsStep(self)
        update = self._metrics_step

        def step(data: tuple) -> None:
            loss, x, y, y_pred, sample_weight = plain(data)
            update(_batch_size(x), loss, y, y_pred, sample_weight)

        return step


def _batch_size(x: Any) -> int:
    """Return the number of samples in a batch of inputs."""
    first = x if isinstance(x, Tensor) else next((t for t in tree.flatten(x) if t is not None), None)
    return first.shape[0] if first is not None and first.shape else 1
