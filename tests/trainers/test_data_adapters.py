"""Everything that `fit` takes comes out as batches of NumPy arrays, as Keras makes them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasish import config, tree, utils
from kerasish.autograd import Tensor
from kerasish.trainers.data_adapters import (
    ArrayAdapter,
    DataAdapter,
    EpochIterator,
    get_data_adapter,
    pack_x_y_sample_weight,
    train_validation_split,
    unpack_x_y_sample_weight,
)
from kerasish.trainers.data_adapters.conversion import FloatRows

pytestmark = pytest.mark.interpreted
SEED = (3, 4)
EXPECTED_ORDER = [53, 58, 41, 59, 46]


def samples(count=10, width=3, dtype="float32"):
    return np.arange(count * width, dtype=dtype).reshape(count, width)


def batches_of(*args, epoch=0, **kwargs):
    return list(get_data_adapter(*args, seed=SEED, **kwargs).batches(epoch))


def assert_same_batches(ours, theirs):
    """Keras yields inputs alone where there is nothing else; ours are always tuples."""
    theirs = [batch if isinstance(batch, tuple) else (batch,) for batch in theirs]
    assert len(ours) == len(theirs)
    for our_batch, their_batch in zip(ours, theirs, strict=True):
        assert len(our_batch) == len(their_batch)
        for our_part, their_part in zip(our_batch, their_batch, strict=True):
            assert_same_parts(our_part, their_part)


def assert_same_parts(ours, theirs):
    if theirs is None:
        assert ours is None
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            assert_same_parts(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert type(ours) is type(theirs) and len(ours) == len(theirs)
        for our_part, their_part in zip(ours, theirs, strict=True):
            assert_same_parts(our_part, their_part)
    else:
        theirs = np.asarray(theirs)
        assert type(ours) is np.ndarray
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


class TestArrays:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"x": samples()},
            {"x": samples(), "y": np.arange(10)},
            {"x": samples(dtype="float64"), "y": np.arange(10) / 3, "sample_weight": np.ones(10)},
            {"x": samples(dtype="float16"), "y": samples(dtype="uint8"), "batch_size": 3},
            {"x": samples(dtype="int8"), "y": np.arange(10) > 4, "batch_size": 10},
            {"x": samples(dtype="complex64"), "batch_size": 100},
            {"x": [samples(), samples(dtype="float64")], "y": np.arange(10), "batch_size": 4},
            {"x": {"b": samples(), "a": (samples(), None)}, "y": {"o": np.arange(10)}, "batch_size": 4},
            {
                "x": samples(),
                "y": [np.arange(10), np.ones(10)],
                "sample_weight": np.arange(10),
                "batch_size": 5,
            },
            {"x": samples(), "y": np.arange(10) % 3, "class_weight": {0: 2.0, 1: 3}, "batch_size": 5},
            {"x": samples(), "y": np.eye(10, 4), "class_weight": {0: 2.0, 1: 3}},
            {"x": samples(), "y": (np.arange(10) % 3)[:, None] * 1.0, "class_weight": {1: 0.5}},
            {"x": samples(), "steps_per_epoch": 3},
        ],
    )
    def test_batches_in_order_are_those_of_keras(self, oracle, arguments):
        theirs = oracle.src.trainers.data_adapters.get_data_adapter(**arguments)
        ours = get_data_adapter(**arguments)
        assert_same_batches(list(ours.batches()), list(theirs.get_numpy_iterator()))
        assert ours.num_batches == theirs.num_batches
        assert ours.batch_size == theirs.batch_size
        assert ours.partial_batch_size == theirs.partial_batch_size

    def test_our_tensors_and_other_libraries_arrays(self):
        class Foreign:
            shape = (10, 3)

            def __array__(self, dtype=None, copy=None):
                return samples(dtype="float64")

        for x in (Tensor(samples()), Foreign(), samples().astype(">f4"), samples().astype("longdouble")):
            (batch,) = batches_of(x, batch_size=10)
            assert type(batch[0]) is np.ndarray
            assert batch[0].dtype == np.dtype("float32") and batch[0].dtype.isnative
            np.testing.assert_array_equal(batch[0], samples())

    @pytest.mark.parametrize("dtype", [str, bytes, object])
    def test_strings_stay_strings(self, dtype):
        words = np.array(["a", "b", "c"] * 2, dtype=dtype)
        np.testing.assert_array_equal(batches_of(words)[0][0], words)

    def test_floats_follow_floatx(self):
        config.set_floatx("float64")
        try:
            assert batches_of(samples())[0][0].dtype == "float64"
        finally:
            config.set_floatx("float32")

    def test_an_epoch_in_order_copies_nothing(self):
        x = samples()
        for (batch,) in batches_of(x, batch_size=4):
            assert np.shares_memory(batch, x)

    @settings(deadline=None, max_examples=60)
    @given(
        count=st.integers(1, 50),
        batch_size=st.integers(1, 60),
        shuffle=st.sampled_from([False, True, "batch"]),
        epoch=st.integers(0, 2**40),
        follow=st.booleans(),
    )
    def test_every_sample_comes_exactly_once(self, count, batch_size, shuffle, epoch, follow):
        x = {"a": samples(count), "b": [np.arange(count), None]}
        y = -np.arange(count)
        adapter = get_data_adapter(x, y, batch_size=batch_size, shuffle=shuffle, seed=SEED)
        if follow:
            adapter.follow(np.zeros(1))
        seen = []
        for number, batch in enumerate(adapter.batches(epoch)):
            if follow:
                batch = tree.map_structure(lambda rows: rows.take(), batch, none_is_leaf=False)
            inputs, target = batch
            rows = inputs["b"][0].tolist()
            assert inputs["b"][1] is None
            np.testing.assert_array_equal(inputs["a"], samples(count)[rows])
            np.testing.assert_array_equal(target, y[rows])
            assert len(rows) == min(batch_size, count - number * batch_size)
            if shuffle == "batch":
                start = number * batch_size
                assert sorted(rows) == list(range(start, start + len(rows)))
            seen += rows
        assert sorted(seen) == list(range(count))
        if not shuffle:
            assert seen == sorted(seen)

    @pytest.mark.parametrize("shuffle", [True, "batch"])
    def test_an_epochs_order_depends_on_seed_and_number_alone(self, shuffle):
        def order(adapter, epoch, **kwargs):
            return [row for (batch,) in adapter.batches(epoch, **kwargs) for row in batch.tolist()]

        def adapter(seed=SEED):
            return get_data_adapter(np.arange(100), batch_size=8, shuffle=shuffle, seed=seed)

        first = adapter()
        orders = [order(first, None) for _ in range(3)]
        assert orders[0] != orders[1] != orders[2]
        assert order(adapter(), 2) == orders[2]
        assert order(adapter(), 2, start=5) == orders[2][40:]
        assert order(adapter((3, 5)), 2) != orders[2]
        # The stream must not change from one version to the next: resumed runs rely on it.
        if shuffle is True:
            assert order(adapter(), 0)[:5] == EXPECTED_ORDER

    def test_shuffled_batches_may_be_kept(self):
        adapter = get_data_adapter(samples(), batch_size=4, shuffle=True, seed=SEED)
        kept = [batch for (batch,) in adapter.batches(0)]
        assert sorted(np.concatenate(kept)[:, 0].tolist()) == samples()[:, 0].tolist()

    @pytest.mark.parametrize("shuffle", [True, False])
    def test_steps_gather_rows_into_memory_of_their_own(self, shuffle):
        x = samples()
        adapter = get_data_adapter(x, np.arange(10), batch_size=4, shuffle=shuffle, seed=SEED)
        expected = list(adapter.batches(0))
        adapter.follow(np.zeros(1))
        memory = np.empty((4, 3), "float32")
        for (rows, numbers), (batch, targets) in zip(adapter.batches(0), expected, strict=True):
            assert (rows.shape, rows.dtype) == (batch.shape, batch.dtype)
            taken = rows.take(memory[: len(batch)])
            assert np.shares_memory(taken, memory if shuffle else x)
            np.testing.assert_array_equal(taken, batch)
            np.testing.assert_array_equal(numbers.take(), targets)

    @pytest.mark.parametrize("follow", [True, False])
    def test_much_data_of_another_float_type_is_converted_batch_by_batch(self, monkeypatch, follow):
        monkeypatch.setattr("kerasish.trainers.data_adapters.conversion._MUCH", 200)
        x = samples().astype("float64") / 3
        for shuffle in (True, False):
            adapter = get_data_adapter(x, np.arange(10.0), batch_size=4, shuffle=shuffle, seed=SEED)
            if follow:
                adapter.follow(np.zeros(1))
            seen = []
            for batch, target in adapter.batches(0):
                if follow:
                    assert batch.source.shape == x.shape
                    batch, target = batch.take(), target.take()
                assert (type(batch), batch.dtype, target.dtype) == (np.ndarray, "float32", "float32")
                np.testing.assert_array_equal(batch, x[target.astype(int)].astype("float32"))
                seen += target.tolist()
            assert sorted(seen) == list(range(10))
        (before, _), (after, _) = train_validation_split((x, None), 0.3)
        assert type(before) is type(after) is FloatRows
        assert len(batches_of(before, batch_size=1)) == 7
        np.testing.assert_array_equal(batches_of(after)[0][0], x[7:].astype("float32"))

    def test_rows_of_arrays_that_do_not_lie_in_order(self):
        wide = samples(20, 6)
        for x in (np.asfortranarray(samples()), wide[::2, ::2], wide[9::-1, :3].astype("float64")):
            adapter = get_data_adapter(x, batch_size=4, shuffle=True, seed=SEED)
            expected = [batch for (batch,) in adapter.batches(0)]
            adapter.follow(np.zeros(1))
            for (rows,), batch in zip(adapter.batches(0), expected, strict=True):
                np.testing.assert_array_equal(rows.take(np.empty(batch.shape, "float32")), batch)

    def test_pandas(self):
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame({"a": np.arange(6), "b": np.arange(6) / 2})
        ((x, y),) = batches_of(frame, frame["a"])
        assert (x.dtype, x.shape, y.dtype, y.shape) == ("float32", (6, 2), "int64", (6, 1))
        np.testing.assert_array_equal(x, frame.to_numpy())
        mixed = pd.DataFrame({"a": np.arange(3), "b": [True, False, True]})
        np.testing.assert_array_equal(batches_of(mixed)[0][0], [[0, 1], [1, 0], [2, 1]])
        with pytest.raises(ValueError, match=r"`x` is an array of Python objects .* of type str|int"):
            get_data_adapter(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
        with pytest.raises(ValueError, match="encode or drop columns"):
            get_data_adapter(pd.DataFrame({"b": ["x", "y"], "a": [1, 2]}))

    @pytest.mark.parametrize("kind", ["coo_matrix", "csr_matrix", "csr_array"])
    def test_scipy_sparse(self, kind):
        sparse = pytest.importorskip("scipy.sparse")
        dense = np.where(samples() % 2 == 0, samples(), 0).astype("float64")
        matrix = getattr(sparse, kind)(dense)
        in_order = batches_of(matrix, np.arange(10), batch_size=4)
        np.testing.assert_array_equal(np.concatenate([x for x, _ in in_order]), dense)
        adapter = get_data_adapter(matrix, np.arange(10), batch_size=4, shuffle=True, seed=SEED)
        for x, y in adapter.batches(0):
            assert type(x) is np.ndarray and x.dtype == "float32"
            np.testing.assert_array_equal(x, dense[y])
        (before, _), (after, _) = train_validation_split((matrix, None), 0.3)
        assert len(batches_of(before, batch_size=1)) == 7
        np.testing.assert_array_equal(batches_of(after)[0][0], dense[7:])


class TestValidationSplit:
    def test_the_last_part_is_set_aside(self, oracle):
        from keras.src.trainers.data_adapters import array_slicing

        arrays = ({"a": samples(11), "b": np.arange(11)}, np.arange(11) / 2, None)
        ours = train_validation_split(arrays, 0.25)
        theirs = array_slicing.train_validation_split(arrays, 0.25)
        for our_part, their_part in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(our_part[0]["a"], their_part[0]["a"])
            np.testing.assert_array_equal(our_part[1], their_part[1])
            assert our_part[1].dtype == "float32" and our_part[2] is None
        assert np.shares_memory(ours[1][0]["b"], arrays[0]["b"])

    @pytest.mark.parametrize(
        ("arrays", "fraction", "message"),
        [
            ((samples(), None), 1.0, "between 0 and 1. Received: validation_split=1.0"),
            ((samples(), None), -0.1, "between 0 and 1"),
            ((samples(), None), 0.0, "between 0 and 1"),
            ((samples(1), None), 0.5, "contains 1 samples, which is not sufficient"),
            (((i for i in range(3)), None), 0.5, "Found incompatible type in the input: x: generator"),
            ((samples(), samples(9)), 0.5, "cardinality is ambiguous"),
        ],
    )
    def test_errors(self, arrays, fraction, message):
        with pytest.raises(ValueError, match=message):
            train_validation_split(arrays, fraction)


class Squares(utils.PyDataset):
    """Batches (i, i**2), counting its epochs."""

    def __init__(self, count, endless=False, **kwargs):
        super().__init__(**kwargs)
        self.count, self.endless = count, endless
        self.log = []

    @property
    def num_batches(self):
        return None if self.endless else self.count

    def __getitem__(self, index):
        return np.full((2, 1), index), np.full(2, index**2)

    def on_epoch_begin(self):
        self.log.append("begin")

    def on_epoch_end(self):
        self.log.append("end")


def first_values(batches):
    return [int(batch[0].flat[0]) for batch in batches]


class TestPyDataset:
    @pytest.mark.parametrize(
        "how",
        [
            {},
            {"workers": 0},
            {"workers": 3},
            {"workers": 3, "max_queue_size": 1},
        ],
    )
    def test_each_batch_once_in_order_or_in_the_seeds_order(self, how):
        adapter = get_data_adapter(Squares(9, **how))
        assert adapter.num_batches == 9 and adapter.batch_size is None
        ours = list(adapter.batches())
        assert first_values(ours) == list(range(9))
        np.testing.assert_array_equal(ours[3][1], [9, 9])
        shuffled = [get_data_adapter(Squares(9, **how), shuffle=True, seed=SEED) for _ in range(2)]
        orders = [first_values(shuffled[0].batches(epoch)) for epoch in (0, 1)]
        assert sorted(orders[0]) == list(range(9)) and orders[0] != orders[1]
        assert first_values(shuffled[1].batches(1, start=4)) == orders[1][4:]

    def test_processes(self):
        # In a process without JAX, whose threads do not survive a fork.
        program = """
            import numpy as np
            from kerasish.trainers.data_adapters import get_data_adapter
            from kerasish.utils import PyDataset

            class Numbers(PyDataset):
                def __len__(self):
                    return 9

                def __getitem__(self, index):
                    if index == 7:
                        raise KeyError("no such batch")
                    return np.full((2, 1), index)

            if __name__ == "__main__":
                dataset = Numbers(workers=2, use_multiprocessing=True, max_queue_size=3)
                try:
                    for (x,) in get_data_adapter(dataset).batches():
                        print(x[0, 0], end=" ")
                except KeyError as error:
                    print(error)
            """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
        )
        assert done.stdout == "0 1 2 3 4 5 6 'no such batch'\n", done.stderr

    @pytest.mark.parametrize("workers", [1, 3])
    def test_endless(self, workers):
        dataset = Squares(0, endless=True, workers=workers)
        epochs = EpochIterator(get_data_adapter(dataset), steps_per_epoch=4)
        assert [first_values(epochs.epoch(number)) for number in range(3)] == [
            [0, 1, 2, 3],
            [4, 5, 6, 7],
            [8, 9, 10, 11],
        ]
        assert dataset.log == ["begin", "end"] * 3

    @pytest.mark.parametrize("workers", [1, 3])
    def test_peeking_uses_nothing_up(self, workers):
        for dataset in (Squares(5, workers=workers), Squares(0, endless=True, workers=workers)):
            adapter = get_data_adapter(dataset)
            assert first_values([adapter.peek()]) == [0]
            iterator = adapter.batches()
            assert first_values([next(iterator), next(iterator)]) == [0, 1]
        for data in (stream(3), samples(6)):
            adapter = get_data_adapter(data, shuffle=True)
            assert first_values([adapter.peek()]) == [0]
            assert sum(len(batch[0]) for batch in adapter.batches()) == 6

    def test_giving_up_loses_no_batches_of_an_endless_dataset(self):
        adapter = get_data_adapter(Squares(0, endless=True, workers=2))
        iterator = adapter.batches()
        assert first_values([next(iterator), next(iterator)]) == [0, 1]
        del iterator
        iterator = adapter.batches()
        assert first_values([next(iterator) for _ in range(12)]) == list(range(2, 14))

    @pytest.mark.parametrize("workers", [1, 2])
    def test_an_error_in_a_worker_arrives(self, workers):
        class Broken(Squares):
            def __getitem__(self, index):
                if index == 2:
                    raise KeyError("no such batch")
                return super().__getitem__(index)

        iterator = get_data_adapter(Broken(5, workers=workers)).batches()
        assert first_values([next(iterator), next(iterator)]) == [0, 1]
        with pytest.raises(KeyError, match="no such batch"):
            next(iterator)

    def test_class_weight_and_forms_of_batches(self):
        class Forms(utils.PyDataset):
            def __init__(self, batch):
                super().__init__()
                self.batch = batch

            def __len__(self):
                return 1

            def __getitem__(self, index):
                return self.batch

        x, y = samples(2, dtype="float64"), np.array([0, 1])
        ((x_out, y_out, weight),) = get_data_adapter(Forms((x, y)), class_weight={1: 3.0}).batches()
        assert (x_out.dtype, weight.tolist(), weight.dtype) == ("float32", [1.0, 3.0], "float32")
        for batch, length in (((x, y, None), 2), ([x, y], 2), (x, 1), ({"a": x}, 1), ((x, None, None), 1)):
            (ours,) = get_data_adapter(Forms(batch)).batches()
            assert len(ours) == length
        with pytest.raises(ValueError, match="`class_weight` and `sample_weight`"):
            list(get_data_adapter(Forms((x, y, y)), class_weight={}).batches())
        with pytest.raises(ValueError, match="must return batches as a tuple.*Received: a str"):
            list(get_data_adapter(Forms("abc")).batches())
        with pytest.raises(ValueError, match="'x' sizes: 2\n'y' sizes: 5"):
            list(get_data_adapter(Forms((x, np.ones(5)))).batches())

    def test_forgetting_super_init_warns(self):
        class Careless(utils.PyDataset):
            def __init__(self):
                pass

            def __len__(self):
                return 2

            def __getitem__(self, index):
                return np.full((2, 1), index)

        with pytest.warns(UserWarning, match=r"super\(\).__init__"):
            assert first_values(get_data_adapter(Careless()).batches()) == [0, 1]

    def test_iterating_by_hand(self):
        assert first_values(iter(Squares(3))) == [0, 1, 2]
        assert utils.Sequence is utils.PyDataset


def stream(count):
    for number in range(count):
        yield np.full((2, 1), number), np.full(2, number)


class TestStreams:
    def test_a_generator_goes_on_where_it_stopped(self):
        epochs = EpochIterator(get_data_adapter(stream(8)), steps_per_epoch=3)
        assert epochs.num_batches == 3
        assert first_values(epochs.epoch(0)) == [0, 1, 2]
        assert first_values(epochs.epoch(1)) == [3, 4, 5]
        with pytest.warns(UserWarning, match="ran out of data"):
            assert first_values(epochs.epoch(2)) == [6, 7]

    def test_a_generator_without_steps_is_one_epoch(self):
        epochs = EpochIterator(get_data_adapter(stream(3)))
        assert epochs.num_batches is None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert first_values(epochs.epoch(0)) == [0, 1, 2]
        assert epochs.num_batches == 3
        with pytest.warns(UserWarning, match="ran out of data"):
            assert first_values(epochs.epoch(1)) == []

    def test_other_iterables_start_anew(self):
        class Loader:
            batch_size = 2

            def __len__(self):
                return 3

            def __iter__(self):
                return ([x, y] for x, y in stream(3))

        adapter = get_data_adapter(Loader(), shuffle=True)
        assert (adapter.num_batches, adapter.batch_size) == (3, 2)
        assert first_values(adapter.batches()) == first_values(adapter.batches()) == [0, 1, 2]
        assert first_values(adapter.batches(start=1)) == [1, 2]
        assert all(type(batch) is tuple for batch in adapter.batches())

    def test_torch_data_loader(self):
        torch = pytest.importorskip("torch")
        dataset = torch.utils.data.TensorDataset(torch.arange(10.0).double()[:, None], torch.arange(10))
        loader = torch.utils.data.DataLoader(dataset, batch_size=4)
        adapter = get_data_adapter(loader)
        assert (adapter.num_batches, adapter.batch_size) == (3, 4)
        x, y = list(adapter.batches())[1]
        assert (x.dtype, x.tolist(), y.tolist()) == ("float32", [[4.0], [5.0], [6.0], [7.0]], [4, 5, 6, 7])

    def test_inputs_alone(self):
        for batch in (np.ones((2, 3)), {"a": np.ones((2, 3))}, (np.ones((2, 3)),)):
            assert len(next(iter(get_data_adapter(iter([batch])).batches()))) == 1


class TestEpochIterator:
    @pytest.mark.parametrize("steps", [None, 1, 3, 4, 5, 10, 12])
    @pytest.mark.parametrize("shuffle", [False, True])
    def test_what_an_epoch_holds_depends_on_its_number_alone(self, steps, shuffle):
        def iterator():
            return EpochIterator(
                get_data_adapter(np.arange(20)[:, None], batch_size=2, shuffle=shuffle, seed=SEED), steps
            )

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            running = iterator()
            epochs = [first_values(running.epoch(number)) for number in range(11)]
            for number, expected in enumerate(epochs):
                assert first_values(iterator().epoch(number)) == expected
            given_up = iterator()
            next(given_up.epoch(1))
            assert first_values(given_up.epoch(1)) == epochs[1]
        per_pass = -(-10 // steps) if steps else 1
        assert len(set(sum(epochs[:per_pass], []))) == 10

    def test_arrays_shorter_than_the_steps_as_in_keras(self):
        # Keras 3.15: 10 batches, 4 steps an epoch: 4, 4, 2 with a warning, then a new pass.
        epochs = EpochIterator(get_data_adapter(samples(40), batch_size=4), steps_per_epoch=4)
        counts = []
        with pytest.warns(UserWarning, match="ran out of data") as record:
            for number in range(5):
                counts.append(len(list(epochs.epoch(number))))
        assert counts == [4, 4, 2, 4, 4] and len(record) == 1

    def test_reset_starts_a_new_pass(self):
        epochs = EpochIterator(get_data_adapter(samples(8), batch_size=2), steps_per_epoch=2)
        first = first_values(epochs.epoch(0))
        epochs.reset()
        assert first_values(epochs.epoch(0)) == first

    @pytest.mark.parametrize("steps", [0, -1, 2.5, "3"])
    def test_steps_must_be_a_positive_integer(self, steps):
        with pytest.raises(ValueError, match="`steps_per_epoch` must be a positive integer"):
            EpochIterator(get_data_adapter(samples()), steps)


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (lambda: {"x": samples(), "y": np.ones(9)}, r"(?s)ambiguous.*'x' sizes: 10\n'y' sizes: 9"),
            (
                lambda: {
                    "x": {"a": samples(), "b": samples(8)},
                    "y": np.ones(10),
                    "sample_weight": np.ones(10),
                },
                r"'x' sizes: 10, 8\n'y' sizes: 10\n'sample_weight' sizes: 10",
            ),
            (lambda: {"x": samples(0)}, "empty: all arrays have 0 samples"),
            (lambda: {"x": None}, "`x` is None"),
            (lambda: {"x": np.float32(3)}, "`x` must be an array of samples, of rank 1 or more"),
            (lambda: {"x": "abc"}, r"x='abc' \(of type builtins.str\)"),
            (lambda: {"x": [[1, 2], [3]]}, r"x\[0\]\[0\]=1 .*pad_sequences"),
            (lambda: {"x": samples(), "y": [0, 1] * 5}, r"y\[0\]=0 .*np.array"),
            (lambda: {"x": {"image": object()}}, r"x\['image'\]=<object"),
            (lambda: {"x": {1, 2}}, r"x=\{1, 2\} \(of type builtins.set\)"),
            (lambda: {"x": 5}, "x=5"),
            (
                lambda: {"x": np.array([[1], [2, 3]], dtype=object)},
                "holds a value of type list.*pad_sequences",
            ),
            (lambda: {"x": samples(), "batch_size": 0}, "`batch_size` must be a positive integer"),
            (lambda: {"x": samples(), "batch_size": 2.5}, "Received: batch_size=2.5"),
            (lambda: {"x": samples(), "steps_per_epoch": -2}, "`steps_per_epoch` must be a positive"),
            (lambda: {"x": samples(), "shuffle": "epoch"}, "True, False or 'batch'"),
            (
                lambda: {"x": samples(), "y": np.ones(10), "sample_weight": np.ones(10), "class_weight": {}},
                "cannot use `class_weight` and `sample_weight`",
            ),
            (lambda: {"x": samples(), "class_weight": {0: 1.0}}, "needs targets"),
            (lambda: {"x": samples(), "y": [np.ones(10)], "class_weight": {0: 1.0}}, "single output"),
            (
                lambda: {"x": samples(), "y": np.ones((10, 2, 2)), "class_weight": {0: 1.0}},
                r"Received: `y` of shape \(10, 2, 2\)",
            ),
            (lambda: {"x": samples(), "y": np.ones(10), "class_weight": "balanced"}, "must be a dict"),
            (lambda: {"x": samples(), "y": np.ones(10), "class_weight": {"cat": 1.0}}, "'cat': 1.0"),
            (lambda: {"x": samples(), "y": np.ones(10), "class_weight": {0: None}}, "0: None"),
            (
                lambda: {"x": samples(), "y": [np.ones(10)] * 2, "sample_weight": [np.ones(10)]},
                "one `sample_weight` array per output",
            ),
            (
                lambda: {"x": samples(), "y": [np.ones(10)] * 2, "sample_weight": np.ones((10, 3))},
                r"one weight per sample, shape \(samples,\). Received: shape \(10, 3\)",
            ),
            (lambda: {"x": stream(2), "y": np.ones(3)}, "`x` as a generator, `y` should not be passed"),
            (
                lambda: {"x": Squares(2), "sample_weight": np.ones(3)},
                "as a PyDataset, `sample_weight` should",
            ),
            (lambda: {"x": stream(2), "batch_size": 2}, "`batch_size` should not be passed"),
            (lambda: {"x": stream(2), "class_weight": {0: 1.0}}, "not supported for generator inputs"),
            (lambda: {"x": stream(0)}, "empty generator"),
            (lambda: {"x": Squares(0)}, "length 0"),
            (
                lambda: {"x": ([np.ones(2), np.ones(2)] for _ in range(2))},
                "as a tuple.*Received: a list of 2",
            ),
            (lambda: {"x": (([1, 2], [0, 1]) for _ in range(2))}, "batch of the generator=1"),
        ],
    )
    def test_the_message_says_what_came(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            get_data_adapter(**arguments())

    def test_long_data_is_not_printed_whole(self):
        with pytest.raises(ValueError) as error:
            get_data_adapter([list(range(1000)), "a" * 1000])
        assert len(str(error.value)) < 400


def test_an_adapter_of_the_users_own_is_taken_as_it_is():
    class Mine(DataAdapter):
        def batches(self, epoch=None, *, start=0):
            yield (samples(),)

    mine = Mine()
    assert get_data_adapter(mine) is mine
    assert len(list(EpochIterator(mine).epoch())) == 1
    assert isinstance(get_data_adapter(samples()), ArrayAdapter)


def test_pack_and_unpack_are_those_of_keras(oracle):
    x, y, w = samples(), np.ones(10), np.zeros(10)
    for data in ((x,), (x, y), (x, y, w), [x, y], ([x, x],)):
        for ours, theirs in zip(
            unpack_x_y_sample_weight(data), oracle.utils.unpack_x_y_sample_weight(data), strict=True
        ):
            assert ours is theirs
    assert unpack_x_y_sample_weight(x) == (x, None, None) or unpack_x_y_sample_weight(x)[0] is x
    for arguments in ((x,), ([x],), (x, y), (x, y, w), (x, None, w)):
        ours, theirs = pack_x_y_sample_weight(*arguments), oracle.utils.pack_x_y_sample_weight(*arguments)
        assert type(ours) is type(theirs) and len(ours) == len(theirs)
    with pytest.raises(ValueError, match="Received: a tuple of 4 items"):
        unpack_x_y_sample_weight((x, y, w, w))


def test_the_global_seed_decides_the_order():
    def order():
        adapter = get_data_adapter(np.arange(50), batch_size=50, shuffle=True)
        return next(adapter.batches(0))[0].tolist()

    utils.set_random_seed(7)
    first, second = order(), order()
    utils.set_random_seed(7)
    assert (order(), order()) == (first, second)
    assert first != second
