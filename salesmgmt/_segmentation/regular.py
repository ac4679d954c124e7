"""Regular purchases: a model for customers who buy at steadier times than chance would have it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import gammaln

from .._frames import Amount, check_int, take
from ..engine import bgnbd, regular_nbd
from ..engine.btyd_rows import Histories
from ..engine.maximise import Fit
from ..errors import InputError
from .purchase_model import PurchaseModel, Values, distinct, histories

__all__ = ["MBGCNBD"]

_MOST = 12


class MBGCNBD(PurchaseModel):
    """MBG/CNBD-k: like MBG/NBD, for purchases at regular times (``k`` above 1).

    The time between purchases is the sum of ``k`` exponential ones; ``k=1`` is the MBG/NBD. Who
    buys regularly and is overdue has left sooner than other models say. Unless ``k`` is 1, ``fit``
    takes a column ``log_gaps`` too: ``segmentation.purchases`` makes it with ``regularity=True``.

    Parameters
    ----------
    k : int or "auto", default="auto"
        Regularity; ``auto``: the number up to 12 with the highest likelihood.

    Attributes
    ----------
    k_ : int
        The regularity found or given.
    params_, standard_errors_, covariance_, log_likelihood_, aic_, bic_, converged_, freq_
        As in :class:`BGNBD`; the criteria count a ``k`` that was found as a parameter.

    References
    ----------
    .. [1] T. Reutterer, M. Platzer and N. Schroeder, "Leveraging purchase regularity for
       predicting customer behavior the easy way", International Journal of Research in
       Marketing 38 (2021), 194-215.

    Examples
    --------
    >>> import pandas as pd
    >>> steady = MBGCNBD.from_params(k=3, r=0.9, alpha=2.0, a=0.5, b=3.0)
    >>> any_time = MBGCNBD.from_params(k=1, r=0.9, alpha=6.0, a=0.5, b=3.0)
    >>> overdue = pd.DataFrame({"x": [9], "t_x": [18.0], "T": [26.0]})
    >>> alive = [float(m.probability_alive(overdue).iloc[0]) for m in (steady, any_time)]
    >>> alive[0] < alive[1]
    True
    """

    _names = ("r", "alpha", "a", "b")
    _powers = (0, 1, 0, 0)
    _lives: ClassVar[tuple[tuple[float, ...], ...]] = (
        (3.0, 3.0),
        (-3.0, -3.0),
        (-3.0, 0.0),
        (0.0, -3.0),
        (0.0, 3.0),
    )

    def __init__(self, *, k: int | str = "auto"):
        self.k = k

    @classmethod
    def from_params(cls, **params: float) -> Self:
        """A model with given parameters, as if it had been fitted.

        Parameters
        ----------
        **params : float
            ``k`` (a whole number), ``r``, ``alpha``, ``a``, ``b``.

        Returns
        -------
        estimator
            Ready to predict.

        Raises
        ------
        InputError
            A parameter is missing, unknown or not positive.
        """
        rest = dict(params)
        k = check_int(rest.pop("k", 1), "k", caller=f"{cls.__name__}.from_params", low=1)
        model = super().from_params(**rest)
        model.k = model.k_ = k
        return model

    def _fit_frame(self, purchases: pd.DataFrame, caller: str) -> None:
        if not (isinstance(self.k, str) and self.k == "auto"):
            check_int(self.k, "k", caller=caller, low=1, high=100)
        _, x, t_x, T, count = histories(purchases, caller)
        weight = np.ones(len(x)) if count is None else count
        gaps = np.zeros(len(x)) if self.k == 1 else _gaps(purchases, x, t_x, caller)
        rows = distinct(x, t_x, T, count, caller)
        seen, scale = float(weight @ x), float(np.log(rows.scale))
        told = float(weight @ gaps) - scale * seen  # on the model's own axis of time
        fit, extra = self._fit_k(rows, told, seen)
        self._keep(fit, rows.total, np.asarray(self._powers) * scale, extra - scale * seen)
        if self.k == "auto":
            self.aic_ += 2.0
            self.bic_ += float(np.log(rows.total))

    def _fit_k(self, rows: Histories, told: float, seen: float) -> tuple[Fit, float]:
        """The best k, its fit, and the part of the likelihood that the gaps alone decide."""
        best: tuple[float, int, Fit, float] | None = None
        worse = 0
        for k in range(1, _MOST + 1) if self.k == "auto" else [int(self.k)]:
            self.k_ = k
            extra = (k - 1) * told - seen * float(gammaln(k))
            fit = self._fit_plain(rows)
            value = fit.value * rows.total + extra
            if best is None or value > best[0] + 1e-9 * abs(best[0]):
                best, worse = (value, k, fit, extra), 0
            else:
                worse += 1
            if worse == 2:
                break
        assert best is not None
        self.k_ = best[1]
        return best[2], best[3]

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
        p, span = self._new(t)
        zero = np.zeros(1)
        stay = p[3] / (p[2] + p[3])
        return float(stay * self._expected(p, zero, zero, zero, span)[0])

    def _start(self, rows: Histories) -> np.ndarray:
        return bgnbd.start(rows) - np.array([0.0, np.log(self.k_), 0.0, 0.0])

    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        return regular_nbd.loglik(theta, rows, self.k_)

    def _dead(self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        return regular_nbd.log_odds_dead(p, self.k_, x, t_x, T)

    def _expected(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, t: np.ndarray
    ) -> np.ndarray:
        return regular_nbd.expected(p, self.k_, x, t_x, T, t)

    def _exactly(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray
    ) -> np.ndarray:
        return regular_nbd.probability_of(p, self.k_, x, t_x, T, n, t)


def _gaps(frame: Any, x: np.ndarray, t_x: np.ndarray, caller: str) -> np.ndarray:
    """Sums of the logarithms of the times between purchases, checked."""
    if isinstance(frame, pd.DataFrame) and "log_gaps" not in frame.columns:
        raise InputError(
            f"{caller}(): purchases has no column 'log_gaps'; make it with "
            "purchases(..., regularity=True), or fit k=1."
        )
    gaps = take(frame, caller=caller, arg="purchases", gaps=Amount("log_gaps", option=""))["gaps"]
    safe = np.maximum(x, 1)
    most = np.where(x > 0, x * np.log(np.where(x > 0, t_x, 1.0) / safe), 0.0)
    wrong = gaps > most + 1e-6 * (1 + np.abs(most))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{caller}(): log_gaps is larger than {int(wrong.sum())} row(s) allow, first row "
            f"{frame.index[at : at + 1].tolist()[0]!r}: x={x[at]:g}, t_x={t_x[at]:g}, "
            f"log_gaps={gaps[at]:g}; it must be in the same unit of time, "
            "and the gaps must add up to t_x."
        )
    return np.asarray(gaps)
