"""Every layer of the table does what Keras's does: weights, configs, outputs, gradients, compiled too, and files."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
from layer_rows import ROWS

import kerasish
from kerasish import ops

ROW_IDS = [row.id for row in ROWS]


def array(value):
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def plain(array):
    """A NumPy array of a type that NumPy compares: 16-bit types as float32."""
    array = np.asarray(array)
    return array.astype("float32") if array.dtype.itemsize == 2 else array


def shapes_of(keras, layer):
    return [(w.path, tuple(w.shape), w.trainable, str(w.dtype)) for w in layer.weights]


def serialized(keras, layer):
    return json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))


def fill(layer):
    """Give the weights values that both libraries agree on, positive since some are variances."""
    values = [0.5 + 0.3 * np.sin(np.arange(w.size)).reshape(w.shape) for w in layer.get_weights()]
    layer.set_weights([v.astype(w.dtype) for v, w in zip(values, layer.get_weights(), strict=True)])
    for each in [*getattr(layer, "layers", []), layer]:
        if type(each).__name__ == "Normalization" and not isinstance(each, kerasish.Layer):
            each.finalize_state()  # the oracle's reads its weights only then


def symbols(keras, row):
    """Return the inputs without values, and without a batch size unless there is a mask that has one."""
    masked = any(isinstance(v, np.ndarray) for v in keras.tree.flatten(row.call))
    return [keras.KerasTensor(x.shape if masked else (None, *x.shape[1:]), str(x.dtype)) for x in row.inputs]


def cotangent(shape):
    return np.cos(np.arange(np.prod(shape))).reshape(shape).astype("float32")


def behaves_otherwise_in_training(layer):
    return "training" in inspect.signature(layer.call).parameters


def is_float(x):
    return x.dtype.kind == "f"


def outputs_of(keras, y):
    return [array(part) for part in keras.tree.flatten(y)]


def oracle_results(keras, row, layer):
    """Return the outputs in inference and training, the gradients and the new state, by one compiled call."""
    import jax

    floats = [i for i, x in enumerate(row.inputs) if is_float(x)]
    variables = layer.trainable_variables
    fixed = layer.non_trainable_variables

    def run(weights, changing, training):
        inputs = list(row.inputs)
        for i, x in zip(floats, changing, strict=True):
            inputs[i] = x
        # Not `stateless_call`, which leaves out what happens around a call.
        start = [*zip(variables, weights, strict=True), *((v, v.value) for v in fixed)]
        with keras.StatelessScope(start) as scope:
            y = row.pass_to(layer, inputs, training=training)
        return y, [scope.get_current_value(v) for v in fixed]

    def loss(weights, changing):
        y, state = run(weights, changing, True)
        flat = [part.astype("float32") for part in keras.tree.flatten(y)]
        return sum((part * cotangent(part.shape)).sum() for part in flat), (y, state)

    def everything(weights, changing):
        if row.random:
            return run(weights, changing, False)[0], (), (), ()
        found, (y, state) = jax.grad(loss, argnums=(0, 1), has_aux=True)(weights, changing)
        inferred = run(weights, changing, False)[0] if behaves_otherwise_in_training(layer) else y
        return inferred, y, state, found

    weights = [v.value for v in variables]
    return jax.jit(everything)(weights, [row.inputs[i] for i in floats])


def own_results(row, layer, compiled):
    """Return the same of kerasish, eager or compiled."""

    def step(*inputs):
        with kerasish.GradientTape() as tape:
            floats = [x for x in inputs if x.dtype.startswith(("float", "bfloat"))]
            for x in floats:
                tape.watch(x)
            y = row.pass_to(layer, inputs, training=True)
            flat = [ops.cast(part, "float32") for part in kerasish.tree.flatten(y)]
            loss = sum(ops.sum(part * cotangent(part.shape)) for part in flat)
        found = tape.gradient(loss, [*layer.trainable_variables, *floats])
        return y, [ops.zeros(()) if g is None else g for g in found]

    def infer(*inputs):
        return row.pass_to(layer, inputs, training=False)

    if compiled:
        step, infer = kerasish.function(step), kerasish.function(infer)
    inputs = [ops.convert_to_tensor(x) for x in row.inputs]
    before = [v.numpy().copy() for v in layer.variables]
    inferred = infer(*inputs)
    y, gradients = step(*inputs)
    state = [v.numpy().copy() for v in layer.non_trainable_variables]
    for variable, value in zip(layer.variables, before, strict=True):
        variable.assign(value)
    return inferred, y, state, gradients


def assert_close(mine, theirs, tolerance):
    for one, other in zip(kerasish.tree.flatten(mine), theirs, strict=True):
        one, other = plain(array(one)), plain(array(other))
        if one.dtype == np.uint32:  # the seed of a generator that was given none
            continue
        if one.shape == () and other.shape != ():  # no gradient
            assert not other.any()
            continue
        scale = max(1.0, float(np.abs(other).max(initial=0.0)))
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("row", ROWS, ids=ROW_IDS)
def test_a_layer_is_keras(oracle, row):
    mine, theirs = row.make(kerasish), row.make(oracle)
    assert serialized(kerasish, mine) == serialized(oracle, theirs)
    built = [row.pass_to(layer, symbols(k, row)) for k, layer in ((kerasish, mine), (oracle, theirs))]
    spec = kerasish.tree.flatten(built[0])
    assert [t.dtype for t in spec] == [str(t.dtype) for t in oracle.tree.flatten(built[1])]
    assert shapes_of(kerasish, mine) == shapes_of(oracle, theirs)
    assert serialized(kerasish, mine) == serialized(oracle, theirs)
    assert mine.supports_masking == theirs.supports_masking
    if not mine.weights:
        assert mine.count_params() == 0
    fill(mine), fill(theirs)

    inferred, y, state, gradients = oracle_results(oracle, row, theirs)
    expected = oracle.tree.flatten(inferred), oracle.tree.flatten(y), state, oracle.tree.flatten(gradients)
    eager = own_results(row, mine, compiled=False)
    found = [(tuple(t.shape), t.dtype) for t in kerasish.tree.flatten(eager[0])]
    assert found == [(tuple(t.shape), str(t.dtype)) for t in oracle.tree.flatten(inferred)]
    for symbol, (shape, _) in zip(spec, found, strict=True):
        assert all(n in (m, None) for n, m in zip(symbol.shape, shape, strict=True))
    assert_close(eager[0], expected[0], row.tolerance)
    if not row.random:
        for part in (1, 2, 3) if row.gradients else (1, 2):
            assert_close(eager[part], expected[part], row.tolerance)
    # Drawn numbers included, as both start from the same seed.
    for one, other in zip(own_results(row, mine, compiled=True), eager, strict=True):
        assert_close(one, kerasish.tree.flatten(other), row.tolerance)


@pytest.mark.parametrize("row", [r for r in ROWS if len(r.inputs) == 1 and not r.call], ids=lambda r: r.id)
def test_a_layer_goes_through_files_both_ways(oracle, row, tmp_path):
    x = row.inputs[0]
    models = []
    for k in (kerasish, oracle):
        models.append(k.Sequential([k.Input(x.shape[1:], dtype=str(x.dtype)), row.make(k)], name="m"))
        fill(models[-1])
    for k, model, other in ((kerasish, models[0], oracle), (oracle, models[1], kerasish)):
        path = tmp_path / f"{other.__name__}.keras"
        model.save(path)
        again = other.saving.load_model(path)
        for one, two in zip(again.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(plain(one), plain(two))
        assert serialized(other, again.layers[-1]) == serialized(k, model.layers[-1])
