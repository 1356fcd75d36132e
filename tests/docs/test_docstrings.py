"""The examples in docstrings run, and what they show is what comes out."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import kerasish as keras

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    path
    for path in sorted((ROOT / "kerasish").rglob("*.py"))
    if ">>>" in path.read_text() and "compat" not in path.parts
]
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?![\w])")


class Checker(doctest.OutputChecker):
    """Numbers are compared as numbers, to the digits shown; how arrays and tensors are printed does not count."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        if not want or super().check_output(want, got, optionflags):
            return True  # an example that shows no result is only run
        want, got = self.plain(want), self.plain(got)
        same_words = NUMBER.sub("#", want).split() == NUMBER.sub("#", got).split()
        return same_words and all(map(self.same_number, NUMBER.findall(want), NUMBER.findall(got)))

    @staticmethod
    def plain(shown: str) -> str:
        shown = re.sub(r"<Tensor shape=\([\d, ]*\), dtype=\w+, value=([^>]*)>", r"\1", shown)
        shown = re.sub(r"<function (\w+)( at \w+)?>", r"\1", shown)
        shown = re.sub(r", (shape=\([\d, ]*\)|dtype=[\w.]+)", "", shown)
        shown = re.sub(r"\b(array|tensor)\(", "", shown)
        return re.sub(r"[\[\](),]", " ", shown)

    @staticmethod
    def same_number(want: str, got: str) -> bool:
        """Equal to the digits of the one that shows fewer."""
        shown = [text.partition("e")[0].partition(".")[2] for text in (want, got) if "." in text]
        digits = min(map(len, shown), default=0) if "e" not in want + got else 4
        return abs(float(want) - float(got)) <= 0.6 * 10.0**-digits if shown else want == got


def given() -> dict:
    """What examples may take for granted: the namespaces, NumPy, and a compiled model with data for it."""
    names = ("activations callbacks constraints initializers layers losses metrics models ops optimizers random "
             "regularizers saving utils").split()  # fmt: skip
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)], name="model")
    model.compile("sgd", "mse")
    return {
        "np": np,
        "numpy": np,
        "keras": keras,
        "kerasish": keras,
        "Tensor": keras.Tensor,
        "Variable": keras.Variable,
        "schedules": keras.optimizers.schedules,
        "model": model,
        "optimizer": model.optimizer,
        "loss": keras.ops.sum(model(np.ones((8, 3), "float32"))),
        "features": np.ones((8, 3), "float32"),
        "labels": np.ones((8, 2), "float32"),
        "gradients": [np.ones(variable.shape, "float32") for variable in model.trainable_variables],
        "x": np.ones((8, 3), "float32"),
        "y": np.ones((8, 2), "float32"),
        **{name: getattr(keras, name) for name in names},
    }


@pytest.fixture(autouse=True)
def _settings_are_put_back():
    """Some examples are about global settings."""
    keras.utils.clear_session()
    yield
    keras.config.disable_numeric_checks()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "kerasish")))
@pytest.mark.filterwarnings("ignore")
def test_examples(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    printed: list[str] = []
    runner = doctest.DocTestRunner(Checker(), False, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        if test.examples:
            keras.utils.set_random_seed(1)
            test.globs = {**given(), **module.__dict__}
            runner.run(test, out=printed.append)
    assert not runner.failures, "".join(printed)
