"""The schedule that is constant between given steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import config, ops
from kerasish.optimizers.schedules.learning_rate_schedule import LearningRateSchedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor


class PiecewiseConstantDecay(LearningRateSchedule):
    """A constant learning rate up to each boundary: `values[i]` while `boundaries[i - 1] < step <=
    boundaries[i]`.

    Example, 1.0 up to step 1000, 0.5 up to step 1500, 0.1 from there on:

    >>> schedule = schedules.PiecewiseConstantDecay([1000, 1500], [1.0, 0.5, 0.1])

    Args:
        boundaries: Steps in increasing order, each the last one with its learning rate.
        values: Learning rates, one more than there are boundaries.
        name: Name of the schedule.

    Raises:
        ValueError: If the numbers of boundaries and values do not fit.
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of length "
                f"{len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Tensor:
        step = ops.convert_to_tensor(step)
        rate = ops.convert_to_tensor(float(self.values[-1]), dtype=config.floatx())
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = ops.where(step <= boundary, float(value), rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}
