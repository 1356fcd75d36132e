"""The base class of learning rate schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import config, ops

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class LearningRateSchedule:
    """Base class of schedules: a learning rate as a function of the step.

    Subclass it and write `__call__`; write `get_config` too if the schedule is to be saved. Whatever it
    computes from
    `step` goes through `ops` or operators, so that the compiled training step can record it.

    Example:

    ```python
    class InverseSquareRoot(kerasish.optimizers.schedules.LearningRateSchedule):
        def __init__(self, scale):
            self.scale = scale

        def __call__(self, step):
            return self.scale / ops.sqrt(ops.cast(step, "float32") + 1)

    optimizer = kerasish.optimizers.SGD(learning_rate=InverseSquareRoot(0.1))
    ```
    """

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at `step`, an integer or an integer scalar tensor."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule, as plain values."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order to be "
            "serializable."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """Return the schedule that `get_config` described."""
        return cls(**config)


def as_float(step: Any) -> Tensor:
    """Return a step number as a tensor of the default float type."""
    return ops.cast(step, config.floatx())


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless the argument called `name` is above 0."""
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")
