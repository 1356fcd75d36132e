"""Every loss, metric and optimizer is in the table of cases that are compared with Keras."""

from __future__ import annotations

import inspect

import pytest
import test_losses
import test_metrics
import test_optimizers

from kerasish import losses, metrics, optimizers

# Bases that others are made of, and what tests of their own compare.
APART = {
    losses: {"Loss", "LossFunctionWrapper"},
    metrics: {"Metric", "MeanMetricWrapper", "Mean", "Sum"},
    optimizers: {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"},
}
TABLES = [(losses, test_losses.CASES), (metrics, test_metrics.CASES), (optimizers, test_optimizers.CASES)]


@pytest.mark.parametrize(("module", "cases"), TABLES, ids=["losses", "metrics", "optimizers"])
def test_no_class_is_left_out(module, cases):
    tested = {case[0] for case in cases} | APART[module]
    base = {losses: losses.Loss, metrics: metrics.Metric, optimizers: optimizers.Optimizer}[module]
    names = {
        n for n in dir(module) if inspect.isclass(getattr(module, n)) and issubclass(getattr(module, n), base)
    }
    classes = {getattr(module, n): set() for n in names}
    for n in names:
        classes[getattr(module, n)].add(n)
    assert not [sorted(some) for some in classes.values() if not some & tested]
