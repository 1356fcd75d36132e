"""Tests on a GPU: skipped where there is none."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.gpu)


@pytest.fixture
def on_gpu():
    """New tensors live on the GPU."""
    import kerasish

    with kerasish.device("gpu"):
        yield


@pytest.fixture
def transfers(monkeypatch):
    """Counts what goes to the host (`get`, `bool`, ...) and what comes from there, by name."""
    import cupy

    from kerasish.devices import gpu_runtime

    counts = {"to the host": [], "from the host": []}
    depth = [0]

    def counted(name, original):
        def method(self, *args, **kwargs):
            depth[0] += 1
            if depth[0] == 1:  # `bool` calls `get`
                counts["to the host"].append(name)
            try:
                return original(self, *args, **kwargs)
            finally:
                depth[0] -= 1

        return method

    for name in "get item tolist __bool__ __int__ __float__ __complex__ __index__ __iter__ __array__".split():
        original = getattr(cupy.ndarray, name, None)
        if original is not None:
            monkeypatch.setattr(cupy.ndarray, name, counted(name, original), raising=False)
    asarray = gpu_runtime.gpu.asarray

    def from_host(value, dtype=None):
        counts["from the host"].append(getattr(value, "shape", ()))
        return asarray(value, dtype)

    monkeypatch.setattr(gpu_runtime.gpu, "asarray", from_host)
    return counts
