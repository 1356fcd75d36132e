"""Two constants and their sum, and a picture of the graph that they make."""
import kerasish.compat.tensorflow as tf
from kerasish.utils import draw

a = tf.constant(2.0, name='a')
b = tf.constant(3.0, name='b')
c = tf.add(a, b, name='c')
print(a)
print(b)
print(c)

draw(c, 'constants.svg')
draw(c, 'constants.dot')
