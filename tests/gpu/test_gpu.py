"""The GPU against the CPU: everything that is a table elsewhere, and what only a GPU has."""

from __future__ import annotations

import copy
import gc

import device_cases
import numpy as np
import pytest
from device_cases import GROUPS, assert_alike, to_host

import kerasish
from kerasish import Tensor, Variable, ops, random
from kerasish.devices import DeviceError, OutOfMemoryError, cpu, selection

try:
    selection.gpu(0)
except DeviceError as error:  # at once for all: skipping thousands of tests one by one takes seconds
    pytest.skip(str(error), allow_module_level=True)


def on_device(tensor) -> bool:
    return tensor.device == "gpu:0"


WORK = [pytest.param(work, id=f"{group}: {work}") for group, works in GROUPS.items() for work in works]


@pytest.mark.parametrize("work", WORK)
def test_the_gpu_computes_what_the_cpu_does(work, transfers):
    kerasish.utils.set_random_seed(3)
    expected = to_host(work.run())
    with kerasish.device("gpu"):
        kerasish.utils.set_random_seed(3)
        transfers["to the host"].clear()
        result = work.run()
        waited = list(transfers["to the host"])
        found = to_host(result)
    assert_alike(found, expected, work.tolerance)
    assert work.asks or work.name.startswith(device_cases.ASKING) or not waited


# Where tensors are


def test_tensors_move(on_gpu):
    x = Tensor([1.0, 2.0])
    assert x.device == "gpu:0"
    assert x.to("gpu") is x
    assert x.to("cuda:0") is x
    host = x.to("cpu")
    assert host.device == "cpu"
    assert host.to("gpu:0").device == "gpu:0"
    assert x.numpy().tolist() == np.asarray(x).tolist() == x.tolist() == [1.0, 2.0]
    assert x[1].item() == 2.0
    assert bool(x[0] > 0)
    assert repr(x) == "<Tensor shape=(2,), dtype=float32, value=[1. 2.]>"
    with pytest.raises(ValueError, match=r"got tensors on different devices: cpu, gpu:0. Move them"):
        x + host
    with kerasish.device("cpu"):
        assert ops.ones(2).device == "cpu"
        assert random.normal((2,)).device == "cpu"
    assert ops.ones(2).device == random.normal((2,)).device == "gpu:0"


def test_arrays_of_cupy_are_tensors():
    import cupy

    x = ops.convert_to_tensor(cupy.arange(3))
    assert x.device == "gpu:0"
    assert (x * 2).numpy().tolist() == [0, 2, 4]


def test_variables_stay_on_the_gpu(on_gpu, transfers):
    v = Variable(np.ones((2, 3), np.float32))
    transfers["from the host"].clear()
    view = v[0]
    v.assign_add(1.0)
    v.assign_sub(ops.ones((2, 3)) * 0.5)
    v.assign(v * 2.0)
    ops.sum(v * v).backward()
    assert transfers == {"to the host": [], "from the host": []}
    assert on_device(v)
    assert on_device(v.grad)
    assert v.numpy().tolist() == [[3.0] * 3] * 2
    assert view.numpy().tolist() == [1.0] * 3


@pytest.mark.parametrize("name", ["gpu:99", "cuda:99"])
def test_a_gpu_that_is_not_there(name):
    with pytest.raises(DeviceError, match=r"There is no device 'gpu:99': this machine shows 'gpu:0'"):
        kerasish.device(name)
    with pytest.raises(DeviceError, match="There is no device 'gpu:99'"):
        Tensor([1.0]).to(name)
    assert Tensor([1.0]).device == "cpu"


# Random numbers


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 255 * 8, 256 * 8 + 1, 100_003])
@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64", "uint8"])
def test_random_bits(size, dtype):
    import cupy

    from kerasish.devices import gpu

    seed = np.array([123, 45], dtype)
    np.testing.assert_array_equal(
        gpu.random_bits(cupy.asarray(seed), size).get(), cpu.random_bits(seed, size)
    )


# Steady steps


def _steady(make, x, y, loss):
    model = make()
    model.compile("adam", loss, run_eagerly=True)
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    variables = model.trainable_variables

    def step():
        with kerasish.GradientTape() as tape:
            value = kerasish.losses.get(loss)(y, model(x, training=True))
        model.optimizer.apply(tape.gradient(value, variables), variables)

    step()
    return step


