"""Batches that come to a GPU while the step before runs, on streams that work as late as they may, or as early."""

from __future__ import annotations

import gc
import itertools

import numpy as np
import pytest
from cuda_stand_in import strict_gpu
from cuda_streams import Event, Stream, StreamRuntime, watched
from strict_device import strict_device

import kerasish as keras
from kerasish import devices, ops
from kerasish.autograd import Variable
from kerasish.autograd.abstract import Abstract
from kerasish.compiler import passes, trace
from kerasish.compiler.executors.cuda import CudaExecutable, arguments, program, transfer
from kerasish.devices.rows import LazyRows, Rows

BATCH, WIDTH = 4, 3


@pytest.fixture(params=[False, True], ids=["late copies", "early copies"])
def runtime(request, monkeypatch):
    """The runtime of the strict device, where all batches are large enough to be transferred."""
    monkeypatch.setattr(arguments, "_SMALL", 0)
    return StreamRuntime(request.param)


class Sums:
    """A step that adds up what it gets and returns twice of it, on a runtime."""

    def __init__(self, runtime, in_place=False):
        self.runtime = runtime
        with strict_device():
            self.total = Variable(np.zeros(WIDTH, np.float32))

        def step(x, labels):
            if not in_place:
                self.total.assign(self.total + ops.sum(x, 0))
            return x * 2, labels + 1

        shapes = [Abstract((BATCH, WIDTH), np.dtype("float32")), Abstract((BATCH,), np.dtype("int64"))]
        graph = passes.optimize(trace(step, shapes)[0])
        self.executable = CudaExecutable(graph, runtime)
        self.results = []

    def __call__(self, *batch):
        self.results.append(self.executable(batch))

    def check(self, batches):
        """Compare with what these batches make; only now anybody looks at the results."""
        self.runtime.synchronize()
        assert len(self.results) == len(batches)
        for results, (x, labels) in zip(self.results, batches, strict=True):
            np.testing.assert_array_equal(results[0].host, 2 * x)
            np.testing.assert_array_equal(results[1].host, labels + 1)
        if self.executable._written:
            expected = sum((x.sum(0) for x, _ in batches), np.zeros(WIDTH, np.float32))
            np.testing.assert_allclose(self.total._array.host, expected, rtol=1e-6)


def batches(count, seed=0):
    generator = np.random.default_rng(seed)
    return [
        (generator.random((BATCH, WIDTH), "float32"), generator.integers(0, 9, BATCH)) for _ in range(count)
    ]


def feed_arrays(step, given):
    """Call with arrays that are written over after each call."""
    x, labels = np.empty((BATCH, WIDTH), np.float32), np.empty(BATCH, np.int64)
    for new_x, new_labels in given:
        x[...], labels[...] = new_x, new_labels
        step(x, labels)
    x[...], labels[...] = -1, -1


class Doubles(LazyRows):
    """Rows that are made when they are wanted."""

    def __init__(self, array):
        self._array, self.shape, self.dtype = array, array.shape, np.dtype(np.float32)

    def gather(self, rows, out=None):
        part = self._array[rows].astype(np.float32)
        if out is None:
            return part
        out[...] = part
        return out


def feed_rows(step, given, lazy=False, shuffled=True):
    xs, labels = (np.concatenate(parts) for parts in zip(*given, strict=True))
    order = np.random.default_rng(1).permutation(len(xs))
    if shuffled:
        places = np.argsort(order)
        xs, labels = xs[places], labels[places]
    source = Doubles(xs.astype(np.float64)) if lazy else xs
    for begin in range(0, len(xs), BATCH):
        step(*[Rows(a, order if shuffled else None, begin, BATCH) for a in (source, labels)])


FEEDS = {
    "arrays": feed_arrays,
    "rows": feed_rows,
    "rows in order": lambda step, given: feed_rows(step, given, shuffled=False),
    "rows made when wanted": lambda step, given: feed_rows(step, given, lazy=True),
}


