"""`print_summary` draws the tables that Keras draws."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish.utils import summary_utils


def sequential(keras):
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(128, name="a_really_long_layer_name_which_will_not_fit_in"),
            layers.BatchNormalization(),
            layers.Dense(3, trainable=False),
        ],
        name="seq[x]",
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def unbuilt_with_nested(keras):
    inner = keras.Sequential([keras.layers.Dense(2), keras.layers.Activation("relu")], name="inner")
    return keras.Sequential([keras.layers.Flatten(), inner], name="outer")


def branching(keras):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = keras.layers.Dense(3, name="shared")
    return keras.Model([a, b], keras.layers.Add()([shared(a), shared(b)]), name="branching")


def chain(keras):
    x = keras.Input((4,), name="x")
    return keras.Model(x, keras.layers.Dense(1, dtype="float16")(x), name="chain")


def subclassed(keras):
    class Mine(keras.Model):
        def __init__(self):
            super().__init__(name="mine")
            self.dense = keras.layers.Dense(3, name="dense_of_mine")

        def call(self, x):
            return self.dense(x)

    model = Mine()
    model(np.ones((2, 3)))
    return model


@pytest.mark.parametrize("make", [sequential, unbuilt_with_nested, branching, chain, subclassed])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"expand_nested": True},
        {"show_trainable": True},
        {"line_length": 60},
        {"line_length": 76, "positions": [0.5, 0.7, 0.8, 1.0]},
    ],
    ids=str,
)
def test_the_text_is_that_of_keras(oracle, make, options):
    model = make(oracle)
    if "positions" in options:
        options = {**options, "positions": options["positions"] if make is branching else [0.5, 0.75, 1.0]}
    texts = []
    for print_summary in (oracle.src.utils.summary_utils.print_summary, summary_utils.print_summary):
        lines: list[str] = []
        print_summary(model, print_fn=lines.append, **options)
        texts.append("".join(lines))
    assert texts[1] == texts[0]


def test_layer_range(oracle):
    model = sequential(oracle)
    for layer_range in (("flatten.*", "a_really.*"), ("batch", "a_r")):
        texts = []
        for print_summary in (oracle.src.utils.summary_utils.print_summary, summary_utils.print_summary):
            print_summary(model, print_fn=texts.append, layer_range=layer_range)
        assert texts[1] == texts[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"line_length": 8}, "Insufficient console width.*line length of 8"),
        ({"layer_range": ["flatten"]}, "two strings"),
        ({"layer_range": ["flatten", "nothing"]}, r"does not match .*\['flatten"),
    ],
)
def test_errors(oracle, options, message):
    with pytest.raises(ValueError, match=message):
        summary_utils.print_summary(sequential(oracle), print_fn=print, **options)


def test_it_prints_by_default(oracle, capsys):
    summary_utils.print_summary(chain(oracle))
    assert capsys.readouterr().out.startswith('Model: "chain"\n┏━')


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.00 B"), (1023, "1023.00 B"), (1024, "1.00 KB"), (3.5 * 2**20, "3.50 MB"), (2**60, "1024.00 PB")],
)
def test_sizes(size, text):
    assert summary_utils.readable_memory_size(size) == text


def table_of_columns(model, **options):
    texts: list[str] = []
    model.summary(print_fn=texts.append, **options)
    return [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in texts[0].split("\n") if line[0:1] == "│"
    ]


@pytest.mark.parametrize("built", [True, False])
def test_models_of_ours_give_the_tables_of_keras(oracle, built):
    def make(keras):
        layers = keras.layers
        entry = [layers.Input((28, 28))] if built else []
        return keras.Sequential(
            [*entry, layers.Flatten(name="f"), layers.Dense(128, name="d"), layers.Dropout(0.2, name="o")],
            name="m",
        )

    def nested(keras):
        return keras.Sequential([keras.layers.Reshape((28, 28), name="r"), make(keras)], name="outer")

    for model, options in ((make, {}), (make, {"show_trainable": True}), (nested, {"expand_nested": True})):
        ours, theirs = (
            table_of_columns(model(kerasish), **options),
            table_of_columns(model(oracle), **options),
        )
        if not built:  # ours count layers without weights as built from the beginning
            ours, theirs = ([row[:2] for row in table if row[0]] for table in (ours, theirs))
        assert ours == theirs


def test_totals_of_a_trained_model_of_ours(oracle):
    texts: list[str] = []
    for keras in (kerasish, oracle):
        model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)], name="m")
        model.compile("adam", "mse")
        model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
        model.summary(print_fn=texts.append)
    assert texts[0].rpartition("┘")[2] == texts[1].rpartition("┘")[2]
