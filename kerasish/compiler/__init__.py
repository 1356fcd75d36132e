"""The compiler: trace, graph, passes, memory plan, executors."""

from kerasish.compiler.function import Compiled, Function, function
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.trace import trace

__all__ = ["Compiled", "Function", "Graph", "Op", "Value", "function", "trace"]
