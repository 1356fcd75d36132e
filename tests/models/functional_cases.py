"""Functional models in Keras's vocabulary, each built with kerasish and with Keras alike."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(7)


def floats(*shape):
    return RNG.normal(size=shape).astype("float32")


def chain(keras):
    x = inputs = keras.Input((6,), name="entry")
    x = keras.layers.Dense(4, activation="relu")(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x)), floats(3, 6)


def two_inputs(keras):
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    a, b = keras.layers.Dense(5)(left), keras.layers.Dense(5)(right)
    merged = keras.layers.Concatenate()([a, b])
    return keras.Model([left, right], keras.layers.Dense(2)(merged), name="two"), [
        floats(3, 4),
        floats(3, 3),
    ]


def two_outputs(keras):
    x = keras.Input((4,))
    h = keras.layers.Dense(3, name="hidden")(x)
    return keras.Model(x, [keras.layers.Dense(1, name="a")(h), keras.layers.Dense(2, name="b")(h)]), floats(
        2, 4
    )


def dicts(keras):
    inputs = {"b": keras.Input((4,), name="b"), "a": keras.Input((4,), name="a")}
    h = keras.layers.Add()([inputs["a"], inputs["b"]])
    outputs = {"z": keras.layers.Dense(2, name="z")(h), "y": h}
    return keras.Model(inputs, outputs), {"a": floats(2, 4), "b": floats(2, 4)}


def nested_structure(keras):
    a, b, c = (keras.Input((3,), name=n) for n in "abc")
    h = keras.layers.Add()([a, b, c])
    outputs = [h, {"deep": (keras.layers.Dense(2, name="d")(h), h)}]
    return keras.Model([a, (b, c)], outputs), [floats(2, 3), (floats(2, 3), floats(2, 3))]


def shared_layer(keras):
    shared = keras.layers.Dense(4, name="shared")
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    merged = keras.layers.Subtract()([shared(a), shared(b)])
    return keras.Model([a, b], keras.layers.Dense(1)(merged)), [floats(2, 3), floats(2, 3)]


def shared_at_several_depths(keras):
    x = keras.Input((3,))
    first, second = keras.layers.Dense(3, name="first"), keras.layers.Dense(3, name="second")
    return keras.Model(x, first(second(first(second(x))))), floats(2, 3)


def nested_models(keras):
    inner_in = keras.Input((4,), name="inner_in")
    inner = keras.Model(inner_in, keras.layers.Dense(3, name="inner_dense")(inner_in), name="inner")
    tower = keras.Sequential(
        [keras.Input((3,), name="tower_in"), keras.layers.Dense(2, name="t")], name="tower"
    )
    x = keras.Input((4,), name="outer_in")
    h = inner(x)
    return keras.Model(x, [tower(h), inner(x)], name="outer"), floats(2, 4)


def deeply_nested(keras):
    def wrap(model, size, name):
        x = keras.Input((size,), name=f"{name}_in")
        return keras.Model(x, keras.layers.Dense(size, name=f"{name}_dense")(model(x)), name=name)

    x = keras.Input((3,), name="core_in")
    core = keras.Model(x, keras.layers.Dense(3, name="core_dense")(x), name="core")
    return wrap(wrap(core, 3, "middle"), 3, "shell"), floats(2, 3)


def nested_output_is_output(keras):
    x = keras.Input((3,), name="i")
    inner = keras.Model(
        x, [keras.layers.Dense(2, name="p")(x), keras.layers.Dense(1, name="q")(x)], name="inner"
    )
    y = keras.Input((3,), name="o")
    return keras.Model(y, inner(y), name="outer"), floats(2, 3)


def of_ops(keras):
    ops = keras.ops
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    z = ops.add(x, y) + 1
    z = (2 - z) / 2
    z = abs(-z) ** 2
    z = ops.concatenate([z[:, 1:], z[..., :2]], axis=-1)
    z = ops.softmax(z) @ ops.ones((5, 2))
    z = ops.where(z > 0.5, z, 0.0)
    z = ops.reshape(ops.expand_dims(z, 1), (-1, 2))
    total = ops.sum(z, axis=1, keepdims=True)
    return keras.Model([x, y], [z, total, ops.mean(ops.relu(total), axis=-1)]), [floats(2, 4), floats(2, 4)]


def of_several_results(keras):
    x = keras.Input((6,), name="x")
    a, b, c = keras.ops.split(x, 3, axis=-1)
    return keras.Model(x, [keras.layers.Dense(2)(a), keras.ops.stack([b, c], axis=1)]), floats(2, 6)


def of_operators(keras):
    x, y = keras.Input((3,), name="x"), keras.Input((3,), name="y")
    parts = [x - y, x * 2.0, 2.0 * x, x // 2.0, x % 2.0, 1.0 / (y**2 + 1.0), 3.0 - x]
    parts += [
        keras.ops.cast(p, "float32") for p in (x < y, x <= y, x >= y, x > y, ~(x > y), (x > 0) & (y > 0))
    ]
    return keras.Model([x, y], keras.ops.concatenate(parts)), [floats(2, 3), floats(2, 3)]


def unused_input(keras):
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    return keras.Model([a, b], keras.layers.Dense(2)(a)), [floats(2, 3), floats(2, 2)]


def input_is_output(keras):
    x = keras.Input((3,), name="x")
    return keras.Model(x, [x, keras.layers.Dense(2)(x)]), floats(2, 3)


def residual_convolutions(keras):
    x = inputs = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    h = keras.layers.Conv2D(4, 3, padding="same")(x)
    x = keras.layers.Activation("relu")(keras.layers.Add()([x, h]))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.MaxPooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x)), floats(2, 8, 8, 3)


def with_training(keras):
    x = keras.Input((4,), name="x")
    h = keras.layers.Dropout(0.5)(x, training=False)
    return keras.Model(x, keras.layers.Dense(2)(h)), floats(2, 4)


def of_a_part(keras):
    x = keras.Input((4,), name="x")
    a = keras.layers.Dense(3, name="a")(x)
    b = keras.layers.Dense(2, name="b")(a)
    whole = keras.Model(x, b)
    return keras.Model(whole.input, whole.get_layer("a").output), floats(2, 4)


def of_a_sequential_part(keras):
    whole = keras.Sequential(
        [keras.Input((4,), name="x"), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")]
    )
    return keras.Model(whole.inputs, whole.layers[0].output, name="part"), floats(2, 4)


def frozen_part(keras):
    x = keras.Input((4,), name="x")
    h = keras.layers.Dense(3, trainable=False)(x)
    return keras.Model(x, keras.layers.Dense(2)(h)), floats(2, 4)


def integer_input(keras):
    x = keras.Input((3,), dtype="int32", name="x")
    return keras.Model(x, keras.layers.Dense(2)(keras.ops.one_hot(x, 4)[:, 0])), np.array(
        [[0, 1, 2], [3, 2, 1]]
    )


def list_of_one(keras):
    x = keras.Input((3,), name="x")
    return keras.Model([x], [keras.layers.Dense(2)(x)]), floats(2, 3)


def subclass_of_inputs_and_outputs(keras):
    class Own(keras.Model):
        def train_step(self, data):
            return super().train_step(data)

    x = keras.Input((3,), name="x")
    return Own(x, keras.layers.Dense(2)(x), name="own"), floats(2, 3)


CASES = {
    f.__name__: f
    for f in (
        chain,
        two_inputs,
        two_outputs,
        dicts,
        nested_structure,
        shared_layer,
        shared_at_several_depths,
        nested_models,
        deeply_nested,
        nested_output_is_output,
        of_ops,
        of_several_results,
        of_operators,
        unused_input,
        input_is_output,
        residual_convolutions,
        with_training,
        of_a_part,
        of_a_sequential_part,
        frozen_part,
        integer_input,
        list_of_one,
    )
}
