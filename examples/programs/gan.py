"""A generative adversarial network with two optimizers, on points of a ring of eight normal distributions.

Goodfellow et al.: Generative Adversarial Networks, https://arxiv.org/abs/1406.2661
"""

import argparse

import numpy as np

import kerasish as keras
from kerasish import layers, ops


def ring(samples, seed=0):
    """Points around eight centres on a circle of radius 2."""
    random = np.random.default_rng(seed)
    angles = 2 * np.pi * random.integers(0, 8, samples) / 8
    centres = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return (centres + random.normal(0.0, 0.1, (samples, 2))).astype("float32")


def network(outputs, inputs):
    hidden = [layers.Dense(64, activation="leaky_relu") for _ in range(2)]
    return keras.Sequential([layers.Input((inputs,)), *hidden, layers.Dense(outputs)])


class GAN(keras.Model):
    """A generator that makes points from noise and a discriminator that tells them from the real ones."""

    def __init__(self, latent=8, **kwargs):
        super().__init__(**kwargs)
        self.latent = latent
        self.generator, self.discriminator = network(2, latent), network(1, 2)
        self.seed = keras.random.SeedGenerator(1)
        self.generator_loss = keras.metrics.Mean(name="generator_loss")
        self.discriminator_loss = keras.metrics.Mean(name="discriminator_loss")

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile()
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def call(self, noise):
        return self.generator(noise)

    @staticmethod
    def cross_entropy(label, logits):
        return ops.mean(ops.binary_crossentropy(label * ops.ones_like(logits), logits, from_logits=True))

    def train_step(self, data):
        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        noise = keras.random.normal((ops.shape(real)[0], self.latent), seed=self.seed)
        with keras.GradientTape() as tape:
            fake = ops.stop_gradient(self.generator(noise))
            loss_d = self.cross_entropy(1.0, self.discriminator(real))
            loss_d = loss_d + self.cross_entropy(0.0, self.discriminator(fake))
        variables = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(loss_d, variables), variables)

        with keras.GradientTape() as tape:
            loss_g = self.cross_entropy(1.0, self.discriminator(self.generator(noise)))
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss_g, variables), variables)

        self.generator_loss.update_state(loss_g)
        self.discriminator_loss.update_state(loss_d)
        return {metric.name: metric.result() for metric in (self.generator_loss, self.discriminator_loss)}


def main(epochs=60, samples=8192, batch_size=128):
    """Returns the mean distance of generated points from the nearest centre, before and after training."""
    keras.utils.set_random_seed(0)
    gan = GAN()
    gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5))
    angles = 2 * np.pi * np.arange(8) / 8
    centres = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)

    def distance():
        points = ops.convert_to_numpy(gan(keras.random.normal((512, gan.latent), seed=3)))
        return float(np.mean(np.min(np.linalg.norm(points[:, None] - centres, axis=-1), axis=1)))

    distances = [distance()]
    gan.fit(ring(samples), batch_size=batch_size, epochs=epochs)
    distances.append(distance())
    print("mean distance to the nearest centre: {:.3f} before, {:.3f} after".format(*distances))
    return distances


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--samples", type=int, default=8192)
    main(**vars(parser.parse_args()))
