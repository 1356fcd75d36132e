"""Several batches by one launch, where the data lie on a GPU and nobody looks in between, on stand-ins for it."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_stand_in import StandInRuntime, strict_gpu
from cuda_streams import StreamRuntime, watched
from strict_device import StrictArray

import kerasish as keras
from kerasish import ops
from kerasish.autograd import Variable
from kerasish.autograd.abstract import Abstract
from kerasish.compiler import passes, trace
from kerasish.compiler.executors.cuda import CudaExecutable, executable
from kerasish.devices import OutOfMemoryError
from kerasish.devices.rows import Rows


class Counting(StandInRuntime):
    """Notes on how many batches each launch of a recording works, and may refuse to record."""

    def __init__(self, array_type=np.ndarray):
        super().__init__(array_type)
        self.replays = []
        self.recordings, self.refused = 0, ()

    def record(self, run):
        self.recordings += 1
        if self.recordings in self.refused:
            raise OutOfMemoryError("There is no room.")
        replay = super().record(run)

        def noted():
            before = self.launches.count("gather_batch")
            replay()
            self.replays.append(self.launches.count("gather_batch") - before)

        return noted


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Three batches at a time, from the second time on, so that little data will do."""
    monkeypatch.setattr(executable, "_BATCHES_AT_ONCE", 3)
    monkeypatch.setattr(executable, "_OFTEN", 2)


@pytest.fixture
def gpu():
    """The strict device with a stand-in for its GPU."""
    with strict_gpu(Counting(StrictArray)) as device:
        yield device


# The executable


class Walk:
    """A step whose result depends on the order of its batches."""

    def __init__(self, results=False):
        self.place, self.count = Variable(np.zeros(2, np.float32)), Variable(np.int32(0))

        def step(x, label):
            self.place.assign(ops.tanh(self.place * 1.5 + ops.sum(x, 0)) + ops.cast(label[0], "float32"))
            self.count.assign(self.count + 1)
            return x * 2 if results else None

        shapes = [Abstract((4, 2), np.dtype("float32")), Abstract((4,), np.dtype("int32"))]
        self.runtime = Counting()
        self.executable = CudaExecutable(passes.optimize(trace(step, shapes)[0]), self.runtime)


_generator = np.random.default_rng(0)
_ARRAYS = _generator.random((60, 2), "float32"), _generator.integers(0, 9, 60).astype("int32")
_ORDER = _generator.permutation(60)


def _rows(begin, order=None, arrays=_ARRAYS):
    return [Rows(array, order, begin, 4) for array in arrays]


@pytest.mark.parametrize("order", [None, _ORDER], ids=["in order", "shuffled"])
def test_several_batches_change_states_as_one_by_one(order):
    walk, alone = Walk(), Walk()
    for epoch in range(2):
        for begin, times in [(0, 1), (4, 3), (16, 3), (28, 2), (36, 2), (20, 3)]:
            before = walk.place._changed
            assert walk.executable(_rows(begin, order), times) == ()
            assert walk.place._changed > before
            for number in range(times):
                alone.executable(_rows(begin + 4 * number, order))
            np.testing.assert_array_equal(
                walk.place.numpy(), alone.place.numpy()
            )  # (which shares its memory)
            assert walk.count.numpy() == alone.count.numpy()
        if epoch == 0:
            walk.place.assign([0.5, -1.0])
            alone.place.assign([0.5, -1.0])
    assert 2 in walk.runtime.replays and 3 in walk.runtime.replays


def test_programs_say_how_many_batches_they_take(monkeypatch):
    assert Walk().executable.batches_at_once == 3
    assert Walk(results=True).executable.batches_at_once == 1
    monkeypatch.setattr(executable, "_LAUNCHES_AT_ONCE", 2)
    assert Walk().executable.batches_at_once == 1


def test_loops_count_as_all_their_launches(monkeypatch):
    monkeypatch.setattr(executable, "_BATCHES_AT_ONCE", 1000)
    total = Variable(np.zeros(3, np.float32))

    def most(length):
        def step(x):
            last, _ = ops.scan(lambda carry, row: (ops.matmul(carry, ops.ones((3, 3))) + row, None), total, x)
            total.assign(last)

        graph = passes.optimize(trace(step, [Abstract((length, 3), np.dtype("float32"))])[0])
        return CudaExecutable(graph, StandInRuntime()).batches_at_once

    assert most(10) > 2 * most(40) > 2
    assert most(1000) == 1


