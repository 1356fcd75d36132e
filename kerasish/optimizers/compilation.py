"""An optimizer's step as one compiled graph, in eager training too.

Op by op, an update rule costs a few microseconds an operation and variable; its graph runs in planned memory. The rules
of this package have nothing in them that a user would want to step through, so they compile wherever they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.autograd import Tensor, Variable
from kerasish.autograd.abstract import abstract
from kerasish.autograd.state import state
from kerasish.autograd.tensor import NoValueError
from kerasish.compiler.caches import TraceCache
from kerasish.compiler.executors import compiles_for
from kerasish.compiler.function import Compiled
from kerasish.optimizers.schedules.learning_rate_schedule import LearningRateSchedule

_SETTINGS = (int, float, bool, str, type(None))
_MOST_TRACES = 8


class CompiledStep:
    """The compiled steps of an optimizer, one for each list of variables and each state of its settings.

    Args:
        optimizer: The optimizer, whose `_step(grads, variables)` is compiled.
    """

    def __init__(self, optimizer: Any):
        self._optimizer = optimizer
        own_rule = type(optimizer).update_step.__module__.startswith("kerasish.optimizers.")
        self._possible = own_rule
        self._traces: dict[Any, Compiled] = TraceCache()

    def run(self, grads: Sequence[Tensor], variables: Sequence[Variable]) -> bool:
        """Do one step if it can be compiled, and tell whether it was done."""
        optimizer = self._optimizer
        rate = optimizer._learning_rate
        if not self._possible or state.overlay is not None or not compiles_for(type(grads[0]._value)):
            return False
        if callable(rate) and not isinstance(rate, LearningRateSchedule):
            return False  # a Python function of the user's, to be asked at every step
        settings = tuple([v for v in optimizer.__dict__.values() if type(v) in _SETTINGS])
        key = (settings, id(rate), tuple([id(v) for v in variables]))
        compiled = self._traces.get(key)
        if compiled is None:
            compiled = self._compile(grads, list(variables))
            if compiled is None:
                return False
            if len(self._traces) >= _MOST_TRACES:
                self._traces.clear()
            self._traces[key] = compiled
        compiled.executable([g._value for g in grads])
        return True

    def _compile(self, grads: Sequence[Tensor], variables: list[Variable]) -> Compiled | None:
        try:
            arrays = [g._value for g in grads]
            return Compiled(
                lambda *symbols: self._optimizer._step(symbols, variables),
                [abstract(a) for a in arrays],
                arrays,
            )
        except NoValueError:  # a constraint or schedule of the user's looks at values
            self._possible = False
            return None