@pytest.mark.parametrize(
    ("make", "x", "y", "loss"),
    [
        (
            device_cases._dense,
            device_cases._FEATURES,
            device_cases._CLASSES,
            "sparse_categorical_crossentropy",
        ),
        (
            device_cases._convolutional,
            device_cases._IMAGES,
            device_cases._CLASSES,
            "sparse_categorical_crossentropy",
        ),
        (device_cases._transformer, device_cases._SEQUENCES, device_cases._SEQUENCES[:, 0, :2], "mse"),
    ],
    ids=["dense", "convolutional", "transformer"],
)
def test_a_steady_step_brings_nothing_to_the_host_and_nothing_from_there(on_gpu, transfers, make, x, y, loss):
    step = _steady(make, x, y, loss)
    for counts in transfers.values():
        counts.clear()
    step()
    assert transfers == {"to the host": [], "from the host": []}


# Memory


def test_memory_is_told(on_gpu):
    before = kerasish.devices.memory_info()
    x = ops.zeros((1024, 1024))
    after = kerasish.devices.memory_info("gpu:0")
    assert before.device == after.device == "gpu:0"
    assert 0 < after.free <= after.total
    assert after.used >= before.used + 4 * 1024 * 1024
    assert "gpu:0: " in str(after)
    del x
    assert kerasish.devices.memory_info("gpu").pooled >= 4 * 1024 * 1024


