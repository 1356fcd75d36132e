"""All primitives, one family a file; importing this package fills `kerasish.autograd.primitive.TABLE`."""

from kerasish.autograd.primitives import elementwise, indexing, linalg, random, reductions, shapes

__all__ = ["elementwise", "indexing", "linalg", "random", "reductions", "shapes"]
