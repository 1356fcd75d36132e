"""The compiler: trace, graph, passes, memory plan, executors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish.compiler.function import Compiled, Function, function
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.trace import trace

if TYPE_CHECKING:
    from kerasish.compiler.explanation import Explanation, explain

__all__ = [
    "Compiled",
    "Explanation",
    "Function",
    "Graph",
    "Op",
    "Value",
    "explain",
    "function",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name in ("Explanation", "explain"):  # nothing that runs needs them
        from kerasish.compiler import explanation

        return getattr(explanation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
