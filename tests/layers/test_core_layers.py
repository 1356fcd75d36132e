"""The base class of layers and the core layers: the same configs, values, shapes and errors as Keras's."""

from __future__ import annotations

import copy
import json
import warnings

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3)).astype("float32")
IMAGES = RNG.normal(size=(2, 3, 4)).astype("float32")


def array(value):
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def serialized(keras, layer):
    return json.dumps(keras.saving.serialize_keras_object(layer))


# Core layers against the oracle. Each case makes a layer, with a name so that both libraries agree on it.

LAYERS = {
    "dense": lambda k: k.layers.Dense(3, name="l"),
    "dense with everything": lambda k: k.layers.Dense(
        3,
        activation="relu",
        use_bias=True,
        kernel_initializer="he_normal",
        bias_initializer="ones",
        kernel_regularizer=k.regularizers.L2(0.125),
        bias_regularizer=k.regularizers.L1(0.25),
        activity_regularizer=k.regularizers.L1L2(0.5, 0.25),
        kernel_constraint="max_norm",
        bias_constraint="non_neg",
        name="l",
    ),
    "dense without bias": lambda k: k.layers.Dense(
        2, use_bias=False, activation="softmax", trainable=False, name="l"
    ),
    "dropout": lambda k: k.layers.Dropout(0.3, name="l"),
    "dropout with noise shape": lambda k: k.layers.Dropout(0.3, noise_shape=(None, 1), seed=4, name="l"),
    "flatten": lambda k: k.layers.Flatten(name="l"),
    "flatten channels first": lambda k: k.layers.Flatten("channels_first", name="l"),
    "reshape": lambda k: k.layers.Reshape((-1, 2), name="l"),
    "reshape to a list": lambda k: k.layers.Reshape([2, 6], trainable=False, name="l"),
    "activation by name": lambda k: k.layers.Activation("tanh", name="l"),
    "activation by function": lambda k: k.layers.Activation(k.activations.gelu, name="l"),
    "float64": lambda k: k.layers.Activation("relu", dtype="float64", name="l"),
    "mixed": lambda k: k.layers.Dense(2, dtype="mixed_bfloat16", name="l"),
}


@pytest.mark.parametrize("case", LAYERS)
def test_config_is_keras_with_the_order_of_its_keys(oracle, case):
    mine, theirs = LAYERS[case](kerasish), LAYERS[case](oracle)
    assert serialized(kerasish, mine) == serialized(oracle, theirs)
    again = kerasish.saving.deserialize_keras_object(json.loads(serialized(oracle, theirs)))
    assert serialized(kerasish, again) == serialized(oracle, theirs)


@pytest.mark.parametrize("shape", [(2, 12), (2, 3, 4)])
@pytest.mark.parametrize("case", [c for c in LAYERS if c not in ("float64", "mixed")])
def test_values_shapes_losses_and_build_configs_are_keras(oracle, case, shape):
    x = RNG.normal(size=shape).astype("float32")
    results = []
    for keras in (kerasish, oracle):
        layer = LAYERS[case](keras)
        layer.build((None, *shape[1:]))
        layer.set_weights([0.3 * np.sin(np.arange(w.size)).reshape(w.shape) for w in layer.get_weights()])
        value = array(layer(x))
        symbol = layer(keras.KerasTensor((None, *shape[1:])))
        results.append(
            {
                "value": value,
                "symbolic": tuple(symbol.shape),
                "shape": tuple(layer.compute_output_shape((None, *shape[1:]))),
                "paths": [w.path for w in layer.weights],
                "counts": (
                    len(layer.trainable_weights),
                    len(layer.non_trainable_weights),
                    layer.count_params(),
                ),
                "build": layer.get_build_config(),
                "losses": [float(loss) for loss in layer(x) is not None and layer.losses],
            }
        )
    mine, theirs = results
    np.testing.assert_allclose(mine.pop("value"), theirs.pop("value"), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mine.pop("losses"), theirs.pop("losses"), rtol=1e-5)
    assert mine == theirs


