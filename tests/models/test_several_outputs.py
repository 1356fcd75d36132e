"""Training of models with several inputs and outputs: losses, weights, metrics, and what they are logged as."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 4)).astype("float32")
P = RNG.normal(size=(8, 1)).astype("float32")
Q = RNG.integers(0, 2, 8)
ONE_HOT = np.eye(2, dtype="float32")[Q]
W = RNG.uniform(0.5, 2, size=8).astype("float32")


def model(keras, structure, **arguments):
    x = keras.Input((4,), name="x")
    h = keras.layers.Dense(3, name="h")(x)
    p = keras.layers.Dense(1, name="p")(h)
    q = keras.layers.Dense(2, name="q", activation="softmax")(h)
    made = keras.Model(x, {"list": [p, q], "dict": {"p": p, "q": q}, "nested": [p, {"deep": q}]}[structure])
    made.set_weights([np.full(w.shape, 0.1 * (i + 1), "float32") for i, w in enumerate(made.get_weights())])
    # Nothing to wait for; the last test says that compiled steps do the same.
    made.compile(optimizer="sgd", **{"run_eagerly": True, **arguments})
    return made


SPARSE = "sparse_categorical_crossentropy"
CASES = [
    ("list", {"loss": ["mse", SPARSE]}, [P, Q]),
    ("list", {"loss": "mae"}, [P, ONE_HOT]),
    ("list", {"loss": ["mse", SPARSE], "loss_weights": [0.3, 2.0]}, [P, Q]),
    ("list", {"loss": {"p": "mse", "q": SPARSE}, "loss_weights": {"p": 0.3, "q": 2.0}}, [P, Q]),
    ("list", {"loss": {"p": "mse", "q": SPARSE}, "metrics": {"p": ["mae"], "q": ["accuracy"]}}, [P, Q]),
    ("list", {"loss": ["mse", SPARSE], "metrics": [["mae", "mse"], ["accuracy"]], "weighted_metrics": [["mae"], ["accuracy"]]}, [P, Q]),
    ("list", {"loss": ["mse", None], "metrics": [None, ["accuracy"]]}, [P, Q]),
    ("list", {"loss": [["mse", "mae"], SPARSE]}, [P, Q]),
    ("dict", {"loss": {"p": "mse", "q": SPARSE}}, {"p": P, "q": Q}),
    ("dict", {"loss": {"p": "mse", "q": SPARSE}, "metrics": {"q": ["accuracy"]}}, {"q": Q, "p": P}),
    ("nested", {"loss": ["mse", {"deep": SPARSE}]}, [P, {"deep": Q}]),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("structure, arguments, y", CASES)
def test_logs_are_keras(oracle, structure, arguments, y):
    logs = []  # of batches of one size: the oracle compiles its operations for each anew
    for keras in (kerasish, oracle):
        made = model(keras, structure, **arguments)
        history = made.fit(
            X, y, epochs=2, batch_size=4, verbose=0, shuffle=False, validation_data=(X, y)
        ).history
        logs.append(
            {
                "history": history,
                "evaluate": made.evaluate(X, y, batch_size=4, verbose=0),
                "as a dict": made.evaluate(X, y, batch_size=4, verbose=0, return_dict=True),
                "batch": made.train_on_batch(X[:4], kerasish.tree.map_structure(lambda a: a[:4], y)),
                "names": made.metrics_names,
                "weights": made.get_weights(),
            }
        )
    mine, theirs = logs
    assert mine["names"] == theirs["names"]
    for key in ("history", "as a dict"):
        assert list(mine[key]) == list(theirs[key])
        for name in mine[key]:
            np.testing.assert_allclose(mine[key][name], theirs[key][name], rtol=1e-4, atol=1e-5)
    for key in ("evaluate", "batch"):
        np.testing.assert_allclose(mine[key], theirs[key], rtol=1e-4, atol=1e-5)
    for a, b in zip(mine["weights"], theirs["weights"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["one for all", "list", "dict"])
def test_sample_weights_are_keras(oracle, form):
    weight = {"one for all": W, "list": [W, 1 / W], "dict": {"p": W, "q": 1 / W}}[form]
    y = {"p": P, "q": Q} if form == "dict" else [P, Q]
    losses = {"p": "mse", "q": SPARSE} if form == "dict" else ["mse", SPARSE]
    results = []
    for keras in (kerasish, oracle):
        made = model(keras, "dict" if form == "dict" else "list", loss=losses)
        results.append(made.fit(X, y, sample_weight=weight, epochs=1, verbose=0, shuffle=False).history)
    assert list(results[0]) == list(results[1])
    for name, values in results[0].items():
        np.testing.assert_allclose(values, results[1][name], rtol=1e-4)


def test_compiled_files_with_several_losses_go_both_ways(oracle, tmp_path):
    arguments = {
        "loss": {"p": "mse", "q": SPARSE},
        "loss_weights": {"p": 0.5, "q": 2.0},
        "metrics": {"q": ["accuracy"]},
    }
    mine, theirs = (model(keras, "list", **arguments) for keras in (kerasish, oracle))
    for made in (mine, theirs):
        made.fit(X, [P, Q], epochs=1, verbose=0, shuffle=False)
    mine.save(tmp_path / "mine.keras")
    theirs.save(tmp_path / "theirs.keras")
    for again in (
        oracle.saving.load_model(tmp_path / "mine.keras"),
        kerasish.saving.load_model(tmp_path / "theirs.keras"),
    ):
        assert again.compiled
        np.testing.assert_allclose(
            again.evaluate(X, [P, Q], verbose=0), mine.evaluate(X, [P, Q], verbose=0), rtol=1e-4
        )


def test_compiled_and_eager_training_agree():
    results = []
    for eager in (False, True):
        made = model(
            kerasish, "list", loss=["mse", SPARSE], metrics=[["mae"], ["accuracy"]], run_eagerly=eager
        )
        results.append((made.fit(X, [P, Q], epochs=2, verbose=0, shuffle=False).history, made.get_weights()))
    for name, values in results[0][0].items():
        np.testing.assert_allclose(values, results[1][0][name], rtol=1e-5)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