@pytest.mark.parametrize(
    "order", [None, np.random.default_rng(0).permutation(20)], ids=["in order", "shuffled"]
)
@pytest.mark.parametrize("parts", [1, 3, 7])
def test_threads_share_the_gathering(monkeypatch, parts, order):
    def share_out(work, count, microseconds):
        bounds = [count * i // parts for i in range(parts + 1)]
        for start, stop in reversed(list(zip(bounds[:-1], bounds[1:], strict=True))):
            work(slice(start, stop))

    monkeypatch.setattr(transfer, "share_out", share_out)
    x = np.random.default_rng(0).random((20, 2, 3), "float32")
    for source in (x, Doubles(x.astype("float64")), np.asfortranarray(x)):
        memory = np.zeros((9, 2, 3), np.float32)
        transfer.gather(Rows(source, order, 5, 9), memory)
        np.testing.assert_array_equal(memory, x[np.arange(20) if order is None else order][5:14])
    transfer.gather(x[3:12], memory)
    np.testing.assert_array_equal(memory, x[3:12])
    number = np.zeros((), np.int64)
    transfer.gather(np.array(7), number)
    assert number == 7


@pytest.mark.parametrize("in_place", [False, True], ids=["", "step by step on its arguments"])
@pytest.mark.parametrize("how", FEEDS)
def test_every_step_gets_its_batch(runtime, how, in_place, monkeypatch):
    if in_place:
        monkeypatch.setattr(program, "_COPIED_IN_A_CALL", 0)
    step, given = Sums(runtime, in_place), batches(9)
    FEEDS[how](step, given)
    assert runtime.copies == 8  # all but the first, as one piece each
    step.check(given)


def test_the_host_waits_for_no_step(runtime):
    step, given = Sums(runtime), batches(12)
    unfinished = []
    for batch in given:
        step(*batch)
        unfinished.append(len(step.results) - len(runtime.launches) // 2)
    # As few launches as possible are done when the last one is made, and the copies are ahead of the steps.
    assert min(unfinished[3:]) >= (1 if runtime.early else 3)
    step.check(given)


WAITS = {
    "the host for the copy out of its buffer": (Event, "synchronize", lambda self: None),
    "the copy for the batch before": (
        Stream,
        "wait_event",
        lambda self, event, wait=Stream.wait_event: None if self.side else wait(self, event),
    ),
    "the step for its copy": (
        Stream,
        "wait_event",
        lambda self, event, wait=Stream.wait_event: wait(self, event) if self.side else None,
    ),
}


@pytest.mark.parametrize("wait", WAITS)
def test_no_wait_may_be_left_out(wait, monkeypatch):
    """That is, one of the two kinds of streams notices it."""
    monkeypatch.setattr(arguments, "_SMALL", 0)
    cls, name, without = WAITS[wait]
    monkeypatch.setattr(cls, name, without)
    noticed = []
    for early in (False, True):
        runtime = StreamRuntime(early)
        step, given = Sums(runtime), batches(9)
        feed_arrays(step, given)
        try:
            step.check(given)
        except AssertionError:
            noticed.append(early)
    assert noticed


@pytest.mark.parametrize("waits", [True, False])
def test_memory_is_not_given_back_while_it_is_copied(waits, monkeypatch):
    monkeypatch.setattr(arguments, "_SMALL", 0)
    if not waits:
        monkeypatch.setattr(Stream, "synchronize", lambda self: None)
    runtime = StreamRuntime()
    step = Sums(runtime)
    feed_arrays(step, batches(5))
    (side,) = runtime.sides
    assert side.done < side.launched
    step.executable = None
    gc.collect()
    if waits:
        assert side.done == side.launched
    else:  # (so the stand-in would notice)
        with pytest.raises(AssertionError, match="memory is gone while it is copied"):
            side.run(side.launched)


class Ends(BaseException):
    """An exception at any moment, as Ctrl-C is."""


def test_batches_that_cannot_be_had_change_nothing(runtime):
    step, given = Sums(runtime), batches(8)
    broken = Rows(Doubles(np.zeros((2, WIDTH))), np.array([0, 1, 2, 3]), 0, BATCH)  # rows that there are not
    for number, batch in enumerate(given):
        if number in (0, 1, 4, 5):
            with pytest.raises(IndexError):
                step(broken, np.zeros(BATCH, np.int64))
        step(*batch)
    step.check(given)


@pytest.mark.parametrize("when", ["before", "after"])
def test_interrupts_leave_nothing_half_done(runtime, when, monkeypatch):
    """A transfer is cut off at each of its moves in turn; the batches before and after are what they are."""
    moves = [(StreamRuntime, "copy"), (Stream, "record"), (Stream, "wait_event"), (Event, "synchronize")]
    countdown = [10**9]

    def interrupted(cls, name):
        original = getattr(cls, name)

        def move(*arguments):
            countdown[0] -= 1
            if countdown[0] == 0 and when == "before":
                raise Ends
            original(*arguments)
            if countdown[0] == 0 and when == "after":
                raise Ends

        monkeypatch.setattr(cls, name, move)

    for cls, name in moves:
        interrupted(cls, name)
    step, given = Sums(runtime), batches(30)
    done, cut = [], 0
    for number, batch in enumerate(given):
        buffers = list(step.executable._idle)
        countdown[0] = number // 3 % 8 + 1 if number > 3 and number % 3 == 0 else 10**9
        try:
            step(*batch)
        except Ends:
            cut += 1
            step.executable._idle[:] = buffers  # or else new ones would take their place
        else:
            done.append(batch)
    assert cut >= 7
    step.check(done)


def test_where_there_is_no_room_batches_are_copied_as_they_come(runtime):
    step, given = Sums(runtime), batches(6)
    step(*given[0])
    runtime.fails_in = 1
    feed_arrays(step, given[1:])
    assert runtime.fails_in == runtime.copies == 0
    step.check(given)


def test_small_batches_are_left_to_cuda(runtime, monkeypatch):
    monkeypatch.setattr(arguments, "_SMALL", 1 << 16)
    step, given = Sums(runtime), batches(4)
    feed_arrays(step, given)
    assert runtime.copies == 0
    step.check(given)


def test_memory_that_cannot_be_locked_is_done_without():
    """Nothing can be locked where there is no GPU."""
    pytest.importorskip("cupy")
    from kerasish.compiler.executors.cuda.runtime import CupyRuntime

    if devices.selection.visible():
        pytest.skip("there is a GPU")
    memory = CupyRuntime(0).page_locked(1000)
    assert (type(memory), memory.dtype, memory.nbytes) == (np.ndarray, np.uint8, 1000)
    memory[...] = 1


# Training


@pytest.fixture
def gpu(runtime, monkeypatch):
    """The strict device, where `runtime` runs compiled steps and data do not fit."""
    monkeypatch.setattr(devices, "has_room", lambda nbytes, device: False)
    with strict_gpu(runtime) as device, monkeypatch.context() as patch:
        watched(patch, runtime)
        yield device


def _data():
    generator = np.random.default_rng(1)
    x = generator.random((22, 5), "float32")
    return x, (x @ np.arange(5)).astype("float32")[:, None]


class _Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size):
        super().__init__(workers=2)
        self.parts = [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, index):
        return self.parts[index]


def _generator(x, y, sizes=(4,)):
    """Batches of several sizes in turn, again and again."""
    begin = 0
    for size in itertools.cycle(sizes):
        yield x[begin : begin + size], y[begin : begin + size]
        begin = begin + size if begin + size < len(x) else 0


def _plain():
    return keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1)])


