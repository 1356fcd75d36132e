"""Training: the loop over data that every model runs."""

from kerasish.trainers.trainer import Trainer

__all__ = ["Trainer"]
