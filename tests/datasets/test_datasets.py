"""The loaders: small files in each data set's format, read as Keras reads them; damaged and hostile ones refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from kerasish import config, datasets
from kerasish.datasets import _find, _read

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty cache and no checkout: nothing of this machine's is found."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(_find, "CHECKOUT", str(tmp_path / "checkout"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / "datasets"


def write_npz(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def sequences(count, words=30):
    return np.array([RNG.integers(1, words, RNG.integers(1, 9)).tolist() for _ in range(count)], dtype=object)


def mnist_arrays(train=6, test=3):
    x = RNG.integers(0, 256, (train + test, 28, 28)).astype("uint8")
    y = RNG.integers(0, 10, train + test).astype("uint8")
    return {"x_train": x[:train], "y_train": y[:train], "x_test": x[train:], "y_test": y[train:]}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same(mine, theirs):
    for my_part, their_part in zip(mine, theirs, strict=True):
        for a, b in zip(my_part, their_part, strict=True):
            assert type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape
            if a.dtype == object:
                assert [list(x) for x in a] == [list(x) for x in b]
            else:
                np.testing.assert_array_equal(a, b)


def patch_oracle(monkeypatch, module, path):
    """Make a loader of Keras read the given file, whatever its hash."""
    monkeypatch.setattr(f"keras.src.datasets.{module}.get_file", lambda *args, **kwargs: str(path))


def test_the_checkouts_mnist(monkeypatch):
    monkeypatch.undo()
    (x_train, y_train), (x_test, y_test) = datasets.mnist.load_data()
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == (
        (60000, 28, 28),
        (60000,),
        (10000, 28, 28),
        (10000,),
    )
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9] and x_train.flags.writeable


def test_mnist_from_each_place(tmp_path, home, monkeypatch):
    arrays = mnist_arrays()
    for place in ("given/other.npz", "mnist.npz", "home/datasets/mnist.npz", "checkout/mnist.npz"):
        path = write_npz(tmp_path / place, **arrays)
        monkeypatch.setattr(datasets.mnist, "_HASHES", ("0" * 64, sha256(path)))
        given = {"path": path} if "given" in place else {}
        (x_train, _), (_, y_test) = datasets.mnist.load_data(**given)
        np.testing.assert_array_equal(x_train, arrays["x_train"])
        np.testing.assert_array_equal(y_test, arrays["y_test"])
        path.unlink()


def test_a_download_fills_the_cache(tmp_path, home, monkeypatch):
    source = write_npz(tmp_path / "server" / "mnist.npz", **mnist_arrays())
    monkeypatch.setattr(datasets.mnist, "ORIGIN", source.parent.as_uri() + "/")
    monkeypatch.setattr(datasets.mnist, "_HASHES", (sha256(source),))
    datasets.mnist.load_data()
    assert sha256(home / "mnist.npz") == sha256(source)


LOADERS = [
    (datasets.mnist.load_data, "mnist.npz", "731c5ac6"),
    (datasets.fashion_mnist.load_data, "fashion-mnist/train-images-idx3-ubyte.gz", "3aede38d"),
    (datasets.cifar10.load_data, "cifar-10-python.tar.gz", "6d958be0"),
    (datasets.cifar100.load_data, "cifar-100-python.tar.gz", "85cd44d0"),
    (datasets.imdb.load_data, "imdb.npz", "69664113"),
    (datasets.imdb.get_word_index, "imdb_word_index.json", "MD5 bfafd718"),
    (datasets.reuters.load_data, "reuters.npz", "d6586e69"),
    (datasets.reuters.get_word_index, "reuters_word_index.json", "MD5 4d44cc38"),
    (datasets.boston_housing.load_data, "boston_housing.npz", "f553886a"),
    (datasets.california_housing.load_data, "california_housing.npz", "1a2e3a52"),
]


@pytest.mark.parametrize(("load", "name", "file_hash"), LOADERS, ids=[name for _, name, _ in LOADERS])
def test_without_a_network_the_error_says_which_file_to_put_where(home, monkeypatch, load, name, file_hash):
    def no_network(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(_find, "get_file", no_network)
    with pytest.raises(FileNotFoundError) as raised:
        load()
    message = str(raised.value)
    assert f"put it at {home / name}" in message and file_hash in message and "no network" in message
    assert os.path.basename(name) in message.split("\n")[0]


def test_a_cached_file_with_another_hash_is_named(home, monkeypatch):
    write_npz(home / "mnist.npz", **mnist_arrays())
    monkeypatch.setattr(datasets.mnist, "ORIGIN", "http://127.0.0.1:9/")
    with pytest.raises(FileNotFoundError, match=f"Passed over, because of another hash: {home}/mnist.npz"):
        datasets.mnist.load_data()


def test_a_given_path_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file '.*/nowhere.npz' for the data set"):
        datasets.mnist.load_data(tmp_path / "nowhere.npz")


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))
    return path


def test_fashion_mnist(home, monkeypatch):
    arrays = mnist_arrays()
    names = dict(zip(datasets.fashion_mnist._FILES, ["x_train", "y_train", "x_test", "y_test"], strict=True))
    for name, array in names.items():
        write_idx(home / "fashion-mnist" / name, arrays[array])
    hashes = {name: sha256(home / "fashion-mnist" / name) for name in names}
    monkeypatch.setattr(datasets.fashion_mnist, "_FILES", hashes)
    (x_train, y_train), (x_test, y_test) = datasets.fashion_mnist.load_data()
    for key, value in {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}.items():
        np.testing.assert_array_equal(value, arrays[key])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # Without a time in their headers, as test processes must collect the same cases.
        (b"text", "is not a complete gzip file"),
        (gzip.compress(b"x" * 1000, mtime=0)[:20], "is not a complete gzip file"),
        (gzip.compress(b"\x00\x00\x0d\x01aaaa", mtime=0), "is not an IDX file of bytes"),
        (
            gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x05abc", mtime=0),
            r"shape is \(5,\) but holds 3 values",
        ),
        (gzip.compress(b"\x00\x00\x08\x03\xff\xff\xff\xff", mtime=0), "but holds 0 values"),
        (gzip.compress(b"\x00\x00\x08\x03" + b"\xff" * 12, mtime=0), "but holds 0 values"),
    ],
)
def test_damaged_idx_files(tmp_path, content, message):
    (tmp_path / "file.gz").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        _read.read_idx_gz(str(tmp_path / "file.gz"))


def cifar_batch(count, keys, protocol=4):
    batch = {b"data": RNG.integers(0, 256, (count, 3072)).astype("uint8"), b"batch_label": b"part"}
    batch.update({key: RNG.integers(0, 10, count).tolist() for key in keys})
    return batch, pickle.dumps(batch, protocol)


def python2_pickle(batch):
    """The pickle of a batch as Python 2 and NumPy 1 wrote it: byte strings and old module names."""
    out = pickle.PROTO + b"\x02" + pickle.EMPTY_DICT

    def text(value):
        return pickle.BINSTRING + struct.pack("<i", len(value)) + value

    for key, value in batch.items():
        out += text(key)
        if isinstance(value, np.ndarray):
            shape = b"".join(pickle.BININT + struct.pack("<i", size) for size in value.shape)
            out += b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
            out += b"(K\x01" + shape + b"\x86" + b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
            out += b"(K\x03" + text(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb"
            out += b"\x89" + text(value.tobytes()) + b"tb"
        elif isinstance(value, list):
            out += pickle.EMPTY_LIST + pickle.MARK + b"".join(b"K" + bytes([item]) for item in value) + b"e"
        else:
            out += text(value)
        out += b"s"
    return out + pickle.STOP


def write_cifar(folder, members, as_archive):
    if as_archive:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(folder, "w:gz") as archive:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    else:
        for name, content in members.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


@pytest.mark.parametrize("writer", ["python2", 3, 4])
@pytest.mark.parametrize(
    "place", ["home/datasets/cifar-10-batches-py-target", "checkout/cifar-10-python.tar.gz"]
)
def test_cifar10(tmp_path, writer, place):
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    members, batches = {}, []
    for name in names:
        batch, content = cifar_batch(4, [b"labels"], 4 if writer == "python2" else writer)
        batches.append(batch)
        members[f"cifar-10-batches-py/{name}"] = python2_pickle(batch) if writer == "python2" else content
    write_cifar(tmp_path / place, members, as_archive=place.endswith(".gz"))
    (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data()
    assert x_train.shape == (20, 32, 32, 3) and y_train.shape == (20, 1) and x_test.shape == (4, 32, 32, 3)
    assert x_train.dtype == y_train.dtype == x_test.dtype == y_test.dtype == np.uint8
    np.testing.assert_array_equal(y_test[:, 0], batches[5][b"labels"])
    np.testing.assert_array_equal(x_train[5, 1, 2], batches[1][b"data"][1].reshape(3, 32, 32)[:, 1, 2])


@pytest.mark.parametrize("label_mode", ["fine", "coarse"])
@pytest.mark.parametrize("image_format", ["channels_last", "channels_first"])
def test_cifar100_as_keras(tmp_path, home, oracle, monkeypatch, label_mode, image_format):
    members = {}
    for name in ("train", "test"):
        batch, _ = cifar_batch(4, [b"fine_labels", b"coarse_labels"])
        members[f"cifar-100-python/{name}"] = python2_pickle(batch)
    folder = home / "cifar-100-python-target"
    write_cifar(folder, members, as_archive=False)
    patch_oracle(monkeypatch, "cifar100", folder)
    for settings in (config, oracle.config):
        settings.set_image_data_format(image_format)
    try:
        mine = datasets.cifar100.load_data(label_mode)
        theirs = oracle.datasets.cifar100.load_data(label_mode)
    finally:
        for settings in (config, oracle.config):
            settings.set_image_data_format("channels_last")
    for (x, y), (their_x, their_y) in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(x, their_x)
        np.testing.assert_array_equal(y, their_y)
        assert x.dtype == y.dtype == np.uint8


def test_cifar_archives_are_downloaded_and_extracted(tmp_path, home, monkeypatch):
    members = {f"cifar-100-python/{name}": cifar_batch(2, [b"fine_labels"])[1] for name in ("train", "test")}
    source = tmp_path / "server" / "cifar-100-python.tar.gz"
    write_cifar(source, members, as_archive=True)
    monkeypatch.setattr(datasets.cifar100, "_ORIGIN", source.as_uri())
    monkeypatch.setattr(datasets.cifar100, "_HASHES", (sha256(source),))
    for _ in range(2):
        assert datasets.cifar100.load_data()[0][0].shape == (2, 32, 32, 3)
        source.unlink(missing_ok=True)
    assert (home / "cifar-100-python-target" / "cifar-100-python" / "train").exists()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "is not a complete copy of the data set"),
        ({"cifar-100-python/train": pickle.dumps({b"data": 1})}, "is not a CIFAR batch"),
        ({"cifar-100-python/train": pickle.dumps([1])}, "is not a CIFAR batch"),
        ({"cifar-100-python/train": b"\x80"}, "cannot be read"),
        (
            {
                "cifar-100-python/train": pickle.dumps(
                    {b"data": np.zeros((2, 3072), "uint8"), b"fine_labels": [1]}
                )
            },
            r"with `data` of shape \(n, 3072\)",
        ),
    ],
)
@pytest.mark.parametrize(
    "place", ["home/datasets/cifar-100-python-target", "checkout/cifar-100-python.tar.gz"]
)
def test_damaged_cifar_files(tmp_path, members, message, place):
    (tmp_path / "home" / "datasets").mkdir(parents=True)
    if not place.endswith("gz"):
        (tmp_path / place).mkdir()
    write_cifar(tmp_path / place, members, as_archive=place.endswith("gz"))
    with pytest.raises(ValueError, match=message):
        datasets.cifar100.load_data()


def test_cifar100_knows_two_kinds_of_labels():
    with pytest.raises(
        ValueError, match=r'`label_mode` must be one of `"fine"`, `"coarse"`.*label_mode=other'
    ):
        datasets.cifar100.load_data("other")


TEXT_OPTIONS = [
    {},
    {"num_words": 15},
    {"num_words": 15, "oov_char": None, "skip_top": 5},
    {"skip_top": 6, "index_from": 0},
    {"start_char": None, "maxlen": 6, "seed": 7},
    {"start_char": None, "index_from": 0},
]


@pytest.mark.parametrize("options", TEXT_OPTIONS)
def test_imdb_as_keras(tmp_path, oracle, monkeypatch, options):
    parts = {"x_train": sequences(20), "x_test": sequences(15)}
    labels = {"y_train": RNG.integers(0, 2, 20), "y_test": RNG.integers(0, 2, 15)}
    path = write_npz(tmp_path / "imdb-small.npz", **parts, **labels)
    patch_oracle(monkeypatch, "imdb", path)
    same(datasets.imdb.load_data(path, **options), oracle.datasets.imdb.load_data(**options))


@pytest.mark.parametrize("options", [*TEXT_OPTIONS, {"test_split": 0.5}])
def test_reuters_as_keras(tmp_path, oracle, monkeypatch, options):
    path = write_npz(tmp_path / "reuters-small.npz", x=sequences(30), y=RNG.integers(0, 46, 30))
    patch_oracle(monkeypatch, "reuters", path)
    same(datasets.reuters.load_data(path, **options), oracle.datasets.reuters.load_data(**options))


def test_sequences_of_one_length_stay_lists(tmp_path):
    x = np.empty(4, dtype=object)
    x[:] = [[1, 2], [3, 4], [5, 6], [7, 8]]
    path = write_npz(tmp_path / "r.npz", x=x, y=np.arange(4))
    (x_train, _), _ = datasets.reuters.load_data(path)
    assert x_train.shape == (3,) and all(isinstance(item, list) for item in x_train)


def test_a_maxlen_that_leaves_nothing_is_an_error(tmp_path):
    path = write_npz(
        tmp_path / "i.npz", x_train=sequences(3), y_train=[0] * 3, x_test=sequences(3), y_test=[1] * 3
    )
    with pytest.raises(ValueError, match="shorter than maxlen=1, no sequence was kept"):
        datasets.imdb.load_data(path, maxlen=1)


@pytest.mark.parametrize("module", [datasets.imdb, datasets.reuters])
def test_word_indices(tmp_path, module):
    (tmp_path / "index.json").write_text(json.dumps({"the": 1, "naïve": 2}), encoding="utf-8")
    assert module.get_word_index(tmp_path / "index.json") == {"the": 1, "naïve": 2}


def test_reuters_topics_are_kerass(oracle):
    assert datasets.reuters.get_label_names() == oracle.datasets.reuters.get_label_names()


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("boston_housing", {}),
        ("boston_housing", {"test_split": 0.37, "seed": 1}),
        ("california_housing", {}),
        ("california_housing", {"version": "small", "test_split": 0.0}),
    ],
)
def test_housing_as_keras(tmp_path, oracle, monkeypatch, module, options):
    path = write_npz(tmp_path / "h.npz", x=RNG.normal(size=(700, 8)), y=RNG.normal(size=700))
    patch_oracle(monkeypatch, module, path)
    same(
        getattr(datasets, module).load_data(path=path, **options),
        getattr(oracle.datasets, module).load_data(**options),
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.boston_housing.load_data(test_split=1.0), "Invalid `test_split` argument: 1.0"),
        (lambda: datasets.california_housing.load_data(test_split=-1), "Invalid `test_split` argument: -1"),
        (lambda: datasets.california_housing.load_data("medium"), "`version` must be one of.*version=medium"),
    ],
)
def test_wrong_arguments_of_housing(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class Exploit:
    def __reduce__(self):
        return os.mkdir, ("exploited",)


class Getattr:
    def __reduce__(self):
        return getattr, ([], "append")


def objects(*items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


@pytest.mark.parametrize(
    "gadget", [Exploit(), Getattr(), np.float64(1.0), np.dtype("M8[s]"), {1, 2}.__class__]
)
def test_a_pickle_may_name_nothing_but_arrays(tmp_path, gadget):
    path = write_npz(tmp_path / "evil.npz", x=objects([1], gadget), y=np.arange(2))
    with pytest.raises(ValueError, match="Refusing to load"):
        datasets.reuters.load_data(path)
    assert not os.path.exists("exploited")


@pytest.mark.parametrize(
    "state",
    [
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8K\x00K\x01tR.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8K\x00K\x01tR(K\x03X\x01\x00\x00\x00|X\x01\x00\x00\x00aNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb.",
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x02\x85NI00\nC\x02abtb.",
        b"cnumpy\nload\n.",
        b"cnumpy.core.multiarray\nscalar\n.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"\x80\x02\x82\x01.",
        b"I1\n(dQ.",
    ],
)
def test_crafted_pickles_are_refused(state):
    with pytest.raises(ValueError, match="Refusing to load|cannot be read"):
        _read.read_pickle(io.BytesIO(state))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i2").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([True, False]),
        np.array(3, dtype="uint8"),
        np.zeros((0, 3), "float32"),
    ],
    ids=str,
)
def test_arrays_in_pickles_and_npz_files(tmp_path, array):
    for read in (
        _read.read_pickle(io.BytesIO(pickle.dumps(array, 4))),
        _read.read_npz(str(write_npz(tmp_path / "a.npz", a=array)), ("a",))[0],
    ):
        assert read.dtype == array.dtype and read.shape == array.shape
        np.testing.assert_array_equal(read, array)


def npz_with_header(tmp_path, shape):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    import zipfile

    with zipfile.ZipFile(tmp_path / "lying.npz", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue() + b"abc")
        archive.writestr("y.npy", buffer.getvalue() + b"abc")
    return tmp_path / "lying.npz"


def test_a_size_that_is_not_stored_is_refused(tmp_path):
    path = npz_with_header(tmp_path, (10**9, 10**9))
    with pytest.raises(ValueError, match=r"1000000000, 1000000000\) values of uint8 .* but stores 3 bytes"):
        datasets.boston_housing.load_data(path)


def test_other_damaged_npz_files(tmp_path):
    whole = write_npz(tmp_path / "whole.npz", x=np.arange(1000), y=np.arange(1000))
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:5000])
    (tmp_path / "text.npz").write_bytes(b"text")
    flipped = bytearray(whole.read_bytes())
    flipped[1000] ^= 1
    (tmp_path / "flipped.npz").write_bytes(flipped)
    structured = write_npz(tmp_path / "s.npz", x=np.zeros(2, dtype=[("a", object)]), y=np.arange(2))
    for path, message in [
        (tmp_path / "cut.npz", "is not a complete .npz file"),
        (tmp_path / "text.npz", "is not a complete .npz file"),
        (tmp_path / "flipped.npz", "is not a complete .npz file"),
        (
            write_npz(tmp_path / "names.npz", x=np.arange(3)),
            r"has no array 'y'; expected x, y, found \['x.npy'\]",
        ),
        (structured, "refusing to load the structured array"),
    ]:
        with pytest.raises(ValueError, match=message):
            datasets.boston_housing.load_data(path)
