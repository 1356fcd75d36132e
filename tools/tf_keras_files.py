"""Model files of tf_keras (Keras 2 on TensorFlow), opened by kerasish: do the predictions agree?

    python tools/tf_keras_files.py write FOLDER     # where tensorflow and tf_keras are installed
    python tools/tf_keras_files.py check FOLDER     # where kerasish is

Each architecture is written as `.h5` and as `.keras`, with its inputs and outputs beside it.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np

TOLERANCE = 1e-5


def architectures() -> dict:
    """Return functions that build models, by name; each has its own layers and options."""
    import tensorflow as tf
    from tf_keras import Input, Model, Sequential
    from tf_keras import layers as L

    def chain(shape, *layers):
        return lambda: Sequential([Input(shape), *(layer() for layer in layers)])

    def graph(shapes, function):
        def build():
            inputs = [Input(shape) for shape in shapes]
            return Model(inputs if len(inputs) > 1 else inputs[0], function(*inputs))

        return build

    def block(x):
        y = L.Conv2D(4, 3, padding="same", use_bias=False)(x)
        y = L.BatchNormalization()(y)
        return L.ReLU(max_value=6.0)(L.Add()([x, y]))

    def encoder_decoder(x, y):
        _, h, c = L.LSTM(5, return_state=True)(x)
        z = L.LSTM(5, return_sequences=True)(y, initial_state=[h, c])
        return L.TimeDistributed(L.Dense(3, activation="softmax"))(z)

    def shared(x, y):
        tower = Sequential([Input((6,)), L.Dense(4, "tanh"), L.Dense(3)])
        return L.Concatenate()([tower(x), tower(y), L.Subtract()([tower(x), tower(y)])])

    def nested(x):
        inner_in = Input((5,))
        inner = Model(inner_in, [L.Dense(3)(inner_in), L.BatchNormalization()(inner_in)])
        a, b = inner(x)
        return L.Concatenate()([a, b])

    def transformer(x):
        y = L.MultiHeadAttention(2, 4)(x, x)
        x = L.LayerNormalization()(x + y)
        return L.GlobalAveragePooling1D()(x + L.Dense(8)(L.Dense(16, "gelu")(x)))

    def functions(x):
        y = tf.nn.relu(x * 2.0 + 1.0) - tf.math.square(x) / 3.0
        y = tf.concat([y, tf.reduce_mean(x, axis=1, keepdims=True)], axis=-1)
        return tf.math.maximum(tf.nn.softmax(y), 0.05) ** 2.0

    def slices(x):
        return tf.stack([x[:, 0, :], x[:, -1], x[:, 1] * x[:, 2, ::1]], axis=1)[..., 1:]

    def shapes(x):
        y = tf.transpose(tf.reshape(x, (-1, 3, 4)), perm=[0, 2, 1])
        return tf.squeeze(tf.expand_dims(tf.cast(y > 0.5, "float32"), -1), axis=-1) + tf.tile(y, [1, 1, 1])

    def constants(x):
        return tf.clip_by_value(
            x @ tf.constant(np.eye(4, dtype="float32") * 2) + [1.0, 2.0, 3.0, 4.0], 0.5, 3.0
        )

    def reflected(x):
        return 1.0 / (2.0 - x) - tf.abs(-x) + tf.exp(x) * tf.math.log(x + 1.0)

    sequence, image = (7, 5), (12, 10, 4)
    return {
        "dense": chain((6,), lambda: L.Dense(4, "relu"), lambda: L.Dense(3, "softmax")),
        "regularized": chain((6,), lambda: L.Dense(4, kernel_regularizer="l2", kernel_constraint="max_norm")),
        "hard_sigmoid": chain((6,), lambda: L.Dense(4, "hard_sigmoid"), lambda: L.Activation("hard_sigmoid")),
        "activations": chain(
            (6,), lambda: L.Dense(4, "swish"), lambda: L.Dense(4, "gelu"), lambda: L.Dense(4, "selu"),
            lambda: L.Dense(4, "softplus"), lambda: L.Dense(4, "elu"), lambda: L.Dense(4, "exponential"),
        ),
        "activation_layers": chain(
            (6,), lambda: L.LeakyReLU(0.2), lambda: L.Dense(5), lambda: L.PReLU("uniform"), lambda: L.ELU(0.7),
            lambda: L.ThresholdedReLU(0.1), lambda: L.Softmax(),
        ),
        "dropouts": chain(
            (6,), lambda: L.Dropout(0.3), lambda: L.GaussianNoise(0.1), lambda: L.GaussianDropout(0.2),
            lambda: L.AlphaDropout(0.1), lambda: L.Dense(3),
        ),
        "batch_normalization": chain((6,), lambda: L.Dense(4), lambda: L.BatchNormalization()),
        "layer_normalization": chain((6,), lambda: L.LayerNormalization(), lambda: L.UnitNormalization()),
        "group_normalization": chain(image, lambda: L.GroupNormalization(2)),
        "convnet": chain(
            image, lambda: L.Conv2D(3, 3, activation="relu"), lambda: L.MaxPooling2D(), lambda: L.Flatten(),
            lambda: L.Dense(3),
        ),
        "strided": chain(image, lambda: L.Conv2D(3, (3, 2), strides=2, padding="same", dilation_rate=1)),
        "dilated": chain(image, lambda: L.Conv2D(3, 3, dilation_rate=2)),
        "grouped": chain(image, lambda: L.Conv2D(4, 3, groups=2)),
        "depthwise": chain(image, lambda: L.DepthwiseConv2D(3, depth_multiplier=2), lambda: L.Conv2D(2, 1)),
        "separable": chain(image, lambda: L.SeparableConv2D(3, 3, activation="hard_sigmoid")),
        "separable_1d": chain(sequence, lambda: L.SeparableConv1D(3, 3)),
        "transposed": chain(image, lambda: L.Conv2DTranspose(3, 3, strides=2, padding="same")),
        "conv1d": chain(sequence, lambda: L.Conv1D(3, 3, padding="causal"), lambda: L.MaxPooling1D(2)),
        "conv3d": chain((5, 5, 5, 2), lambda: L.Conv3D(3, 2), lambda: L.AveragePooling3D(2)),
        "pools": chain(image, lambda: L.AveragePooling2D(2, padding="same"), lambda: L.GlobalMaxPooling2D()),
        "resampling": chain(
            image, lambda: L.ZeroPadding2D(2), lambda: L.Cropping2D(1),
            lambda: L.UpSampling2D(2, interpolation="bilinear"),
        ),
        "autoencoder": chain(
            image, lambda: L.Conv2D(3, 3, padding="same"), lambda: L.MaxPooling2D(2), lambda: L.UpSampling2D(2),
            lambda: L.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ),
        "residual": graph([image], lambda x: L.GlobalAveragePooling2D()(block(block(x)))),
        "inception": graph(
            [image], lambda x: L.Concatenate(axis=-1)([L.Conv2D(2, 1)(x), L.Conv2D(3, 3, padding="same")(x)])
        ),
        "lstm": chain(sequence, lambda: L.LSTM(4, return_sequences=True), lambda: L.LSTM(3)),
        "lstm_options": chain(
            sequence, lambda: L.LSTM(4, recurrent_activation="hard_sigmoid", go_backwards=True, unit_forget_bias=False)
        ),
        "gru": chain(sequence, lambda: L.GRU(4, return_sequences=True), lambda: L.GRU(3, reset_after=False)),
        "gru_hard": chain(sequence, lambda: L.GRU(4, recurrent_activation="hard_sigmoid")),
        "simple_rnn": chain(sequence, lambda: L.SimpleRNN(4, "relu")),
        "bidirectional": chain(
            sequence, lambda: L.Bidirectional(L.LSTM(4, return_sequences=True)),
            lambda: L.Bidirectional(L.GRU(3, recurrent_activation="hard_sigmoid"), merge_mode="sum"),
        ),
        "cells": chain(sequence, lambda: L.RNN([L.LSTMCell(4), L.GRUCell(3)])),
        "conv_lstm": chain((3, 6, 6, 2), lambda: L.ConvLSTM2D(2, 3)),
        "time_distributed": chain(
            (3, *image), lambda: L.TimeDistributed(L.Conv2D(2, 3)), lambda: L.TimeDistributed(L.Flatten()),
        ),
        "reshapes": chain((12,), lambda: L.Reshape((3, 4)), lambda: L.Permute((2, 1)), lambda: L.Flatten(),
                          lambda: L.RepeatVector(2)),
        "embedding": chain((7,), lambda: L.Embedding(5, 3, mask_zero=True), lambda: L.LSTM(4)),
        "masking": chain(sequence, lambda: L.Masking(), lambda: L.GRU(3)),
        "normalization": chain((6,), lambda: L.Normalization(mean=0.4, variance=0.3), lambda: L.Rescaling(2.0, 1.0)),
        "encoder_decoder": graph([sequence, sequence], encoder_decoder),
        "shared": graph([(6,), (6,)], shared),
        "nested": graph([(5,)], nested),
        "nested_chain": lambda: _called(
            Sequential([Sequential([Input((6,)), L.Dense(4), L.BatchNormalization()]), L.Dense(2)]), (6,)
        ),
        "dot": graph([sequence, sequence], lambda x, y: L.Dot(axes=(2, 2), normalize=True)([x, y])),
        "merges": graph(
            [(6,), (6,)],
            lambda x, y: L.Multiply()([L.Average()([x, y]), L.Maximum()([x, y]), L.Minimum()([x, y])]),
        ),
        "attention": graph([sequence, sequence], lambda x, y: L.Attention(use_scale=True)([x, y])),
        "additive_attention": graph([sequence, sequence], lambda x, y: L.AdditiveAttention()([x, y])),
        "transformer": graph([(7, 8)], transformer),
        "einsum": chain(sequence, lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")),
        "functions": graph([(6,)], functions),
        "slices": graph([sequence], slices),
        "shapes": graph([(12,)], shapes),
        "constants": graph([(4,)], constants),
        "reflected": graph([(4,)], reflected),
        "frozen": graph([(6,)], lambda x: L.Dense(2)(L.BatchNormalization(trainable=False)(x))),
        "no_input": lambda: Sequential([L.Dense(4, input_shape=(6,)), L.Dense(2)]),
        "built_late": lambda: _called(Sequential([L.Dense(4), L.Dense(2)]), (6,)),
        "stateful": lambda: Sequential([L.LSTM(3, stateful=True, batch_input_shape=(2, 7, 5))]),
    }  # fmt: skip


def _called(model, shape):
    model(np.zeros((2, *shape), "float32"))
    return model


def write(folder: pathlib.Path) -> None:
    """Write every architecture, its weights random, with inputs and what it predicts for them."""
    import tf_keras

    folder.mkdir(parents=True, exist_ok=True)
    for name, build in architectures().items():
        tf_keras.backend.clear_session()
        rng = np.random.default_rng(0)
        model = build()
        model.set_weights([rng.uniform(0.1, 1.0, w.shape) - 0.5 * (w.ndim > 1) for w in model.get_weights()])
        model.compile("adam", "mse")
        sizes = [(2, *tensor.shape[1:]) for tensor in model.inputs]
        integers = name == "embedding"
        inputs = [
            rng.integers(0, 5, size) if integers else rng.random(size, dtype="float32") for size in sizes
        ]
        outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        named = {f"in{i}": x for i, x in enumerate(inputs)} | {f"out{i}": y for i, y in enumerate(outputs)}
        np.savez(folder / f"{name}.npz", **named)
        for extension in ("h5", "keras"):
            try:
                model.save(folder / f"{name}.{extension}")
            except Exception as error:
                print(f"tf_keras cannot write {name}.{extension}: {str(error)[:100]}")


def check(folder: pathlib.Path) -> int:
    """Open every file and compare; return how many do not agree."""
    import kerasish

    failed = total = 0
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".h5", ".keras")):
        total += 1
        with np.load(path.with_suffix(".npz")) as data:
            inputs = [data[key] for key in data if key.startswith("in")]
            expected = [data[key] for key in data if key.startswith("out")]
        try:
            model = kerasish.models.load_model(path)
            outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            for output, values in zip(outputs, expected, strict=True):
                np.testing.assert_allclose(output, values, rtol=TOLERANCE, atol=TOLERANCE)
        except Exception as error:
            failed += 1
            print(f"{path.name:28s} FAILS {type(error).__name__}: {' '.join(str(error).split())[-400:]}")
    print(
        f"{total - failed} of {total} files of {len(list(folder.glob('*.npz')))} architectures open and agree"
    )
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("write", "check"):
        sys.exit(__doc__)
    target = pathlib.Path(sys.argv[2])
    sys.exit(write(target) if sys.argv[1] == "write" else bool(check(target)))
