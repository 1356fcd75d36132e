"""All primitives, one family a file; importing this package fills `kerasish.autograd.primitive.TABLE`."""

from kerasish.autograd.primitives import (
    convolution,
    elementwise,
    indexing,
    linalg,
    pooling,
    random,
    reductions,
    shapes,
)

__all__ = ["convolution", "elementwise", "indexing", "linalg", "pooling", "random", "reductions", "shapes"]