def test_dropout_drops_as_many_as_it_says_and_scales_the_rest():
    layer = layers.Dropout(0.25, seed=1)
    x = np.ones((100, 200), "float32")
    y = layer(x, training=True).numpy()
    assert set(np.unique(y).tolist()) == {0.0, np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.01
    assert (layer(x, training=True).numpy() != y).any()
    np.testing.assert_array_equal(layers.Dropout(0.25, seed=1)(x, training=True).numpy(), y)
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)
    np.testing.assert_array_equal(layer(x).numpy(), x)
    rows = layers.Dropout(0.5, noise_shape=(None, 1))(x, training=True).numpy()
    assert all(len(set(row)) == 1 for row in rows.tolist())
    assert layers.Dropout(0)(x, training=True).numpy().all()


@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda: layers.Dense(-1), (ValueError, "`units`, expected a positive integer. Received: units=-1")),
        (lambda: layers.Dense("3"), (ValueError, "units=3")),
        (lambda: layers.Dense(3, foo=1), (ValueError, "Unrecognized keyword arguments passed to Dense: {'foo': 1}")),
        (lambda: layers.Dense(3, activation="rleu"), (ValueError, "'rleu'. Did you mean 'relu'")),
        (lambda: layers.Dense(3, kernel_initializer="glorot"), (ValueError, "initializer identifier: 'glorot'")),
        (lambda: layers.Dense(3, trainable="yes"), (ValueError, "Expected `trainable` to be a boolean")),
        (lambda: layers.Dense(3, name="a/b"), (ValueError, "cannot contain character `/`. Received: name=a/b")),
        (lambda: layers.Dense(3, name=3), (ValueError, "`name` must be a string")),
        (lambda: layers.Dense(3, dtype="flot32"), (ValueError, "Cannot convert 'flot32'")),
        (lambda: layers.Dense(3, lora_rank=2), (ValueError, "low-rank")),
        (lambda: layers.Dense(3).build((None, None)), (ValueError, "must have a known length")),
        (lambda: layers.Dense(3, name="d")(np.ones(3)), (ValueError, "expected min_ndim=2, found ndim=1. Full shape")),
        (lambda: layers.Dense(3)(), (TypeError, "missing a required argument: 'inputs'")),
        (lambda: layers.Dense(3)("abc"), (ValueError, "Only input tensors may be passed as positional arguments")),
        (lambda: layers.Dense(3)(X, foo=1), (TypeError, "unexpected keyword argument 'foo'")),
        (lambda: layers.Dense(3, name="d").count_params(), (ValueError, "the layer isn't built")),
        (lambda: layers.Dropout(2), (ValueError, "Expected a float value between 0 and 1. Received: rate=2")),
        (lambda: layers.Dropout("a"), (ValueError, "Received: rate=a")),
        (lambda: layers.Dropout(0.5, noise_shape=3), (ValueError, "Expected an iterable of integers")),
        (lambda: layers.Dropout(0.5, noise_shape=(0, 1)), (ValueError, "positive integers or None. Received 0 at index")),
        (lambda: layers.Reshape((-1, -1)), (ValueError, "at most one unknown dimension (-1)")),
        (lambda: layers.Reshape((3, -2)), (ValueError, "must be a non-negative integer, or `-1`")),
        (lambda: layers.Reshape((3, 3))(np.ones((2, 4))), (ValueError, "input_shape=(4,), target_shape=(3, 3)")),
        (lambda: layers.Reshape((3, -1))(np.ones((2, 4))), (ValueError, "input_shape=(4,), target_shape=(3, -1)")),
        (lambda: layers.Flatten("middle"), (ValueError, "data_format='middle'")),
        (lambda: layers.Flatten()(np.float32(3)), (ValueError, "expected min_ndim=1, found ndim=0")),
        (lambda: layers.Activation("rleu"), (ValueError, "Did you mean 'relu'")),
        (lambda: kerasish.Input(), (ValueError, "You must pass a `shape` argument")),
        (lambda: kerasish.Input((3,), batch_shape=(2, 3)), (ValueError, "both `shape` and `batch_shape`")),
        (lambda: kerasish.Input(batch_size=2, batch_shape=(2, 3)), (ValueError, "both `batch_size` and `batch_shape`")),
        (lambda: kerasish.Input((3, "a")), (ValueError, "shape=(3, 'a')")),
        (lambda: kerasish.Input((3, -1)), (ValueError, "shape=(3, -1)")),
        (lambda: layers.InputLayer((3,), colour=1), (ValueError, "{'colour': 1}")),
    ],
)  # fmt: skip
def test_errors_name_the_argument_and_what_came(make, expected):
    kind, message = expected
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value)


