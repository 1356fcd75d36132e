"""Training followed in TensorBoard."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from kerasish.callbacks.callback import Callback
from kerasish.callbacks.tensorboard_events import EventWriter


class TensorBoard(Callback):
    """Write losses, metrics and weights where TensorBoard shows them. Needs `pip install 'kerasish[tensorboard]'`.

    Values of training go to the folder `train`, those of validation to `validation`, under the names that Keras uses:
    `epoch_loss`, `batch_loss`, `evaluation_loss_vs_iterations`, and so on.

    Example:

    ```python
    model.fit(x, y, epochs=10, callbacks=[keras.callbacks.TensorBoard("logs")])
    # then, in a terminal: tensorboard --logdir logs
    ```

    Args:
        log_dir: Folder of the files.
        histogram_freq: Every how many epochs the distributions of the weights are written; 0 for never.
        write_graph: Whether the model's configuration is written.
        write_images: Whether weights are written as images beside their distributions.
        write_steps_per_second: Whether the speed is written, by epoch and by batch.
        update_freq: `"epoch"`, `"batch"`, or every how many batches losses and metrics are written.
        profile_batch: 0: there is no profiler.
        embeddings_freq: Every how many epochs the tables of Embedding layers are written for the projector; 0 for
            never.
        embeddings_metadata: File with the names of the rows, for all Embedding layers or by layer name.

    Raises:
        ValueError: If `profile_batch` is not 0, or `embeddings_metadata` names a layer that does not exist.
        ImportError: If the `tensorboard` package is not installed, once training starts.
    """

    _backed_up = ("_batch", "_epoch_batch")

    def __init__(
        self,
        log_dir: str | os.PathLike = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        if profile_batch:
            raise ValueError(f"There is no profiler: `profile_batch` must be 0. Received: {profile_batch!r}")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._writers: dict[str, EventWriter] = {}
        self._batch = 0
        self._batch_start = self._epoch_start = 0.0
        self._epoch_batch = 0
        # Hooks of batches cost time in every step: there are none where nothing is written by batch.
        if self.update_freq != "epoch" or write_steps_per_second:
            self.__dict__.update(on_train_batch_begin=self._begin_batch, on_train_batch_end=self._end_batch)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._writers = {}
        writer = self._writer("train")
        if self.write_graph and hasattr(model, "to_json"):
            try:
                text = model.to_json()
            except (NotImplementedError, TypeError, ValueError):
                return  # a subclassed model may have no configuration
            writer.model(text)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._batch = self._epoch_batch = 0
        if self.embeddings_freq:
            self._describe_embeddings()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and optimizer.built:
            self._scalars(
                "validation", "evaluation_{}_vs_iterations", logs, int(optimizer.iterations.numpy())
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch_start, self._epoch_batch = time.perf_counter(), self._batch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = dict(logs or {})
        held = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        trained = {name: value for name, value in logs.items() if not name.startswith("val_")}
        optimizer = getattr(self.model, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if trained and optimizer is not None:
            trained["learning_rate"] = float(optimizer.learning_rate)
        if trained and self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_start
            trained["steps_per_second"] = (self._batch - self._epoch_batch) / seconds
        self._scalars("train", "epoch_{}", trained, epoch)
        self._scalars("validation", "epoch_{}", held, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()

    def _begin_batch(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._batch += 1
        self._batch_start = time.perf_counter()

    def _end_batch(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.update_freq != "epoch" and self._batch % int(self.update_freq):
            return
        if self.write_steps_per_second:
            rate = 1 / (time.perf_counter() - self._batch_start)
            self._writer("train").scalar("batch_steps_per_second", rate, self._batch)
        if self.update_freq != "epoch":
            self._scalars("train", "batch_{}", logs, self._batch)

    def _writer(self, part: str) -> EventWriter:
        """Return the writer of a folder, made when it is first needed."""
        if part not in self._writers:
            self._writers[part] = EventWriter(os.path.join(self.log_dir, part))
        return self._writers[part]

    def _scalars(self, part: str, tag: str, values: Any, step: int) -> None:
        for name, value in (values or {}).items():
            if np.ndim(value) == 0:
                self._writer(part).scalar(tag.format(name), value, step)

    def _write_weights(self, epoch: int) -> None:
        writer = self._writer("train")
        for weight in self.model.weights:
            array = weight.numpy().astype("float64")
            writer.histogram(f"{weight.path}/histogram", array, epoch)
            if self.write_images:
                images = as_images(array)
                if images is not None:
                    writer.images(f"{weight.path}/image", images, epoch)
        writer.flush()

    def _embeddings(self) -> list[Any]:
        return [layer for layer in self.model._flatten_layers() if type(layer).__name__ == "Embedding"]

    def _describe_embeddings(self) -> None:
        """Write which tables the projector shows and where the names of their rows are."""
        found = self._embeddings()
        metadata = self.embeddings_metadata or {}
        unknown = set() if isinstance(metadata, str) else set(metadata) - {layer.name for layer in found}
        if unknown:
            raise ValueError(
                "Unrecognized `Embedding` layer names passed to `keras.callbacks.TensorBoard` `embeddings_metadata` "
                f"argument: {sorted(unknown)}. Existing layers are: {[layer.name for layer in found]}"
            )
        lines = []
        for layer in found:
            names = metadata if isinstance(metadata, str) else metadata.get(layer.name)
            lines += [
                "embeddings {",
                f'  tensor_name: "{layer.name}"',
                f'  tensor_path: "train/{layer.name}.tsv"',
            ]
            lines += [f'  metadata_path: "{names}"'] if names else []
            lines.append("}")
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))

    def _write_embeddings(self) -> None:
        for layer in self._embeddings():
            path = os.path.join(self.log_dir, "train", f"{layer.name}.tsv")
            np.savetxt(path, layer.embeddings.numpy(), delimiter="\t", fmt="%.6g")


def as_images(weight: np.ndarray) -> np.ndarray | None:
    """Return a weight as gray images of shape `(count, height, width)`, values from 0 to 1; None for more axes."""
    array = np.squeeze(weight)
    if array.ndim < 2:
        array = array.reshape(1, -1, 1)
    elif array.ndim == 2:
        array = (array.T if array.shape[0] > array.shape[1] else array)[None]
    elif array.ndim == 3:
        array = array.transpose(2, 0, 1)  # each channel is an image
    else:
        return None
    low, high = array.min(), array.max()
    return (array - low) / (high - low if high > low else 1.0)