def test_new_arrays_are_seen():
    walk, alone = Walk(), Walk()
    for epoch in range(3):
        arrays = _ARRAYS[0] + epoch, _ARRAYS[1] + epoch
        for begin in (0, 12, 24):
            walk.executable(_rows(begin, arrays=arrays), 3)
            for number in range(3):
                alone.executable(_rows(begin + 4 * number, arrays=arrays))
        np.testing.assert_array_equal(walk.place.numpy(), alone.place.numpy())
        if epoch == 1:  # what reads a value keeps it
            for each in (walk, alone):
                each.place.assign([1, 2])
            held = walk.place.value
    assert held.numpy().tolist() == [1, 2]


def test_a_recording_that_finds_no_room_is_done_without():
    walk, alone = Walk(), Walk()
    walk.runtime.refused = (2, 3)  # the first is that of a single step
    for begin in range(0, 48, 12):
        walk.executable(_rows(begin), 3)
        for number in range(3):
            alone.executable(_rows(begin + 4 * number))
    np.testing.assert_array_equal(walk.place.numpy(), alone.place.numpy())
    assert walk.runtime.recordings == 2 and set(walk.runtime.replays) == {1}


def test_a_step_that_fails_leaves_those_before_it():
    walk, alone = Walk(), Walk()
    walk.runtime.refused = (1,)
    before = walk.place._changed
    with pytest.raises(OutOfMemoryError):
        walk.executable(_rows(0), 3)  # the second batch is that which is recorded
    alone.executable(_rows(0))
    assert walk.place._changed > before
    for begin, times in ((4, 3), (16, 3)):
        np.testing.assert_array_equal(walk.place.numpy(), alone.place.numpy())
        walk.executable(_rows(begin), times)
        for number in range(times):
            alone.executable(_rows(begin + 4 * number))
    np.testing.assert_array_equal(walk.place.numpy(), alone.place.numpy())


# Training

_X = _generator.random((22, 5), "float32")
_Y = (_X @ np.arange(5)).astype("float32")[:, None]


