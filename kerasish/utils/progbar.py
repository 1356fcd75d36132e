"""The progress bar of training, evaluation, prediction and downloads."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from kerasish.utils import io_utils

if TYPE_CHECKING:
    from collections.abc import Iterable


class Progbar:
    """Display progress: steps done of steps expected, time, and running values of metrics.

    On a terminal and in a notebook the bar moves, drawn by tqdm. Anywhere else (a file, a pipe, a CI log)
    nothing is written until the end, and then one line.

    Example:

    ```python
    bar = Progbar(target=100)
    for step in range(100):
        bar.update(step + 1, [("loss", 1 / (step + 1))])
    ```

    Args:
        target: Total number of steps expected, `None` if unknown.
        width: Width of the bar in characters.
        verbose: 0 silent, 1 a moving bar, 2 one line at the end.
        interval: Least time between two drawings, in seconds.
        stateful_metrics: Names of the metrics to show as they come. All others are averaged over steps.
        stateless_metrics: Names of the metrics to average over steps. All others are shown as they come.
            At most one of the two may be given; with neither, all metrics are averaged.
        unit_name: What a step is called, such as `"step"` or `"sample"`.

    Raises:
        ValueError: If both `stateful_metrics` and `stateless_metrics` are given.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Only one of `stateful_metrics` or `stateless_metrics` can be provided: the first lists the "
                "metrics "
                "to show as they come and averages all others, the second lists the metrics to average and "
                "shows "
                f"all others as they come. Received: stateful_metrics={stateful_metrics}, "
                f"stateless_metrics={stateless_metrics}"
            )
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = None if stateless_metrics is not None else set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._moving = verbose == 1 and shows_moving_bars()
        self._bar: Any = None
        self._sums: dict[str, list] = {}  # name -> [sum of value * steps, steps]
        self._seen_so_far = 0
        self._start = time.time()
        self._last_update = 0.0
        self._time_after_first_step: float | None = None

    def is_due(self) -> bool:
        """Return whether an update would be drawn now, so that a caller need not read metrics for nothing."""
        return self._moving and time.time() - self._last_update >= self.interval

    def update(
        self, current: int, values: Iterable[tuple[str, float]] | None = None, finalize: bool | None = None
    ) -> None:
        """Set the number of steps done and the latest values.

        Args:
            current: Number of steps done.
            values: Pairs of a metric's name and its value for the last step.
            finalize: Whether this is the last update. `None`: when `current` has reached `target`.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        self._accumulate(current, values or (), finalize)
        self._seen_so_far = current
        now = time.time()
        time_per_unit = self._estimate_step_duration(current, now)
        if not finalize and not (self._moving and now - self._last_update >= self.interval):
            return
        self._last_update = now
        if self._moving:
            self._draw(current, now, time_per_unit, finalize)
        elif self.verbose:
            io_utils.print_msg(self._line(current, now, time_per_unit))

    def add(self, n: int, values: Iterable[tuple[str, float]] | None = None) -> None:
        """Report `n` more steps done; see `update`."""
        self.update(self._seen_so_far + n, values)

    def close(self) -> None:
        """Remove a bar that will not be finished from the screen."""
        if self._bar is not None:
            self._bar.leave = False
            self._bar.close()
            self._bar = None

    def _accumulate(self, current: int, values: Iterable[tuple[str, float]], finalize: bool) -> None:
        steps = max(current - self._seen_so_far, 1)
        for name, value in values:
            if self.stateful_metrics is not None:
                averaged = name not in self.stateful_metrics
            else:
                averaged = name in (self.stateless_metrics or ())
            # The values of the last update are the epoch's own: they replace the average.
            if averaged and not finalize:
                entry = self._sums.setdefault(name, [0.0, 0])
                entry[0] += value * steps
                entry[1] += steps
            else:
                self._sums[name] = [value, 1]

    def _draw(self, current: int, now: float, time_per_unit: float, finalize: bool) -> None:
        target = self.target or 0
        remaining = time_per_unit * (target - current) if target and not finalize else now - self._start
        text = (
            f"{_format_clock(remaining)} {_format_time(time_per_unit, self.unit_name)}{self._metrics_text()}"
        )
        if self._bar is None:
            self._bar = _new_bar(target or None)
        bar = self._bar
        bar.total = target or None
        bar.n = current
        bar.desc = text
        picture = "{bar}" if in_notebook() else f"{{bar:{self.width}}}"
        bar.bar_format = f"{{n_fmt}}/{{total_fmt}} {picture} {{desc}}" if target else "{n_fmt}/Unknown {desc}"
        if not finalize:
            bar.refresh()
            return
        self._bar = None
        if in_notebook():
            bar.refresh()
            bar.close()
        else:
            # The moving bar is cut to the terminal's width; what stays on the screen is the whole line.
            line = bar.format_meter(**{**bar.format_dict, "ncols": None})
            bar.close()
            io_utils.print_msg(line)

    def _line(self, current: int, now: float, time_per_unit: float) -> str:
        """The one line that stays when nothing moves: `1875/1875 - 3s - 2ms/step - accuracy: 0.9705`."""
        count = f"{current}/{self.target}" if self.target else f"{current}/Unknown"
        duration = f"{now - self._start:.0f}s - {_format_time(time_per_unit, self.unit_name)}"
        return f"{count} - {duration}{self._metrics_text()}"

    def _metrics_text(self) -> str:
        parts = []
        for name, (total, count) in self._sums.items():
            mean = _scalar(total) / max(1, count)
            parts.append(f" - {name}: {mean:.4f}" if abs(mean) > 1e-3 else f" - {name}: {mean:.4e}")
        return "".join(parts)

    def _estimate_step_duration(self, current: int, now: float) -> float:
        """Seconds a step, leaving the first one out where possible: it also builds or compiles the model."""
        if not current:
            return 0.0
        if self._time_after_first_step is not None and current > 1:
            duration = (now - self._time_after_first_step) / (current - 1)
        else:
            duration = (now - self._start) / current
        if current == 1:
            self._time_after_first_step = now
        return duration


def shows_moving_bars() -> bool:
    """Return whether standard output is a terminal or a notebook, and logging is interactive."""
    if not io_utils.is_interactive_logging_enabled():
        return False
    isatty = getattr(sys.stdout, "isatty", None)
    return bool(isatty and isatty()) or in_notebook() or "PYCHARM_HOSTED" in os.environ


def in_notebook() -> bool:
    """Return whether the program runs in a Jupyter kernel."""
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def _new_bar(total: int | None) -> Any:
    """A tqdm bar on standard output that draws only when told to."""
    notebook = in_notebook()
    if notebook:
        from tqdm.auto import tqdm
    else:
        from tqdm.std import tqdm

    class Bar(tqdm):
        monitor_interval = 0  # no watching thread: every drawing is asked for

    if notebook:
        return Bar(total=total, dynamic_ncols=True)
    # With a delay tqdm does not draw the bar when it is made, before it has a text.
    bar = Bar(total=total, file=sys.stdout, dynamic_ncols=True, leave=False, delay=1)
    bar.delay = 0
    return bar


def _scalar(value) -> float:
    """A metric's value as a float; the mean of one that is an array."""
    try:
        return float(value)
    except (TypeError, ValueError):
        import numpy as np

        return float(np.mean(np.asarray(value)))


def _format_clock(seconds: float) -> str:
    seconds = max(seconds, 0.0)
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    if seconds > 60:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
    return f"{seconds:.0f}s"


def _format_time(time_per_unit: float, unit_name: str) -> str:
    if time_per_unit >= 1 or time_per_unit == 0:
        return f"{time_per_unit:.0f}s/{unit_name}"
    if time_per_unit >= 1e-3:
        return f"{time_per_unit * 1e3:.0f}ms/{unit_name}"
    return f"{time_per_unit * 1e6:.0f}us/{unit_name}"
