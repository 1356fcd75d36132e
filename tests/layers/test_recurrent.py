"""Recurrent layers: states between batches, masks on their way, wrappers, cells of one's own."""

import numpy as np
import pytest

import kerasish
from kerasish import ops

X = np.random.default_rng(0).standard_normal((4, 6, 3)).astype("float32")


def pair(oracle, make):
    """Return a layer of both libraries with the same weights."""
    mine, theirs = make(kerasish), make(oracle)
    mine(X), theirs(X)
    values = [0.5 * np.cos(np.arange(w.size)).reshape(w.shape).astype("float32") for w in mine.get_weights()]
    mine.set_weights(values), theirs.set_weights(values)
    return mine, theirs


def same(oracle, mine, theirs, tolerance=1e-5):
    mine, theirs = kerasish.tree.flatten(mine), oracle.tree.flatten(theirs)
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), np.asarray(other), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
def test_stateful_layers_go_on_where_the_last_batch_ended(oracle, name):
    mine, theirs = pair(oracle, lambda k: getattr(k.layers, name)(3, stateful=True))
    mine.reset_state(), theirs.reset_state()
    compiled = kerasish.function(lambda x: mine(x))
    same(oracle, mine(X), theirs(X))
    same(oracle, compiled(X), theirs(X))
    same(oracle, list(mine.states), list(theirs.states))
    assert not any(v.numpy().any() for v in (mine.reset_states(), mine.states)[1])
    assert len(mine.weights) == 3
    with pytest.raises(ValueError, match="Expected batch size: 4. Received batch size: 2"):
        mine(X[:2])


def test_stateful_layers_need_a_batch_size():
    with pytest.raises(ValueError, match="batch size must be static.*batch_shape"):
        kerasish.Sequential([kerasish.Input((6, 3)), kerasish.layers.LSTM(2, stateful=True)])
    with pytest.raises(ValueError, match="Cannot unroll a RNN if the time dimension is undefined"):
        kerasish.Sequential([kerasish.Input((None, 3)), kerasish.layers.LSTM(2, unroll=True)])


def test_states_are_given_and_returned(oracle):
    mine, theirs = pair(oracle, lambda k: k.layers.LSTM(3, return_sequences=True, return_state=True))
    y, *states = mine(X)
    expected, *expected_states = theirs(X)
    same(oracle, [y, *states], [expected, *expected_states])
    same(oracle, mine(X, initial_state=states), theirs(X, initial_state=expected_states))

    def decoder(k):
        x, h, c = k.Input((6, 3)), k.Input((3,)), k.Input((3,))
        y = k.layers.LSTM(3, name="decoder")(x, initial_state=[h, c])
        return k.Model([x, h, c], y)

    one, other = decoder(kerasish), decoder(oracle)
    other.set_weights(one.get_weights())
    inputs = [X, X[:, 0], X[:, 1]]
    np.testing.assert_allclose(one.predict(inputs, verbose=0), other.predict(inputs, verbose=0), atol=1e-5)


def test_masks_travel_through_recurrent_layers(oracle):
    def model(k):
        return k.Sequential(
            [
                k.Input((5,)),
                k.layers.Embedding(7, 3, mask_zero=True),
                k.layers.Bidirectional(k.layers.GRU(3, return_sequences=True)),
                k.layers.TimeDistributed(k.layers.Dense(2)),
                k.layers.LSTM(2, go_backwards=True),
            ]
        )

    mine, theirs = model(kerasish), model(oracle)
    theirs.set_weights(mine.get_weights())
    ids = np.array([[1, 2, 3, 0, 0], [4, 0, 5, 6, 0], [1, 1, 1, 1, 1]])
    np.testing.assert_allclose(mine.predict(ids, verbose=0), theirs.predict(ids, verbose=0), atol=1e-5)


