"""Calls of `ops` with odd arguments: 16-bit and small integer types beside Python numbers, empty tensors, odd axes.

Most were found by `tools/against_keras`.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
from more_ops_cases import CALLS, CUBE, NUMBERS, ODD, X, call, floats, ints

__all__ = ["CALLS"]

BRAIN, HALF, SMALL = (
    CUBE.astype(ml_dtypes.bfloat16),
    X.astype(np.float16),
    ints([3, 1, 2], [4, 5, 1]).astype(np.uint8),
)
EMPTY_VECTOR = np.zeros(0, np.float32)

# Python numbers are weak beside arrays too
for _name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "less", "equal"):
    call(_name, BRAIN, 0.5)
    call(_name, 2.5, HALF)
call("left_shift", SMALL, 3)
call("right_shift", SMALL.astype(np.uint32), 2)
call("bitwise_and", 6, SMALL.astype(np.int8), symbolic="traced")
call("select", [X > 0, X < 0], [SMALL, X > 1], default=0, symbolic="traced")
call("select", [X > 0, X < 0], [HALF, SMALL], default=1.5, symbolic="traced")
call("threshold", NUMBERS, 1, 0)

# Products keep the operands' type
call("matmul", BRAIN, BRAIN.swapaxes(1, 2).copy())
call("matmul", BRAIN[0], BRAIN[1].T.copy())
call("einsum", "bij,bkj->bik", BRAIN, BRAIN)
call("dot", SMALL.astype(np.int8), SMALL.T.astype(np.int8), symbolic="traced")
call("tensordot", SMALL.astype(np.int8), SMALL.T.astype(np.int8), axes=1, symbolic="traced")
call("einsum", "ij->", SMALL, symbolic="traced")
call("einsum", "ij,ij->i", SMALL.astype(np.int8), SMALL.astype(np.int8), symbolic="traced")
call(
    "dot_product_attention",
    *[floats(1, 3, 2, 4).astype(ml_dtypes.bfloat16)] * 3,
    is_causal=True,
    symbolic="traced",
)

# Positions
_PLACES = ints([0], [2], [0], [-1])
_UPDATES = floats(4, 3, low=-4, high=4)
for _reduction in ("add", "mul", "max", "min"):
    call("scatter_update", floats(3, 3), _PLACES, _UPDATES, reduction=_reduction, symbolic="traced")
    call(
        "scatter_update",
        NUMBERS,
        ints([0, 1], [1, 2], [0, 1]),
        ints(7, -9, 2),
        reduction=_reduction,
        symbolic="traced",
    )
call("scatter_update", HALF, ints([1], [0]), np.ones((2, 3), np.float16), reduction="max", symbolic="traced")
call("multi_hot", SMALL, 6, axis=1, symbolic="traced")
call("multi_hot", ints([[0, 1], [2, 1]], [[3, 3], [0, 2]]), 4, symbolic="traced")
call("bincount", ints(1, 2, 2), weights=ints(3, -1, 5), symbolic=False)
call("unique", EMPTY_VECTOR, size=3, fill_value=7.0, symbolic="traced")

# Empty tensors and infinities
call("softmax", np.zeros((2, 0), np.float32), symbolic="traced")
call("logsumexp", EMPTY_VECTOR, symbolic="traced")
call("logsumexp", np.zeros((0, 3), np.float32), axis=0, symbolic="traced")
call("logsumexp", ODD, axis=1, symbolic="traced")
call(
    "adaptive_average_pool",
    ints([[3, 4, 8], [1, 1, 2], [0, 5, 6]]),
    2,
    data_format="channels_last",
    symbolic="traced",
)