def _of_dicts():
    inputs = {name: keras.Input((5,), name=name) for name in "ab"}
    return keras.Model(inputs, keras.layers.Dense(1)(inputs["a"] - inputs["b"] * 2))


SOURCES = {
    "arrays": (_plain, lambda x, y: dict(x=x, y=y, batch_size=4, validation_data=(x[:9], y[:9]))),
    "arrays in order": (_plain, lambda x, y: dict(x=x, y=y, batch_size=4, shuffle=False)),
    "dicts of arrays": (_of_dicts, lambda x, y: dict(x={"a": x, "b": x[:, ::-1]}, y=y, batch_size=4)),
    "a generator": (_plain, lambda x, y: dict(x=_generator(x, y, (4, 4, 6)), steps_per_epoch=7)),
    "a dataset with workers": (_plain, lambda x, y: dict(x=_Batches(x, y, 4), shuffle=False)),
}


def _train(make, data):
    """Train, evaluate and predict; return all numbers that come out."""
    keras.utils.set_random_seed(4)
    model = make()
    model.compile("adam", "mse", metrics=["mae"])
    x, y = _data()
    history = model.fit(**data(x, y), epochs=3, verbose=0).history
    given = data(x, y)
    inputs = given["x"] if isinstance(given["x"], dict) else x
    rest = [
        model.evaluate(inputs, y, batch_size=4, verbose=0),
        model.predict(inputs, batch_size=4, verbose=0),
    ]
    return [*history.values(), *rest, *model.get_weights()]


