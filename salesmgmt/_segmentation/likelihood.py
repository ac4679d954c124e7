"""What all fitted models of purchases and spending share: parameters, errors, criteria."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import chdtrc
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._frames import check_number, warn
from ..engine.maximise import Fit
from ..errors import InputError

__all__ = ["Likelihood", "chi_square", "likelihood_ratio"]


class Likelihood(BaseEstimator):
    """What all models share once their likelihood is maximised."""

    _names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def from_params(cls, **params: float) -> Self:
        """A model with given parameters, as if it had been fitted.

        Parameters
        ----------
        **params : float
            Every parameter of the model by name, positive.

        Returns
        -------
        estimator
            Ready to predict.

        Raises
        ------
        InputError
            A parameter is missing, unknown or not positive.
        """
        name = f"{cls.__name__}.from_params"
        if set(params) != set(cls._names):
            raise InputError(f"{name}(): give exactly {', '.join(cls._names)}.")
        model = cls()
        values = [check_number(params[p], p, caller=name, low=0, open_low=True) for p in cls._names]
        model.params_ = pd.Series(values, index=list(cls._names))
        return model

    def _keep(
        self,
        fit: Fit,
        n: float,
        shift: np.ndarray,
        correction: float,
        *,
        linear: np.ndarray | None = None,
        coefficients: Sequence[str] = (),
    ) -> np.ndarray:
        """Learned state from the fit: parameters on the caller's scale, errors, criteria.

        ``linear`` leads from what was fitted to logarithms of the parameters and, after them,
        ``coefficients``, which are returned.
        """
        names = [*self._names, *coefficients]
        size, k = len(names), len(self._names)
        matrix = np.eye(size) if linear is None else linear
        theta = matrix @ fit.theta
        values = np.exp(theta[:k] + shift)
        own, every = pd.Index(names[:k]), pd.Index(names)
        self.params_ = pd.Series(values, index=own)
        self.log_likelihood_ = fit.value * n + correction
        self.n_customers_ = n
        self.aic_ = 2 * size - 2 * self.log_likelihood_
        self.bic_ = np.log(n) * size - 2 * self.log_likelihood_
        steps = np.concatenate([values, np.ones(size - k)])[:, None] * matrix
        cov = steps @ _inverse(fit.hessian * n) @ steps.T
        self.covariance_ = pd.DataFrame(cov, index=every, columns=every)
        with np.errstate(invalid="ignore"):
            errors = np.sqrt(np.diag(cov))
        self.standard_errors_ = pd.Series(errors[:k], index=own)
        self.converged_ = fit.converged
        if not fit.converged:
            from sklearn.exceptions import ConvergenceWarning

            warn(
                f"{type(self).__name__}.fit(): the likelihood has no clear maximum on these "
                "data (too few repeat purchases?); the best parameters found are kept.",
                ConvergenceWarning,
            )
        return np.asarray(theta[k:])


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a positive definite matrix; missing where the likelihood is flat."""
    values = np.linalg.eigvalsh(matrix) if np.isfinite(matrix).all() else np.array([-1.0])
    if values.min() <= 1e-12 * max(float(values.max()), 1e-300):
        return np.full(matrix.shape, np.nan)
    return np.linalg.inv(matrix)


def likelihood_ratio(restricted: Any, full: Any) -> pd.Series:
    """Likelihood-ratio test of a model against a larger one that contains it.

    Parameters
    ----------
    restricted, full : fitted models
        On the same data; ``full`` has the parameters and covariates of ``restricted``, and more:
        the same model with covariates, or :class:`GompertzNBD` for :class:`ParetoNBD`.

    Returns
    -------
    Series
        ``statistic``, ``df``, ``p_value`` (chi-square).

    Raises
    ------
    InputError
        ``full`` has no more parameters or does not contain ``restricted``, or the models saw
        different numbers of customers.

    References
    ----------
    .. [1] S. S. Wilks, "The Large-Sample Distribution of the Likelihood Ratio for Testing
       Composite Hypotheses", Annals of Mathematical Statistics 9 (1938), 60-62.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.segmentation import GompertzNBD, ParetoNBD
    >>> seen = pd.DataFrame({"x": [0, 1, 2, 5], "t_x": [0.0, 9.0, 20.0, 37.0], "T": 38.0,
    ...     "count": [60, 20, 10, 10]})
    >>> test = likelihood_ratio(ParetoNBD().fit(seen), GompertzNBD().fit(seen))
    >>> int(test["df"])
    1
    """
    for model in (restricted, full):
        check_is_fitted(model, "log_likelihood_")
    units = {u for m in (restricted, full) if (u := getattr(m, "freq_", None)) is not None}
    if len(units) > 1:  # a density of times changes with their unit
        raise InputError(
            "likelihood_ratio(): the models were fitted on purchases of different units of time "
            f"({', '.join(map(repr, sorted(units)))}); fit both on the same purchases."
        )
    df = len(full.covariance_) - len(restricted.covariance_)
    if df <= 0 or full.n_customers_ != restricted.n_customers_:
        raise InputError(
            "likelihood_ratio(): full must have more parameters than restricted, and both must "
            "be fitted on the same customers."
        )
    if not _contains(full, restricted):
        raise InputError(
            f"likelihood_ratio(): {type(restricted).__name__} is not {type(full).__name__} with "
            "parameters left out, so twice the gain follows no chi-square; compare aic_ or bic_, "
            "or models on a holdout (compare_models)."
        )
    return chi_square(full.log_likelihood_ - restricted.log_likelihood_, df)


def _contains(full: Any, restricted: Any) -> bool:
    """Whether a model is a special case of another: the same kind, with some of its parameters."""
    alike = isinstance(full, type(restricted))
    alike &= getattr(full, "_shift", 0) == getattr(restricted, "_shift", 0)
    return alike and set(restricted.covariance_.columns) <= set(full.covariance_.columns)


def chi_square(gain: float, df: int) -> pd.Series:
    """Test of a gain in log-likelihood by ``df`` more parameters."""
    statistic = max(2 * gain, 0.0)
    return pd.Series(
        {"statistic": statistic, "df": float(df), "p_value": float(chdtrc(df, statistic))}
    )
