"""Which device is chosen, and what is said where none can be."""

from __future__ import annotations

import warnings

import pytest

from kerasish import Tensor, devices, ops
from kerasish.devices import DeviceError, selection
from kerasish.devices.memory import MemoryInfo, OutOfMemoryError, out_of_memory, size_text


@pytest.fixture
def machine(monkeypatch):
    """Say what is installed and what the driver shows; nothing of it is asked of this machine."""

    def set_up(cupy: bool, gpus: int, works: bool = True, wish: str = ""):
        def runtime():
            raise DeviceError("CuPy is installed but does not work.")

        monkeypatch.setattr(selection, "installed", lambda: cupy)
        monkeypatch.setattr(selection, "visible", lambda: gpus)
        monkeypatch.setattr(selection, "_working_runtime", (lambda: "the runtime") if works else runtime)
        monkeypatch.setenv(selection.VARIABLE, wish)

    return set_up


def test_the_default_device(machine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        machine(cupy=True, gpus=1)
        assert selection.default_gpu() == ("the runtime", 0)
        for cupy, gpus, wish in ((False, 1, ""), (True, 0, ""), (True, 1, "cpu"), (True, 1, "CPU:0")):
            machine(cupy, gpus, wish=wish)
            assert selection.default_gpu() is None


def test_a_gpu_that_cannot_be_used_is_passed_over_with_a_warning(machine):
    machine(cupy=True, gpus=1, works=False)
    with pytest.warns(UserWarning, match="does not work. The CPU is used."):
        assert selection.default_gpu() is None


@pytest.mark.parametrize(
    ("cupy", "gpus", "works", "message"),
    [
        (
            False,
            1,
            True,
            r"CuPy, which is not installed. Install it .*`pip install kerasish\[cuda13\]`.*KERASISH_DEVICE=cpu",
        ),
        (True, 0, True, r"No NVIDIA GPU is to be seen.*nvidia-smi.*KERASISH_DEVICE=cpu"),
        (True, 1, False, "does not work"),
    ],
)
def test_a_gpu_that_was_asked_for_and_is_not_there(machine, cupy, gpus, works, message):
    machine(cupy, gpus, works, wish="gpu")
    for ask in (
        selection.default_gpu,
        lambda: devices.device("gpu"),
        lambda: Tensor([1.0]).to("cuda:0"),
        lambda: devices.memory_info("gpu:0"),
    ):
        with pytest.raises(DeviceError, match=message):
            ask()
    assert float(ops.sum(Tensor([1.0, 2.0]))) == 3.0


def test_a_misspelt_wish(machine):
    machine(cupy=True, gpus=2, wish="gpuu:1")
    with pytest.raises(
        ValueError,
        match=r"environment variable `KERASISH_DEVICE`. Expected one of \['cpu:0', 'gpu:0', 'gpu:1'\]. Received: .*'gpuu:1'",
    ):
        selection.default_gpu()


def test_memory():
    info = devices.memory_info("cpu")
    assert info.device == "cpu"
    assert 0 <= info.free <= info.total
    error = out_of_memory(3 << 30, MemoryInfo("gpu:0", 80 << 30, 1 << 30, 70 << 30, 2 << 30))
    assert isinstance(error, OutOfMemoryError)
    assert isinstance(error, MemoryError)
    assert "no room for 3 GiB more on gpu:0: 1 GiB of 80 GiB are free" in str(error)
    assert size_text(1536) == "1.5 KiB"
