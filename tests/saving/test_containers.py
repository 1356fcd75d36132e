"""Archives and HDF5 files built to do harm, and writing that cannot be caught half-way."""

import io
import os
import stat
import zipfile

import h5py
import numpy as np
import pytest

from kerasish.saving.archive import ArchiveReader
from kerasish.saving.atomic import replacing
from kerasish.saving.errors import UnsafeFileError
from kerasish.saving.hdf5 import open_h5


def archive(*members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, data in members:
            file.writestr(name, data)
    return buffer


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "assets/../../evil", "C:/evil", "assets\\..\\evil", "a/..", ".."]
)
def test_members_outside_the_archive_are_refused(name):
    with pytest.raises(UnsafeFileError, match="leads out of the archive"):
        ArchiveReader(archive((name, b"x")), "the file")


def test_links_in_archives_are_refused():
    with pytest.raises(UnsafeFileError, match="'assets/link' of the file is a link or device"):
        ArchiveReader(archive((link("assets/link"), b"/etc/passwd")), "the file")


def test_duplicate_members_are_refused():
    with pytest.warns(UserWarning, match="Duplicate name"):
        buffer = archive(("config.json", b"{}"), ("config.json", b"[]"))
    with pytest.raises(UnsafeFileError, match="'config.json' of the file is there twice"):
        ArchiveReader(buffer, "the file")


def test_decompression_bombs_are_refused():
    buffer = archive(("config.json", bytes(64 << 20)), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UnsafeFileError, match=r"declares 64\.0 MiB, but .* are stored; refusing to unpack"):
        ArchiveReader(buffer, "the file")


def test_overlapping_members_are_refused():
    buffer = archive(("a", bytes(5000)), ("b", b"x"))
    data = bytearray(buffer.getvalue())
    # The second entry of the table of contents claims the first member's bytes.
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 16 : second + 28] = data[first + 16 : first + 28]
    with pytest.raises(UnsafeFileError, match="overlap"):
        ArchiveReader(io.BytesIO(bytes(data)), "the file")


def test_damaged_members_are_named():
    buffer = archive(("config.json", b"{" + b" " * 200 + b"}"))
    data = buffer.getvalue().replace(b"{ ", b"[ ", 1)
    with pytest.raises(ValueError, match="Member 'config.json' of the file is damaged"):
        ArchiveReader(io.BytesIO(data), "the file").read("config.json")


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", archive(("a", bytes(300))).getvalue()[:200]])
def test_foreign_and_truncated_archives(data):
    with pytest.raises(
        ValueError, match=r"the file is not a `\.keras` archive, or it is damaged or truncated"
    ):
        ArchiveReader(io.BytesIO(data), "the file")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_open_member_reads_like_a_file(compression):
    content = os.urandom(3000) * 2
    reader = ArchiveReader(archive(("a", b"abc"), ("b", content), compression=compression), "the file")
    with reader.open("b") as (member, size):
        assert size == len(content)
        member.seek(-10, os.SEEK_END)
        assert member.read() == content[-10:]
        member.seek(5)
        assert member.read(7) == content[5:12] and member.tell() == 12


@pytest.mark.parametrize("size", [3000, 3 << 20])  # the larger one is summed up in a thread
def test_an_open_member_is_compared_with_its_checksum(tmp_path, size):
    content = os.urandom(size)
    data = archive(("a", content)).getvalue()
    at = data.index(content) + size // 2
    (tmp_path / "file").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with open(tmp_path / "file", "rb") as file:
        reader = ArchiveReader(file, "the file")
        with pytest.raises(ValueError, match="'a' of the file is damaged: its checksum"), reader.open("a"):
            pass


@pytest.fixture
def h5(tmp_path):
    """Path of an HDF5 file with one honest dataset, and what the tests add."""
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["vars/0"] = np.arange(6.0).reshape(2, 3)
        file["vars/1"] = np.arange(3, dtype=">f4")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.ones(4)
    return path


def test_honest_datasets_are_read(h5):
    with open_h5(h5) as reader:
        np.testing.assert_array_equal(reader.array(reader.file, "vars/0"), np.arange(6.0).reshape(2, 3))
        big_endian = reader.array(reader.file, "vars/1")
        assert big_endian.dtype.isnative and big_endian.tolist() == [0, 1, 2]
        assert reader.has(reader.file, "vars") and not reader.has(reader.file, "vars/2")
        with pytest.raises(ValueError, match="no dataset 'vars/9'"):
            reader.array(reader.file, "vars/9")


def external_link(file):
    file["vars/x"] = h5py.ExternalLink("other.h5", "/data")