def test_an_error_inside_a_layer_says_where_it_was():
    class Failing(layers.Layer):
        def call(self, x):
            raise ValueError("boo")

    model = kerasish.Sequential([layers.Dense(2), Failing(name="culprit")], name="outer")
    with pytest.raises(ValueError, match="boo") as caught:
        model(X)
    assert any("culprit" in note and "float32" in note for note in caught.value.__notes__)


# Input specs.

SPECS = [
    (dict(ndim=3), (2, 3), "expected ndim=3, found ndim=2"),
    (dict(max_ndim=1), (2, 3), "expected max_ndim=1, found ndim=2"),
    (dict(min_ndim=3), (2, 3), "expected min_ndim=3, found ndim=2"),
    (dict(dtype="int32"), (2, 3), "expected dtype=int32, found dtype=float32"),
    (dict(axes={-1: 4}), (2, 3), "expected axis -1 of input shape to have value 4"),
    (dict(shape=(None, 4)), (2, 3), "expected shape=(None, 4), found shape=(2, 3)"),
    (dict(shape=(None, 4)), (2,), "expected ndim=2, found ndim=1"),
    (dict(shape=(None, 4), allow_last_axis_squeeze=True), (2, 3), "expected shape=(None, 4)"),
]


@pytest.mark.parametrize("spec, shape, message", SPECS)
def test_input_specs_refuse_as_keras_does(oracle, spec, shape, message):
    for keras in (kerasish, oracle):
        layer = keras.layers.Activation("relu", name="picky")
        layer.input_spec = keras.layers.InputSpec(**spec)
        with pytest.raises(ValueError) as caught:
            layer(np.ones(shape, "float32"))
        assert message in str(caught.value)
        assert "of layer 'picky' is incompatible with the layer" in str(caught.value)


def test_input_specs_accept_and_describe_themselves(oracle):
    for keras in (kerasish, oracle):
        layer = keras.layers.Activation("relu")
        layer.input_spec = [keras.layers.InputSpec(ndim=2), keras.layers.InputSpec(shape=(None, 3, 1))]
        with pytest.raises(ValueError, match=r"expect.* 2 input\(s\)"):
            layer(np.ones((2, 2)))
        squeezed = keras.layers.InputSpec(shape=(None, 1), allow_last_axis_squeeze=True)
        layer.input_spec = squeezed
        assert tuple(layer(np.ones((2,), "float32")).shape) == (2,)
        with pytest.raises(TypeError, match="`axes` must be a dict with integer keys"):
            keras.layers.InputSpec(axes={"a": 1})
        with pytest.raises(ValueError, match="Axis 4 is greater than the maximum allowed value: 1"):
            keras.layers.InputSpec(shape=(3, 4), axes={4: 1})
    args = dict(shape=(None, 3), dtype="float32", axes={-1: 3})
    mine, theirs = kerasish.InputSpec(**args), oracle.InputSpec(**args)
    assert repr(mine) == repr(theirs) and mine.get_config() == theirs.get_config()
    assert kerasish.InputSpec.from_config(mine.get_config()).axes == {-1: 3}


# Subclassing. Each program runs on both libraries and must return the same.


def linear(keras, **options):
    class Linear(keras.layers.Layer):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w", regularizer="l2")
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=False, name="b")

        def call(self, x):
            return keras.ops.matmul(x, self.w) + self.b

    return Linear(name="linear", **options)


