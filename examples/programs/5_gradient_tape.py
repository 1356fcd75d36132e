"""A gradient with tf.GradientTape."""
import kerasish.compat.tensorflow as tf

x = tf.Variable([1.0, 2.0, 3.0], dtype=tf.float32)

with tf.GradientTape() as tape:
    tape.watch(x)
    y = tf.reduce_mean(x ** 2)

grad = tape.gradient(y, x)
print(grad.numpy())
