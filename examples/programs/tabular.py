"""A table with numbers and categories, prepared by preprocessing layers; the data is generated."""

import argparse

import numpy as np

import kerasish as keras
from kerasish import layers


def table(samples, seed=0):
    """Customers, and whether they renew: the young and those on long contracts do, by city."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, samples)
    income = random.lognormal(10.0, 0.5, samples)
    city = random.integers(0, 5, samples)
    score = (45 - age) / 15 + np.log(income) - 10 + np.array([1.0, -1.0, 0.5, 0.0, -0.5])[city]
    renews = random.random(samples) < 1 / (1 + np.exp(-2 * score))
    columns = {"age": age, "income": income, "city": city}
    return {name: column.reshape(-1, 1).astype("float32") for name, column in columns.items()}, renews


def main(epochs=20, samples=10000, batch_size=128):
    keras.utils.set_random_seed(0)
    columns, renews = table(samples)
    labels = renews.astype("float32").reshape(-1, 1)

    inputs = {name: keras.Input((1,), name=name) for name in columns}
    normalized = layers.Normalization()
    normalized.adapt(columns["income"])
    ages = layers.Discretization(bin_boundaries=[25.0, 35.0, 45.0, 55.0, 65.0])
    features = [
        normalized(inputs["income"]),
        layers.CategoryEncoding(6, output_mode="one_hot")(ages(inputs["age"])),
        layers.CategoryEncoding(5, output_mode="one_hot")(inputs["city"]),
    ]
    hidden = layers.Dense(32, activation="relu")(layers.Concatenate()(features))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
    history = model.fit(columns, labels, batch_size=batch_size, epochs=epochs, validation_split=0.2)
    print(f"validation accuracy: {history.history['val_accuracy'][-1]:.3f}")
    return history.history["loss"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=10000)
    main(**vars(parser.parse_args()))
