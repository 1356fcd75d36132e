"""The base class of losses, and how per-sample values become one number."""

from __future__ import annotations

from kerasish import config, ops, tree
from kerasish.autograd import Tensor, dtypes
from kerasish.autograd.naming import auto_name

_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss:
    """Base class of losses: subclass it and write `call` to make your own.

    Example:

    ```python
    class MeanSquaredError(Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.square(y_pred - y_true), axis=-1)
    ```

    Args:
        name: name of the loss; by default the class name in snake case, made unique.
        reduction: how the values of a batch become one: `"sum"`; `"sum_over_batch_size"` or `"mean"`, the sum
            divided by the number of values; `"mean_with_sample_weight"`, the sum divided by the sum of the
            sample weights; `"none"` or `None`, one value a sample.
        dtype: dtype of the computation, a name or a policy; by default `config.floatx()`.

    Call arguments:
        y_true: targets, a tensor or a structure of tensors.
        y_pred: predictions, of the same structure.
        sample_weight: weights that broadcast with the values that `call` returns, or None.
    """

    _role_in_checks = "loss"

    # Losses on class indices leave integer targets as they are; all others compute in `self.dtype`.
    _integer_targets = False

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype=None):
        self.name = name or auto_name(self.__class__.__name__)
        self.reduction = standardize_reduction(reduction)
        self._dtype = compute_dtype(dtype)

    @property
    def dtype(self) -> str:
        """Dtype of the loss's computation."""
        return self._dtype

    def __call__(self, y_true, y_pred, sample_weight=None):
        in_mask = getattr(y_pred, "_keras_mask", None)
        y_pred = _convert(y_pred, self._dtype)
        y_true = _convert(y_true, None if self._integer_targets else self._dtype)
        values = self.call(y_true, y_pred)
        out_mask = getattr(values, "_keras_mask", None)
        if in_mask is not None and out_mask is not None:
            mask = ops.logical_and(in_mask, out_mask)
        else:
            mask = in_mask if out_mask is None else out_mask
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self._dtype)

    def call(self, y_true, y_pred):
        """The values of the loss before weighting and reduction, usually one a sample."""
        raise NotImplementedError(f"Loss {self.__class__.__name__} must implement `call(y_true, y_pred)`.")

    def get_config(self) -> dict:
        """The arguments that make an equal loss, as plain values."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict) -> Loss:
        """The loss that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} name={self.name}>"


def standardize_reduction(reduction):
    """`reduction` itself, or ValueError if there is no such reduction."""
    if reduction not in _REDUCTIONS:
        raise ValueError(
            f"Invalid value for argument `reduction`. Expected one of {_REDUCTIONS}. Received: "
            f"reduction={reduction}"
        )
    return reduction


def compute_dtype(dtype) -> str:
    """The dtype name to compute in, from a name, a dtype policy or None (`config.floatx()`)."""
    if dtype is None:
        return config.floatx()
    dtype = getattr(dtype, "compute_dtype", dtype)
    if isinstance(dtype, str) and dtype.startswith("mixed_"):
        dtype = dtype[len("mixed_") :]
    return dtypes.standardize_dtype(dtype)


def as_tensor(x, dtype: str | None = None):
    """`x` as a tensor of `dtype`, doing nothing when it is one already."""
    if isinstance(x, Tensor):
        return x if dtype is None or x.dtype == dtype else ops.cast(x, dtype)
    return ops.convert_to_tensor(x, dtype=dtype)


def _convert(x, dtype):
    if not isinstance(x, (list, tuple, dict)):
        return as_tensor(x, dtype)
    if not any(hasattr(leaf, "shape") for leaf in tree.flatten(x)):
        return ops.convert_to_tensor(x, dtype=dtype)  # nested numbers are one tensor, not a structure
    return tree.map_structure(lambda leaf: as_tensor(leaf, dtype), x)


def squeeze_or_expand_to_same_rank(x1, x2, expand_rank_1: bool = True):
    """Drop or add a trailing axis of length one where the ranks of `x1` and `x2` differ by one."""
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if rank1 == rank2 + 1 and x1.shape[-1] == 1:
        if rank2 == 1 and expand_rank_1:
            return x1, ops.expand_dims(x2, axis=-1)
        return ops.squeeze(x1, axis=-1), x2
    if rank2 == rank1 + 1 and x2.shape[-1] == 1:
        if rank1 == 1 and expand_rank_1:
            return ops.expand_dims(x1, axis=-1), x2
        return x1, ops.squeeze(x2, axis=-1)
    return x1, x2


def match_targets(y_true, y_pred):
    """Both as tensors of the dtype of `y_pred` and of one rank, checked to broadcast with each other."""
    y_pred = as_tensor(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(as_tensor(y_true, y_pred.dtype), y_pred)
    check_broadcast(y_true, y_pred, "y_true", "y_pred")
    return y_true, y_pred


def convert_pair(y_true, y_pred):
    """Both as tensors of the dtype of `y_pred`, checked to broadcast with each other."""
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, y_pred.dtype)
    check_broadcast(y_true, y_pred, "y_true", "y_pred")
    return y_true, y_pred


def check_broadcast(x1, x2, name1: str, name2: str) -> None:
    """Raise a ValueError that names both arguments unless their shapes broadcast."""
    if x1.shape == x2.shape:
        return
    for d1, d2 in zip(reversed(x1.shape), reversed(x2.shape), strict=False):
        if d1 != d2 and 1 not in (d1, d2) and None not in (d1, d2):
            raise ValueError(
                f"Arguments `{name1}` and `{name2}` must have shapes that broadcast with each other. "
                f"Received: {name1}.shape={tuple(x1.shape)}, {name2}.shape={tuple(x2.shape)}"
            )


def reduce_weighted_values(
    values, sample_weight=None, mask=None, reduction="sum_over_batch_size", dtype=None
):
    """Weight `values`, leave out what `mask` leaves out, and reduce.

    Args:
        values: tensor of loss values.
        sample_weight: weights that broadcast with `values` (a trailing axis of length one is added or
            dropped), or None.
        mask: boolean tensor, False where a value must not count, or None. Means divide by the number of
            values that count.
        reduction: see `Loss`.
        dtype: dtype of the result; by default that of `values`.
    """
    values = as_tensor(values, dtype)
    if sample_weight is not None or mask is not None:
        weight = apply_mask(sample_weight, mask, values.dtype, reduction)
        values, weight = squeeze_or_expand_to_same_rank(values, as_tensor(weight, values.dtype))
        check_broadcast(values, weight, "values", "sample_weight")
        values = values * weight
        if reduction == "mean_with_sample_weight" and values.shape not in ((), (0,)):
            return ops.divide_no_nan(ops.sum(values), ops.sum(weight))
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    if reduction == "sum" or 0 in values.shape:
        return ops.sum(values)
    return ops.mean(values)


def apply_mask(sample_weight, mask, dtype: str, reduction):
    """Sample weights that leave out what `mask` leaves out; None if there is neither.

    For the reductions that divide by the number of values, those that count are scaled up by
    `total / valid`, which turns the mean over all into the mean over the valid ones.
    """
    if mask is None:
        return sample_weight
    weight = as_tensor(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        weight = ops.divide_no_nan(weight, ops.mean(weight))
    if sample_weight is not None:
        weight, sample_weight = squeeze_or_expand_to_same_rank(weight, as_tensor(sample_weight, dtype))
        check_broadcast(weight, sample_weight, "mask", "sample_weight")
        weight = sample_weight * weight
    return weight
