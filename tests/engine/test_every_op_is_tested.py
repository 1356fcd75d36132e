"""Every function of `ops` is among the calls compared with Keras, or a test of its own names it."""

from __future__ import annotations

import re
from pathlib import Path

from odd_ops_cases import CALLS

from kerasish import ops

TESTS = Path(__file__).resolve().parents[1]
FILES = [*(TESTS / "engine").glob("*.py"), TESTS / "vocabulary" / "test_activations.py"]
SOURCES = [path.read_text() for path in FILES if path != Path(__file__).resolve()]


def test_no_function_is_left_out():
    functions = {n for n in dir(ops) if callable(getattr(ops, n)) and not n.startswith("_")}
    rest = functions - {call.name for call in CALLS}
    missing = [
        name
        for name in sorted(rest)
        if not any(
            re.search(
                rf'ops(\.image)?\.{name}\b|"{name}"|^call\("{name}|\b{name}\b.*\.split\(\)', s, re.MULTILINE
            )
            for s in SOURCES
        )
    ]
    assert not missing, "add calls to ops_cases.py and its kin"
    assert len(rest) < 40  # most are compared by the table
