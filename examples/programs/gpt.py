"""A small GPT that writes text letter by letter, trained on docstrings of Python's standard library."""

import argparse
import inspect

import numpy as np

import kerasish as keras
from kerasish import layers, ops

MODULES = "argparse collections datetime decimal functools heapq itertools json random statistics textwrap".split()


def text():
    """The docstrings of some modules and of what is in them."""
    modules = [__import__(name) for name in MODULES]
    members = [getattr(module, name) for module in modules for name in sorted(dir(module)) if name[0] != "_"]
    return "\n\n".join(dict.fromkeys(filter(None, map(inspect.getdoc, [*modules, *members]))))


class Positions(layers.Layer):
    """Adds a learned vector for each place."""

    def build(self, input_shape):
        self.table = self.add_weight(input_shape[1:], initializer="uniform", name="table")

    def call(self, inputs):
        return inputs + self.table


def build_model(letters, length, width=64, heads=4, blocks=2):
    tokens = keras.Input((length,), dtype="int32")
    x = Positions()(layers.Embedding(letters, width)(tokens))
    for _ in range(blocks):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(heads, width // heads)(y, y, use_causal_mask=True)])
        y = layers.Dense(4 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width)(y)])
    return keras.Model(tokens, layers.Dense(letters)(layers.LayerNormalization()(x)))


def write(model, start, alphabet, length, count, random):
    """Continue `start` by `count` letters."""
    tokens = [alphabet.index(letter) for letter in start]
    for _ in range(count):
        recent = tokens[-length:]
        window = np.array([recent + [0] * (length - len(recent))], "int32")  # what follows is masked
        logits = ops.convert_to_numpy(model(window))[0, len(recent) - 1] / 0.8
        chances = np.exp(logits - logits.max())
        tokens.append(random.choice(len(alphabet), p=chances / chances.sum()))
    return "".join(alphabet[token] for token in tokens)


def main(epochs=10, samples=8192, batch_size=64, length=64, letters=300):
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    corpus = text()
    alphabet = sorted(set(corpus))
    codes = np.array([alphabet.index(letter) for letter in corpus], "int32")
    starts = random.integers(0, len(codes) - length - 1, samples)
    x = codes[starts[:, None] + np.arange(length)]
    y = codes[starts[:, None] + np.arange(1, length + 1)]
    model = build_model(len(alphabet), length)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(2e-3), loss)
    history = model.fit(x, y, batch_size=batch_size, epochs=epochs)
    print(write(model, "Return ", alphabet, length, letters, random))
    return history.history["loss"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=8192)
    main(**vars(parser.parse_args()))
