"""What `compile` was told about losses and metrics, resolved against a model's outputs.

`CompileLoss` is the one loss that training minimizes, `CompileMetrics` the one metric that gathers all others. Both
resolve names when they see the first targets and predictions, because some mean different things for different shapes.
"""

from kerasish.trainers.compile_loss import CompileLoss
from kerasish.trainers.compile_metrics import CompileMetrics
from kerasish.trainers.identifiers import check_labels, get_loss, get_metric

__all__ = ["CompileLoss", "CompileMetrics", "check_labels", "get_loss", "get_metric"]
