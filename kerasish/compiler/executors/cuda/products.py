"""Matrix products for a GPU: `matmul` as calls of a library that take matrices as they lie in memory."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from kerasish.autograd.primitive import TABLE
from kerasish.compiler.executors.cuda.steps import Matrix, Product
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.compiler.views import View, place_of, reshaped_strides

Views = dict[Value, View]


class Affine(Kernel):
    """A product with a bias and an activation, which the library applies on its way.

    Attributes:
        op: The product.
        bias: What is added to each row.
        activation: `"relu"` or None.
    """

    name = "affine"

    def __init__(self, op: Op, bias: Value, activation: str | None):
        self.op = op
        self.bias = bias
        self.activation = activation


def is_product(op: Op) -> bool:
    """Tell whether the library multiplies these matrices."""
    if op.prim.name != "matmul" or any(v.size == 0 for v in (*op.values, *op.outputs)):
        return False
    dtypes = {v.dtype for v in (*op.values, op.output)}
    return len(dtypes) == 1 and (next(iter(dtypes)).kind == "f" or next(iter(dtypes)).name == "bfloat16")


def with_matrices(graph: Graph, views: Views) -> Graph:
    """Put copies in front of products whose factors do not lie in memory as matrices do."""
    ops: list[Op] = []
    for op in graph.ops:
        if is_product(op):
            factors = []
            for x, flag in zip(op.inputs, ("transpose_x", "transpose_y"), strict=True):
                batch = op.output.shape[:-2]
                if _matrix(x, views, batch, bool(op.params.get(flag))) is None:
                    whole = (
                        x.shape
                        if _steps(x.shape[:-2], [1] * (x.ndim - 2), batch)
                        else (*batch, *x.shape[-2:])
                    )
                    copied = Value(whole, x.dtype)
                    name, params = ("copy", {}) if whole == x.shape else ("broadcast_to", {"shape": whole})
                    ops.append(Op(TABLE[name], [x], params, [copied]))
                    x = copied
                factors.append(x)
            op = Op(op.prim, factors, op.params, op.outputs)
        ops.append(op)
    return graph.with_ops(ops)


def _steps(shape: Sequence[int], strides: Sequence[int], batch: Sequence[int]) -> bool:
    """Tell whether a stack is as large as the result's, or a single matrix."""
    return prod(shape) == 1 or tuple(shape) == tuple(batch)


def _matrix(x: Value, views: Views, batch: Sequence[int], transposed: bool) -> Matrix | None:
    """Return how a factor lies in memory, None where it is no stack of matrices."""
    root, offset, strides = place_of(x, views)
    stack, (rows, columns) = x.shape[:-2], x.shape[-2:]
    *stack_steps, row_step, column_step = strides
    if not _steps(stack, stack_steps, batch):
        return None
    step = 0
    if prod(stack) > 1:
        joined = reshaped_strides(stack, stack_steps, (prod(stack),))
        if joined is None:
            return None
        step = joined[0]
    if (column_step == 1 or columns == 1) and (row_step >= columns or rows == 1):
        return Matrix(root, rows, columns, max(row_step, columns), offset, step, transposed)
    if (row_step == 1 or rows == 1) and (column_step >= rows or columns == 1):
        return Matrix(root, columns, rows, max(column_step, rows), offset, step, not transposed)
    return None


def product_of(op: Op, views: Views, bias: Value | None = None, activation: str | None = None) -> Product:
    """Return the call for a product that `with_matrices` has prepared."""
    x, y = op.inputs
    *batch, rows, columns = op.output.shape
    out = Matrix(op.output, rows, columns, columns, 0, rows * columns)
    left = _matrix(x, views, batch, bool(op.params.get("transpose_x")))
    right = _matrix(y, views, batch, bool(op.params.get("transpose_y")))
    assert left is not None and right is not None, op
    count = prod(batch)
    if count > 1 and right.step == 0 and not left.transposed and left.step == left.rows * left.stride:
        # A stack of matrices times one matrix is a single product.
        left = left._replace(rows=left.rows * count, step=0)
        out = out._replace(rows=rows * count, step=0)
        count = 1
    return Product(out, left, right, count, bias=bias, activation=activation)


def with_epilogues(graph: Graph, views: Views) -> Graph:
    """Let products add their bias and apply their ReLU themselves where nothing else needs what is between."""
    uses = graph.uses()
    user: dict[Value, Op] = {}
    for op in graph.ops:
        for x in op.values:
            user[x] = op
    gone: set[Op] = set()
    joined: dict[Op, Op] = {}
    for op in graph.ops:
        if not is_product(op) or uses.get(op.output) != 1 or op.output.size < _LARGE:
            continue
        addition = user.get(op.output)
        bias = _bias(op, addition)
        if bias is None or addition is None or bias in views:
            continue
        last, activation = addition, None
        following = user.get(addition.output)
        if uses.get(addition.output) == 1 and following is not None and following.prim.name == "relu":
            last, activation = following, "relu"
        gone |= {op, addition}
        joined[last] = Op(Affine(op, bias, activation), [*op.inputs, bias], {}, last.outputs)
    if not joined:
        return graph
    return graph.with_ops([joined.get(op, op) for op in graph.ops if op not in gone or op in joined])


_LARGE = 2**18
"""Elements of a result from which on a pass over it costs more than the library's own bias does."""


def _bias(op: Op, addition: Op | None) -> Value | None:
    """Return the vector that an operation adds to each row of a product, if that is what it does."""
    if addition is None or addition.prim.name != "add" or addition.output.shape != op.output.shape:
        return None
    others = [x for x in addition.inputs if x is not op.output]
    if len(others) != 1 or type(others[0]) is not Value:
        return None
    bias: Value = others[0]
    return bias if bias.shape == op.output.shape[-1:] and bias.dtype == op.output.dtype else None


__all__ = ["Affine", "is_product", "product_of", "with_epilogues", "with_matrices"]
