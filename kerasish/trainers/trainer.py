"""Training, evaluation and prediction: what `compile` sets up and `fit`, `evaluate` and `predict` run."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kerasish import callbacks as callbacks_module
from kerasish import metrics as metrics_module
from kerasish import ops, optimizers, tree
from kerasish.autograd.backward import gradients_of
from kerasish.autograd.dtypes import standardize_dtype
from kerasish.autograd.state import Recording, no_grad
from kerasish.autograd.tensor import KerasTensor, NoValueError, Tensor
from kerasish.callbacks.logs import LazyLogs, to_floats
from kerasish.layers.tracking import unbuilt_again
from kerasish.serialization.scopes import SerializableDict
from kerasish.trainers import data_adapters
from kerasish.trainers.compile_utils import CompileLoss, CompileMetrics
from kerasish.trainers.data_adapters import EpochIterator
from kerasish.trainers.steps import CompiledStep, EagerStep, MetricsStep, as_batch_tensor
from kerasish.utils.data_utils import unpack_x_y_sample_weight


class Trainer:
    """What a model can do beside being called: compile, fit, evaluate, predict.

    `train_step`, `test_step`, `predict_step`, `compute_loss` and `compute_metrics` may be overridden; each sees one
    batch as tensors.
    """

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
    _compiled_steps: tuple | None = None
    _trained: list | None = None
    _output_symbols: tuple | None = None
    _metrics_step: MetricsStep | None = None
    steps_per_execution = 1

    # Compiling

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
            type(self).compile is not Trainer.compile
            and type(self).get_compile_config is Trainer.get_compile_config
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

    # Metrics

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
            if not isinstance(layer, Trainer):
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

    # Loss

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

    # One batch

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
        function = self._step_function(kind)
        if kind == "train":
            self._trained = self.trainable_variables
        on_host = all(type(v._array) is np.ndarray for v in self.variables)
        if self._run_eagerly or self._jit_compile is False or not on_host:
            return EagerStep(function)
        # A trace holds as long as the same variables are trained by the same optimizer.
        state = (id(self.optimizer), tuple([(id(v), v._trainable) for v in self.variables]))
        steps = self.__dict__.get("_compiled_steps")
        if steps is None or steps[0] != state:
            steps = self._compiled_steps = (state, {})
        step = steps[1].get(kind)
        if step is None:
            step = steps[1][kind] = CompiledStep(self, function, required=self._jit_compile is True)
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
            getattr(cls, f"{kind}_step") is not getattr(Trainer, f"{kind}_step")
            or cls.compute_metrics is not Trainer.compute_metrics
            or cls.get_metrics_result is not Trainer.get_metrics_result
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

    # Whole data sets

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> Any:
        """Train the model.

        Example:

        ```python
        history = model.fit(x_train, y_train, batch_size=32, epochs=5, validation_split=0.1)
        history.history["val_loss"]
        ```

        Args:
            x: Inputs: arrays, tensors, lists or dicts of them, a pandas frame, a `PyDataset`, a generator or any
                iterable of batches `(x, y)` or `(x, y, sample_weight)`.
            y: Targets, where `x` does not bring them.
            batch_size: Samples in a batch, 32 by default.
            epochs: Number of the last epoch.
            verbose: 0 for silence, 1 for a bar, 2 for a line an epoch; `"auto"` is 1.
            callbacks: A callback or a list of them.
            validation_split: Fraction of the samples, the last ones, to validate on instead of training on them.
            validation_data: `(x, y)`, `(x, y, sample_weight)`, or batches, to validate on after each epoch.
            shuffle: Whether the order of the samples changes every epoch; `"batch"` shuffles whole batches.
            class_weight: How much a sample of each class counts in training.
            sample_weight: How much each sample counts.
            initial_epoch: Number of the first epoch, from 0.
            steps_per_epoch: Batches in an epoch; by default all of them.
            validation_steps: Batches to validate on; by default all of them.
            validation_batch_size: Samples in a batch of validation.
            validation_freq: How often to validate: every so many epochs, or after the epochs of a list (from 1).

        Returns:
            A `History`, whose `history` maps each metric to its values epoch by epoch.

        Raises:
            ValueError: If the model is not compiled, or the data do not fit each other or the model.
        """
        self._assert_compiled("fit")
        if validation_split and validation_data is None:
            (x, y, sample_weight), held = data_adapters.train_validation_split(
                (x, y, sample_weight), validation_split
            )
            validation_data = held
        adapter = data_adapters.get_data_adapter(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
        )
        epoch_iterator = EpochIterator(adapter, steps_per_epoch)
        self._prepare(epoch_iterator, y, training=True)
        run = callbacks
        if not isinstance(run, callbacks_module.CallbackList):
            run = callbacks_module.CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                model=self,
                verbose=1 if verbose == "auto" else verbose,
                epochs=epochs,
                steps=epoch_iterator.num_batches,
            )
        validation = _Validation(self, validation_data, validation_batch_size or batch_size, validation_steps)
        validation.check_frequency(validation_freq)
        self._build_optimizer()
        step = self._step("train")
        self.stop_training = False
        run.on_train_begin()
        logs: dict[str, Any] = {}
        for epoch in range(self._initial_epoch or initial_epoch, epochs):
            self.reset_metrics()
            run.on_epoch_begin(epoch)
            ran = self._run_epoch(epoch_iterator, epoch, step, run, "train")
            if ran is None:  # the data ran out before this epoch, which the iterator has warned of
                break
            logs = ran
            if validation.due(epoch, validation_freq):
                logs.update(validation.run(run))
            run.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        if self.optimizer is not None and epochs > 0:
            self.optimizer.finalize_variable_values(self.trainable_weights)
        run.on_train_end(logs)
        return self.history

    def _run_epoch(
        self, epoch_iterator: EpochIterator, epoch: int, step: Callable, run: Any, mode: str
    ) -> dict[str, Any] | None:
        """Run the batches of one epoch through `step` with the callbacks around them; return the last logs, if any."""
        begin = run.on_train_batch_begin if mode == "train" else run.on_test_batch_begin
        end = run.on_train_batch_end if mode == "train" else run.on_test_batch_end
        listens = run.wants_batch_hooks(mode)
        logs = None
        first = -1
        group = self.steps_per_execution
        for first, batches in _grouped(epoch_iterator.epoch(epoch), group):
            if listens:
                begin(first)
            for batch in batches:
                logs = step(batch)
            if listens:
                end(
                    first + len(batches) - 1,
                    LazyLogs(self.get_metrics_result) if logs is None else to_floats(logs),
                )
            if self.stop_training and mode == "train":
                break
        return None if first < 0 else self._final_logs(logs)

    def _final_logs(self, logs: dict[str, Any] | None) -> dict[str, Any]:
        """Return an epoch's logs: the metrics' values, or what the step returned last where it returns other names.

        A loss that an own step returns without tracking it is the step's: the tracker's would be 0.
        """
        results = self.get_metrics_result()
        if isinstance(logs, dict):
            if set(logs) != set(results):
                results = logs
            elif "loss" in logs and not float(self._loss_tracker.count):
                results["loss"] = logs["loss"]
        return dict(_floats(results))

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the loss and the metrics on data.

        Example:

        ```python
        loss, accuracy = model.evaluate(x_test, y_test)
        ```

        Args:
            x: Inputs, as `fit` takes them.
            y: Targets, where `x` does not bring them.
            batch_size: Samples in a batch, 32 by default.
            verbose: 0 for silence, 1 for a bar, 2 for a line; `"auto"` is 1.
            sample_weight: How much each sample counts.
            steps: Batches to evaluate; by default all of them.
            callbacks: A callback or a list of them.
            return_dict: Whether to return a dict by name instead of a list.

        Returns:
            A number where there is only a loss, else a list: the loss first, then the metrics.

        Raises:
            ValueError: If the model is not compiled, or the data do not fit each other or the model.
        """
        self._assert_compiled("evaluate")
        epoch_iterator = kwargs.pop("_epoch_iterator", None)
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        if epoch_iterator is None:
            adapter = data_adapters.get_data_adapter(
                x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps, shuffle=False
            )
            epoch_iterator = EpochIterator(adapter, steps)
        self._prepare(epoch_iterator, y, training=False)
        run = callbacks
        if not isinstance(run, callbacks_module.CallbackList):
            run = callbacks_module.CallbackList(
                callbacks,
                add_progbar=verbose != 0,
                model=self,
                verbose=1 if verbose == "auto" else verbose,
                epochs=1,
                steps=epoch_iterator.num_batches,
            )
        step = self._step("test")
        run.on_test_begin()
        self.reset_metrics()
        logs = self._run_epoch(epoch_iterator, 0, step, run, "test")
        if logs is None:
            raise ValueError("There is nothing to evaluate: the data have no batches.")
        run.on_test_end(logs)
        return logs if return_dict else self._in_order(logs)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: int | str = "auto", steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:  # fmt: skip
        """Return the model's outputs for data, batch by batch, as NumPy arrays.

        Example:

        ```python
        probabilities = model.predict(images, verbose=0)
        ```

        Args:
            x: Inputs, as `fit` takes them.
            batch_size: Samples in a batch, 32 by default.
            verbose: 0 for silence, 1 for a bar, 2 for a line; `"auto"` is 1.
            steps: Batches to predict; by default all of them.
            callbacks: A callback or a list of them.
        """
        adapter = data_adapters.get_data_adapter(
            x, batch_size=batch_size, steps_per_epoch=steps, shuffle=False
        )
        epoch_iterator = EpochIterator(adapter, steps)
        run = None
        if callbacks or verbose != 0:
            run = callbacks
            if not isinstance(run, callbacks_module.CallbackList):
                run = callbacks_module.CallbackList(
                    callbacks,
                    add_progbar=verbose != 0,
                    model=self,
                    verbose=1 if verbose == "auto" else verbose,
                    epochs=1,
                    steps=epoch_iterator.num_batches,
                )
            run.on_predict_begin()
        step = self._step("predict")
        parts: list[Any] = []
        for first, batches in _grouped(epoch_iterator.epoch(0), self.steps_per_execution):
            if run is not None:
                run.on_predict_batch_begin(first)
            for batch in batches:
                parts.append(tree.map_structure(_to_numpy, step(batch)))
            if run is not None:
                run.on_predict_batch_end(first + len(batches) - 1, {"outputs": parts[-1]})
        if run is not None:
            run.on_predict_end()
        if not parts:
            raise ValueError("There is nothing to predict: the data have no batches.")
        if len(parts) == 1:
            return tree.map_structure(np.array, parts[0])
        return tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)

    # Single batches from the user

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Train on one batch.

        Args:
            x: Inputs.
            y: Targets.
            sample_weight: How much each sample counts.
            class_weight: How much a sample of each class counts; not together with `sample_weight`.
            return_dict: Whether to return a dict by name instead of a list.

        Returns:
            The loss and the metrics' values for this batch.
        """
        self._assert_compiled("train_on_batch")
        batch = self._one_batch(x, y, sample_weight, class_weight, training=True)
        return self._batch_result(self._step("train")(batch), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Evaluate one batch (see `train_on_batch`)."""
        self._assert_compiled("test_on_batch")
        batch = self._one_batch(x, y, sample_weight, None, training=False)
        return self._batch_result(self._step("test")(batch), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the model's outputs for one batch as NumPy arrays."""
        return tree.map_structure(lambda t: np.array(_to_numpy(t)), self._step("predict")((x,)))

    def _one_batch(self, x: Any, y: Any, sample_weight: Any, class_weight: Any, training: bool) -> tuple:
        leaves = [leaf for leaf in tree.flatten(x) if leaf is not None]
        adapter = data_adapters.get_data_adapter(
            x, y, sample_weight, batch_size=max(len(leaves[0]), 1), class_weight=class_weight
        )
        epoch_iterator = EpochIterator(adapter)
        self._prepare(epoch_iterator, y, training)
        if training:
            self._build_optimizer()
        self.reset_metrics()
        return next(iter(adapter.batches(0)))

    def _batch_result(self, logs: dict[str, Any] | None, return_dict: bool) -> Any:
        logs = dict(_floats(self.get_metrics_result() if logs is None else logs))
        return logs if return_dict else self._in_order(logs)

    def _in_order(self, logs: dict[str, Any]) -> Any:
        """Return logs as a list in the order of the metrics; a single value as itself."""
        ordered = {}
        for name in self.get_metrics_result():
            if name in logs:
                ordered[name] = logs[name]
        ordered.update((k, v) for k, v in logs.items() if k not in ordered)
        values = list(ordered.values())
        return values[0] if len(values) == 1 else values

    # Before the first batch

    def _prepare(self, epoch_iterator: EpochIterator, y: Any, training: bool, argument: str = "y") -> None:
        """Build the model, its metrics and its optimizer from the shapes of the data, and check the labels.

        Everything is looked at before the first step, so that data that do not fit leave the model as it was.
        """
        batch = epoch_iterator.adapter.peek()
        if batch is None:
            raise ValueError("The data are empty: they have no batches. Expected at least one.")
        self._check_what_is_needed(batch, training)
        with unbuilt_again(self):
            if not all(layer.built for layer in self._flatten_layers()):
                self._build_by(batch)
            if (
                y is not None
                and self._compile_loss is not None
                and type(self).compute_loss is Trainer.compute_loss
            ):
                outputs = self._symbolic_outputs(batch)
                if outputs is not None:
                    self._compile_loss.check_labels(y, outputs, argument)

    def _build_optimizer(self) -> None:
        """Make the optimizer's variables, once everything has been looked at."""
        if self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def _check_what_is_needed(self, batch: tuple, training: bool) -> None:
        """Raise ValueError if the steps as they are will miss targets or an optimizer."""
        cls = type(self)
        if (cls.train_step if training else cls.test_step) is not (
            Trainer.train_step if training else Trainer.test_step
        ):
            return
        if training and self.optimizer is None and self.trainable_variables:
            raise ValueError(
                "The model was compiled with `optimizer=None`, so it can be evaluated but not trained. Call "
                '`compile()` with an optimizer, such as "adam".'
            )
        if self._compile_loss is None or cls.compute_loss is not Trainer.compute_loss:
            return
        if unpack_x_y_sample_weight(batch)[1] is None:
            raise ValueError(
                f"The model was compiled with loss={self.loss!r}, but there are no targets to compute it with. Pass "
                "argument `y`, or data whose batches are tuples `(x, y)`."
            )

    def _build_by(self, batch: tuple) -> None:
        """Build the model for a batch: symbolically, or by running it where its Python needs values."""
        x, _, _ = unpack_x_y_sample_weight(batch)
        try:
            self(tree.map_structure(_symbol, x))
        except NoValueError:
            with no_grad():
                self(tree.map_structure(as_batch_tensor, x))

    def _symbolic_outputs(self, batch: tuple) -> Any:
        """Return the model's outputs as symbolic tensors; None where its Python needs values."""
        x, _, _ = unpack_x_y_sample_weight(batch)
        symbols = tree.map_structure(_symbol, x)
        # Looked at in every fit, and the same as long as the model is compiled as it is and has the same weights.
        key = (len(self.weights), *((t.shape, t.dtype) for t in tree.flatten(symbols) if t is not None))
        if self._output_symbols is None or self._output_symbols[0] != key:
            try:
                outputs = self(symbols, training=False)
            except NoValueError:
                outputs = None
            self._output_symbols = (key, outputs)
        return self._output_symbols[1]


class _Validation:
    """The validation after an epoch of `fit`: its data, read once, and when it is due."""

    def __init__(self, model: Trainer, data: Any, batch_size: int | None, steps: int | None):
        self._model = model
        self._steps = steps
        self._epoch_iterator = None
        self._labels = None
        if data is None:
            return
        if isinstance(data, (tuple, list)) and not isinstance(data, str):
            x, y, sample_weight = unpack_x_y_sample_weight(tuple(data))
        else:
            x, y, sample_weight = data, None, None
        adapter = data_adapters.get_data_adapter(
            x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps, shuffle=False
        )
        self._labels = y
        self._epoch_iterator = EpochIterator(adapter, steps)
        model._prepare(self._epoch_iterator, y, training=False, argument="validation_data[1]")

    def check_frequency(self, frequency: Any) -> None:
        whole = isinstance(frequency, int) and not isinstance(frequency, bool) and frequency >= 1
        if not whole and not isinstance(frequency, (list, tuple, set, range)):
            raise ValueError(
                "Expected `validation_freq` to be a list or int. "
                f"Received: validation_freq={frequency} of the type {type(frequency)}."
            )

    def due(self, epoch: int, frequency: int | Sequence[int]) -> bool:
        """Return whether to validate after `epoch` (from 0)."""
        if self._epoch_iterator is None:
            return False
        return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency

    def run(self, callbacks: Any) -> dict[str, Any]:
        """Validate and return the results under names with `val_`."""
        assert self._epoch_iterator is not None
        self._epoch_iterator.reset()
        logs = self._model.evaluate(
            callbacks=callbacks, return_dict=True, _epoch_iterator=self._epoch_iterator
        )
        return {f"val_{name}": value for name, value in logs.items()}


def _check_names(loss: Any, *metrics: Any) -> None:
    """Raise ValueError now for a string that names no loss or metric, rather than at the first batch."""
    from kerasish import losses

    for name in tree.flatten(loss):
        if isinstance(name, str) and name.lower() not in ("crossentropy", "ce"):
            losses.get(name)
    for name in tree.flatten(metrics):
        if isinstance(name, str) and name.lower() not in ("accuracy", "acc", "crossentropy", "ce"):
            metrics_module.get(name)


def _grouped(batches: Iterator[tuple], size: int) -> Iterator[tuple[int, Sequence[tuple]]]:
    """Yield batches in groups with the number of each group's first."""
    if size == 1:
        for number, batch in enumerate(batches):
            yield number, (batch,)
        return
    group: list[tuple] = []
    first = 0
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield first, group
            first += size
            group = []
    if group:
        yield first, group


def _batch_size(x: Any) -> int:
    """Return the number of samples in a batch of inputs."""
    first = x if isinstance(x, Tensor) else next((t for t in tree.flatten(x) if t is not None), None)
    return first.shape[0] if first is not None and first.shape else 1


def _symbol(value: Any) -> Any:
    """Return a symbolic tensor of an array's type and shape, its first dimension unknown."""
    if value is None:
        return None
    shape = tuple(value.shape)
    dtype = value.dtype if isinstance(value.dtype, str) else standardize_dtype(value.dtype)
    return KerasTensor((None, *shape[1:]) if shape else shape, dtype)


def _to_numpy(value: Any) -> Any:
    return value.numpy() if isinstance(value, Tensor) else value


def _floats(logs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield logs sorted by name, those of nested dicts too, with scalar tensors as Python floats."""
    for name, value in to_floats(logs).items():
        yield name, _to_numpy(value)
