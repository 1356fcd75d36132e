"""Saves that are killed, or meet a full disk, leave the old file or the new one (see tools/killed_saves.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kerasish as keras
from kerasish.saving.atomic import replacing
from kerasish.saving.h5_output import h5_output

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_at_lines_and_on_full_disks():
    command = [sys.executable, str(ROOT / "tools" / "killed_saves.py"), "--lines", "4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if os.path.isdir("/dev/shm"):  # in memory, where nothing waits for a disk
        environment["TMPDIR"] = "/dev/shm"
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("full disks survived") == 7 and "all whole" in result.stdout


FORMATS = ["model.keras", "model.weights.h5", "model.h5"]


def save(model, path):
    (model.save_weights if str(path).endswith(".weights.h5") else model.save)(path)


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("function", ["fsync", "replace", "open"])
def test_an_error_of_the_system_names_the_file_and_leaves_the_old_one(
    tmp_path, model, monkeypatch, name, function
):
    path = tmp_path / name
    save(model, path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if function == "open":
            patch.setattr("builtins.open", fail)
        else:
            patch.setattr(os, function, fail)
        with pytest.raises(OSError, match=f"No space left on device.*{name}"):
            save(model, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [name]
    save(model, path)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_that_is_not_there(tmp_path, model, name):
    with pytest.raises(FileNotFoundError, match=f"nowhere.*{name}"):
        save(model, tmp_path / "nowhere" / name)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=f"file.*{name}"):
        save(model, tmp_path / "file" / name)
    assert np.isfinite(model(np.ones((1, 3))).numpy()).all()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read(tmp_path, model):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="model.keras"):
        model.save(tmp_path / "model.keras")


def test_an_interrupt_while_saving_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        Path(temporary).write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_hdf5_that_a_disk_refuses_is_closed_all_the_same(tmp_path, monkeypatch):
    """libhdf5 could not close such a file itself, and would try again when the process ends."""
    import h5py

    from kerasish.saving import h5_output as module

    write = module._Disk.write
    for refused in range(12):
        calls = [0]

        class Full(module._Disk):
            def write(self, data, calls=calls, refused=refused):
                calls[0] += 1
                if calls[0] == refused + 1 and self.error is None:
                    self.error = OSError(28, "No space left on device")
                return write(self, data)

        monkeypatch.setattr(module, "_Disk", Full)
        path = tmp_path / "a.h5"
        try:
            with h5_output(path) as file:
                for number in range(5):
                    file.create_dataset(f"group{number}/values", data=np.arange(5000.0))
                    file[f"group{number}"].attrs["name"] = "x" * 100
        except OSError as error:
            assert error.errno == 28
        else:
            assert calls[0] <= refused  # all of it was written before
            with h5py.File(path) as file:
                assert file["group4/values"][-1] == 4999
        assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE) == 0


@pytest.mark.parametrize("name", ["model.weights.h5", "model.h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_ctrl_c_waits_for_what_libhdf5_is_writing(tmp_path, model, monkeypatch, name):
    import h5py

    from kerasish.saving import h5_output as module

    save(model, tmp_path / name)
    before = (tmp_path / name).read_bytes()
    write, sent = module._Disk.write, []

    def interrupted(self, data):
        if not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))
        return write(self, data)

    monkeypatch.setattr(module._Disk, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(model, tmp_path / name)
    assert sent and os.listdir(tmp_path) == [name] and (tmp_path / name).read_bytes() == before
    assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE) == 0
    save(model, tmp_path / name)


def test_errors_of_the_program_s_own_come_out_of_a_file_that_is_written(tmp_path):
    with pytest.raises(ZeroDivisionError), h5_output(tmp_path / "a.h5") as file:
        file["x"] = np.ones(3)
        1 / 0  # noqa: B018
