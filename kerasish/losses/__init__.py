"""Losses: what training makes small."""

from __future__ import annotations

from kerasish import serialization
from kerasish.losses.circle_loss import Circle, circle
from kerasish.losses.crossentropy_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from kerasish.losses.ctc_loss import CTC, ctc
from kerasish.losses.focal_losses import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
)
from kerasish.losses.generalized_crossentropy import (
    CategoricalGeneralizedCrossEntropy,
    categorical_generalized_cross_entropy,
)
from kerasish.losses.hinge_losses import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from kerasish.losses.loss import Loss
from kerasish.losses.loss_function_wrapper import LossFunctionWrapper
from kerasish.losses.overlap_losses import Dice, Tversky, dice, tversky
from kerasish.losses.probabilistic_losses import KLDivergence, Poisson, kl_divergence, poisson
from kerasish.losses.regression_losses import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)

__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

# Every name that `get` understands.
_TABLE = {
    fn_or_class.__name__: fn_or_class
    for fn_or_class in (
        Loss,
        LossFunctionWrapper,
        KLDivergence,
        Poisson,
        BinaryCrossentropy,
        BinaryFocalCrossentropy,
        CategoricalCrossentropy,
        CategoricalFocalCrossentropy,
        SparseCategoricalCrossentropy,
        MeanSquaredError,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError,
        CosineSimilarity,
        LogCosh,
        Huber,
        Hinge,
        SquaredHinge,
        CategoricalHinge,
        Dice,
        Tversky,
        CTC,
        Circle,
        CategoricalGeneralizedCrossEntropy,
        kl_divergence,
        poisson,
        binary_crossentropy,
        binary_focal_crossentropy,
        categorical_crossentropy,
        categorical_focal_crossentropy,
        sparse_categorical_crossentropy,
        mean_squared_error,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_logarithmic_error,
        cosine_similarity,
        log_cosh,
        huber,
        hinge,
        squared_hinge,
        categorical_hinge,
        dice,
        tversky,
        circle,
        ctc,
        categorical_generalized_cross_entropy,
    )
}
_TABLE.update(
    bce=binary_crossentropy,
    BCE=binary_crossentropy,
    kld=kl_divergence,
    KLD=kl_divergence,
    mae=mean_absolute_error,
    MAE=mean_absolute_error,
    mse=mean_squared_error,
    MSE=mean_squared_error,
    mape=mean_absolute_percentage_error,
    MAPE=mean_absolute_percentage_error,
    msle=mean_squared_logarithmic_error,
    MSLE=mean_squared_logarithmic_error,
)


def get(identifier):
    """The loss that `identifier` names: a function for a function's name, an instance for a class.

    Example:

    >>> losses.get("mse")
    <function mean_squared_error>
    >>> losses.get("Huber")
    <Huber(...)>

    Args:
        identifier: None, a name or alias, a config made by `serialize`, a class, or a loss itself.

    Returns:
        A function, a `Loss`, or None for None.

    Raises:
        ValueError: if there is no such loss; the message tells the closest names.
    """
    return serialization.resolve(identifier, "loss", _TABLE, base=Loss)


def serialize(loss) -> dict:
    """The config of a loss, as plain values that `deserialize` understands."""
    return serialization.serialize_keras_object(loss)


def deserialize(name, custom_objects: dict | None = None):
    """The loss that `serialize` described.

    Args:
        name: the config, or the name of a loss.
        custom_objects: classes and functions by the names that the config uses.
    """
    return serialization.deserialize_keras_object(name, module_objects=_TABLE, custom_objects=custom_objects)