def program_weights(keras):
    layer = linear(keras, units=3)
    before = (layer.built, len(layer.weights))
    y = layer(X)
    return [
        before,
        tuple(y.shape),
        [v.path for v in layer.weights],
        layer.path,
        layer.built,
        layer.get_build_config(),
        len(layer.trainable_weights),
        len(layer.non_trainable_weights),
        len(layer.losses),
        layer.get_config(),
    ]


def program_nested(keras):
    class Nested(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="nested")
            self.stack = [keras.layers.Dense(2, name="a"), keras.layers.Dense(3, name="b")]
            self.table = {"c": keras.layers.Dense(1, name="c"), "d": [keras.layers.Dense(4, name="d")]}
            self.pair = (keras.layers.Dense(5, name="e"),)
            self.seed = keras.random.SeedGenerator(3)
            self.mean = keras.metrics.Mean(name="mean")

        def call(self, x):
            for layer in self.stack:
                x = layer(x)
            return self.table["d"][0](self.table["c"](self.pair[0](x)))

    layer = Nested()
    layer(X)
    counts = [
        len(layer.trainable_variables),
        len(layer.non_trainable_variables),
        len(layer.metrics_variables),
    ]
    paths = [v.path for v in layer.weights]
    layer.stack[0].trainable = False
    counts.append(len(layer.trainable_variables))
    layer.trainable = False
    counts += [len(layer.trainable_variables), len(layer.non_trainable_variables)]
    flags = [sub.trainable for sub in layer.stack]
    layer.trainable = True
    return [
        counts,
        paths,
        flags,
        len(layer.trainable_variables),
        [each.name for each in layer._flatten_layers()],
    ]


def program_replaced(keras):
    class Replaced(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.extra = keras.layers.Dense(9)
            del self.extra
            self.grown = []

        def build(self, input_shape):
            self.grown.append(keras.layers.Dense(2))
            self.grown[0].build(input_shape)

        def call(self, x):
            return self.grown[0](x)

    layer = Replaced()
    layer(X)
    return len(layer.weights)


def program_losses(keras):
    class Penalized(keras.layers.Layer):
        def call(self, x, training=False):
            self.add_loss(keras.ops.sum(x) * 0 + 2.0)
            return x * (2.0 if training else 1.0)

    layer = Penalized()
    layer(X)
    y = layer(X, training=True)
    dense = keras.layers.Dense(
        2, activity_regularizer="l2", kernel_regularizer="l1", kernel_initializer="ones"
    )
    dense(X)
    return [
        len(layer.losses),
        float(layer.losses[0]),
        float(array(y)[0, 0]),
        [float(v) for v in dense.losses],
    ]


def program_training_argument(keras):
    class Inner(keras.layers.Layer):
        def call(self, x, training=None):
            return x + (1.0 if training else 0.0)

    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x)

    class Defaulting(Outer):
        def call(self, x, training=True):
            return self.inner(x)

    zero = np.zeros((1, 1), "float32")
    calls = [
        (Outer(), {"training": True}),
        (Outer(), {}),
        (Defaulting(), {}),
        (Defaulting(), {"training": False}),
    ]
    return [float(array(layer(zero, **kwargs))[0, 0]) for layer, kwargs in calls]


