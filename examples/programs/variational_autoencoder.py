"""A variational autoencoder of the digits, with a `train_step` of its own.

Kingma, Welling: Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114
"""

import argparse

import kerasish as keras
from kerasish import layers, ops


class VAE(keras.Model):
    """Digits to a normal distribution over `latent` numbers and back. Loss: reconstruction plus divergence."""

    def __init__(self, latent=2, **kwargs):
        super().__init__(**kwargs)
        self.hidden = layers.Dense(256, activation="relu")
        self.mean = layers.Dense(latent)
        self.log_variance = layers.Dense(latent)
        self.decoder = keras.Sequential([layers.Dense(256, activation="relu"), layers.Dense(784)])
        self.seed = keras.random.SeedGenerator(1)
        self.trackers = [keras.metrics.Mean(name=name) for name in ("loss", "reconstruction", "divergence")]

    @property
    def metrics(self):
        return self.trackers

    def encode(self, x):
        hidden = self.hidden(x)
        return self.mean(hidden), self.log_variance(hidden)

    def call(self, x):
        return ops.sigmoid(self.decoder(self.encode(x)[0]))

    def compute_losses(self, x):
        mean, log_variance = self.encode(x)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        logits = self.decoder(mean + ops.exp(0.5 * log_variance) * noise)
        reconstruction = 784 * keras.losses.binary_crossentropy(x, logits, from_logits=True)
        divergence = -0.5 * ops.sum(1 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=-1)
        return ops.mean(reconstruction), ops.mean(divergence)

    def train_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with keras.GradientTape() as tape:
            reconstruction, divergence = self.compute_losses(x)
            loss = reconstruction + divergence
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for tracker, value in zip(self.trackers, (loss, reconstruction, divergence), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def main(epochs=20, samples=60000, batch_size=128):
    keras.utils.set_random_seed(0)
    (x, _), _ = keras.datasets.mnist.load_data()
    x = (x[:samples] / 255.0).reshape(-1, 784).astype("float32")
    model = VAE()
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(x, batch_size=batch_size, epochs=epochs)
    grid = ops.stack(ops.meshgrid(ops.linspace(-2.0, 2.0, 5), ops.linspace(-2.0, 2.0, 5)), axis=-1)
    digits = ops.sigmoid(model.decoder(ops.reshape(grid, (25, 2))))
    print("digits made from a grid of codes:", tuple(digits.shape))
    return history.history["loss"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=60000)
    main(**vars(parser.parse_args()))
