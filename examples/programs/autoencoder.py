"""A denoising autoencoder: digits are put through 32 numbers and come out without the noise they went in with."""

import argparse

import numpy as np

import kerasish as keras
from kerasish import layers


def main(epochs=10, samples=60000, batch_size=128):
    keras.utils.set_random_seed(0)
    (x, _), _ = keras.datasets.mnist.load_data()
    x = (x[:samples] / 255.0).reshape(-1, 784).astype("float32")
    noise = np.random.default_rng(0).normal(0.0, 0.4, x.shape)
    noisy = np.clip(x + noise, 0.0, 1.0).astype("float32")

    image = keras.Input((784,))
    code = layers.Dense(32, activation="relu", name="code")(layers.Dense(128, activation="relu")(image))
    decoded = layers.Dense(784, activation="sigmoid")(layers.Dense(128, activation="relu")(code))
    autoencoder = keras.Model(image, decoded)
    encoder = keras.Model(image, autoencoder.get_layer("code").output)

    autoencoder.compile("adam", "binary_crossentropy")
    history = autoencoder.fit(noisy, x, batch_size=batch_size, epochs=epochs)
    cleaned = autoencoder.predict(noisy[:100], verbose=0)
    print("codes:", encoder.predict(noisy[:100], verbose=0).shape)
    print(f"mean squared error: {np.mean((noisy[:100] - x[:100]) ** 2):.4f} before, ", end="")
    print(f"{np.mean((cleaned - x[:100]) ** 2):.4f} after")
    return history.history["loss"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=60000)
    main(**vars(parser.parse_args()))
