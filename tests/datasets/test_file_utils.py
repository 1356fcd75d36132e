"""Downloads from a server on this machine: what arrives, what is refused, and that a failure leaves nothing."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile

import pytest

from kerasish.utils import file_utils
from kerasish.utils.file_utils import extract_archive, get_file, hash_file, validate_file

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """/whole.bin and others as they are; /cut says more than it sends; /missing is an error."""

    requests = 0

    def do_GET(self):
        type(self).requests += 1
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/unsized":
            self.send_header("Content-Length", str(len(CONTENT) * (2 if self.path == "/cut" else 1)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "datasets"


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("file_hash", [None, SHA256, MD5, SHA256.upper()])
@pytest.mark.parametrize("path", ["whole.bin", "unsized"])
def test_a_download_lands_in_the_cache_and_is_not_repeated(server, cache, file_hash, path, capsys):
    before = Handler.requests
    for _ in range(2):
        target = get_file(origin=f"{server}/{path}", file_hash=file_hash)
        assert target == str(cache / path) and (cache / path).read_bytes() == CONTENT
    assert Handler.requests == before + 1
    assert capsys.readouterr().out == f"Downloading data from {server}/{path}\n"
    get_file(origin=f"{server}/{path}", force_download=True)
    assert Handler.requests == before + 2


def test_names_and_folders(server, cache, tmp_path):
    assert get_file("own.bin", f"{server}/whole.bin") == str(cache / "own.bin")
    assert get_file(origin=f"{server}/a?b=c", cache_subdir="sub") == str(cache.parent / "sub" / "a")
    target = get_file(origin=f"{server}/a", cache_dir=tmp_path / "x", md5_hash=MD5)
    assert target == str(tmp_path / "x" / "datasets" / "a")
    absolute = str(tmp_path / "absolute")
    assert get_file(origin=f"{server}/a", cache_subdir=absolute) == os.path.join(absolute, "a")


def test_a_file_url(tmp_path, cache):
    (tmp_path / "source.bin").write_bytes(CONTENT)
    assert os.path.exists(get_file(origin=(tmp_path / "source.bin").as_uri(), file_hash=SHA256))


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize(
    ("path", "file_hash", "error", "message"),
    [
        ("whole.bin", "0" * 64, ValueError, f"sha256 file hash.*is {SHA256}.*provided value of 0000"),
        ("whole.bin", "0" * 32, ValueError, "md5 file hash"),
        ("missing", None, OSError, "URL fetch failure on http.*/missing: 404 -- Not Found"),
        ("cut", None, OSError, "the connection ended after 256000 of 512000 bytes"),
    ],
)
def test_a_failed_download_leaves_nothing(server, cache, old, path, file_hash, error, message):
    if old:
        cache.mkdir(parents=True)
        (cache / path).write_bytes(old)
    with pytest.raises(error, match=message):
        get_file(origin=f"{server}/{path}", file_hash=file_hash, force_download=True)
    assert files(cache) == ([path] if old else [])
    assert not old or (cache / path).read_bytes() == old


def test_an_unreachable_server_is_an_error(cache, server):
    with pytest.raises(OSError, match="URL fetch failure on http://127.0.0.1:9/x"):
        get_file(origin="http://127.0.0.1:9/x")


def test_a_cached_file_with_another_hash_is_downloaded_again(server, cache, capsys):
    cache.mkdir(parents=True)
    (cache / "whole.bin").write_bytes(b"old")
    get_file(origin=f"{server}/whole.bin", file_hash=SHA256)
    assert (cache / "whole.bin").read_bytes() == CONTENT
    assert "seems to be incomplete or outdated" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, 'Please specify the "origin" argument'),
        ({"origin": "http://127.0.0.1:9/"}, "Can't parse the file name from the origin"),
        ({"fname": "a/b", "origin": "http://127.0.0.1:9/"}, "Paths are no longer accepted.*fname=a/b"),
        ({"fname": "..", "origin": "http://127.0.0.1:9/"}, "Paths are no longer accepted"),
        ({"origin": "http://127.0.0.1:9/a", "hash_algorithm": "crc", "file_hash": "0"}, "Received: 'crc'"),
    ],
)
def test_wrong_arguments(cache, arguments, message):
    with pytest.raises(ValueError, match=message):
        get_file(**arguments)


def test_hashes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert hash_file(path) == SHA256 and hash_file(path, "md5") == MD5
    assert validate_file(path, SHA256) and validate_file(path, MD5) and not validate_file(path, SHA256, "md5")


def make_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                archive.addfile(info)
    return path


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("make", [make_tar, make_zip])
@pytest.mark.parametrize(
    ("fname", "archive", "folder"),
    [
        (None, "data.tgz_archive", "data.tgz"),
        ("data.tar.gz", "data.tar.gz", "data_extracted"),
        ("data", "data_archive", "data"),
    ],
)
def test_archives_are_extracted_once_under_keras_names(tmp_path, cache, make, fname, archive, folder):
    source = make(tmp_path / "data.tgz", {"inner/a.txt": b"a", "b.txt": b"b"})
    for _ in range(2):
        target = get_file(fname, source.as_uri(), extract=True)
        assert target == str(cache / folder)
        assert files(cache) == sorted([archive, f"{folder}/b.txt", f"{folder}/inner/a.txt"])
        (cache / folder / "b.txt").write_bytes(b"mine")
    get_file(fname, source.as_uri(), extract=True, force_download=True)
    assert (cache / folder / "b.txt").read_bytes() == b"b"


def test_an_archive_is_extracted_where_keras_extracts_it(tmp_path, cache, oracle):
    source = make_tar(tmp_path / "data.tgz", {"a.txt": b"a"})
    cache.mkdir(parents=True)
    for fname in (None, "data.tar.gz", "data"):
        theirs = oracle.utils.get_file(fname, source.as_uri(), extract=True, cache_dir=str(cache.parent))
        mine = get_file(fname, source.as_uri(), extract=True)
        assert mine == theirs


HOSTILE = {
    "../outside.txt": b"x",
    "/tmp/kerasish-absolute.txt": b"x",
    "inner/../../outside.txt": b"x",
}


@pytest.mark.parametrize(("make", "name"), [(make_tar, "tar"), (make_zip, "zip")])
def test_members_outside_the_folder_are_skipped(tmp_path, make, name):
    source = make(tmp_path / "hostile", {**HOSTILE, "good.txt": b"good"})
    with pytest.warns(UserWarning, match="Skipping invalid path during archive extraction"):
        assert extract_archive(source, tmp_path / "deep" / "out", name)
    assert files(tmp_path) == ["deep/out/good.txt", "hostile"]
    assert not os.path.exists("/tmp/kerasish-absolute.txt")


def test_links_and_devices_are_skipped(tmp_path):
    members = {
        "link": (tarfile.SYMTYPE, "/etc"),
        "link/passwd.txt": b"x",
        "hard": (tarfile.LNKTYPE, "good.txt"),
        "fifo": (tarfile.FIFOTYPE, ""),
    }
    source = make_tar(tmp_path / "links.tar", members, "w")
    with pytest.warns(UserWarning, match="Skipping invalid path") as warned:
        extract_archive(source, tmp_path / "out")
    assert [str(warning.message).split("'")[1] for warning in warned] == ["link", "hard", "fifo"]
    assert files(tmp_path / "out") == ["link/passwd.txt"]
    assert not os.path.islink(tmp_path / "out" / "link")


def test_a_link_that_was_there_is_not_followed(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "elsewhere")
    source = make_tar(tmp_path / "a.tar", {"link/a.txt": b"x"}, "w")
    with pytest.warns(UserWarning, match="link/a.txt"):
        extract_archive(source, tmp_path / "out")
    assert files(tmp_path / "elsewhere") == []


def test_a_cut_archive_leaves_no_folder(tmp_path):
    whole = make_tar(tmp_path / "whole.tgz", {"a": os.urandom(50_000), "b": os.urandom(50_000)})
    cut = tmp_path / "cut.tgz"
    cut.write_bytes(whole.read_bytes()[:60_000])
    with pytest.raises((EOFError, tarfile.TarError)):
        extract_archive(cut, tmp_path / "out")
    assert files(tmp_path) == ["cut.tgz", "whole.tgz"] and not (tmp_path / "out").exists()


def test_what_is_no_archive_is_told(tmp_path, cache):
    (tmp_path / "text").write_bytes(b"text")
    assert extract_archive(tmp_path / "text", tmp_path / "out") is False
    assert extract_archive(tmp_path / "text", tmp_path / "out", None) is False
    with pytest.raises(NotImplementedError, match="'rar'"):
        extract_archive(tmp_path / "text", tmp_path / "out", "rar")
    with pytest.warns(UserWarning, match="Could not extract archive"):
        get_file("name", (tmp_path / "text").as_uri(), extract=True)


def test_the_home_of_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", "~/elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert file_utils.keras_home() == str(tmp_path / "elsewhere")
    monkeypatch.delenv("KERAS_HOME")
    assert file_utils.keras_home() == str(tmp_path / ".keras")
