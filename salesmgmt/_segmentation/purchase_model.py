"""Models of the number of purchases: how they are fitted, and the questions one can ask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import ndtr
from sklearn.utils.validation import check_is_fitted

from .._frames import Amount, check_int, check_number, take, to_pandas, warn
from ..engine import covariates
from ..engine.btyd_rows import Histories, compress, thin
from ..engine.maximise import Fit, Objective, doubtful, maximise
from ..engine.residual import discounted, discounted_steps
from ..errors import InputError
from .covariates import Design, check_distinct
from .likelihood import Likelihood, chi_square

__all__ = ["PurchaseModel", "distinct", "histories", "one_unit"]

_WARM = 4_000
_ALIKE = 30  # customers to each combination of attributes from which groups pay
_Z95 = 1.959963984540054

Values = Sequence[np.ndarray]
History = tuple[pd.Index, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


class PurchaseModel(Likelihood, ABC):
    """Models of the number of purchases: fit, and the four questions one can ask."""

    # Power of the time unit in each parameter (alpha is a time, a rate would be -1).
    _powers: ClassVar[tuple[int, ...]] = ()
    _discrete: ClassVar[bool] = False  # times are numbers of opportunities

    # Lifetimes to try besides the usual ones, as steps of their log-parameters.
    _lives: ClassVar[tuple[tuple[float, ...], ...]] = ()
    _sudden: ClassVar[bool] = False  # lifetimes may all end at about the same time
    _peaks: ClassVar[bool] = False  # the likelihood often has several: always try them
    # Parameters that attributes move: by which group of covariates, and in which direction.
    _moved: ClassVar[dict[str, tuple[str, float]]] = {}

    covariates: Any = None
    dropout_covariates: Any = None

    def fit(self, purchases: pd.DataFrame, y: object = None) -> Self:
        """Find the parameters that make the purchases seen most likely.

        Parameters
        ----------
        purchases : DataFrame
            Columns ``x``, ``t_x``, ``T`` (see ``segmentation.purchases``), those that the model
            needs besides (covariates, ``log_gaps``); a column ``count`` weighs rows that stand
            for several customers.
        y : ignored
            For scikit-learn only.

        Returns
        -------
        estimator
            The fitted model itself.

        Raises
        ------
        InputError
            A column is missing, a history is impossible (``t_x`` beyond ``T``, ...), all counts
            are 0, or a covariate is missing in some rows or tells nothing of its own.

        Warns
        -----
        DataWarning
            No customer was observed for any time (every ``T`` is 0): nothing can be learned,
            the parameters are those the search begins with.
        """
        caller = f"{type(self).__name__}.fit"
        frame = to_pandas(purchases, caller=caller, arg="purchases")
        self._fit_frame(frame, caller)
        self.freq_ = frame.attrs.get("freq")
        return self

    def _fit_frame(self, purchases: pd.DataFrame, caller: str) -> None:
        _, x, t_x, T, count = histories(purchases, caller, whole=self._discrete)
        designs = self._learn(purchases, caller)
        rows = distinct(x, t_x, T, count, caller)
        fit = self._fit_plain(rows)
        scale = np.log(rows.scale)
        seen = 0.0 if self._discrete else float((rows.weight * rows.x[rows.ix]).sum())
        shift, correction = np.asarray(self._powers) * scale, -scale * seen
        if not designs:
            self._keep(fit, rows.total, shift, correction)
            return
        weight = np.ones(len(x)) if count is None else count
        z = np.hstack([d.matrix(purchases, caller) for d in designs.values()])
        known = (x, t_x, T, weight, z)
        self._fit_moved(known, designs, fit, rows.scale, shift, correction)

    def _fit_plain(self, rows: Histories) -> Fit:
        """The maximum without covariates."""
        few = thin(rows, _WARM)
        theta = self._start(rows)
        if few is not None:
            theta = maximise(lambda p: self._loglik(p, few), theta, curvature=False).theta
        fit = maximise(lambda p: self._loglik(p, rows), theta)
        again = self._lives and (self._peaks or doubtful(fit))
        return self._fit_again(fit, rows, few or rows) if again else fit

    def _fit_again(self, fit: Fit, rows: Histories, few: Histories) -> Fit:
        """The best of other starts, found on a few rows, and of going on from ``fit``."""
        tried = [
            maximise(lambda p: self._loglik(p, few), start, curvature=False)
            for start in self._other_starts(fit.theta, rows)
        ]
        best = max(tried, key=lambda t: t.value)
        ends = [
            maximise(lambda p: self._loglik(p, rows), theta, strict=True)
            for theta in (fit.theta, best.theta)
        ]
        return max([fit, *ends], key=lambda t: t.value)

    def _other_starts(self, theta: np.ndarray, rows: Histories) -> list[np.ndarray]:
        """Purchase rates as found and as at the start, with lifetimes of every kind."""
        usual = self._start(rows)
        kinds = [np.array(kind) for kind in self._lives]
        return [np.concatenate([v[:2], usual[2:] + kind]) for v in (theta, usual) for kind in kinds]

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
        index, p, x, t_x, T = self._ready(X, "probability_alive")
        return pd.Series(self._alive(p, x, t_x, T), index=index, name="p_alive")

    def expected_purchases(self, X: pd.DataFrame, t: Any) -> pd.Series:
        """Expected number of purchases of each customer within ``t`` after the observation.

        Parameters
        ----------
        X : DataFrame
            Columns ``x``, ``t_x``, ``T``.
        t : float or array-like
            Length of time, in the unit of ``T``; one for all, or one a row. Whole for
            :class:`BGBB`, whose time is counted.

        Returns
        -------
        Series
            One value a row, with the index of ``X``.
        """
        index, p, x, t_x, T = self._ready(X, "expected_purchases")
        span = self._spans(t, len(x), f"{type(self).__name__}.expected_purchases")
        value = self._alive(p, x, t_x, T) * self._expected(p, x, t_x, T, span)
        return pd.Series(np.maximum(value, 0.0), index=index, name="expected_purchases")

    def discounted_purchases(self, X: pd.DataFrame, rate: float) -> pd.Series:
        """Expected purchases of all time to come, the later the less worth (DERT).

        Times the spend and the margin it is the residual value of the customer. Of
        :class:`MBGCNBD` it takes about a second for a hundred distinct histories.

        Parameters
        ----------
        X : DataFrame
            Columns ``x``, ``t_x``, ``T``.
        rate : float
            Discount rate per unit of ``T``, above 0: a purchase ``t`` units ahead counts
            ``(1 + rate) ** -t``. A yearly 15 % in weeks: ``1.15 ** (7 / 365.25) - 1``.

        Returns
        -------
        Series
            One value a row, with the index of ``X``.

        References
        ----------
        .. [1] P. S. Fader, B. G. S. Hardie and K. L. Lee, "RFM and CLV: Using Iso-Value Curves
           for Customer Base Analysis", Journal of Marketing Research 42 (2005), 415-430.
        .. [2] P. S. Fader, B. G. S. Hardie and J. Shang, "Customer-Base Analysis in a
           Discrete-Time Noncontractual Setting", Marketing Science 29 (2010), 1086-1108.
        """
        caller = f"{type(self).__name__}.discounted_purchases"
        check_number(rate, "rate", caller=caller, low=0, open_low=True)
        if rate > 1:
            warn(f"{caller}(): rate={rate:g} is {rate:.0%} a unit of time; 1 % is 0.01.")
        index, p, x, t_x, T = self._ready(X, "discounted_purchases")

        def ahead(t: float) -> np.ndarray:
            return self._expected(p, x, t_x, T, np.full(len(x), t))

        if self._discrete:
            value = discounted_steps(ahead, rate)
        else:
            value = discounted(ahead, rate, sudden=self._sudden)
        value = self._alive(p, x, t_x, T) * value
        return pd.Series(value, index=index, name="discounted_purchases")

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
        index, p, x, t_x, T = self._ready(X, "probability_of")
        span = self._spans(t, len(x), caller)
        alive = self._alive(p, x, t_x, T)
        value = alive * self._exactly(p, x, t_x, T, n, span) + (1 - alive) * (n == 0)
        return pd.Series(np.clip(value, 0.0, 1.0), index=index, name="probability")

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
        index, p, x, t_x, T = self._ready(X, "expected_interval")
        span = self._spans(t, len(x), caller)
        tail = (1 - level) / 2
        alive = self._alive(p, x, t_x, T)
        lo, hi = np.zeros(len(x), dtype=np.int64), np.zeros(len(x), dtype=np.int64)
        below = 1 - alive
        open_rows = np.arange(len(x))
        n = 0
        while len(open_rows) and n < 100_000:
            own = [v if np.ndim(v) == 0 else v[open_rows] for v in p]
            here = self._exactly(
                own, x[open_rows], t_x[open_rows], T[open_rows], n, span[open_rows]
            )
            below[open_rows] += alive[open_rows] * here
            lo[open_rows[below[open_rows] < tail]] = n + 1
            more = below[open_rows] < 1 - tail - 1e-12
            hi[open_rows[more]] = n + 1
            open_rows = open_rows[more]
            n += 1
        return pd.DataFrame({"lo": np.minimum(lo, hi), "hi": hi}, index=index)

    def _spans(self, t: Any, n: int, caller: str) -> np.ndarray:
        """Lengths of time, one a row; opportunities are counted."""
        spans = _spans(t, n, caller)
        if self._discrete and (spans % 1 != 0).any():
            raise InputError(
                f"{caller}(): t must be a whole number of opportunities, "
                f"got {spans[spans % 1 != 0][0]:g}."
            )
        return spans

    def _ready(
        self, X: pd.DataFrame, method: str
    ) -> tuple[pd.Index, list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
        check_is_fitted(self, "params_")
        caller = f"{type(self).__name__}.{method}"
        X = to_pandas(X, caller=caller, arg="X")
        one_unit(self, X.attrs.get("freq"), caller)
        index, x, t_x, T, _ = histories(X, caller, whole=self._discrete)
        return index, self._own(X, caller), x, t_x, T

    def _params(self) -> np.ndarray:
        return np.asarray(self.params_.to_numpy(), dtype=np.float64)

    def _own(self, X: pd.DataFrame, caller: str) -> list[np.ndarray]:
        """Parameters: one number each, or one a row where covariates move them."""
        out: list[np.ndarray] = list(self._params())
        designs: dict[str, Design] = getattr(self, "designs_", {})
        if not designs:
            return out
        moves = self._moves(designs)
        z = np.hstack([d.matrix(X, caller) for d in designs.values()])
        theta = np.concatenate([np.log(out), self.coefficients_["coefficient"].to_numpy()])
        return [np.exp(v) for v in covariates.spread(theta, len(out), moves, z)]

    # ----------------------------------------------------------------------------------
    # Covariates

    def _learn(self, purchases: pd.DataFrame, caller: str) -> dict[str, Design]:
        """What the columns of covariates mean; empty without covariates."""
        if not self._moved:
            return {}
        other = self.covariates if self.dropout_covariates is None else self.dropout_covariates
        found = {
            "purchase": Design.learn(purchases, self.covariates, "covariates", caller),
            "dropout": Design.learn(purchases, other, "dropout_covariates", caller),
        }
        self.designs_ = found if any(d.columns for d in found.values()) else {}
        return self.designs_

    def _moves(self, designs: dict[str, Design]) -> list[covariates.Move]:
        """Which columns of the joined designs move which parameter."""
        widths = [len(d.labels) for d in designs.values()]
        ends = np.cumsum(widths)
        columns = {k: np.arange(e - w, e) for k, e, w in zip(designs, ends, widths, strict=True)}
        return [
            covariates.Move(self._names.index(name), sign, columns[by])
            for name, (by, sign) in self._moved.items()
            if len(columns[by])
        ]

    def _fit_moved(
        self,
        known: tuple[np.ndarray, ...],
        designs: dict[str, Design],
        plain: Fit,
        scale: float,
        shift: np.ndarray,
        correction: float,
    ) -> None:
        """The maximum with covariates, begun at the one without."""
        order = np.lexsort((*known[4].T[::-1], known[2], known[1], known[0]))
        x, t_x, T, weight, raw = (v[order] for v in known)
        use = weight > 0
        x, t_x, T, weight, raw = x[use], t_x[use] / scale, T[use] / scale, weight[use], raw[use]
        z, mean, deviation = covariates.centred(raw)
        k, moves = len(self._names), self._moves(designs)
        theta = np.concatenate([plain.theta, np.zeros(sum(len(m.columns) for m in moves))])
        self._check_told(z, designs, len(theta))
        kinds = len(np.unique(z, axis=0))
        if kinds * _ALIKE <= len(x):
            groups = covariates.kinds_of(x, t_x, T, weight, z)
            objective = covariates.grouped(self._loglik, k, moves, *groups)
        else:
            objective = self._by_row(x, t_x, T, weight, z, moves)
            if len(x) > 3 * _WARM:
                few = np.linspace(0, len(x) - 1, _WARM).astype(np.int64)
                some = self._by_row(x[few], t_x[few], T[few], weight[few], z[few], moves)
                theta = maximise(some, theta, curvature=False).theta
        fit = maximise(objective, theta)
        labels = [label for d in designs.values() for label in d.labels]
        pairs = [(self._names[m.at], labels[c]) for m in moves for c in m.columns]
        linear = covariates.to_raw(k, moves, mean, deviation)
        n = float(weight.sum())
        found = self._keep(
            fit,
            n,
            shift,
            correction,
            linear=linear,
            coefficients=[f"{a}:{b}" for a, b in pairs],
        )
        self.coefficients_ = _table(pairs, found, np.diag(self.covariance_.to_numpy())[k:])
        self.covariate_test_ = chi_square(
            self.log_likelihood_ - (plain.value * n + correction), len(found)
        )

    def _check_told(self, z: np.ndarray, designs: dict[str, Design], size: int) -> None:
        """Refuse what the rows cannot tell: too many coefficients, attributes that coincide."""
        caller = f"{type(self).__name__}.fit"
        if size >= len(z):
            raise InputError(
                f"{caller}(): {size} parameters cannot be told from {len(z)} row(s); give fewer "
                "covariates, or join rare levels."
            )
        at = 0
        for design in designs.values():
            width = len(design.labels)
            check_distinct(z[:, at : at + width], design.labels, caller)
            at += width

    def _by_row(
        self,
        x: np.ndarray,
        t_x: np.ndarray,
        T: np.ndarray,
        weight: np.ndarray,
        z: np.ndarray,
        moves: list[covariates.Move],
    ) -> Objective:
        return covariates.row_by_row(
            lambda own: self._loglik_by_row(own, x, t_x, T), len(self._names), moves, z, weight
        )

    # ----------------------------------------------------------------------------------
    # What a model says for itself

    def _alive(self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        return np.exp(-np.logaddexp(0.0, self._dead(p, x, t_x, T)))

    def _new(self, t: float, X: pd.DataFrame | None = None) -> tuple[list[np.ndarray], np.ndarray]:
        """Parameters and length of time of new customers: one, or one a row of attributes."""
        check_is_fitted(self, "params_")
        caller = f"{type(self).__name__}.expected_new"
        span = check_number(t, "t", caller=caller, low=0)
        if not getattr(self, "designs_", {}):
            return list(self._params()), np.array([span])
        if X is None:
            raise InputError(
                f"{caller}(): the model has covariates; give X, a frame with those of the new "
                "customers."
            )
        X = to_pandas(X, caller=caller, arg="X")
        return self._own(X, caller), np.full(len(X), span)

    @abstractmethod
    def _start(self, rows: Histories) -> np.ndarray:
        """Log-parameters to begin with."""

    @abstractmethod
    def _loglik(self, theta: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        """Mean log-likelihood and gradient."""

    def _loglik_by_row(
        self, theta: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihood of each row and gradient; only of models that take covariates."""
        raise InputError(f"{type(self).__name__} takes no covariates.")

    @abstractmethod
    def _dead(self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Log odds of having left."""

    @abstractmethod
    def _expected(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, t: np.ndarray
    ) -> np.ndarray:
        """Expected purchases of one alive at T."""

    @abstractmethod
    def _exactly(
        self, p: Values, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray
    ) -> np.ndarray:
        """Chance of n purchases of one alive at T."""


def _table(pairs: list[tuple[str, str]], values: np.ndarray, variances: np.ndarray) -> pd.DataFrame:
    """Coefficients with errors, intervals and tests."""
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.sqrt(variances)
        z = values / errors
    return pd.DataFrame(
        {
            "parameter": [a for a, _ in pairs],
            "covariate": [b for _, b in pairs],
            "coefficient": values,
            "standard_error": errors,
            "lo": values - _Z95 * errors,
            "hi": values + _Z95 * errors,
            "p_value": 2 * ndtr(-np.abs(z)),
        }
    )


def one_unit(model: Any, freq: str | None, caller: str) -> None:
    """Refuse histories in another unit of time than those the model has learned from."""
    own = getattr(model, "freq_", None)
    if own is not None and freq is not None and not (isinstance(freq, str) and own == freq):
        raise InputError(
            f"{caller}(): the model was fitted on purchases of freq={own!r}, not {freq!r}; its "
            f"unit of time is another one. Give freq={own!r}, or fit it on freq={freq!r}."
        )


def histories(frame: pd.DataFrame, caller: str, *, whole: bool = False) -> History:
    """Index, x, t_x, T and counts of a frame of histories, checked."""
    _refuse_others(frame, caller, whole=whole)
    rows = take(
        frame,
        caller=caller,
        arg="purchases",
        x=Amount("x", option="", low=0, whole=True),
        t_x=Amount("t_x", option="", low=0, whole=whole),
        T=Amount("T", option="", low=0, whole=whole),
        count=Amount("count", option="", optional=True, low=0),
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
                f"{rows.index[at : at + 1].tolist()[0]!r}: x={x[at]:g}, t_x={t_x[at]:g}, "
                f"T={T[at]:g}; t_x is the time from the first to the "
                "last purchase, T to the end of observation."
            )
    count = rows["count"] if "count" in rows else None  # noqa: SIM401
    return rows.index, x, t_x, T, count


def _refuse_others(frame: pd.DataFrame, caller: str, *, whole: bool) -> None:
    """Say where histories come from, to who has sales or times where opportunities count."""
    if isinstance(frame, pd.DataFrame) and not {"x", "t_x", "T"}.intersection(frame.columns):
        raise InputError(
            f"{caller}(): purchases has no columns 'x', 't_x' and 'T' (repeat purchases, time of "
            "the last, time observed). segmentation.purchases() makes them from transactions."
        )
    times = [c for c in ("t_x", "T") if whole and c in frame.columns]
    for column in times:
        values = pd.to_numeric(frame[column], errors="coerce")
        odd = values[(values % 1 != 0) & values.notna()]
        if len(odd):
            raise InputError(
                f"{caller}(): {column!r} is not a whole number of opportunities in {len(odd)} "
                f"row(s), first {odd.iloc[0]:g}. The model counts opportunities to buy (years, "
                "fairs, visits), at each of which one buys or not; for times take BGNBD or "
                "ParetoNBD."
            )


def distinct(
    x: np.ndarray, t_x: np.ndarray, T: np.ndarray, count: np.ndarray | None, caller: str
) -> Histories:
    """Distinct histories with counts; none at all is refused, none of any length is told."""
    if count is not None and not count.any():
        raise InputError(f"{caller}(): purchases stand for no customer: every count is 0.")
    if not (T if count is None else T[count > 0]).any():
        warn(
            f"{caller}(): no customer was observed for any time (every T is 0), so the data tell "
            "nothing of the parameters: they stay where the search begins. Observe longer: a "
            "later as_of, or earlier purchases."
        )
    return compress(x, t_x, T, count)


def _spans(t: Any, n: int, caller: str) -> np.ndarray:
    """Lengths of time, one a row."""
    try:
        values = np.asarray(t, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"{caller}(): t must be a number, or one number a row ({n}); got {t!r}."
        ) from None
    if values.ndim > 1 or (values.ndim == 1 and len(values) != n):
        raise InputError(f"{caller}(): t must be a number, or one number a row ({n}).")
    if not np.isfinite(values).all() or (values < 0).any():
        raise InputError(f"{caller}(): t must be finite and not negative.")
    return np.broadcast_to(values, (n,)).astype(np.float64)
