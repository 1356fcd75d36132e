"""Small variables in blocks: the same numbers, in one operation for all, whatever happens to the variables meanwhile."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import kerasish
from kerasish import Variable, ops
from kerasish.autograd.abstract import abstract
from kerasish.compiler import passes
from kerasish.compiler.blocks import Block, put_side_by_side
from kerasish.compiler.executors.numpy import NumpyExecutable
from kerasish.compiler.trace import trace


def variables(*shapes, dtype="float32"):
    rng = np.random.default_rng(0)
    return [Variable(rng.normal(size=shape), dtype=dtype) for shape in shapes]


def momentum_step(weights, momenta, gradients, rate):
    for w, m, g in zip(weights, momenta, gradients, strict=True):
        m.assign(m * 0.9 + g)
        w.assign_sub(m * rate)


def compiled(function, *arrays):
    graph, _ = trace(function, [abstract(a) for a in arrays])
    return passes.optimize(graph)


def momentum_graph(weights, momenta):
    gradients = [np.ones(w.shape, w._array.dtype) for w in weights]
    return compiled(lambda *gs: momentum_step(weights, momenta, gs, 0.5), *gradients), gradients


def blocks_of(graph):
    return [v for v, _ in graph.updates if isinstance(v, Block)]


SHAPES = [(3,), (4, 3), (2, 1, 2), (1,)]


def test_updates_alike_become_one():
    weights, momenta = variables(*SHAPES), variables(*SHAPES)
    graph, gradients = momentum_graph(weights, momenta)
    together = put_side_by_side(graph)
    assert [b.members for b in blocks_of(together)] == [tuple(momenta), tuple(weights)] or [
        b.members for b in blocks_of(together)
    ] == [tuple(weights), tuple(momenta)]
    count = sum(op.prim.name not in ("reshape", "concatenate") for op in together.ops)
    assert count == len(graph.ops) / len(SHAPES)

    expected_w = [w.numpy() for w in weights]
    expected_m = [m.numpy() for m in momenta]
    run = NumpyExecutable(together)
    for _ in range(3):
        run(gradients)
        for i in range(len(SHAPES)):
            expected_m[i] = expected_m[i] * np.float32(0.9) + 1
            expected_w[i] = expected_w[i] - expected_m[i] * np.float32(0.5)
    for w, e in zip([*weights, *momenta], [*expected_w, *expected_m], strict=True):
        np.testing.assert_allclose(w.numpy(), e, rtol=1e-6)


def test_variables_may_change_between_steps():
    weights, momenta = variables(*SHAPES), variables(*SHAPES)
    run = NumpyExecutable(put_side_by_side(momentum_graph(weights, momenta)[0]))
    gradients = [np.zeros(w.shape, "float32") for w in weights]
    run(gradients)
    kept = weights[1].value  # a tensor that must stay as it is
    before = kept.numpy().copy()
    weights[0].assign(np.full(3, 7.0))
    momenta[0].assign(np.zeros(3))
    momenta[1].assign(np.ones((4, 3)))
    run(gradients)
    np.testing.assert_array_equal(weights[0].numpy(), np.full(3, 7.0))
    np.testing.assert_array_equal(kept.numpy(), before)
    np.testing.assert_allclose(weights[1].numpy(), before - 0.45, rtol=1e-6)


def test_two_graphs_share_a_block():
    weights, momenta = variables(*SHAPES), variables(*SHAPES)
    first, second = (put_side_by_side(momentum_graph(weights, momenta)[0]) for _ in range(2))
    assert {id(b) for b in blocks_of(first)} == {id(b) for b in blocks_of(second)}


def test_graphs_with_other_groups_of_the_same_variables_agree():
    weights, momenta = variables(*SHAPES), variables(*SHAPES)
    alone_w, alone_m = [copy.copy(w) for w in weights], [copy.copy(m) for m in momenta]
    parts = [(slice(0, 3), 1.0), (slice(1, 4), 2.0), (slice(0, 4), 3.0), (slice(0, 3), 4.0)]
    made = {}
    for part, value in parts:
        key = (part.start, part.stop)
        if key not in made:
            graph, _ = momentum_graph(weights[part], momenta[part])
            made[key] = NumpyExecutable(put_side_by_side(graph))
        made[key]([np.full(w.shape, value, "float32") for w in weights[part]])
        momentum_step(alone_w[part], alone_m[part], [value] * len(alone_w[part]), 0.5)
    for w, e in zip([*weights, *momenta], [*alone_w, *alone_m], strict=True):
        np.testing.assert_allclose(w.numpy(), e.numpy(), rtol=1e-6)


def test_what_reads_the_old_values_sees_the_old_values():
    weights = variables((3,), (2, 2))
    averages = variables((3,), (2, 2))
    old = [w.numpy() for w in weights]

    def step(g):
        was = [w.value for w in weights]
        for w in weights:
            w.assign_sub(w * g)
        for a, w in zip(averages, was, strict=True):
            a.assign(w)
        return [ops.sum(w) for w in was], was[0]

    run = NumpyExecutable(put_side_by_side(compiled(step, np.float32(0.5))))
    results = run([np.float32(0.5)])
    np.testing.assert_allclose(results[:2], [o.sum() for o in old], rtol=1e-6)
    np.testing.assert_array_equal(results[2], old[0])
    for w, a, o in zip(weights, averages, old, strict=True):
        np.testing.assert_array_equal(a.numpy(), o)
        np.testing.assert_allclose(w.numpy(), o * 0.5, rtol=1e-6)


def test_what_differs_stays_apart():
    def groups(step, *weights):
        return [len(b.members) for b in blocks_of(put_side_by_side(compiled(step, np.float32(1.0))))]

    a, b = variables((3,), (4,))
    assert groups(lambda g: (a.assign_sub(a * 0.1), b.assign_sub(b * 0.1)) and g) == [2]
    assert groups(lambda g: (a.assign_sub(a * 0.1), b.assign_sub(b * 0.2)) and g) == []
    assert groups(lambda g: (a.assign_sub(a * 0.1), b.assign_add(b * 0.1)) and g) == []
    doubles = variables((4,), dtype="float64")[0]
    assert groups(lambda g: (a.assign_sub(a * 0.1), doubles.assign_sub(doubles * 0.1)) and g) == []
    large = variables((400, 400))[0]
    assert groups(lambda g: (a.assign_sub(a * 0.1), large.assign_sub(large * 0.1)) and g) == []
    # What the step returns is no affair of one variable.
    assert groups(lambda g: (a.assign_sub(a * 0.1).value, b.assign_sub(b * 0.1).value)) == []


def test_blocks_end_with_their_graphs():
    weights, momenta = variables(*SHAPES), variables(*SHAPES)
    run = NumpyExecutable(put_side_by_side(momentum_graph(weights, momenta)[0]))
    run([np.zeros(w.shape, "float32") for w in weights])
    blocks = [weakref.ref(block) for block in blocks_of(run.graph)]
    assert len(blocks) == 2
    del run
    gc.collect()
    assert [block() for block in blocks] == [None, None]


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setenv("KERASISH_JIT", "0")
    kerasish.utils.set_random_seed(1)
    layers = [kerasish.layers.Dense(4, activation="relu") for _ in range(3)]
    model = kerasish.Sequential([kerasish.Input((5,)), *layers, kerasish.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_trained_models_are_copied_saved_and_frozen_as_ever(model, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(37, 5)).astype("float32"), rng.normal(size=(37, 1)).astype("float32")
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    twin = kerasish.models.clone_model(model)
    twin.set_weights(model.get_weights())
    pickled = pickle.loads(pickle.dumps(model))
    model.save(tmp_path / "m.keras")
    loaded = kerasish.saving.load_model(tmp_path / "m.keras")
    for other in (twin, pickled, loaded):
        np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
    kept = [w.copy() for w in pickled.get_weights()]
    for layer in model.layers[:2]:
        layer.trainable = False
    model.compile("adam", "mse")
    frozen = [w.numpy() for layer in model.layers[:2] for w in layer.weights]
    before = model.layers[2].get_weights()[0].copy()
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)
    for w, f in zip([w for layer in model.layers[:2] for w in layer.weights], frozen, strict=True):
        np.testing.assert_array_equal(w.numpy(), f)
    assert not np.array_equal(model.layers[2].get_weights()[0], before)
    for w, k in zip(pickled.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(w, k)


def test_restored_weights_are_trained_on(model):
    x, y = np.ones((16, 5), "float32"), np.zeros((16, 1), "float32")
    model.fit(x, y, epochs=1, verbose=0)
    weights, state = model.get_weights(), [v.numpy().copy() for v in model.optimizer.variables]
    first = model.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"]
    model.set_weights(weights)
    for v, s in zip(model.optimizer.variables, state, strict=True):
        v.assign(s)
    assert model.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"] == first
