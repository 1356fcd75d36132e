"""Reading HDF5 in Python: the same as the HDF5 library, for every way in which files keep things."""

import itertools

import h5py
import numpy as np
import pytest

from kerasish.saving.errors import UnsafeFileError
from kerasish.saving.hdf5 import Group, open_h5

DTYPES = ["i1", "u1", "<i2", ">i4", "<u8", "f2", "<f4", ">f8", "c8", "c16", "?"]


def write(path, libver, ordered):
    rng = np.random.default_rng(0)
    with h5py.File(path, "w", libver=libver, track_order=ordered) as file:
        for dtype in DTYPES:
            file[f"t{dtype}"] = rng.integers(0, 2, (3, 4)).astype(dtype)
        file["scalar"], file["empty"] = np.float32(3), np.zeros((0, 4))
        file.attrs["long"], file.attrs["unicode"], file.attrs["bytes"] = "x" * 60000, "é✓", np.bytes_(b"abc")
        file.attrs["list"], file.attrs["texts"] = [b"a", b"bcd"], ["a", "bcd"]
        many = file.create_group("many", track_order=ordered)
        for i in range(600):
            many.create_group(f"layer_{i * 7 % 600}", track_order=ordered)
        described = file.create_group("described", track_order=ordered)
        for i in range(100):
            described.attrs[f"a{i}"] = f"value {i}" * (i % 7)
        chunks, x = file.create_group("chunks"), rng.normal(size=(37, 53)).astype("f4")
        if libver in ("earliest", "v108"):
            for i, (zipped, shuffled, summed) in enumerate(
                itertools.product([None, "gzip"], *[[False, True]] * 2)
            ):
                options = {"compression": zipped, "shuffle": shuffled, "fletcher32": summed}
                chunks.create_dataset(f"small{i}", data=x, chunks=(8, 9), **options)
                chunks.create_dataset(f"whole{i}", data=(x * 1000).astype("i8"), chunks=(37, 53), **options)
            chunks.create_dataset("part", (100, 100), "f8", chunks=(10, 10), fillvalue=2.5)[20:35, 7] = 1
        else:
            chunks.create_dataset("one", data=x, chunks=x.shape, compression="gzip", shuffle=True)
        chunks.create_dataset("fill", (10,), "i4", fillvalue=7)


def compare(reader, mine, theirs):
    assert reader.names(mine) == list(theirs)
    assert sorted(reader.attribute_names(mine)) == sorted(theirs.attrs)
    for name, value in theirs.attrs.items():
        if isinstance(value, (str, bytes)):
            assert reader.text(mine, name) == (value.decode() if isinstance(value, bytes) else value)
    for name, node in theirs.items():
        if isinstance(node, h5py.Group):
            assert isinstance(reader.child(mine, name), Group)
            compare(reader, reader.child(mine, name), node)
        else:
            array, expected = reader.array(mine, name), node[()]
            assert array.dtype == expected.dtype.newbyteorder("=") and array.shape == expected.shape, name
            np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
def test_what_the_library_wrote_is_read(tmp_path, libver, ordered):
    write(tmp_path / "file.h5", libver, ordered)
    with h5py.File(tmp_path / "file.h5") as theirs, open_h5(tmp_path / "file.h5") as reader:
        compare(reader, reader.file, theirs)
        assert reader.texts(reader.file, "list") == reader.texts(reader.file, "texts") == ["a", "bcd"]


def test_checksums_of_chunks_are_compared(tmp_path):
    path = tmp_path / "file.h5"
    values = np.arange(1000, dtype="f4")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=(1000,), fletcher32=True)
    data = path.read_bytes()
    at = data.index(values.tobytes()) + 40
    path.write_bytes(data[:at] + b"\xff" + data[at + 1 :])
    with open_h5(path) as reader, pytest.raises(ValueError, match="'/x' .* does not agree with its checksum"):
        reader.array(reader.file, "x")


def test_too_many_pieces_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasish.saving.hdf5.image._MAX_STEPS", 500)
    write(tmp_path / "file.h5", "earliest", False)
    with (
        open_h5(tmp_path / "file.h5") as reader,
        pytest.raises(UnsafeFileError, match="more than 500 pieces"),
    ):
        reader.names(reader.group(reader.file, "many"))