def test_when_memory_is_used_up_nothing_is_lost(on_gpu):
    model = device_cases._dense()
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    x = ops.ones((1 << 20, 1))
    total = kerasish.devices.memory_info().total
    for use in (
        lambda: ops.zeros((total // 2,)),  # four bytes each
        lambda: ops.matmul(x, ops.transpose(x)),
        lambda: x + ops.ones((1, 1 << 20)),
        lambda: Variable("ones", shape=(total // 2,)),
    ):
        with pytest.raises(
            OutOfMemoryError, match=r"no room for .* more on gpu:0: .* are free.*smaller batch"
        ):
            use()
    gc.collect()
    assert issubclass(OutOfMemoryError, MemoryError)
    before = model.get_weights()
    with pytest.raises(OutOfMemoryError):
        model(ops.ones((1 << 30, 10)), training=True)
        model(ops.ones((1 << 31, 10)), training=True)
    gc.collect()
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    history = model.fit(device_cases._FEATURES, device_cases._CLASSES, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_copies_that_find_no_room_leave_variables_as_they_are(on_gpu):
    variable = Variable("ones", shape=(kerasish.devices.memory_info().total // 12,))  # a third of all memory
    reader = variable.value
    copies = []
    for copied in (
        lambda: copies.append(copy.deepcopy(variable)),
        lambda: copies.append(variable.assign_add(1.0).value),  # what is read elsewhere is copied first
        lambda: copies.append(Tensor(reader._value)),
    ):
        with pytest.raises(
            OutOfMemoryError, match=r"no room for .* more on gpu:0: .* are free.*smaller batch"
        ):
            for _ in range(3):
                copied()
        copies.clear()
        gc.collect()
    assert float(reader[0]) == 1.0
    assert 1.0 <= float(variable[-1]) <= 3.0


def test_a_compiled_step_that_finds_no_room_leaves_the_model_as_it_was(on_gpu):
    model = device_cases._dense()
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = device_cases._FEATURES, device_cases._CLASSES
    model.fit(x, y, epochs=1, verbose=0)
    before = [v.numpy() for v in (*model.weights, *model.optimizer.variables)]
    taken = ops.zeros((kerasish.devices.memory_info().free - (1 << 29),), "uint8")
    repeats = kerasish.devices.memory_info().free // x.nbytes + 1
    with pytest.raises(OutOfMemoryError, match=r"no room for .* more on gpu:0: .* are free.*smaller batch"):
        model.train_on_batch(np.tile(x, (repeats, 1)), np.tile(y, repeats))
    after = [v.numpy() for v in (*model.weights, *model.optimizer.variables)]
    for one, other in zip(after, before, strict=True):
        np.testing.assert_array_equal(one, other)
    del taken
    assert np.isfinite(model.fit(x, y, epochs=1, verbose=0).history["loss"]).all()


# Data that stay on the host


def _wide_model():
    kerasish.utils.set_random_seed(5)
    layers = kerasish.layers
    model = kerasish.Sequential(
        [layers.Input((300,)), layers.Dense(64, "tanh"), layers.Dropout(0.2), layers.Dense(2)]
    )
    model.compile("adam", "mse", metrics=["mae"])
    return model


def _wide_data():
    generator = np.random.default_rng(2)
    return generator.random((1000, 300), "float32"), generator.random((1000, 2), "float32")


def _batches(x, y):
    while True:
        for i in range(0, len(x), 128):
            yield x[i : i + 128], y[i : i + 128]


@pytest.mark.parametrize("source", ["arrays", "a generator"])
def test_data_that_do_not_fit_train_as_those_that_do(on_gpu, monkeypatch, source):
    from cupy.cuda import runtime

    from kerasish.compiler.executors.cuda.transfer import Transfer

    def train():
        model, (x, y) = _wide_model(), _wide_data()
        given = dict(x=x, y=y, batch_size=128, validation_data=(x[:500], y[:500]))
        if source != "arrays":
            given = dict(x=_batches(x, y), steps_per_epoch=8)
        history = model.fit(**given, epochs=4, verbose=0).history
        rest = [model.evaluate(x, y, batch_size=128, verbose=0), model.predict(x, batch_size=128, verbose=0)]
        return [*history.values(), *rest, *model.get_weights()]

    expected = train()
    transfers = []
    bring = Transfer.bring

    def noted(self, batch):
        transfers.append(self)
        bring(self, batch)

    monkeypatch.setattr(Transfer, "bring", noted)
    monkeypatch.setattr(kerasish.devices, "has_room", lambda nbytes, device: False)
    for one, other in zip(train(), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert len(transfers) > 30  # the first batch of each shape comes without, and all others with one
    for transfer in set(transfers):
        for buffer in transfer._buffers:
            assert runtime.pointerGetAttributes(buffer.memory.ctypes.data).type == runtime.memoryTypeHost


def test_many_batches_by_one_launch_are_what_they_are_one_by_one(on_gpu, monkeypatch):
    from kerasish.compiler.executors.cuda import executable

    pytest.importorskip("nvmath", reason="steps with products are recorded with nvmath-python")
    launches = []
    record = executable._Instance._recorded

    def noted(self, times):
        replay = record(self, times)
        return lambda: launches.append(times) or replay()

    monkeypatch.setattr(executable._Instance, "_recorded", noted)

    def train():
        launches.clear()
        model, (x, y) = _wide_model(), _wide_data()
        history = model.fit(x, y, batch_size=8, epochs=5, verbose=0).history  # 125 batches
        return [*history.values(), *model.get_weights()]

    found = train()
    assert launches.count(16) > 20 and launches.count(1) < 125
    monkeypatch.setattr(executable, "_BATCHES_AT_ONCE", 1)
    for one, other in zip(found, train(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert set(launches) == {1}


def test_the_host_works_ahead_of_the_gpu(on_gpu):
    """A long step is not done when the next one is launched, and both get their batches."""
    import cupy

    weights = ops.eye(6144)

    @kerasish.function
    def step(x):
        for _ in range(24):
            x = ops.matmul(x, weights)
        return x[:, 0]

    given = [np.full((6144, 6144), n, np.float32) for n in range(2)]
    small = np.empty((6144, 6144), np.float32)
    for n in range(4):  # traced and launched; recorded; replayed
        step(given[n % 2])
    stream = cupy.cuda.get_current_stream()
    stream.synchronize()
    event, results = cupy.cuda.Event(), []
    for n in range(2):
        small[...] = given[n]
        results.append(step(small))
        if n == 0:
            event.record()
    assert not event.done
    for n, result in enumerate(results):
        np.testing.assert_array_equal(result.numpy(), np.full(6144, n))


def test_a_source_that_fails_can_be_followed_by_another(on_gpu):
    model, (x, y) = _wide_model(), _wide_data()

    def fails():
        for number, batch in enumerate(_batches(x, y)):
            if number == 5:
                raise KeyboardInterrupt
            yield batch

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            model.fit(fails(), steps_per_epoch=8, verbose=0)
    history = model.fit(_batches(x, y), steps_per_epoch=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and history["loss"][1] < history["loss"][0]


# Files


@pytest.mark.parametrize("save_on", ["gpu", "cpu"])
def test_files_go_from_device_to_device(tmp_path, save_on):
    x = device_cases._FEATURES
    path = str(tmp_path / "m.keras")
    with kerasish.device(save_on):
        model = device_cases._dense()
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, device_cases._CLASSES, epochs=1, verbose=0)
        expected = model.predict(x, verbose=0)
        model.save(path)
        model.save_weights(str(tmp_path / "w.weights.h5"))
    with kerasish.device("cpu" if save_on == "gpu" else "gpu"):
        again = kerasish.saving.load_model(path)
        assert {v.device for v in again.variables} == {"cpu" if save_on == "gpu" else "gpu:0"}
        np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
        again.load_weights(str(tmp_path / "w.weights.h5"))
        again.fit(x, device_cases._CLASSES, epochs=1, verbose=0)


def test_strings_stay_on_the_host(on_gpu):
    lookup = kerasish.layers.StringLookup(vocabulary=["a", "b"])
    found = lookup(np.array(["b", "a", "c"]))
    assert found.numpy().tolist() == [2, 1, 0]
