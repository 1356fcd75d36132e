"""The arguments with which the Keras programs run in a short form."""

SHORT = {
    "convnet_mnist": dict(epochs=2, samples=512, batch_size=64),
    "autoencoder": dict(epochs=3, samples=2000),
    "variational_autoencoder": dict(epochs=3, samples=1000),
    "gan": dict(epochs=30, samples=2048),
    "time_series": dict(epochs=3, steps=1500),
    "tabular": dict(epochs=5, samples=2000),
    "gpt": dict(epochs=2, samples=256, batch_size=16, length=32, letters=20),
    "lstm_text": dict(epochs=5, samples=2000, batch_size=16),
    "transformer_text": dict(epochs=4, samples=500),
    "siamese": dict(epochs=4, samples=2000),
}
