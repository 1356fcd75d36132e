"""The training loop of models: `fit`, `evaluate`, `predict`, and the same for single batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import tree
from kerasish.callbacks.logs import LazyOutputs
from kerasish.compiler import interrupts
from kerasish.trainers import data_adapters
from kerasish.trainers.batch_steps import BatchSteps
from kerasish.trainers.data_adapters import EpochIterator
from kerasish.trainers.logs import in_order, numbers, to_numpy
from kerasish.trainers.loops import callback_list, grouped, limited_epochs, run_epoch
from kerasish.trainers.outputs import Outputs
from kerasish.trainers.position import Position
from kerasish.trainers.preparation import build_optimizer, keep_data_near, prepare
from kerasish.trainers.steps import CompiledStep
from kerasish.trainers.validation import Validation


class Trainer(BatchSteps):
    """What a model can do beside being called: compile, fit, evaluate, predict.

    `train_step`, `test_step`, `predict_step`, `compute_loss` and `compute_metrics` may be overridden; each sees one
    batch as tensors.
    """

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
        prepare(self, epoch_iterator, y, training=True)
        epochs = limited_epochs(epochs)
        run = callback_list(self, callbacks, verbose, epochs, epoch_iterator.num_batches, history=True)
        validation = Validation(
            self, validation_data, validation_batch_size or batch_size, validation_steps, validation_freq
        )
        build_optimizer(self)
        step = self._step("train")
        keep_data_near(adapter, step)
        self.stop_training = False
        self._position = Position(self, epoch_iterator, run, step)
        try:
            with interrupts.deferred():
                self._run_epochs(epoch_iterator, initial_epoch, epochs, run, step, validation)
        finally:
            self._position = self._initial_epoch = None
        return self.history

    def _run_epochs(
        self,
        epoch_iterator: EpochIterator,
        initial_epoch: int,
        epochs: int,
        run: Any,
        step: Any,
        validation: Validation,
    ) -> None:
        """Run the epochs of `fit`, from where a callback has restored the run, if one has."""
        position = self._position
        run.on_train_begin()
        logs: dict[str, Any] = {}
        first = epochs if position.ended else self._initial_epoch or initial_epoch
        for epoch in range(first, epochs):
            self.reset_metrics()
            run.on_epoch_begin(epoch)
            ran = run_epoch(self, epoch_iterator, epoch, run, "train", step, *position.start_of(epoch))
            if ran is None:  # the data ran out before this epoch, which the iterator has warned of
                break
            logs = ran
            if validation.due(epoch):
                logs.update(validation.run(run))
            run.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        if self.optimizer is not None and epochs > 0:
            self.optimizer.finalize_variable_values(self.trainable_weights)
        run.on_train_end(logs)

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
        prepare(self, epoch_iterator, y, training=False)
        run = callback_list(self, callbacks, verbose, 1, epoch_iterator.num_batches)
        step = self._step("test")
        keep_data_near(epoch_iterator.adapter, step)
        run.on_test_begin()
        self.reset_metrics()
        logs = run_epoch(self, epoch_iterator, 0, run, "test", step)
        if logs is None:
            raise ValueError("There is nothing to evaluate: the data have no batches.")
        run.on_test_end(logs)
        return logs if return_dict else in_order(self, logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
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
        if verbose == 0 and not callbacks and steps is None and data_adapters.is_one_batch(x, batch_size):
            return self._predict_one(data_adapters.as_numpy(x, "x"))
        adapter = data_adapters.get_data_adapter(
            x, batch_size=batch_size, steps_per_epoch=steps, shuffle=False
        )
        epoch_iterator = EpochIterator(adapter, steps)
        run = None
        if callbacks or verbose != 0:
            run = callback_list(self, callbacks, verbose, 1, epoch_iterator.num_batches)
            run.on_predict_begin()
        step = self._step("predict")
        keep_data_near(adapter, step)
        outputs = Outputs()
        for first, batches in grouped(epoch_iterator.epoch(0), self.steps_per_execution):
            if run is not None:
                run.on_predict_batch_begin(first)
            for batch in batches:
                outputs.add(step(batch))
            if run is not None:
                shown = LazyOutputs(lambda: {"outputs": outputs.last()})
                keeps = run.wants_batch_logs("predict")
                run.on_predict_batch_end(first + len(batches) - 1, dict(shown) if keeps else shown)
        if run is not None:
            run.on_predict_end()
        return outputs.all()

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
        return self._predict_one(x)

    def _predict_one(self, x: Any) -> Any:
        return tree.map_structure(lambda t: np.array(to_numpy(t)), self._step("predict")((x,)))

    def _compiled_step(self, kind: str, x: Any, y: Any = None, sample_weight: Any = None) -> tuple:
        """Return the trace of a step for a batch and the arrays to run it on, for `compiler.explain`.

        Nothing is run: weights, metrics and seeds stay as they are.
        """
        if kind == "predict":
            adapter = self._adapter_of_one_batch(x, None, None, None)
        else:
            self._assert_compiled("explain")
            adapter = self._adapter_of_one_batch(x, y, sample_weight, None)
            prepare(self, EpochIterator(adapter), y, kind == "train")
            if kind == "train":
                build_optimizer(self)
        step = self._step(kind)
        if not isinstance(step, CompiledStep):
            raise ValueError(
                f"The steps of model '{self.name}' run op by op, so there is no plan to explain: it was compiled with "
                "`run_eagerly=True` or `jit_compile=False`, or its variables are on another device than the CPU."
            )
        return step.traced(next(iter(adapter.batches(0))))

    def _one_batch(self, x: Any, y: Any, sample_weight: Any, class_weight: Any, training: bool) -> tuple:
        adapter = self._adapter_of_one_batch(x, y, sample_weight, class_weight)
        prepare(self, EpochIterator(adapter), y, training)
        if training:
            build_optimizer(self)
        self.reset_metrics()
        return next(iter(adapter.batches(0)))

    @staticmethod
    def _adapter_of_one_batch(x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Any:
        leaves = [leaf for leaf in tree.flatten(x) if leaf is not None]
        return data_adapters.get_data_adapter(
            x, y, sample_weight, batch_size=max(len(leaves[0]), 1), class_weight=class_weight
        )

    def _batch_result(self, logs: dict[str, Any] | None, return_dict: bool) -> Any:
        logs = numbers(self.get_metrics_result() if logs is None else logs)
        return logs if return_dict else in_order(self, logs)