def test_a_compiled_step_trains_as_an_eager_one():
    def train(eager):
        kerasish.utils.set_random_seed(0)
        model = kerasish.Sequential(
            [kerasish.layers.Bidirectional(kerasish.layers.LSTM(4, dropout=0.2)), kerasish.layers.Dense(1)]
        )
        model.compile("adam", "mse", run_eagerly=eager)
        losses = model.fit(X, X[:, 0, 0], epochs=2, batch_size=2, verbose=0).history["loss"]
        return [*losses, *model.get_weights()]

    for one, other in zip(train(True), train(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


class Sum(kerasish.Layer):
    """A cell that adds up its inputs, times a weight."""

    state_size = 3
    output_size = 3

    def build(self, input_shape):
        self.factor = self.add_weight((3,), "ones", name="factor")
        self.dropout = kerasish.layers.Dropout(0.5, seed=1)

    def call(self, inputs, states, training=False):
        total = states[0] + self.factor * self.dropout(inputs, training=training)
        return total * 2, [total]


def test_a_cell_of_ones_own_runs_eagerly_and_compiled():
    layer = kerasish.layers.RNN(Sum(), return_sequences=True)
    expected = 2 * np.cumsum(X, axis=1)
    np.testing.assert_allclose(layer(X).numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(kerasish.function(lambda x: layer(x))(X).numpy(), expected, atol=1e-4)
    # Each timestep drops other features, and a compiled loop counts the seed up as an eager one does.
    seed = layer.cell.dropout.seed_generator.state
    start = seed.numpy().copy()
    y = layer(X, training=True)
    after = seed.numpy().copy()
    seed.assign(start)
    np.testing.assert_allclose(
        kerasish.function(lambda x: layer(x, training=True))(X).numpy(), y.numpy(), atol=1e-5
    )
    np.testing.assert_array_equal(seed.numpy(), after)


def test_cells_run_by_themselves(oracle):
    for name in ("SimpleRNNCell", "GRUCell", "LSTMCell"):
        mine, theirs = getattr(kerasish.layers, name)(3), getattr(oracle.layers, name)(3)
        states = mine.get_initial_state(4)
        mine(X[:, 0], states), theirs(X[:, 0], theirs.get_initial_state(4))
        theirs.set_weights(mine.get_weights())
        given = [X[:, 1] for _ in states]
        same(oracle, mine(X[:, 0], given), theirs(X[:, 0], given))


def test_dropout_is_one_choice_for_all_timesteps():
    cell = kerasish.layers.SimpleRNNCell(3, dropout=0.5, recurrent_dropout=0.5, seed=0)
    first = cell.get_dropout_mask(ops.ones((4, 3)))
    assert cell.get_dropout_mask(ops.ones((4, 3))) is first
    cell.reset_dropout_mask()
    assert (cell.get_dropout_mask(ops.ones((4, 3))).numpy() != first.numpy()).any()
    layer = kerasish.layers.RNN(
        kerasish.layers.SimpleRNNCell(3, activation=None, dropout=0.5), return_sequences=True
    )
    layer(X)
    layer.set_weights([np.eye(3), np.zeros((3, 3)), np.zeros(3)])
    y = layer(np.ones((4, 6, 3)), training=True).numpy()
    assert (y == y[:, :1]).all() and set(np.unique(y)) == {0.0, 2.0}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda k: k.LSTM(0), "`units`, expected a positive integer, got 0"),
        (lambda k: k.RNN(object()), "should have a `call` method"),
        (lambda k: k.RNN(k.Dense(2)), "should have a `state_size` attribute"),
        (lambda k: k.StackedRNNCells([k.Dense(2)]), "`state_size` attribute"),
        (lambda k: k.Bidirectional("LSTM"), "initialize `Bidirectional` layer with"),
        (lambda k: k.Bidirectional(k.LSTM(2), merge_mode="max"), "Invalid merge mode. Received: max"),
        (lambda k: k.Bidirectional(k.LSTM(2), backward_layer=k.LSTM(2)), "different `go_backwards`"),
        (lambda k: k.TimeDistributed(ops.sum), "initialize `TimeDistributed` layer with"),
        (lambda k: k.TimeDistributed(k.Dense(2))(X[0]), "at least 3 dimensions"),
        (lambda k: k.GRU(2, use_cudnn="maybe"), "`use_cudnn`"),
        (lambda k: k.ConvLSTM2D(2, 3, strides=2, dilation_rate=2), "`strides > 1` is not compatible"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(kerasish.layers)
