"""Callbacks that report elsewhere: to a server, and to TensorBoard."""

from __future__ import annotations

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

import kerasish
from kerasish import callbacks, layers
from kerasish.callbacks.tensorboard import as_images
from kerasish.callbacks.tensorboard_events import gray_png

X, Y = np.ones((12, 3), "float32"), np.ones((12, 1), "float32")


def fit(*run, epochs=2, **options):
    model = kerasish.Sequential([kerasish.Input((3,)), layers.Dense(2, name="a"), layers.Dense(1, name="b")])
    model.compile(kerasish.optimizers.SGD(0.0625), "mse", metrics=["mae"])
    history = model.fit(
        X, Y, batch_size=4, epochs=epochs, verbose=0, callbacks=list(run), validation_data=(X, Y), **options
    )
    return model, history.history


@pytest.fixture
def server():
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.path, dict(self.headers), body))
            self.send_response(500 if "broken" in self.path else 200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("as_json", [False, True])
def test_epochs_are_sent_to_a_server(server, as_json):
    root, received = server
    _, history = fit(callbacks.RemoteMonitor(root, field="f", headers={"X-Key": "k"}, send_as_json=as_json))
    assert [path for path, _, _ in received] == ["/publish/epoch/end/"] * 2
    for epoch, (_, headers, body) in enumerate(received):
        sent = json.loads(body if as_json else urllib.parse.parse_qs(body)["f"][0])
        assert sent == {"epoch": epoch, **{name: values[epoch] for name, values in history.items()}}
        assert headers["X-Key"] == "k" and ("json" in headers["Content-Type"]) == as_json


def test_a_server_that_does_not_answer_is_warned_about(server):
    root, _ = server
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http://127.0.0.1:1"):
        fit(callbacks.RemoteMonitor("http://127.0.0.1:1"), epochs=1)
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor .*500"):
        fit(callbacks.RemoteMonitor(root, path="/broken"), epochs=1)
    with pytest.raises(ValueError, match="must begin with http"):
        callbacks.RemoteMonitor("file:///etc")


def read(folder):
    """Return the values in a folder's event file: `{tag: [(step, value), ...]}`."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    found = {}
    for path in sorted(folder.iterdir()):
        if "tfevents" in path.name:
            for event in EventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    found.setdefault(value.tag, []).append((event.step, make_ndarray(value.tensor)))
    return found


def test_tensorboard_shows_epochs(tmp_path):
    pytest.importorskip("tensorboard")
    run = callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True)
    model, history = fit(run, epochs=3)
    train, held = read(tmp_path / "train"), read(tmp_path / "validation")
    for name, values in history.items():
        found = held[f"epoch_{name[4:]}"] if name.startswith("val_") else train[f"epoch_{name}"]
        assert [step for step, _ in found] == [0, 1, 2]
        np.testing.assert_allclose([v for _, v in found], values, rtol=1e-6)
    assert [float(v) for _, v in train["epoch_learning_rate"]] == [0.0625] * 3
    assert [step for step, _ in held["evaluation_loss_vs_iterations"]] == [3, 6, 9]
    assert json.loads(train["keras"][0][1].item())["class_name"] == "Sequential"
    path = model.weights[0].path
    assert [step for step, _ in train[f"{path}/histogram"]] == [0, 2]
    width, height, png = train[f"{path}/image"][0][1]
    assert (width, height) == (b"3", b"2") and png.startswith(b"\x89PNG")
    assert not any(tag.startswith("batch_") for tag in train)
    assert not run._writers


@pytest.mark.parametrize(("frequency", "steps"), [("batch", [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6])])
def test_tensorboard_shows_batches(tmp_path, frequency, steps):
    pytest.importorskip("tensorboard")
    fit(
        callbacks.TensorBoard(tmp_path, update_freq=frequency, write_steps_per_second=True, write_graph=False)
    )
    train = read(tmp_path / "train")
    for tag in ("batch_loss", "batch_mae", "batch_steps_per_second"):
        assert [step for step, _ in train[tag]] == steps
    assert all(value > 0 for _, value in train["epoch_steps_per_second"]) and "keras" not in train


def test_tensorboard_runs_no_batch_hooks_unless_it_writes_batches(tmp_path):
    assert not callbacks.CallbackList([callbacks.TensorBoard(tmp_path)]).wants_batch_hooks("train")
    assert callbacks.CallbackList([callbacks.TensorBoard(tmp_path, update_freq=5)]).wants_batch_hooks("train")


def test_tensorboard_refuses_what_it_cannot_do(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no profiler"):
        callbacks.TensorBoard(profile_batch=2)
    monkeypatch.setitem(__import__("sys").modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasish\[tensorboard\]'"):
        fit(callbacks.TensorBoard(tmp_path))
    assert not list(tmp_path.iterdir())


def test_embeddings_are_written_for_the_projector(tmp_path):
    pytest.importorskip("tensorboard")
    if not hasattr(layers, "Embedding"):
        pytest.skip("no Embedding layer")
    model = kerasish.Sequential([kerasish.Input((2,), dtype="int32"), layers.Embedding(5, 3, name="words")])
    model.compile("sgd", "mse")
    x, y = np.zeros((4, 2), "int32"), np.zeros((4, 2, 3), "float32")
    run = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"words": "names.tsv"})
    model.fit(x, y, verbose=0, callbacks=[run])
    table = np.loadtxt(tmp_path / "train" / "words.tsv", delimiter="\t")
    np.testing.assert_allclose(table, model.layers[0].embeddings.numpy(), rtol=1e-5)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "train/words.tsv"' in text and 'metadata_path: "names.tsv"' in text
    with pytest.raises(ValueError, match=r"Unrecognized `Embedding` layer names .*\['nobody'\]"):
        run = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"nobody": "n.tsv"})
        model.fit(x, y, verbose=0, callbacks=[run])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4,), (1, 4, 1)),
        ((5, 3), (1, 3, 5)),
        ((2, 3), (1, 2, 3)),
        ((3, 4, 2), (2, 3, 4)),
        ((2, 2, 2, 2), None),
    ],
)
def test_weights_as_images(shape, expected):
    images = as_images(np.random.default_rng(0).normal(size=shape))
    assert (None if images is None else images.shape) == expected
    if images is not None:
        assert images.min() == 0 and images.max() == 1
    assert (as_images(np.ones((2, 2))) == 0).all()


def test_gray_images_as_png():
    import io

    image = pytest.importorskip("PIL.Image")
    values = np.array([[0.0, 0.5, 1.0], [1.0, 2.0, -1.0]])
    shown = np.asarray(image.open(io.BytesIO(gray_png(values))))
    np.testing.assert_array_equal(shown, [[0, 127, 255], [255, 255, 0]])