def program_masks(keras):
    class Embed(keras.layers.Layer):
        def compute_mask(self, inputs, mask=None):
            return keras.ops.not_equal(inputs, 0)

        def call(self, inputs):
            return keras.ops.cast(inputs, "float32")[..., None] * keras.ops.ones((1, 1, 2))

    class Use(keras.layers.Layer):
        def call(self, x, mask=None):
            return x - 100 if mask is None else x * keras.ops.cast(mask, "float32")[..., None]

    class Two(keras.layers.Layer):
        def call(self, a, b, a_mask=None, b_mask=None):
            return [a_mask is not None, b_mask is not None]

    ids = np.array([[1, 2, 0], [3, 0, 0]])
    y = Embed()(ids)
    for layer in (keras.layers.Dense(2, kernel_initializer="ones"), keras.layers.Dropout(0.5)):
        y = layer(y)
    y = keras.layers.Activation("relu")(y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        used = Use()(y)
        flat = keras.layers.Flatten()(y)
        explicit = Use()(np.ones((2, 3, 2), "float32"), mask=ids > 1)
        two = Two()(y, np.ones((2, 2), "float32"))
    told = sum("does not support masking" in str(w.message) for w in caught)
    masks = [getattr(t, "_keras_mask", None) is not None for t in (y, used, flat)]
    return [array(used).tolist(), masks, told, array(explicit).tolist(), two]


def program_dtypes(keras):
    found = []
    for policy in ("float32", "float16", "mixed_float16", "mixed_bfloat16"):
        layer = keras.layers.Dense(2, dtype=policy, kernel_initializer="ones")
        y = layer(X)
        found.append(
            [keras.backend.standardize_dtype(y.dtype) if keras is not kerasish else y.dtype, layer.dtype]
        )
        found.append([layer.compute_dtype, layer.variable_dtype, layer.input_dtype, repr(layer.dtype_policy)])
        found.append(np.round(np.asarray(array(keras.ops.cast(y, "float32")), "float64"), 1).tolist())
    for x in (X.astype("float64"), np.ones((2, 3), "int32"), np.ones((2, 3), "float16")):
        found.append(str(array(keras.layers.Flatten()(x)).dtype))
    kept = keras.layers.Flatten(dtype="float16", autocast=False)(np.ones((2, 3), "float32"))
    found.append(str(array(kept).dtype))
    return found


def program_frozen_before_build(keras):
    layer = keras.layers.Dense(2)
    layer.trainable = False
    layer.build((None, 3))
    counts = [len(layer.trainable_weights), len(layer.non_trainable_weights), layer.kernel.trainable]
    layer.trainable = True
    return [*counts, len(layer.trainable_weights), layer.kernel.trainable]


def program_stateless(keras):
    layer = keras.layers.Dense(2, kernel_initializer="ones")
    layer.build((None, 3))
    y, state = layer.stateless_call([np.zeros((3, 2), "float32"), np.full(2, 5.0, "float32")], [], X)
    return [array(y).tolist(), state, layer.get_weights()[0].tolist()]


def program_inputs_in_structures(keras):
    class Add(keras.layers.Layer):
        def build(self, input_shape):
            self.seen = input_shape

        def call(self, inputs):
            a, b = inputs.values() if isinstance(inputs, dict) else inputs
            return a + b

    class Product(keras.layers.Layer):
        def build(self, a_shape, b_shape):
            self.k = self.add_weight(shape=(a_shape[-1], b_shape[-1]), initializer="ones")

        def call(self, a, b):
            return keras.ops.matmul(a, self.k) + b

    added = []
    for inputs in ([X, X], {"a": X, "b": X}):
        layer = Add()
        y = layer(inputs)
        added.append([array(y).tolist(), layer.seen, layer.get_build_config()])
    positional, named = Product(), Product()
    b = np.ones((4, 2), "float32")
    results = [array(positional(X, b)).tolist(), array(named(b=b, a=X)).tolist()]
    return [added, results, positional.get_build_config(), named.get_build_config()]


def program_auto_config(keras):
    class Plain(keras.layers.Layer):
        def __init__(self, a, b=3, *, c=None, **kwargs):
            super().__init__(**kwargs)

    class Bare(keras.layers.Layer):
        def __init__(self, a):
            super().__init__()

    config = Plain([1, 2], c={"k": (3,)}, name="n").get_config()
    again = Plain.from_config(config).get_config()
    with pytest.raises(NotImplementedError, match=r"override `get_config\(\)`"):
        Plain(object()).get_config()
    return [list(config), config, again == config, "name" in Bare(1).get_config()]


def program_containers_are_trees(keras):
    class Holder(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.items, self.table = [1, [2]], {"y": 2, "x": 1}

    holder, tree = Holder(), keras.tree
    return [
        tree.flatten(holder.items),
        tree.flatten(holder.table),
        list(tree.map_structure(lambda v: v + 1, holder.items)),
        dict(tree.map_structure(lambda v: v + 1, holder.table)),
        tree.is_nested(holder.items),
        holder.items == [1, [2]],
        copy.deepcopy(holder.table),
    ]


PROGRAMS = {name[8:]: value for name, value in globals().items() if name.startswith("program_")}


def rounded(result):
    """The last digits of floats depend on how the oracle is compiled."""
    if isinstance(result, (list, tuple)):
        return [rounded(part) for part in result]
    return float(f"{result:.6g}") if isinstance(result, float) else result


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_subclasses_does_what_it_does_in_keras(oracle, name):
    # Keras names a layer's config by whether `__init__` has a parameter called `kwargs`, which these programs do.
    assert rounded(PROGRAMS[name](kerasish)) == rounded(PROGRAMS[name](oracle))


def test_a_layer_without_kwargs_can_be_made_again_from_its_config():
    class Bare(layers.Layer):
        def __init__(self, a):
            super().__init__()
            self.a = a

    assert Bare.from_config(Bare(7).get_config()).a == 7


def test_state_is_closed_once_a_layer_is_built():
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [layers.Dense(2)]

        def call(self, x):
            return self.parts[0](x)

    layer = Holder()
    layer(X)
    before = len(layer.weights)
    for change in (
        lambda: layer.parts.append(layers.Dense(3)),
        lambda: setattr(layer, "late", layers.Dense(3)),
        lambda: setattr(layer, "variable", kerasish.Variable(1.0)),
        lambda: layer.add_weight(shape=(2,)),
    ):
        with pytest.raises(
            ValueError, match="cannot add new elements of state .* to a layer that is already built"
        ):
            change()
    assert len(layer.weights) == before and len(layer.parts) == 1


@pytest.mark.parametrize("with_layer", [False, True])
def test_forgetting_super_init_is_told(with_layer):
    class Forgetful(layers.Layer):
        def __init__(self):
            if with_layer:
                self.inner = layers.Dense(2)
            self.units = 3

        def call(self, x):
            return x

    with pytest.raises(
        RuntimeError, match=r"In layer 'Forgetful', you forgot to call `super\(\).__init__\(\)`"
    ):
        Forgetful()(X)


def test_other_mistakes_in_subclasses_are_told():
    class NoCall(layers.Layer):
        pass

    class OddBuild(layers.Layer):
        def build(self, foo, b_shape):
            pass

        def call(self, a, b):
            return a

    class Unbuilt(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

    with pytest.raises(NotImplementedError, match=r"NoCall does not have a `call\(\)` method"):
        NoCall()(X)
    with pytest.raises(ValueError, match=r"all arguments should have a `_shape` suffix.*'foo'"):
        OddBuild()(X, X)
    with pytest.warns(UserWarning, match="looks like it has unbuilt state"):
        Unbuilt().build((None, 3))
    with pytest.raises(
        TypeError, match=r"Error when deserializing class 'NoCall' using config=\{'colour': 1\}"
    ):
        NoCall.from_config({"colour": 1})


def test_weights_are_set_all_or_none():
    layer = layers.Dense(2, name="d")
    with pytest.raises(ValueError, match="weight list of length 1, but the layer was expecting 0 weights"):
        layer.set_weights([np.ones((3, 2))])
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ValueError, match="weight list of length 1, but the layer was expecting 2 weights"):
        layer.set_weights([np.ones((3, 2))])
    with pytest.raises(
        ValueError, match=r"weight shape \(2,\) is not compatible with provided weight shape \(4,\)"
    ):
        layer.set_weights([np.ones((3, 2)), np.ones(4)])
    for mine, old in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)
    layer.get_weights()[0][:] = 7.0
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])


