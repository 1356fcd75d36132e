"""What the wrappers say where scikit-learn is not installed."""

import pytest

from kerasish import wrappers
from kerasish.wrappers import sklearn_wrapper


@pytest.mark.parametrize("name", wrappers.__all__)
def test_the_missing_package_is_named(monkeypatch, name):
    monkeypatch.setattr(sklearn_wrapper, "sklearn", None)
    with pytest.raises(ImportError, match=rf"{name} requires `scikit-learn`.*kerasish\[sklearn\]"):
        getattr(wrappers, name)(None)
