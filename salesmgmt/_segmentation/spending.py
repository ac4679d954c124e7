"""Gamma-Gamma: what customers spend a purchase."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._frames import Amount, take, warn
from ..engine import gammagamma
from ..engine.maximise import maximise
from ..errors import InputError
from .likelihood import Likelihood

__all__ = ["GammaGamma"]


class GammaGamma(Likelihood):
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
            x=Amount("x", option="", low=0),
            monetary=Amount("monetary", option="", missing="allow"),
            count=Amount("count", option="", optional=True, low=0),
        )
        x, spend = rows["x"], rows["monetary"]
        count = rows["count"] if "count" in rows else np.ones(len(x))
        repeat = x > 0
        with np.errstate(invalid="ignore"):
            use = repeat & (spend > 0) & (count > 0)
        if not use.any():
            raise InputError(
                "GammaGamma.fit(): no customer has repeat purchases with a positive mean spend."
            )
        lost = repeat & ~use & (count > 0)
        if lost.any():
            warn(
                f"GammaGamma.fit(): {int(lost.sum())} customer(s) with repeat "
                "purchases but no positive mean spend are left out."
            )
        self._maximise(x[use], spend[use], count[use])
        return self

    def _maximise(self, x: np.ndarray, spend: np.ndarray, count: np.ndarray) -> None:
        order = np.lexsort((count, spend, x))  # sums do not move with the rows
        x, spend, count = x[order], spend[order], count[order]
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

        Raises
        ------
        InputError
            A column is missing, or the spend of a customer with repeat purchases.
        """
        check_is_fitted(self, "params_")
        rows = take(
            X,
            caller="GammaGamma.expected_spend",
            arg="X",
            x=Amount("x", option="", low=0),
            monetary=Amount("monetary", option="", missing="allow"),
        )
        unknown = (rows["x"] > 0) & np.isnan(rows["monetary"])
        if unknown.any():
            first = rows.index[unknown].tolist()[0]
            raise InputError(
                "GammaGamma.expected_spend(): column 'monetary' is missing in "
                f"{int(unknown.sum())} row(s) with repeat purchases (first: row {first!r}); give "
                "the mean spend of these, or x=0 to take that of all customers."
            )
        params = np.asarray(self.params_.to_numpy(), dtype=np.float64)
        spend = np.where(np.isnan(rows["monetary"]), 0.0, rows["monetary"])
        value = gammagamma.expected_spend(params, rows["x"], np.maximum(spend, 0.0))
        endless = params[0] * rows["x"] + params[1] <= 1
        return pd.Series(np.where(endless, np.inf, value), index=rows.index, name="expected_spend")
