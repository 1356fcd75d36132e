"""Gradients of random calls: those that `tools/against_keras` found to differ, and that it finds differences at all."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish

TIED = np.float32([[[3], [3], [1], [2], [2]]])


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("leaky_relu", [np.float32([-1, 0, 1])], {"negative_slope": 0.25}),
        ("adaptive_max_pool", [TIED, 2], {"data_format": "channels_last"}),
        ("adaptive_max_pool", [TIED, 1], {"data_format": "channels_last"}),
        ("view", [np.float32([1.5, -2])], {"dtype": "float32"}),
    ],
)
def test_gradients_at_corners_and_ties_are_those_of_keras(tool, oracle, name, args, kwargs):
    case = tool("cases").Case(name, args, kwargs)
    assert tool("gradients").compare(kerasish, oracle, case) is None


@pytest.mark.parametrize("family", ["ops", "losses", "layers"])
def test_random_slopes_are_central_differences(tool, family):
    found = []
    for number in range(20):  # of this seed, none is at a corner
        case = tool(family).case(tool("cases").Draw([6, number]))
        result = tool("gradients").sieve(kerasish, None, case)
        if result:
            found.append(f"#{number} {case}: {result}")
    assert not found


def test_a_wrong_gradient_is_found(tool, oracle):
    def call(keras, args, _):
        (x,) = args
        return x * keras.ops.stop_gradient(x) if keras is kerasish else x * x

    case = tool("cases").Case("square", [np.float32([2, 3])], {}, call)
    assert tool("gradients").sieve(kerasish, None, case).startswith("SLOPE|argument 0: ")
    assert tool("gradients").compare(kerasish, oracle, case).startswith("VALUES|")
