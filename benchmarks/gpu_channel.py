"""What a side of `gpu.py` says and hears: one process each, a line of JSON for each answer.

The coordinator starts all processes at once, so that they load their frameworks side by side, and then has one of them
work at a time: prepare (compile, tune, warm up), and measure whenever it is that side's turn.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


class Done(Exception):
    """The coordinator has heard enough."""


class Channel:
    """The worker's end: commands come by standard input, answers go to what was standard output.

    What the frameworks print goes to standard error, which the coordinator keeps in a file.

    Attributes:
        part: What is measured: `"mnist"`, `"mlp"`, `"cnn"`, `"bandwidth"` or `"dispatch"`.
        side: Who is measured, for example `"Keras on JAX"`.
        smoke: Whether sizes are tiny and no GPU is needed.
    """

    def __init__(self, part: str, side: str, smoke: bool) -> None:
        self.part, self.side, self.smoke = part, side, smoke
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def say(self, event: str, **values: Any) -> None:
        """Send one answer."""
        self._out.write(json.dumps({"event": event, **values}) + "\n")
        self._out.flush()

    def wait(self) -> int:
        """Wait for the next command and return its number: how many units to measure.

        Raises:
            Done: If there is no further command.
        """
        line = sys.stdin.readline().split()
        if not line:
            raise Done
        return int(line[1]) if len(line) > 1 else 1

    def serve(self, measure: Callable[[int], float | dict[str, Any]], **notes: Any) -> None:
        """Say that all is ready, and measure as often as asked.

        Args:
            measure: Takes a number of units, does as many, waits for the device, and returns the seconds of one; or
                a mapping with the key `seconds` and others.
            **notes: What the report should say of this side.
        """
        self.say("ready", notes=notes)
        while True:
            found = measure(self.wait())
            self.say("measured", **(found if isinstance(found, dict) else {"seconds": found}))


def timed(work: Callable[[int], Any], synchronize: Callable[[], None]) -> Callable[[int], float]:
    """Return a function that measures `work`, which does as many units as it is told, by the clock."""

    def measure(units: int) -> float:
        synchronize()
        start = time.perf_counter()
        work(units)
        synchronize()
        return (time.perf_counter() - start) / units

    return measure
