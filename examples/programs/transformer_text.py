"""A small Transformer that tells from which module of the standard library a piece of documentation is."""

import argparse
import inspect
import re

import numpy as np

import kerasish as keras
from kerasish import layers

MODULES = ("argparse", "datetime", "decimal", "statistics")


def pieces(words=24):
    """Runs of `words` words of the modules' docstrings, the modules' numbers, and the docstrings' numbers."""
    texts, labels, sources = [], [], []
    for label, name in enumerate(MODULES):
        module = __import__(name)
        things = [member for key, member in sorted(vars(module).items()) if key[0] != "_"]
        things = [thing for thing in things if getattr(thing, "__module__", None) == name]  # not what it imports
        classes = [thing for thing in things if inspect.isclass(thing)]
        things += [member for thing in classes for key, member in vars(thing).items() if key[0] != "_"]
        documents = dict.fromkeys(filter(None, map(inspect.getdoc, [module, *things])))
        for source, document in enumerate(documents):
            found = re.findall(r"[a-z]+", document.lower())
            for start in range(0, max(len(found) - words, 1), words // 3):
                texts.append(" ".join(found[start : start + words]))
                labels.append(label)
                sources.append(source)
    return np.array(texts), np.array(labels), np.array(sources)


def build_model(vocabulary, length, width=32):
    tokens = keras.Input((length,), dtype="int32")
    x = layers.Embedding(vocabulary, width)(tokens)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, width // 2)(x, x)]))
    y = layers.Dense(width)(layers.Dense(2 * width, activation="relu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(tokens, layers.Dense(len(MODULES), activation="softmax")(x))


def main(epochs=10, samples=10000, batch_size=32):
    keras.utils.set_random_seed(0)
    texts, labels, sources = pieces()
    order = np.random.default_rng(0).permutation(len(texts))[:samples]
    texts, labels, held = texts[order], labels[order], sources[order] % 5 == 0  # whole docstrings are held out
    vectorize = layers.TextVectorization(max_tokens=1000, output_sequence_length=24)
    vectorize.adapt(texts[~held])
    x = keras.ops.convert_to_numpy(vectorize(texts))
    model = build_model(1000, 24)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    held_out = x[held], labels[held]
    history = model.fit(
        x[~held], labels[~held], batch_size=batch_size, epochs=epochs, validation_data=held_out
    )
    print(f"validation accuracy: {history.history['val_accuracy'][-1]:.3f}")
    return history.history["loss"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=10000)
    main(**vars(parser.parse_args()))