@pytest.mark.parametrize(
    ("source", "runtime"), [*zip(SOURCES, itertools.cycle([0, 1]))], indirect=["runtime"]
)
def test_training_on_data_that_do_not_fit(gpu, source):
    make, data = SOURCES[source]
    found = _train(make, data)
    assert gpu.runtime.copies > 10
    with keras.device("cpu"):
        expected = _train(make, data)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("runtime", [0], indirect=True)
def test_a_source_that_fails_can_be_followed_by_another(gpu, error):
    def until(end):
        for number, batch in enumerate(_generator(*_data())):
            if number == end:
                raise error
            yield batch

    def train():
        keras.utils.set_random_seed(4)
        model = _plain()
        model.compile("adam", "mse")
        for end in (5, 3):
            with pytest.raises(error):
                model.fit(until(end), steps_per_epoch=8, verbose=0)
        model.fit(until(20), steps_per_epoch=8, epochs=2, verbose=0)
        return model.get_weights()

    found = train()
    with keras.device("cpu"):
        expected = train()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("callbacks", [False, True])
@pytest.mark.parametrize("runtime", [0], indirect=True)
def test_nothing_is_looked_at_between_batches(gpu, callbacks):
    """Not in `fit`, `evaluate` and `predict`, where callbacks do not ask for it: so the host can work ahead."""
    model = _plain()
    model.compile("adam", "mse", metrics=["mae"])
    x, y = (np.tile(a, (3, 1)) for a in _data())
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(logs["mae"]),
        on_test_batch_end=lambda batch, logs: seen.append(logs["mae"]),
        on_predict_batch_end=lambda batch, logs: seen.append(logs["outputs"]),
    )
    given = dict(batch_size=4, verbose=0, callbacks=[watch] if callbacks else [])
    runs = {
        "fit": lambda: model.fit(x, y, **given),
        "evaluate": lambda: model.evaluate(x, y, **given),
        "predict": lambda: model.predict(x, **given),
    }
    for run in runs.values():  # once so that all is traced
        run()
    for name, run in runs.items():
        before, launched = gpu.runtime.waits, gpu.runtime.steps.launched
        seen.clear()
        run()
        assert gpu.runtime.steps.launched > launched + 17
        assert len(seen) == (17 if callbacks else 0), name
        assert (gpu.runtime.waits - before >= 17) == callbacks, name


@pytest.mark.parametrize("runtime", [0], indirect=True)
@pytest.mark.parametrize(("at_once", "waits"), [(0, 22), (30, 7), (10**9, 1)])
def test_outputs_of_predictions_do_not_pile_up_on_the_gpu(gpu, monkeypatch, at_once, waits):
    monkeypatch.setattr("kerasish.trainers.outputs._AT_ONCE", at_once)
    model = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(3)])
    model.set_weights([np.arange(15.0).reshape(5, 3), np.ones(3)])
    x, _ = _data()
    before = gpu.runtime.waits
    found = model.predict(x, batch_size=1, verbose=0)
    assert abs(gpu.runtime.waits - before - waits) <= 1  # (an output has 12 bytes)
    np.testing.assert_allclose(found, x @ np.arange(15.0).reshape(5, 3) + 1, rtol=1e-5)
