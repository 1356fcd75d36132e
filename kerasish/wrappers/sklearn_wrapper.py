"""Models as classifiers, regressors and transformers of scikit-learn."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasish.models import Model, clone_model

try:
    import sklearn
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
except ImportError:  # the classes can be named without scikit-learn; making one says what is missing
    sklearn = None
    BaseEstimator = ClassifierMixin = RegressorMixin = TransformerMixin = object

if TYPE_CHECKING:
    from typing import Self

# With `object` in their place Python would not take three of them as bases.
_CLASSIFIER, _REGRESSOR, _TRANSFORMER = [
    () if mixin is object else (mixin,) for mixin in (ClassifierMixin, RegressorMixin, TransformerMixin)
]


class SKLBase(BaseEstimator):
    """What the three wrappers share: a model, made or copied at each `fit`."""

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ):
        if sklearn is None:
            raise ImportError(
                f"{type(self).__name__} requires `scikit-learn` to be installed. Run `pip install scikit-learn` "
                "(or `pip install kerasish[sklearn]`) to install it."
            )
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Train the model.

        Args:
            X: Samples, an array of shape `(samples, features)`.
            y: Targets, an array of shape `(samples,)`.
            **kwargs: Arguments of `Model.fit`, before those in `fit_kwargs`.

        Returns:
            The estimator itself, with the trained model as `model_` and what `Model.fit` returned as `history_`.

        Raises:
            ValueError: If scikit-learn finds fault with the data.
            RuntimeError: If the model is not compiled with a loss and an optimizer.
        """
        X, y = _validated(self, X, y)
        target = self._fit_target(y)
        model = self._make_model(X, target)
        if not (model.compiled and model.loss and model.optimizer):
            raise RuntimeError("Given model needs to be compiled, and have a loss and an optimizer.")
        self.history_ = model.fit(X, target, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _make_model(self, X: np.ndarray, y: np.ndarray) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if not isinstance(self.model, Model):
            return self.model(X=X, y=y, **(self.model_kwargs or {}))
        return self.model if self.warm_start else clone_model(self.model)

    def _outputs(self, X: Any) -> np.ndarray:
        """Return what the fitted model predicts."""
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return self.model_.predict(_validated(self, X, reset=False), verbose=0)

    def _fit_target(self, y: np.ndarray) -> np.ndarray:
        """Return the targets as the model takes them: a column."""
        from sklearn.utils.multiclass import type_of_target

        if type_of_target(y) == "unknown":
            raise ValueError(f"Unknown label type for data: {y!r}")
        return y.reshape(-1, 1)

    @property
    def epoch_(self) -> Any:
        """The epochs trained by the last `fit`, counted from 0; 0 before it."""
        history = getattr(self, "history_", None)
        return history.epoch if history is not None else 0

    def set_fit_request(self, **kwargs: Any) -> Self:
        """Say which metadata `fit` asks for where scikit-learn routes it.

        Args:
            **kwargs: For each argument of `fit`, True, False, None or another name for it.

        Returns:
            The estimator itself.

        Raises:
            RuntimeError: If scikit-learn's metadata routing is not enabled.
        """
        if not sklearn.get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable it using "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        requests = self._get_metadata_request()
        for name, alias in kwargs.items():
            requests.fit.add_request(param=name, alias=alias)
        self._metadata_request = requests
        return self

    def __sklearn_clone__(self) -> Self:
        """Return an estimator of the same arguments that is not fitted; a model among them is copied."""
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        return type(self)(model, self.warm_start, self.model_kwargs, self.fit_kwargs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


class SKLearnClassifier(*_CLASSIFIER, SKLBase):  # type: ignore[misc]
    """A model as a classifier of scikit-learn: one output for each class, trained on one-hot targets.

    Example:

    ```python
    def network(X, y, units=16):
        model = keras.Sequential([
            keras.Input((X.shape[1],)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(y.shape[1], activation="softmax"),
        ])
        model.compile("adam", loss="categorical_crossentropy")
        return model

    classifier = SKLearnClassifier(network, model_kwargs={"units": 32}, fit_kwargs={"epochs": 10})
    cross_val_score(classifier, X, y)
    ```

    Args:
        model: A compiled model, of which each `fit` trains a copy, or a function that makes one from `X` and `y`
            (the targets one-hot) and `model_kwargs`.
        warm_start: Whether each `fit` goes on from the weights of the one before, and uses a given model itself.
        model_kwargs: Further arguments of the function.
        fit_kwargs: Arguments of `Model.fit`.

    Attributes:
        model_: The trained model.
        history_: What `Model.fit` returned.
        classes_: The labels, sorted.

    Raises:
        ImportError: If scikit-learn is not installed.
    """

    def predict(self, X: Any) -> np.ndarray:
        """Return the label of the largest output for each sample."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=-1)]

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the model's outputs, of shape `(samples, classes)`."""
        return self._outputs(X)

    def _fit_target(self, y: np.ndarray) -> np.ndarray:
        from sklearn.utils.multiclass import type_of_target

        kind = type_of_target(y)
        if kind == "unknown":
            raise ValueError(f"Unknown label type for data: {y!r}")
        if kind not in ("binary", "multiclass"):
            raise ValueError(f"Only binary and multiclass target types are supported. Target type: {kind}")
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        return np.eye(len(self.classes_))[places]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(*_REGRESSOR, SKLBase):  # type: ignore[misc]
    """A model as a regressor of scikit-learn.

    Example:

    ```python
    def network(X, y):
        model = keras.Sequential([keras.Input((X.shape[1],)), keras.layers.Dense(y.shape[1])])
        model.compile("adam", loss="mse")
        return model

    make_pipeline(StandardScaler(), SKLearnRegressor(network)).fit(X, y)
    ```

    Args:
        model: A compiled model, of which each `fit` trains a copy, or a function that makes one from `X` and `y`
            (a column) and `model_kwargs`.
        warm_start: Whether each `fit` goes on from the weights of the one before, and uses a given model itself.
        model_kwargs: Further arguments of the function.
        fit_kwargs: Arguments of `Model.fit`.

    Attributes:
        model_: The trained model.
        history_: What `Model.fit` returned.

    Raises:
        ImportError: If scikit-learn is not installed.
    """

    def predict(self, X: Any) -> np.ndarray:
        """Return the model's output for each sample, of shape `(samples,)`."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(*_TRANSFORMER, SKLBase):  # type: ignore[misc]
    """A model as a transformer of scikit-learn: a step of a pipeline that turns samples into the model's outputs.

    Example:

    ```python
    embedding = FrozenEstimator(SKLearnTransformer(trained_model).fit(X, y))
    make_pipeline(embedding, HistGradientBoostingClassifier()).fit(X, y)
    ```

    Args:
        model: A compiled model, of which each `fit` trains a copy, or a function that makes one from `X` and `y`
            (a column) and `model_kwargs`.
        warm_start: Whether each `fit` goes on from the weights of the one before, and uses a given model itself.
        model_kwargs: Further arguments of the function.
        fit_kwargs: Arguments of `Model.fit`.

    Attributes:
        model_: The trained model.
        history_: What `Model.fit` returned.

    Raises:
        ImportError: If scikit-learn is not installed.
    """

    def transform(self, X: Any) -> np.ndarray:
        """Return the model's outputs for the samples."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def _validated(estimator: SKLBase, *data: Any, **kwargs: Any) -> Any:
    """Return the data as arrays that scikit-learn has checked, and note their number of features."""
    from sklearn.utils.validation import validate_data

    return validate_data(estimator, *data, **kwargs)
