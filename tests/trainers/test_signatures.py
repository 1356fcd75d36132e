"""What a batch is known by: its structure, shapes and types, whatever the order in which a dict was filled."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish as keras
from kerasish import tree
from kerasish.devices.rows import Rows
from kerasish.trainers.steps import _OtherLeaf, _signature

A, B = np.ones((4, 2), "float32"), np.zeros((4, 3), "int32")


def signature(data):
    arrays: list = []
    return _signature(data, arrays), arrays


@pytest.mark.parametrize(
    "data",
    [
        (A, B),
        ({"b": A, "a": B}, [B, (A, None)]),
        ((), {"x": {}}, None),
        ({"z": [A], "y": Rows(B, None, 0, 2)},),
    ],
)
def test_arrays_come_in_the_order_of_a_trace(data):
    _, arrays = signature(data)
    leaves = [leaf for leaf in tree.flatten(data) if leaf is not None]
    assert len(arrays) == len(leaves) and all(a is leaf for a, leaf in zip(arrays, leaves, strict=True))


def test_other_batches_are_known_by_something_else():
    batches = [
        (A, B), (B, A), ([A, B],), ((A, B),), ({"a": A, "b": B},), ({"a": B, "b": A},), ({"a": A, "c": B},),
        (A, B, None), (A[:2], B), (A.astype("float64"), B), ({"a": {"b": A}},), ({"a": [A]},), (A,), (),
    ]  # fmt: skip
    keys = [signature(data)[0] for data in batches]
    assert len(set(keys)) == len(batches)
    assert signature(({"b": A, "a": B},))[0] == signature(({"a": B, "b": A},))[0]


def test_tensors_are_left_to_the_trace():
    with pytest.raises(_OtherLeaf):
        signature((A, {"x": keras.ops.ones(3)}))


def test_named_inputs_train_alike_in_any_order():
    inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((3,), name="b")}
    weights = None
    for names in ("ab", "ba"):
        model = keras.Model(
            inputs, keras.layers.Dense(1)(keras.layers.concatenate([inputs["a"], inputs["b"]]))
        )
        if weights is None:
            weights = model.get_weights()
        model.set_weights(weights)
        model.compile("sgd", "mse")
        data = {"a": A, "b": B.astype("float32") + 2}
        model.fit({name: data[name] for name in names}, A[:, :1], epochs=2, shuffle=False, verbose=0)
        trained = model.get_weights()
        if names == "ab":
            first = trained
    for one, other in zip(first, trained, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(trained[0] - weights[0]).max() > 0
