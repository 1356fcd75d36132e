"""Random updates of metrics, with odd shapes, types, weights and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from cases import Case, Draw
from losses import METRICS_REAL, METRICS_SPARSE, data, options, weights


def case(d: Draw) -> Case:
    name = d.of(*METRICS_REAL, *METRICS_SPARSE, "Mean", "Sum")
    kwargs = options(d, {**METRICS_REAL, **METRICS_SPARSE, "Mean": {}, "Sum": {}}[name])
    if d.chance(0.1):
        kwargs["dtype"] = d.of("float16", "float32", "bfloat16")
    sparse = name in METRICS_SPARSE
    batches = [data(d, sparse)]
    for _ in range(d.integer(0, 2)):
        y, x = batches[0]
        batches.append(
            (d.rng.permuted(np.asarray(y), axis=0), d.values(np.shape(x), str(np.asarray(x).dtype), 0.01, 1))
        )
    weight = weights(d, np.shape(batches[0][1])) if np.ndim(batches[0][1]) else None

    def call(keras: Any, args: Any, kwargs: Any) -> Any:
        metric = getattr(keras.metrics, name)(**kwargs)
        for y, x in args[0]:
            if name in ("Mean", "Sum"):
                metric.update_state(x, sample_weight=args[1])
            else:
                metric.update_state(y, x, sample_weight=args[1])
        return [metric.result(), *[v.value if hasattr(v, "value") else v for v in metric.variables]]

    return Case(name, [batches, weight], kwargs, call, 2e-4)
