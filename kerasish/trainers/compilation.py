"""What `compile` sets up: optimizer, losses, metrics and how steps run; and what a model says of them."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from kerasish import losses as losses_module
from kerasish import metrics as metrics_module
from kerasish import optimizers, tree
from kerasish.autograd.state import no_grad
from kerasish.serialization.scopes import SerializableDict
from kerasish.trainers.compile_utils import CompileLoss, CompileMetrics
from kerasish.trainers.steps import MetricsStep


class Compilation:
    """The part of a model that `compile` sets up."""

    optimizer: Any = None
    loss: Any = None
    compiled = False
    stop_training = False
    _compile_loss: CompileLoss | None = None
    _compile_metrics: CompileMetrics | None = None
    _loss_tracker: Any = None
    _compile_arguments: SerializableDict | None = None
    _run_eagerly = False
    _jit_compile: bool | str = "auto"
    _initial_epoch: int | None = None
    _position: Any = None
    _compiled_steps: tuple | None = None
    _trained: list | None = None
    _output_symbols: tuple | None = None
    _metrics_step: MetricsStep | None = None
    _warned_of_eager_steps = False
    steps_per_execution = 1

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is trained and measured.

        Example:

        ```python
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        ```

        Args:
            optimizer: An optimizer or its name.
            loss: A loss, a function `(y_true, y_pred) -> values`, or a name; a list or dict for several outputs.
            loss_weights: How much each output's loss counts.
            metrics: Metrics or names to report, without sample weights.
            weighted_metrics: Metrics or names to report, with sample weights.
            run_eagerly: Whether steps run op by op, for debugging.
            steps_per_execution: How many batches run between callbacks.
            jit_compile: Whether steps are compiled; `"auto"` where that is possible.
            auto_scale_loss: Whether the loss is scaled under the `mixed_float16` policy.

        Raises:
            ValueError: If a name is unknown or a setting is out of range.
        """
        _check_settings(run_eagerly, steps_per_execution, jit_compile)
        names = getattr(self, "output_names", None)
        # Everything that may refuse its argument comes before anything is changed.
        new_optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16" and new_optimizer is not None:
            # Small gradients would vanish in 16 bits.
            if not isinstance(new_optimizer, optimizers.LossScaleOptimizer):
                new_optimizer = optimizers.LossScaleOptimizer(new_optimizer, name="loss_scale_optimizer")
        _check_names(loss, metrics, weighted_metrics)
        compile_loss = None if loss is None else CompileLoss(loss, loss_weights, output_names=names)
        compile_metrics = None
        if metrics is not None or weighted_metrics is not None:
            compile_metrics = CompileMetrics(metrics, weighted_metrics, output_names=names)
        self.optimizer = new_optimizer
        self.loss = loss
        self._compile_loss = compile_loss
        self._compile_metrics = compile_metrics
        self._run_eagerly = bool(run_eagerly)
        self._jit_compile = jit_compile
        self.steps_per_execution = steps_per_execution
        self._loss_tracker = metrics_module.Mean(name="loss")
        self.stop_training = False
        self.compiled = True
        self._compiled_steps = None
        self._output_symbols = None
        self._metrics_step = None
        self._warned_of_eager_steps = False
        self._compile_arguments = SerializableDict(
            optimizer=optimizer if isinstance(optimizer, str) else new_optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile is not False,
        )
        self._compute_loss_takes_training = "training" in inspect.signature(self.compute_loss).parameters

    def get_compile_config(self) -> dict[str, Any]:
        """Return the arguments of `compile` as a config, empty if the model is not compiled."""
        if not self.compiled or self._compile_arguments is None:
            return {}
        config = self._compile_arguments.serialize()
        if self.optimizer is not None:
            config["optimizer"] = optimizers.serialize(self.optimizer)
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile the model as `get_compile_config()` says it was compiled."""
        from kerasish.serialization import deserialize_keras_object

        if (
            type(self).compile is not Compilation.compile
            and type(self).get_compile_config is Compilation.get_compile_config
        ):
            warnings.warn(
                "`compile()` was not called as part of model loading because the model's `compile()` method is "
                "custom. All subclassed Models that have `compile()` overridden should also override "
                "`get_compile_config()` and `compile_from_config(config)`.",
                stacklevel=2,
            )
            return
        self.compile(**deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run op by op."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._run_eagerly = bool(value)

    @property
    def jit_compile(self) -> bool | str:
        """Whether steps are compiled."""
        return self._jit_compile

    @jit_compile.setter
    def jit_compile(self, value: bool | str) -> None:
        self._jit_compile = value

    def _assert_compiled(self, method: str) -> None:
        if not self.compiled:
            raise ValueError(f"You must call `compile()` before calling `{method}()`.")

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker, the compiled metrics, and the metrics of the model and its layers."""
        found = []
        if self.compiled:
            if self._loss_tracker is not None:
                found.append(self._loss_tracker)
            if self._compile_metrics is not None:
                found.append(self._compile_metrics)
            if self._compile_loss is not None:
                found.extend(self._compile_loss.metrics)
        found.extend(self._metrics)
        for layer in self._layers:
            if not isinstance(layer, Compilation):
                found.extend(layer.metrics)
        return found

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Set all metrics back to their start."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the present values of all metrics by name."""
        results: dict[str, Any] = {}
        with no_grad():
            for metric in self.metrics:
                if not getattr(metric, "built", True):  # named in `compile`, and no step has used it
                    continue
                value = metric.result()
                if isinstance(value, dict):
                    results.update(value)
                else:
                    results[metric.name] = value
        return results


def _check_settings(run_eagerly: Any, steps_per_execution: Any, jit_compile: Any) -> None:
    """Raise ValueError for settings of `compile` that are out of range or exclude each other."""
    if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
        raise ValueError(
            f"`steps_per_execution` must be a positive integer. Received: {steps_per_execution!r}"
        )
    if jit_compile not in (True, False, "auto"):
        raise ValueError(f"`jit_compile` must be True, False or 'auto'. Received: {jit_compile!r}")
    if jit_compile is True and run_eagerly:
        raise ValueError(
            "`jit_compile=True` and `run_eagerly=True` exclude each other. Leave one of them out."
        )


def _check_names(loss: Any, *metrics: Any) -> None:
    """Raise ValueError now for a string that names no loss or metric, rather than at the first batch."""
    for name in tree.flatten(loss):
        if isinstance(name, str) and name.lower() not in ("crossentropy", "ce"):
            losses_module.get(name)
    for name in tree.flatten(metrics):
        if isinstance(name, str) and name.lower() not in ("accuracy", "acc", "crossentropy", "ce"):
            metrics_module.get(name)
