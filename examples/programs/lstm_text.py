"""An LSTM that tells whether a generated review is favorable: the order of its words decides, not which they are."""

import argparse

import numpy as np

import kerasish as keras
from kerasish import layers

THINGS = ("the plot", "the music", "the cast", "the ending", "the camera work", "the dialogue")
GOOD = ("wonderful", "clever", "moving", "funny", "fresh", "convincing")
BAD = ("dull", "clumsy", "shallow", "tired", "predictable", "lifeless")
PREFACES = ("", "", "to be honest", "i must say", "as everybody knows", "for what it is worth")


def clause(random, good):
    """A statement that is favorable if `good`; half of them say so by denying the opposite."""
    denied = random.random() < 0.5
    word = random.choice(GOOD if good != denied else BAD)
    parts = [random.choice(PREFACES), random.choice(THINGS), "is", "not" if denied else "", word]
    return " ".join(filter(None, parts))


def reviews(number, seed=0):
    """Reviews of one to three clauses joined by "but", and whether the last clause, the verdict, is favorable."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(number):
        opinions = random.random(random.integers(1, 4)) < 0.5
        texts.append(" but ".join(clause(random, good) for good in opinions))
        labels.append(int(opinions[-1]))
    return np.array(texts), np.array(labels)


def build_model(vocabulary, length, units=32):
    return keras.Sequential(
        [
            layers.Input((length,), dtype="int32"),
            layers.Embedding(vocabulary, 16, mask_zero=True),  # the padding is no part of a review
            layers.LSTM(units),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def main(epochs=10, samples=8000, batch_size=64):
    keras.utils.set_random_seed(0)
    texts, labels = reviews(samples)
    vectorize = layers.TextVectorization(output_sequence_length=32)
    vectorize.adapt(texts)
    x = keras.ops.convert_to_numpy(vectorize(texts))
    model = build_model(vectorize.vocabulary_size(), 32)
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, labels, batch_size=batch_size, epochs=epochs, validation_split=0.2)
    print(f"validation accuracy: {history.history['val_accuracy'][-1]:.3f}")
    return history.history["loss"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=8000)
    main(**vars(parser.parse_args()))