def soft_link(file):
    file["vars/x"] = h5py.SoftLink("/vars/0")


def dangling_link(file):
    file["vars/x"] = h5py.ExternalLink("nowhere.h5", "/data")


def external_storage(file):
    file["vars"].create_dataset("x", shape=(4,), dtype="f4", external=[("/etc/passwd", 0, 16)])


def virtual(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "data", shape=(4,))
    file["vars"].create_virtual_dataset("x", layout)


def unstored(file):
    file["vars"].create_dataset("x", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(1024, 1024))


def fill_value(file):
    file["vars"].create_dataset("x", shape=(1 << 28,), dtype="f8", fillvalue=1.0)


def compressed(file):
    file["vars"].create_dataset("x", data=np.zeros(1 << 22, "f8"), chunks=(1 << 20,), compression="gzip")


def huge_chunk(file):
    file["vars"].create_dataset("x", shape=(4,), maxshape=(None,), chunks=(1 << 28,), dtype="f8")


HOSTILE = [
    (external_link, "H5 file with ExternalLink"),
    (soft_link, "H5 file with SoftLink"),
    (dangling_link, "H5 file with ExternalLink"),
    (external_storage, "external Dataset.*passwd"),
    (virtual, "virtual Dataset"),
    (unstored, r"declares shape \(1048576, 1048576\).*4\.0 TiB, but stores 0 bytes"),
    (fill_value, r"need 2\.0 GiB, but stores"),
    (compressed, r"need 32\.0 MiB, but stores"),
    (huge_chunk, r"need 2\.0 GiB, but stores 0 bytes"),
]


@pytest.mark.parametrize("build, match", HOSTILE, ids=[build.__name__ for build, _ in HOSTILE])
def test_hostile_datasets_are_refused_before_they_are_read(h5, build, match):
    with h5py.File(h5, "a") as file:
        build(file)
    with open_h5(h5) as reader, pytest.raises(UnsafeFileError, match=match):
        reader.array(reader.file, "vars/x")


def test_links_on_the_way_are_refused(h5):
    with h5py.File(h5, "a") as file:
        file["layers"] = h5py.ExternalLink("other.h5", "/")
    with open_h5(h5) as reader, pytest.raises(UnsafeFileError, match="ExternalLink"):
        reader.has(reader.file, "layers/dense/vars")


def test_the_sum_of_what_is_read_is_limited(h5):
    with h5py.File(h5, "a") as file:
        file["vars"].create_dataset("x", shape=(1 << 20,), dtype="f8")  # 8 MiB, none of it stored
    with open_h5(h5) as reader, pytest.raises(UnsafeFileError, match="read so far"):
        for _ in range(20):
            reader.array(reader.file, "vars/x")


@pytest.mark.parametrize("data", [["a", "b"], np.array([(1, 2.0)], dtype="i4,f4")])
def test_only_numbers_are_weights(h5, data):
    with h5py.File(h5, "a") as file:
        file["vars/x"] = data
    with open_h5(h5) as reader, pytest.raises(ValueError, match="to be an array of numbers"):
        reader.array(reader.file, "vars/x")


def test_filter_plugins_are_refused(h5):
    with h5py.File(h5, "a") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((4,))
        plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())  # zstd, which HDF5 would look for on this machine
        h5py.h5d.create(
            file["vars"].id, b"x", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((4,)), dcpl=plist
        )
    with (
        open_h5(h5) as reader,
        pytest.raises(UnsafeFileError, match=r"filter plugins; its filter ids are \[32015\]"),
    ):
        reader.array(reader.file, "vars/x")


def test_missing_foreign_and_truncated_hdf5(h5, tmp_path):
    with pytest.raises(FileNotFoundError, match="File not found: filepath=.*missing.h5"):
        open_h5(tmp_path / "missing.h5")
    data = h5.read_bytes()
    for content in (b"", b"not hdf5", data[: len(data) // 2], b"\x89HDF\r\n\x1a\n" + bytes(100)):
        h5.write_bytes(content)
        with pytest.raises(
            OSError, match="cannot be read: it is not an HDF5 file, or it is damaged or truncated"
        ):
            open_h5(h5)


def test_replacing_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with pytest.raises(RuntimeError, match="half-way"), replacing(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(b"ne")
        assert path.read_bytes() == b"old" and os.path.dirname(temporary) == str(tmp_path)
        raise RuntimeError("half-way")
    assert os.listdir(tmp_path) == ["file"] and path.read_bytes() == b"old"
    link = tmp_path / "link"
    link.symlink_to(path)
    with replacing(link) as temporary, open(temporary, "wb") as file:
        file.write(b"new")
    assert path.read_bytes() == b"new" and link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
