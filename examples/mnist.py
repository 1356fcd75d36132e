"""Train a small network on the MNIST digits, save it as a `.keras` file, and report its test accuracy."""

import kerasish as keras

keras.utils.set_random_seed(42)  # the same numbers at every run

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0

model = keras.Sequential(
    [
        keras.layers.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()
model.fit(x_train, y_train, epochs=5, validation_data=(x_test, y_test))

_, accuracy = model.evaluate(x_test, y_test, verbose=0)
model.save("mnist.keras")
print("saved the model as mnist.keras")
print(f"test accuracy: {accuracy:.4f}")
