"""Purchase models: who is still a customer, and how often will each buy.

All are fitted by maximum likelihood on the distinct rows of :func:`purchases`, without penalty
or tolerance, on a time axis of their own: days, weeks and months give the same predictions.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._frames import Amount, check_int, check_number, take, warn
from ..engine import bgbb, bgnbd, gammagamma, lifetime_nbd
from ..engine.btyd_rows import Histories, compress, thin
from ..engine.maximise import Fit, maximise
from ..errors import InputError

__all__ = [
    "BGBB",
    "BGNBD",
    "MBGNBD",
    "GammaGamma",
    "GompertzNBD",
    "ParetoNBD",
    "likelihood_ratio",
]

_WARM = 4_000

History = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


class _Likelihood(BaseEstimator):
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

    def _keep(self, fit: Fit, n: float, shift: np.ndarray, correction: float) -> None:
        """Learned state from the fit: parameters on the caller's scale, errors, criteria."""
        names = list(self._names)
        values = np.exp(fit.theta + shift)
        self.params_ = pd.Series(values, index=names)
        self.log_likelihood_ = fit.value * n + correction
        self.n_customers_ = n
        self.aic_ = 2 * len(names) - 2 * self.log_likelihood_
        self.bic_ = np.log(n) * len(names) - 2 * self.log_likelihood_
        cov = _inverse(fit.hessian * n)
        self.covariance_ = pd.DataFrame(cov * np.outer(values, values), index=names, columns=names)
        with np.errstate(invalid="ignore"):
            errors = np.sqrt(np.diag(self.covariance_.to_numpy()))
        self.standard_errors_ = pd.Series(errors, index=names)
        self.converged_ = fit.converged
        if not fit.converged:
            from sklearn.exceptions import ConvergenceWarning

            warnings.warn(
                f"{type(self).__name__}.fit(): the likelihood has no clear maximum on these "
                "data (too few repeat purchases?); the best parameters found are kept.",
                ConvergenceWarning,
                stacklevel=3,
            )


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a positive definite matrix; missing where the likelihood is flat."""
    values = np.linalg.eigvalsh(matrix) if np.isfinite(matrix).all() else np.array([-1.0])
    if values.min() <= 1e-12 * max(float(values.max()), 1e-300):
        return np.full(matrix.shape, np.nan)
    return np.linalg.inv(matrix)


class _PurchaseModel(_Likelihood, ABC):
    """Models of the number of purchases: fit, and the four questions one can ask."""

    # Power of the time unit in each parameter (alpha is a time, a rate would be -1).
    _powers: ClassVar[tuple[int, ...]] = ()
    _discrete: ClassVar[bool] = False  # times are numbers of opportunities

    def fit(self, purchases: pd.DataFrame, y: object = None) -> Self:
        """Find the parameters that make the purchases seen most likely.

        Parameters
        ----------
        purchases : DataFrame
            Columns ``x``, ``t_x``, ``T`` (see ``segmentation.purchases``); a column ``count``
            weighs rows that stand for several customers.
        y : ignored
            For scikit-learn only.

        Returns
        -------
        estimator
            The fitted model itself.

        Raises
        ------
        InputError
            A column is missing or a history is impossible (``t_x`` beyond ``T``, ...).
        """
        x, t_x, T, count = _take(purchases, f"{type(self).__name__}.fit", whole=self._discrete)
        rows = compress(x, t_x, T, count)
        few = thin(rows, _WARM)
        theta = self._start(rows)
        if few is not None:
            theta = maximise(lambda p: self._loglik(p, few), theta, curvature=False).theta
        fit = maximise(lambda p: self._loglik(p, rows), theta)
        scale = np.log(rows.scale)
        seen = 0.0 if self._discrete else float((rows.weight * rows.x[rows.ix]).sum())
        self._keep(fit, rows.total, np.asarray(self._powers) * scale, -scale * seen)
        return self

    def probability_alive(self, X: pd.DataFrame) -> pd.Series:
        """Chance that each customer is still one at the end of observation.

        Parameters
        ----------
        X : DataFrame
            Columns ``x``, ``t_x``, ``T``.

        Returns
        -------
        Series
            One value a row, with the index of ``X``.
        """
        x, t_x, T, _ = self._ready(X, "probability_alive")
        return pd.Series(self._alive(x, t_x, T), index=X.index, name="p_alive")

    def expected_purchases(self, X: pd.DataFrame, t: Any) -> pd.Series:
        """Expected number of purchases of each customer within ``t`` after the observation.

        Parameters
        ----------
        X : DataFrame
            Columns ``x``, ``t_x``, ``T``.
        t : float or array-like
            Length of time, in the unit of ``T``; one for all, or one a row.

        Returns
        -------
        Series
            One value a row, with the index of ``X``.
        """
        x, t_x, T, _ = self._ready(X, "expected_purchases")
        span = _spans(t, len(x), f"{type(self).__name__}.expected_purchases")
        value = self._alive(x, t_x, T) * self._expected(x, T, span)
        return pd.Series(np.maximum(value, 0.0), index=X.index, name="expected_purchases")

    def probability_of(self, X: pd.DataFrame, n: int, t: Any) -> pd.Series:
        """Chance that each customer buys exactly ``n`` times within ``t``.

        Parameters
        ----------
        X : DataFrame
            Columns ``x``, ``t_x``, ``T``.
        n : int
            Number of purchases, 0 or more.
        t : float or array-like
            Length of time after the observation, in the unit of ``T``.

        Returns
        -------
        Series
            One value a row, with the index of ``X``.
        """
        caller = f"{type(self).__name__}.probability_of"
        check_int(n, "n", caller=caller, low=0)
        x, t_x, T, _ = self._ready(X, "probability_of")
        span = _spans(t, len(x), caller)
        alive = self._alive(x, t_x, T)
        value = alive * self._exactly(x, T, n, span) + (1 - alive) * (n == 0)
        return pd.Series(np.clip(value, 0.0, 1.0), index=X.index, name="probability")

    def expected_interval(self, X: pd.DataFrame, t: Any, *, level: float = 0.95) -> pd.DataFrame:
        """Range that holds the number of purchases within ``t`` with chance ``level``.

        Parameters
        ----------
        X : DataFrame
            Columns ``x``, ``t_x``, ``T``.
        t : float or array-like
            Length of time after the observation, in the unit of ``T``.
        level : float, default=0.95
            Chance that the number lies in the range, at least.

        Returns
        -------
        DataFrame
            ``lo`` and ``hi``, whole numbers, with the index of ``X``.
        """
        caller = f"{type(self).__name__}.expected_interval"
        check_number(level, "level", caller=caller, low=0, high=1, open_low=True, open_high=True)
        x, t_x, T, _ = self._ready(X, "expected_interval")
        span = _spans(t, len(x), caller)
        tail = (1 - level) / 2
        alive = self._alive(x, t_x, T)
        lo, hi = np.zeros(len(x), dtype=np.int64), np.zeros(len(x), dtype=np.int64)
        below = 1 - alive
        open_rows = np.arange(len(x))
        n = 0
        while len(open_rows) and n < 100_000:
            here = self._exactly(x[open_rows], T[open_rows], n, span[open_rows])
            below[open_rows] += alive[open_rows] * here
            lo[open_rows[below[open_rows] < tail]] = n + 1
            more = below[open_rows] < 1 - tail - 1e-12
            hi[open_rows[more]] = n + 1
            open_rows = open_rows[more]
            n += 1
        return pd.DataFrame({"lo": np.minimum(lo, hi), "hi": hi}, index=X.index)

    def _ready(self, X: pd.DataFrame, method: str) -> History:
        check_is_fitted(self, "params_")
        return _take(X, f"{type(self).__name__}.{method}", whole=self._discrete)

    def _params(self) -> np.ndarray:
        return np.asarray(self.params_.to_numpy(), dtype=np.float64)

    def _alive(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        odds = self._dead(x, t_x, T)
        return np.exp(-np.logaddexp(0.0, odds))

    # What a model says for itself.
    @abstractmethod
    def _start(self, rows: Histories) -> np.ndarray:
        """Log-parameters to begin with."""

    @abstractmethod
    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        """Mean log-likelihood and gradient."""

    @abstractmethod
    def _dead(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Log odds of having left."""

    @abstractmethod
    def _expected(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Expected purchases of one alive at T."""

    @abstractmethod
    def _exactly(self, x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray) -> np.ndarray:
        """Chance of n purchases of one alive at T."""


class BGNBD(_PurchaseModel):
    """BG/NBD: purchases at a rate of one's own, a chance to leave after each repeat purchase.

    Parameters
    ----------
    None
        There is nothing to tune.

    Attributes
    ----------
    params_ : Series
        ``r``, ``alpha`` (rates are gamma distributed), ``a``, ``b`` (chances to leave are beta
        distributed).
    standard_errors_ : Series
        Of the parameters; missing where the likelihood is flat.
    log_likelihood_, aic_, bic_ : float
        The log-likelihood as published (a sum over customers, in the caller's unit of time)
        and the criteria made of it.
    covariance_ : DataFrame
        Of the parameters.
    converged_ : bool
        Whether a maximum was found.

    References
    ----------
    .. [1] P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers the Easy Way",
       Marketing Science 24 (2005), 275-284.

    Examples
    --------
    >>> import pandas as pd
    >>> model = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> one = pd.DataFrame({"x": [2], "t_x": [30.43], "T": [38.86]})
    >>> model.expected_purchases(one, 39).round(3).tolist()
    [1.226]
    """

    _names = ("r", "alpha", "a", "b")
    _powers = (0, 1, 0, 0)
    _shift: ClassVar[int] = 0

    def expected_new(self, t: float) -> float:
        """Expected repeat purchases of a new customer within ``t`` of the first purchase.

        Parameters
        ----------
        t : float
            Length of time in the unit of the fit.

        Returns
        -------
        float
            Mean over all customers to come.
        """
        check_is_fitted(self, "params_")
        value = bgnbd.expected_new(self._params(), np.array([float(t)]), self._shift)
        return float(value[0])

    def _start(self, rows: Histories) -> np.ndarray:
        return bgnbd.start(rows)

    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        return bgnbd.loglik(theta, rows, self._shift)

    def _dead(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        return bgnbd.log_odds_dead(self._params(), x, t_x, T, self._shift)

    def _expected(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return bgnbd.expected(self._params(), x, T, t, self._shift)

    def _exactly(self, x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray) -> np.ndarray:
        return bgnbd.probability_of(self._params(), x, T, n, t, self._shift)


class MBGNBD(BGNBD):
    """MBG/NBD: like BG/NBD, but customers may also leave right after the first purchase.

    Parameters
    ----------
    None
        There is nothing to tune.

    Attributes
    ----------
    params_, standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_
        As in :class:`BGNBD`.

    References
    ----------
    .. [1] E. P. Batislam, M. Denizel and A. Filiztekin, "Empirical validation and comparison
       of models for customer base analysis", International Journal of Research in Marketing 24
       (2007), 201-209.

    Examples
    --------
    >>> import pandas as pd
    >>> model = MBGNBD.from_params(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> one = pd.DataFrame({"x": [0], "t_x": [0.0], "T": [38.86]})
    >>> bool(model.probability_alive(one).iloc[0] < 1)
    True
    """

    _shift = 1


class ParetoNBD(_PurchaseModel):
    """Pareto/NBD: purchases at a rate of one's own until an unseen, exponential end.

    Parameters
    ----------
    None
        There is nothing to tune.

    Attributes
    ----------
    params_ : Series
        ``r``, ``alpha`` (purchase rates are gamma distributed), ``s``, ``beta`` (rates of
        leaving are gamma distributed).
    standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_
        As in :class:`BGNBD`.

    References
    ----------
    .. [1] D. C. Schmittlein, D. G. Morrison and R. Colombo, "Counting Your Customers: Who Are
       They and What Will They Do Next?", Management Science 33 (1987), 1-24.

    Examples
    --------
    >>> import pandas as pd
    >>> model = ParetoNBD.from_params(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    >>> one = pd.DataFrame({"x": [26], "t_x": [30.86], "T": [31.0]})
    >>> model.expected_purchases(one, 52).round(1).tolist()
    [25.5]
    """

    _names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    _powers: ClassVar[tuple[int, ...]] = (0, 1, 0, 1)

    def expected_new(self, t: float) -> float:
        """Expected repeat purchases of a new customer within ``t`` of the first purchase.

        Parameters
        ----------
        t : float
            Length of time in the unit of the fit.

        Returns
        -------
        float
            Mean over all customers to come.
        """
        check_is_fitted(self, "params_")
        zero = np.zeros(1)
        return float(self._expected(zero, zero, np.array([float(t)]))[0])

    def _lifetime(self) -> lifetime_nbd.Lifetime:
        return lifetime_nbd.Pareto()

    def _start(self, rows: Histories) -> np.ndarray:
        return np.log([1.0, 2.5, 1.0, 2.5])

    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        return lifetime_nbd.loglik(theta, rows, self._lifetime())

    def _dead(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        return lifetime_nbd.log_odds_dead(self._params(), x, t_x, T, self._lifetime())

    def _expected(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return lifetime_nbd.expected(self._params(), x, T, t, self._lifetime())

    def _exactly(self, x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray) -> np.ndarray:
        return lifetime_nbd.probability_of(self._params(), x, T, n, t, self._lifetime())


class GompertzNBD(ParetoNBD):
    """GGompertz/NBD: like Pareto/NBD, with a risk of leaving that may rise or fall with age.

    Parameters
    ----------
    None
        There is nothing to tune.

    Attributes
    ----------
    params_ : Series
        ``r``, ``alpha`` (purchase rates), ``b`` (how fast the risk of leaving changes), ``s``,
        ``beta`` (how it differs among customers).
    standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_
        As in :class:`BGNBD`.

    References
    ----------
    .. [1] A. C. Bemmaor and N. Glady, "Modeling Purchasing Behavior with Sudden 'Death': A
       Flexible Customer Lifetime Model", Management Science 58 (2012), 1012-1021.

    Examples
    --------
    >>> import pandas as pd
    >>> model = GompertzNBD.from_params(r=0.553, alpha=10.578, b=0.0002, s=0.603, beta=0.0026)
    >>> one = pd.DataFrame({"x": [2], "t_x": [30.43], "T": [38.86]})
    >>> bool(0 < model.probability_alive(one).iloc[0] < 1)
    True
    """

    _names = ("r", "alpha", "b", "s", "beta")
    _powers = (0, 1, -1, 0, 0)

    def _lifetime(self) -> lifetime_nbd.Lifetime:
        return lifetime_nbd.Gompertz()

    def _start(self, rows: Histories) -> np.ndarray:
        return np.log([1.0, 2.5, 0.1, 1.0, 1.0])


class BGBB(_PurchaseModel):
    """BG/BB: at each opportunity (a year's appeal, a week's visit) one may buy, or have left.

    Parameters
    ----------
    None
        There is nothing to tune. ``x``, ``t_x`` and ``T`` are numbers of opportunities.

    Attributes
    ----------
    params_ : Series
        ``alpha``, ``beta`` (chances to buy are beta distributed), ``gamma``, ``delta``
        (chances to leave are beta distributed).
    standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_
        As in :class:`BGNBD`.

    References
    ----------
    .. [1] P. S. Fader, B. G. S. Hardie and J. Shang, "Customer-Base Analysis in a
       Discrete-Time Noncontractual Setting", Marketing Science 29 (2010), 1086-1108.

    Examples
    --------
    >>> import pandas as pd
    >>> model = BGBB.from_params(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
    >>> donors = pd.DataFrame({"x": [0, 4], "t_x": [0, 5], "T": [6, 6]})
    >>> model.expected_purchases(donors, 10).round(2).tolist()
    [0.13, 3.63]
    """

    _names = ("alpha", "beta", "gamma", "delta")
    _powers = (0, 0, 0, 0)
    _discrete = True

    def _start(self, rows: Histories) -> np.ndarray:
        return np.log([1.0, 1.0, 1.0, 2.0])

    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        t_x = np.rint(rows.t_x * rows.scale)[rows.it]
        T = np.rint(rows.T * rows.scale)[rows.iT]
        return bgbb.loglik(theta, rows.x[rows.ix], t_x, T, rows.weight)

    def _dead(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        return bgbb.log_odds_dead(self._params(), x, t_x, T)

    def _expected(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return bgbb.expected(self._params(), x, T, t)

    def _exactly(self, x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray) -> np.ndarray:
        out = np.empty(len(x))
        for span in np.unique(t):
            at = t == span
            out[at] = bgbb.probability_of(self._params(), x[at], T[at], n, int(span))
        return out


class GammaGamma(_Likelihood):
    """Gamma-Gamma: what a purchase of each customer is worth, pulled towards the mean of all.

    Parameters
    ----------
    None
        There is nothing to tune.

    Attributes
    ----------
    params_ : Series
        ``p``, ``q``, ``gamma``.
    standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_
        As in :class:`BGNBD`.

    References
    ----------
    .. [1] P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value", 2013,
       www.brucehardie.com/notes/025.

    Examples
    --------
    >>> import pandas as pd
    >>> model = GammaGamma.from_params(p=6.25, q=3.74, gamma=15.44)
    >>> model.expected_spend(pd.DataFrame({"x": [0], "monetary": [None]})).round(1).tolist()
    [35.2]
    """

    _names = ("p", "q", "gamma")

    def fit(self, purchases: pd.DataFrame, y: object = None) -> Self:
        """Find the parameters that make the spending seen most likely.

        Parameters
        ----------
        purchases : DataFrame
            Columns ``x`` and ``monetary`` (mean spend of the repeat purchases), and optionally
            ``count``. Customers without repeat purchases say nothing about spending; those
            whose mean spend is not positive are left out with a ``DataWarning``.
        y : ignored
            For scikit-learn only.

        Returns
        -------
        estimator
            The fitted model itself.

        Raises
        ------
        InputError
            A column is missing, or no customer has repeat purchases of positive spend.
        """
        rows = take(
            purchases,
            caller="GammaGamma.fit",
            arg="purchases",
            x=Amount("x", low=0),
            monetary=Amount("monetary", missing="allow"),
            count=Amount("count", optional=True, low=0),
        )
        x, spend = rows["x"], rows["monetary"]
        count = rows["count"] if "count" in rows else np.ones(len(x))
        repeat = x > 0
        with np.errstate(invalid="ignore"):
            use = repeat & (spend > 0)
        if not use.any():
            raise InputError(
                "GammaGamma.fit(): no customer has repeat purchases with a positive mean spend."
            )
        if (repeat & ~use).any():
            warn(
                f"GammaGamma.fit(): {int((repeat & ~use).sum())} customer(s) with repeat "
                "purchases but no positive mean spend are left out."
            )
        self._maximise(x[use], spend[use], count[use])
        return self

    def _maximise(self, x: np.ndarray, spend: np.ndarray, count: np.ndarray) -> None:
        scale = float(np.average(spend, weights=count))
        ux, ix, n, logs = gammagamma.sums_by_x(x, spend / scale, count)
        total = x * (spend / scale)
        fit = maximise(
            lambda p: gammagamma.loglik(p, ux, ix, n, logs, total, count),
            gammagamma.start(spend),
        )
        shift = np.array([0.0, 0.0, np.log(scale)])
        self._keep(fit, float(count.sum()), shift, -np.log(scale) * float(count.sum()))

    def expected_spend(self, X: pd.DataFrame) -> pd.Series:
        """Expected spend a purchase of each customer.

        Parameters
        ----------
        X : DataFrame
            Columns ``x`` and ``monetary`` (may be missing where ``x`` is 0).

        Returns
        -------
        Series
            One value a row, with the index of ``X``; infinite where ``q`` says that the mean
            of all customers has no end.
        """
        check_is_fitted(self, "params_")
        rows = take(
            X,
            caller="GammaGamma.expected_spend",
            arg="X",
            x=Amount("x", low=0),
            monetary=Amount("monetary", missing="allow"),
        )
        params = np.asarray(self.params_.to_numpy(), dtype=np.float64)
        spend = np.where(np.isnan(rows["monetary"]), 0.0, rows["monetary"])
        value = gammagamma.expected_spend(params, rows["x"], np.maximum(spend, 0.0))
        endless = params[0] * rows["x"] + params[1] <= 1
        return pd.Series(np.where(endless, np.inf, value), index=X.index, name="expected_spend")


def likelihood_ratio(restricted: Any, full: Any) -> pd.Series:
    """Likelihood-ratio test of a model against a larger one that contains it.

    Parameters
    ----------
    restricted, full : fitted models
        On the same data; ``full`` has more parameters.

    Returns
    -------
    Series
        ``statistic``, ``df``, ``p_value`` (chi-square).

    Raises
    ------
    InputError
        ``full`` has no more parameters, or the models saw different numbers of customers.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"x": [0, 1, 2, 5], "t_x": [0.0, 9.0, 20.0, 37.0], "T": 38.0,
    ...     "count": [60, 20, 10, 10]})
    >>> test = likelihood_ratio(ParetoNBD().fit(seen), GompertzNBD().fit(seen))
    >>> int(test["df"])
    1
    """
    from scipy.stats import chi2

    for model in (restricted, full):
        check_is_fitted(model, "log_likelihood_")
    df = len(full.params_) - len(restricted.params_)
    if df <= 0 or full.n_customers_ != restricted.n_customers_:
        raise InputError(
            "likelihood_ratio(): full must have more parameters than restricted, and both must "
            "be fitted on the same customers."
        )
    statistic = max(2 * (full.log_likelihood_ - restricted.log_likelihood_), 0.0)
    return pd.Series(
        {"statistic": statistic, "df": float(df), "p_value": float(chi2.sf(statistic, df))}
    )


# --------------------------------------------------------------------------------------


def _take(frame: pd.DataFrame, caller: str, *, whole: bool = False) -> History:
    """x, t_x, T and counts of a frame of histories, checked."""
    rows = take(
        frame,
        caller=caller,
        arg="purchases",
        x=Amount("x", low=0, whole=True),
        t_x=Amount("t_x", low=0, whole=whole),
        T=Amount("T", low=0, whole=whole),
        count=Amount("count", optional=True, low=0),
    )
    x, t_x, T = rows["x"], rows["t_x"], rows["T"]
    for wrong, told in (
        (t_x > T * (1 + 1e-12), "t_x lies beyond T"),
        ((x == 0) & (t_x > 0), "t_x is not 0 although x is 0"),
        ((x > 0) & (t_x == 0), "t_x is 0 although x is not"),
    ):
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"{caller}(): {told} in {int(wrong.sum())} row(s), first row "
                f"{frame.index[at]!r}: x={x[at]:g}, t_x={t_x[at]:g}, T={T[at]:g}; t_x is the "
                "time from the first to the last purchase, T to the end of observation."
            )
    count = rows["count"] if "count" in rows else None  # noqa: SIM401
    return x, t_x, T, count


def _spans(t: Any, n: int, caller: str) -> np.ndarray:
    """Lengths of time, one a row."""
    values = np.asarray(t, dtype=np.float64)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != n):
        raise InputError(f"{caller}(): t must be a number, or one number a row ({n}).")
    if not np.isfinite(values).all() or (values < 0).any():
        raise InputError(f"{caller}(): t must be finite and not negative.")
    return np.broadcast_to(values, (n,)).astype(np.float64)