def test_own_variables_go_into_and_come_from_a_store():
    layer, store = layers.Dense(2, name="d"), {}
    layer.build((None, 3))
    layer.save_own_variables(store)
    assert sorted(store) == ["0", "1"]
    other = layers.Dense(2, name="other")
    with pytest.raises(
        ValueError, match="Layer 'other' was never built .* the weights file lists 2 variables"
    ):
        other.load_own_variables(store)
    other.build((None, 3))
    other.load_own_variables(store)
    np.testing.assert_array_equal(other.get_weights()[0], layer.get_weights()[0])
    with pytest.raises(ValueError, match="Layer 'other' expected 2 variables, but received 1 variables"):
        other.load_own_variables({"0": store["0"]})


def test_stateless_calls_check_their_arguments():
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="must be built"):
        layer.stateless_call([], [], X)
    layer.build((None, 3))
    with pytest.raises(ValueError, match="list with length 1, but expected 2 variables"):
        layer.stateless_call([np.ones((3, 2))], [], X)


def test_mixed_precision_trains_float32_weights_through_16_bits():
    layer = layers.Dense(2, dtype="mixed_float16", kernel_initializer="ones")
    layer.build((None, 3))
    with kerasish.GradientTape() as tape:
        y = layer(X)
        loss = ops.sum(ops.cast(y, "float32"))
    gradients = tape.gradient(loss, layer.trainable_variables)
    assert [g.dtype for g in gradients] == ["float32", "float32"]
    np.testing.assert_allclose(gradients[0].numpy(), np.repeat(X.sum(0)[:, None], 2, 1), rtol=2e-2, atol=2e-2)
    assert layer.kernel.dtype == "float32"

    class Counter(layers.Layer):
        def __init__(self):
            super().__init__(dtype="mixed_float16")
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, autocast=False)
            self.total = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.count.assign_add(1.0)
            self.total.assign(self.total + 1)
            return x * self.total + ops.cast(self.count, x.dtype)

    counter = Counter()
    values = [float(counter(np.ones((1,), "float32"))[0]) for _ in range(3)]
    assert values == [2.0, 4.0, 6.0] and float(counter.count) == 3.0 and counter.total.dtype == "float32"


