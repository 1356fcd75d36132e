"""Random functions of tensors and variables, to compare ways of running them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from kerasish import ops
from kerasish.autograd import Variable
from kerasish.autograd.abstract import Abstract
from kerasish.compiler import trace
from kerasish.compiler.graph import Graph

SHAPE = (3, 4)

ELEMENTWISE = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x * 2.0,
    lambda x, y: x * 0.5 * 3.0,
    lambda x, y: x + 0,
    lambda x, y: x * 1.0,
    lambda x, y: 1.0 - x,
    lambda x, y: -x,
    lambda x, y: ops.tanh(x),
    lambda x, y: ops.sigmoid(y),
    lambda x, y: ops.relu(x),
    lambda x, y: ops.maximum(x, y),
    lambda x, y: ops.where(x > y, x, y * 0.5),
    lambda x, y: ops.where(x > 0.0, y, 0.0),
    lambda x, y: ops.cast(ops.cast(x * 8.0, "int32") % 5, x.dtype),
    lambda x, y: ops.cast(ops.cast(x, "float64") * 0.5, x.dtype),
    lambda x, y: ops.stop_gradient(x) + ops.copy(y),
]
VIEWS = [
    lambda x: ops.transpose(ops.reshape(x, SHAPE[::-1])),
    lambda x: ops.flip(x, 1),
    lambda x: ops.broadcast_to(x[1:2], SHAPE),
    lambda x: ops.broadcast_to(x[:, 2:3], SHAPE),
    lambda x: ops.broadcast_to(x[1, 2], SHAPE),
    lambda x: ops.reshape(ops.transpose(x), SHAPE),
    lambda x: ops.transpose(ops.transpose(x, (1, 0)), (1, 0)),
    lambda x: ops.reshape(ops.reshape(x, (2, 6)), SHAPE),
    lambda x: ops.concatenate([x[:, 2:], x[:, :2]], 1),
    lambda x: ops.roll(x, 1, 0),
]
OTHERS = [
    lambda x, y: x + ops.sum(y, 0),
    lambda x, y: x - ops.max(y, 1, keepdims=True),
    lambda x, y: x * ops.mean(y),
    lambda x, y: ops.tanh(ops.matmul(ops.matmul(x, ops.transpose(y)), x)),
    lambda x, y: ops.softmax(x + y),
    lambda x, y: ops.take(x, np.int32([2, 0, 1]), 0),
    lambda x, y: ops.cumsum(x, 1) * 0.25,
    lambda x, y: x * np.float32([1.0, 2.0, 0.5, -1.0]),
    lambda x, y: y + ops.exp(ops.convert_to_tensor([0.1, 0.2, 0.3, 0.4])) * 2.0,
    lambda x, y: x + ops.sqrt(ops.sum(ops.square(y)) + 1.0) * 0.25,
    lambda x, y: y * ops.stack([ops.mean(x), ops.max(y) * 2.0, ops.sum(x) + 1.0, ops.min(y)]),
    lambda x, y: (z := ops.concatenate([ops.tanh(x), y, x - y], 0))[:3] + z[3:6] * z[6:],
    lambda x, y: ops.reshape(
        ops.concatenate([ops.reshape(ops.exp(-ops.square(x)), -1), (z := ops.reshape(x * y, -1)), z], 0)[
            6:18
        ],
        SHAPE,
    ),
]

Step = tuple[str, int, int, int]


@st.composite
def programs(draw) -> tuple[list[Step], list[int]]:
    """Draw steps (a kind, which of the kind, two operands) and which results to return."""
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(["map", "map", "view", "other", "assign", "read"]))
        steps.append((kind, *(draw(st.integers(0, 99)) for _ in range(3))))
    return steps, draw(st.lists(st.integers(0, 99), max_size=4))


def variables() -> list[Variable]:
    generator = np.random.default_rng(3)
    return [Variable(generator.uniform(-1, 1, SHAPE).astype("float32")) for _ in range(3)]


def function_of(program: tuple[list[Step], list[int]], states: list[Variable]):
    """Return the function of two tensors that a program describes."""
    steps, returned = program

    def function(*inputs):
        pool = [*inputs, *states]
        for kind, which, first, second in steps:
            x, y = pool[first % len(pool)], pool[second % len(pool)]
            if kind == "map":
                pool.append(ELEMENTWISE[which % len(ELEMENTWISE)](x, y))
            elif kind == "view":
                pool.append(VIEWS[which % len(VIEWS)](x))
            elif kind == "other":
                pool.append(OTHERS[which % len(OTHERS)](x, y))
            elif kind == "read":
                pool.append(states[which % len(states)].value)
            else:
                states[which % len(states)].assign(x)
        return [pool[i % len(pool)] for i in returned]

    return function


def graph_of(function) -> Graph:
    return trace(function, [Abstract(SHAPE, np.dtype("float32"))] * 2)[0]


def arguments(seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.uniform(-1, 1, SHAPE).astype("float32") for _ in range(2)]
