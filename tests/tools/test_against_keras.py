"""Random calls of ops, losses and metrics do what Keras does: a few of those that `tools/against_keras` makes."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish


@pytest.mark.parametrize(("family", "first", "count"), [("ops", 0, 15), ("losses", 0, 3), ("metrics", 0, 2)])
def test_random_cases_are_those_of_keras(tool, oracle, family, first, count):
    draw, compare = tool("cases").Draw, tool("compare").compare
    found = []
    for number in range(first, first + count):
        case = tool(family).case(draw([11, number]))
        result = compare(kerasish, oracle, case)
        if result and not result.startswith("accepts"):
            found.append(f"{case}: {result}")
    assert not found


def test_a_difference_is_found(tool, oracle):
    case = tool("cases").Case(
        "exp", [np.ones(2, "float32")], {}, lambda k, a, _: k.ops.exp(a[0]) + (k is kerasish)
    )
    assert tool("compare").compare(kerasish, oracle, case).startswith("VALUES|")
    case.call = lambda k, a, _: k.ops.cast(a[0], "int32" if k is kerasish else "uint8")
    assert tool("compare").compare(kerasish, oracle, case) == "DTYPE|int32, Keras uint8"
    case.call = lambda k, a, _: k.ops.reshape(a[0], (3,) if k is kerasish else (2,))
    assert tool("compare").compare(kerasish, oracle, case).startswith("RAISES|")


def test_cases_are_drawn_again_from_their_number(tool):
    draw = tool("cases").Draw
    for family in ("ops", "losses", "metrics", "layers"):
        for number in range(20):
            one, other = (str(tool(family).case(draw([3, number]))) for _ in range(2))
            assert one == other