def test_dtype_policies():
    policy = kerasish.DTypePolicy("mixed_float16")
    assert (policy.compute_dtype, policy.variable_dtype, policy.name) == (
        "float16",
        "float32",
        "mixed_float16",
    )
    assert policy == kerasish.DTypePolicy.from_config(policy.get_config())
    assert hash(policy) == hash(kerasish.DTypePolicy("mixed_float16")) and policy != kerasish.DTypePolicy(
        "float32"
    )
    for bad, kind in (("float31", ValueError), (3, TypeError)):
        with pytest.raises(kind, match=str(bad)):
            kerasish.DTypePolicy(bad)
    with pytest.raises(ValueError, match="class_name='Dense'"):
        kerasish.dtype_policies.deserialize({"class_name": "Dense", "config": {}})
    kerasish.dtype_policies.set_dtype_policy("mixed_bfloat16")
    try:
        assert layers.Dense(2).compute_dtype == "bfloat16"
    finally:
        kerasish.dtype_policies.set_dtype_policy(None)
    assert layers.Dense(2).compute_dtype == "float32"


def test_input_shape_argument_warns_and_builds():
    with pytest.warns(UserWarning, match="Do not pass an `input_shape`/`input_dim` argument to a layer"):
        layer = layers.Dense(2, input_shape=(3,))
    assert kerasish.Sequential([layer]).input_shape == (None, 3)
    with pytest.warns(UserWarning):
        assert kerasish.Sequential([layers.Dense(2, input_dim=5)]).input_shape == (None, 5)


def test_arguments_become_tensors_and_other_values_pass_by_name():
    class Spy(layers.Layer):
        def call(self, x, factor=1, name=None, pair=None):
            self.seen = (type(x).__name__, factor, name, type(pair))
            return x

    spy = Spy()
    for x in (X, X.tolist(), [X, X], {"a": X}):
        spy(x, factor=2, name="n", pair=(1, 2))
    spy([1.0, 2.0])
    assert spy.seen[0] == "Tensor"
    with pytest.raises(ValueError, match="passed as a keyword argument: 3"):
        spy(X, 3)
    assert layers.Activation("relu")([-1.0, 2.0]).numpy().tolist() == [0.0, 2.0]
