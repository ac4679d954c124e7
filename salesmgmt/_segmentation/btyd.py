"""Purchase models: who is still a customer, and how often will each buy.

All are fitted by maximum likelihood on the distinct rows of :func:`purchases`, without penalty
or tolerance, on a time axis of their own: days, weeks and months give the same predictions.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ..engine import bgbb, bgnbd, lifetime_nbd
from ..engine.btyd_rows import Histories
from .purchase_model import PurchaseModel, Values

__all__ = ["BGBB", "BGNBD", "MBGNBD", "GompertzNBD", "ParetoNBD"]


class BGNBD(PurchaseModel):
    """BG/NBD: purchases at a rate of one's own, a chance to leave after each repeat purchase.

    Parameters
    ----------
    covariates : str or sequence of str, optional
        Columns of attributes that do not change with time (region, channel, age); they scale
        how often customers buy (``alpha exp(-g'z)``). A column that holds
        no numbers counts as groups, each against the first one.
    dropout_covariates : str or sequence of str, optional
        Attributes that scale how customers leave (``a exp(g'z)`` and
        ``b exp(g'z)``, coefficients of their own); None: the same
        ones, an empty list: none.

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
    freq_ : str or None
        Unit of time of the purchases, where ``segmentation.purchases`` made them; histories in
        another one are refused.
    coefficients_ : DataFrame
        With covariates: ``parameter``, ``covariate``, ``coefficient``, ``standard_error``,
        ``lo`` and ``hi`` (95 %), ``p_value``. Above 0: buys more often (``alpha``), leaves
        sooner (``a``), leaves later (``b``).
    covariate_test_ : Series
        With covariates: likelihood-ratio test against the model without them.

    References
    ----------
    .. [1] P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers the Easy Way",
       Marketing Science 24 (2005), 275-284.
    .. [2] P. S. Fader and B. G. S. Hardie, "Incorporating Time-Invariant Covariates into the
       Pareto/NBD and BG/NBD Models", 2007, www.brucehardie.com/notes/019.

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
    # Much the same for all or not at all, leaving soon or late.
    _lives = ((3.0, 3.0), (-3.0, -3.0), (-3.0, 0.0), (0.0, -3.0), (0.0, 3.0), (-5.0, -6.0))
    _moved = {"alpha": ("purchase", -1.0), "a": ("dropout", 1.0), "b": ("dropout", 1.0)}
    _shift: ClassVar[int] = 0

    def __init__(self, *, covariates: Any = None, dropout_covariates: Any = None):
        self.covariates = covariates
        self.dropout_covariates = dropout_covariates

    def expected_new(self, t: float, X: pd.DataFrame | None = None) -> float:
        """Expected repeat purchases of a new customer within ``t`` of the first purchase.

        Parameters
        ----------
        t : float
            Length of time in the unit of the fit.
        X : DataFrame, optional
            Covariates of the new customers, one row each; needed where the model has some.

        Returns
        -------
        float
            Mean over all customers to come (over the rows of ``X``).
        """
        p, span = self._new(t, X)
        return float(bgnbd.expected_new(p, span, self._shift).mean())

    def _start(self, rows: Histories) -> np.ndarray:
        return bgnbd.start(rows)

    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        return bgnbd.loglik(theta, rows, self._shift)

    def _loglik_by_row(
        self, theta: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return bgnbd.loglik_by_row(theta, x, t_x, T, self._shift)

    def _dead(self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        return bgnbd.log_odds_dead(p, x, t_x, T, self._shift)

    def _expected(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, t: np.ndarray
    ) -> np.ndarray:
        return bgnbd.expected(p, x, T, t, self._shift)

    def _exactly(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray
    ) -> np.ndarray:
        return bgnbd.probability_of(p, x, T, n, t, self._shift)


class MBGNBD(BGNBD):
    """MBG/NBD: like BG/NBD, but customers may also leave right after the first purchase.

    Parameters
    ----------
    covariates, dropout_covariates : str or sequence of str, optional
        As in :class:`BGNBD`.

    Attributes
    ----------
    params_, standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_, freq_
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


class ParetoNBD(PurchaseModel):
    """Pareto/NBD: purchases at a rate of one's own until an unseen, exponential end.

    Parameters
    ----------
    covariates : str or sequence of str, optional
        Columns of attributes that do not change with time (region, channel, age); they scale
        how often customers buy (``alpha exp(-g'z)``). A column that holds
        no numbers counts as groups, each against the first one.
    dropout_covariates : str or sequence of str, optional
        Attributes that scale how customers leave (``beta exp(-g'z)``); None: the same
        ones, an empty list: none.

    Attributes
    ----------
    params_ : Series
        ``r``, ``alpha`` (purchase rates are gamma distributed), ``s``, ``beta`` (rates of
        leaving are gamma distributed).
    standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_, freq_, covariate_test_
        As in :class:`BGNBD`.
    coefficients_ : DataFrame
        As in :class:`BGNBD`; above 0: buys more often (``alpha``), leaves sooner (``beta``).

    References
    ----------
    .. [1] D. C. Schmittlein, D. G. Morrison and R. Colombo, "Counting Your Customers: Who Are
       They and What Will They Do Next?", Management Science 33 (1987), 1-24.
    .. [2] P. S. Fader and B. G. S. Hardie, "Incorporating Time-Invariant Covariates into the
       Pareto/NBD and BG/NBD Models", 2007, www.brucehardie.com/notes/019.

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

    _lives: ClassVar[tuple[tuple[float, ...], ...]] = (
        (3.0, 3.0),
        (-3.0, -3.0),
        (-3.0, 0.0),
        (0.0, -3.0),
        (0.0, 3.0),
    )
    _moved: ClassVar[dict[str, tuple[str, float]]] = {
        "alpha": ("purchase", -1.0),
        "beta": ("dropout", -1.0),
    }

    def __init__(self, *, covariates: Any = None, dropout_covariates: Any = None):
        self.covariates = covariates
        self.dropout_covariates = dropout_covariates

    def expected_new(self, t: float, X: pd.DataFrame | None = None) -> float:
        """Expected repeat purchases of a new customer within ``t`` of the first purchase.

        Parameters
        ----------
        t : float
            Length of time in the unit of the fit.
        X : DataFrame, optional
            Covariates of the new customers, one row each; needed where the model has some.

        Returns
        -------
        float
            Mean over all customers to come (over the rows of ``X``).
        """
        p, span = self._new(t, X)
        zero = np.zeros(len(span))
        return float(self._expected(p, zero, zero, zero, span).mean())

    def _lifetime(self) -> lifetime_nbd.Lifetime:
        return lifetime_nbd.Pareto()

    def _start(self, rows: Histories) -> np.ndarray:
        return np.log([1.0, 2.5, 1.0, 2.5])

    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        return lifetime_nbd.loglik(theta, rows, self._lifetime())

    def _loglik_by_row(
        self, theta: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return lifetime_nbd.loglik_by_row(theta, x, t_x, T, self._lifetime())

    def _dead(self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        return lifetime_nbd.log_odds_dead(p, x, t_x, T, self._lifetime())

    def _expected(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, t: np.ndarray
    ) -> np.ndarray:
        return lifetime_nbd.expected(p, x, T, t, self._lifetime())

    def _exactly(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray
    ) -> np.ndarray:
        return lifetime_nbd.probability_of(p, x, T, n, t, self._lifetime())


class GompertzNBD(ParetoNBD):
    """GGompertz/NBD: like Pareto/NBD, with a risk of leaving that may rise or fall with age.

    Parameters
    ----------
    covariates, dropout_covariates : str or sequence of str, optional
        As in :class:`ParetoNBD`.

    Attributes
    ----------
    params_ : Series
        ``r``, ``alpha`` (purchase rates), ``b`` (how fast the risk of leaving changes), ``s``,
        ``beta`` (how it differs among customers).
    standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_, freq_
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
    _peaks = True
    _sudden = True
    _lives = (
        (0.0, 3.0, 3.0),
        (0.0, -3.0, -3.0),
        (-4.0, 0.0, -4.0),
        (-4.0, -2.0, -4.0),
        (2.0, 0.0, 4.0),
        (4.0, -4.0, 0.0),
    )

    def _lifetime(self) -> lifetime_nbd.Lifetime:
        return lifetime_nbd.Gompertz()

    def _start(self, rows: Histories) -> np.ndarray:
        return np.log([1.0, 2.5, 0.1, 1.0, 1.0])


class BGBB(PurchaseModel):
    """BG/BB: at each opportunity (a year's appeal, a week's visit) one may buy, or have left.

    Parameters
    ----------
    None
        There is nothing to tune. ``x``, ``t_x`` and ``T`` are numbers of opportunities;
        ``probability_alive`` is the chance to be there at the next one, as in [1]_.

    Attributes
    ----------
    params_ : Series
        ``alpha``, ``beta`` (chances to buy are beta distributed), ``gamma``, ``delta``
        (chances to leave are beta distributed).
    standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_, freq_
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

    def expected_new(self, t: float) -> float:
        """Expected repeat purchases of a new customer at the first ``t`` opportunities.

        Parameters
        ----------
        t : int
            Number of opportunities.

        Returns
        -------
        float
            Mean over all customers to come.
        """
        p, span = self._new(t)
        self._spans(span, 1, "BGBB.expected_new")
        return float(bgbb.expected_new(p, span)[0])

    def _start(self, rows: Histories) -> np.ndarray:
        return np.log([1.0, 1.0, 1.0, 2.0])

    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        t_x = np.rint(rows.t_x * rows.scale)[rows.it]
        T = np.rint(rows.T * rows.scale)[rows.iT]
        return bgbb.loglik(theta, rows.x[rows.ix], t_x, T, rows.weight)

    def _dead(self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        return bgbb.log_odds_dead(p, x, t_x, T)

    def _expected(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, t: np.ndarray
    ) -> np.ndarray:
        return bgbb.expected(p, x, T, t)

    def _exactly(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray
    ) -> np.ndarray:
        out = np.empty(len(x))
        for span in np.unique(t):
            at = t == span
            out[at] = bgbb.probability_of(p, x[at], T[at], n, int(span))
        return out