def _model():
    keras.utils.set_random_seed(4)
    layers = [keras.layers.Input((5,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse", metrics=["mae"])
    return model


def _state(model):
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


class _BetweenEpochs(keras.callbacks.Callback):
    """What users change between epochs."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.model.optimizer.learning_rate = 0.05
        if epoch == 2:
            self.model.set_weights([w * 0.5 for w in self.model.get_weights()])


class _Batches(keras.callbacks.Callback):
    def __init__(self, stop=None):
        super().__init__()
        self.seen, self.stop = [], stop

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(batch)

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((batch, logs["loss"], int(self.model.optimizer.iterations.numpy())))
        self.model.stop_training = batch == self.stop


def _fit(model, **options):
    given = {"x": _X, "y": _Y, "batch_size": 3, "epochs": 4, "verbose": 0, **options}
    return model.fit(**given).history


def _much(model):
    """Shuffled data with a smaller last batch, validation, and changes between epochs."""
    history = _fit(model, validation_data=(_X[:17], _Y[:17]), callbacks=[_BetweenEpochs()])
    return [history, model.evaluate(_X, _Y, batch_size=3, verbose=0)]


def _two_data_sets(model):
    return [_fit(model, shuffle="batch", epochs=3), _fit(model, x=_X[::-1], shuffle=False, initial_epoch=2)]


def _pieces_of_passes(model):
    return _fit(model, x=_X[:21], y=_Y[:21], steps_per_epoch=4, epochs=6)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("run", [_much, _two_data_sets, _pieces_of_passes])
def test_training_is_what_it_is_batch_by_batch(gpu, run, monkeypatch):
    def train():
        gpu.runtime.replays.clear()
        model = _model()
        return [np.asarray(x) for x in keras.tree.flatten([run(model), _state(model)])]

    found = train()
    assert max(gpu.runtime.replays) == 3
    monkeypatch.setattr(executable, "_BATCHES_AT_ONCE", 1)
    expected = train()
    assert max(gpu.runtime.replays) == 1
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_how_many_launches_an_epoch_is(gpu):
    epochs = []

    class Epochs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            epochs.append(gpu.runtime.replays[:])
            gpu.runtime.replays.clear()

    _fit(_model(), callbacks=[Epochs()], epochs=3)
    # The first batch is traced, the next three are the first of their number, and the last is another trace.
    assert epochs == [[1, 1, 1, 3], [3, 3, 1, 1], [3, 3, 1, 1]]


@pytest.mark.parametrize("size", [1, 2])
def test_who_listens_sees_every_batch(gpu, size):
    model, listener = _model(), _Batches()
    model.steps_per_execution = size
    _fit(model, callbacks=[listener], epochs=2)
    assert [seen for seen in listener.seen if type(seen) is int] == 2 * list(range(0, 8, size))
    told = [seen for seen in listener.seen if type(seen) is not int]
    assert [batch for batch, _, _ in told] == 2 * list(range(size - 1, 8, size))
    assert [count for _, _, count in told] == list(range(size, 17, size))
    assert max(gpu.runtime.replays) == size
    alone = _model()
    _fit(alone, epochs=2)
    for one, other in zip(_state(model), _state(alone), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("every", [False, True])
def test_a_moving_bar_is_told_of_some_at_a_time(gpu, every, monkeypatch):
    monkeypatch.setattr("kerasish.callbacks.progbar_logger.shows_moving_bars", lambda: True)
    seen = []

    class Bar(keras.callbacks.ProgbarLogger):
        def _update_bar(self, batch, logs):
            seen.append(batch)

    class OfEach(Bar):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)

    _fit(_model(), epochs=2, verbose=1, callbacks=[OfEach() if every else Bar()])
    assert seen == (2 * list(range(8)) if every else [0, 3, 6, 7, 2, 5, 7])
    assert max(gpu.runtime.replays) == (1 if every else 3)


def test_who_listens_may_stop(gpu):
    model = _model()
    _fit(model, epochs=1)
    _fit(model, callbacks=[_Batches(stop=4)])
    assert int(model.optimizer.iterations.numpy()) == 8 + 5


def test_a_source_is_not_asked_ahead(gpu):
    """So that what was trained on before it fails is trained on."""

    def source(end):
        for i in range(end):
            yield _X[i : i + 3], _Y[i : i + 3]
        raise OSError

    model = _model()
    _fit(model, epochs=1)  # now it could take several at once
    gpu.runtime.replays.clear()
    with pytest.raises(OSError):
        _fit(model, x=source(5), y=None, batch_size=None, steps_per_epoch=9)
    assert set(gpu.runtime.replays) == {0}  # (nothing is gathered)
    assert int(model.optimizer.iterations.numpy()) == 8 + 5


@pytest.mark.parametrize("save_freq", ["epoch", 3])
def test_a_run_that_ended_early_is_taken_up(gpu, tmp_path, save_freq):
    class Ends(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise RuntimeError("ends here")

    def train(name, *callbacks):
        model = _model()
        backup = keras.callbacks.BackupAndRestore(tmp_path / name, save_freq=save_freq)
        return model, _fit(model, epochs=5, callbacks=[backup, *callbacks])

    with pytest.raises(RuntimeError, match="ends here"):
        train("ended", Ends())
    (model, found), (whole, expected) = train("ended"), train("whole")
    assert (3 in gpu.runtime.replays) == (save_freq == "epoch")
    for one, other in zip(
        [*found.values(), *_state(model)], [*expected.values(), *_state(whole)], strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_steps_that_return_something_run_one_by_one(gpu):
    class Own(keras.Sequential):
        def train_step(self, data):
            return {"own": super().train_step(data)["loss"] * 2}

    model = Own(_model().layers)
    model.compile("adam", "mse")
    history = _fit(model, epochs=2)
    assert set(gpu.runtime.replays) == {1} and len(history["own"]) == 2


def test_structures_of_arrays_and_weights(gpu, monkeypatch):
    inputs = {name: keras.Input((5,), name=name) for name in "ab"}

    def train():
        keras.utils.set_random_seed(4)
        model = keras.Model(inputs, keras.layers.Dense(1)(inputs["a"] - inputs["b"] * 2))
        model.compile("adam", "mse", weighted_metrics=["mae"])
        x = {"a": _X, "b": _X[:, ::-1]}
        history = _fit(model, x=x, sample_weight=np.arange(22.0), epochs=3)
        return [*history.values(), *_state(model)]

    found = train()
    assert 3 in gpu.runtime.replays
    monkeypatch.setattr(executable, "_BATCHES_AT_ONCE", 1)
    for one, other in zip(found, train(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_numeric_checks_see_every_batch(gpu):
    model = _model()
    _fit(model, epochs=1)
    gpu.runtime.replays.clear()
    x = _X.copy()
    x[10] = np.nan
    keras.config.enable_numeric_checks()
    try:
        with pytest.raises(FloatingPointError):
            _fit(model, x=x, shuffle=False)
    finally:
        keras.config.disable_numeric_checks()
    assert not gpu.runtime.replays


def test_what_is_recorded_works_whenever_the_gpu_comes_to_it(monkeypatch):
    """Here what is launched is no call of Python any more, and is done as late as it may."""
    runtime = StreamRuntime()
    with strict_gpu(runtime), monkeypatch.context() as patch:
        watched(patch, runtime)
        model = _model()
        found = [*_fit(model, epochs=3).values(), *model.get_weights()]
    with keras.device("cpu"):
        model = _model()
        expected = [*_fit(model, epochs=3).values(), *model.get_weights()]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-6)
