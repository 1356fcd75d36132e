"""A siamese network: two digits go through the same layers, and the distance of the results says if they are equal."""

import argparse

import numpy as np

import kerasish as keras
from kerasish import layers, ops


def pairs(x, y, seed=0):
    """As many pairs of equal digits as of different ones."""
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(y == digit) for digit in range(10)]
    equal = np.arange(len(x)) % 2 == 0
    others = np.where(equal, y, (y + random.integers(1, 10, len(y))) % 10)
    partner = np.array([random.choice(members[digit]) for digit in others])
    return x, x[partner], equal.astype("float32")


def build_model():
    image = keras.Input((28, 28))
    hidden = layers.Dense(128, activation="relu")(layers.Flatten()(image))
    embedding = keras.Model(image, layers.Dense(32)(layers.Dropout(0.1)(hidden)), name="embedding")
    left, right = keras.Input((28, 28), name="left"), keras.Input((28, 28), name="right")
    difference = layers.Subtract()([embedding(left), embedding(right)])
    distance = ops.sqrt(ops.sum(ops.square(difference), axis=-1, keepdims=True) + 1e-6)
    return keras.Model([left, right], layers.Dense(1, activation="sigmoid")(distance))


def main(epochs=10, samples=60000, batch_size=128):
    keras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
    left, right, equal = pairs(x[:samples] / 255.0, y[:samples].astype(int))
    model = build_model()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit([left, right], equal, batch_size=batch_size, epochs=epochs)
    left, right, equal = pairs(x_test[:samples] / 255.0, y_test[:samples].astype(int), seed=1)
    _, accuracy = model.evaluate([left, right], equal, verbose=0)
    print(f"accuracy on pairs of test digits: {accuracy:.4f}")
    return history.history["loss"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=60000)
    main(**vars(parser.parse_args()))
