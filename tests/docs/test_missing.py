"""The page of what Keras has and kerasish has not is what the comparison finds."""

from __future__ import annotations

import runpy
from pathlib import Path

import kerasish

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_says_what_the_comparison_finds(oracle):
    tool = runpy.run_path(str(ROOT / "tools" / "compare_api.py"), run_name="compare_api")
    written = (ROOT / "docs" / "missing.md").read_text()
    assert written == tool["page"](oracle, kerasish), (
        "run `KERAS_BACKEND=jax python tools/compare_api.py --page`"
    )
