"""Will this invoice be paid late, and when: from what was known on the day it was written.

The customer's own record stands beside every answer: a model that cannot beat it is not worth
its upkeep, and the reader should see by how much it does.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .. import _frames as door
from ..engine.lines import mean_line, median_line, standardise
from ..engine.logistic import fit_logistic
from ..engine.payment_history import NEVER
from ..errors import InputError
from .books import Options, column_names
from .late_features import Extras, Record, record_features, records_of
from .ledger import is_ledger, take_position
from .score_reports import performance
from .tables import refuse_other_kinds

__all__ = ["LatePaymentModel"]

_SELF = "LatePaymentModel"
_BASELINES = ["settled_count", "own_late_share", "own_median_delay"]
_FEWEST = 30
_FARTHEST = 4.0
_OUTCOME, _TELLING = 0.99, 10
_TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_BLENDS = (0.5, 0.0)  # share of the mean line beside the median line
_FRAMES = ("invoices", "payments", "adjustments")


class LatePaymentModel(BaseEstimator):
    """Probability of late payment, expected days to settle and their interval, at invoice date.

    Everything is taken from events dated before the invoice date: the customer's settled
    invoices, what was open and overdue, the amount, the terms. Lateness comes from a ridge
    logistic regression. Days start from the customer's usual delay and move towards two lines,
    one through means and one through medians, as far as proved right on the latest third of the
    training invoices; the errors there also give the interval, in proportion to how irregularly
    such customers pay.

    Parameters
    ----------
    features : sequence or mapping, optional
        Further columns of ``invoices``. A list: known at the invoice date, by your word. A
        mapping ``{column: date column}``: known since that date. A feature that is dated later
        than its invoice is refused, and so are columns named like outcomes (``disputed``,
        ``settled_date``, ...) without a date. Columns of dates count as days before the invoice.
    grace_days : int, default=0
        An invoice is late that is paid more than so many days after its due date.
    level : float, default=0.8
        Coverage of the interval.
    prior : float, default=2.0
        The average of all customers counts like so many invoices of one's own.
    half_life : float, default=90.0
        Days in which a settlement loses half its weight in the recent record.
    ridge : float, default=3.0
        Strength of the ridge on the standardised features (tenfold for the lines of days).
    method : str, default="specific_then_fifo"
        How payments settle invoices; see :func:`ledger`.

    Attributes
    ----------
    as_of_ : Timestamp
        What was dated later than this was not used.
    features_ : DataFrame
        ``feature``, ``late_coefficient``, ``days_coefficient`` (per standard deviation).
    trust_ : float
        How far days move from the customer's own record (0) to the lines (1).
    blend_ : float
        Share of the mean line in them; the rest is the median line.
    n_invoices_ : int
        Invoices learned from: their due date and days of grace had passed at ``as_of_``.
    record_ : Record
        The invoices that are known, with what became of them by ``as_of_``.

    References
    ----------
    .. [1] S. Zeng, P. Melville, C. A. Lang, I. Boier-Martin, C. Murphy, "Using predictive analysis
       to improve invoice-to-cash collection", KDD 2008, 1043-1050.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> from salesmgmt.credit import LatePaymentModel
    >>> invoices, payments = load_sample("invoices"), load_sample("payments")
    >>> model = LatePaymentModel().fit(invoices, payments, as_of="2025-06-30")
    >>> new = invoices[invoices["invoice_date"] > "2025-06-30"].head(3)
    >>> model.predict(new).columns.tolist()[2:8]
    ['p_late', 'expected_days', 'lo_80', 'hi_80', 'baseline_p_late', 'baseline_days']
    """

    def __init__(
        self,
        *,
        features: Sequence[str] | Mapping[str, str] | None = None,
        grace_days: int = 0,
        level: float = 0.8,
        prior: float = 2.0,
        half_life: float = 90.0,
        ridge: float = 3.0,
        method: str = "specific_then_fifo",
    ) -> None:
        self.features = features
        self.grace_days = grace_days
        self.level = level
        self.prior = prior
        self.half_life = half_life
        self.ridge = ridge
        self.method = method

    def fit(
        self,
        invoices: Any,
        payments: Any = None,
        adjustments: Any = None,
        *,
        as_of: Any = None,
        fx: Any = None,
        **options: Unpack[Options],
    ) -> LatePaymentModel:
        """Learn from the invoices whose due date and days of grace had passed at ``as_of``.

        Parameters
        ----------
        invoices, payments, adjustments, as_of, fx, **options
            As for :func:`ledger`; what is dated after ``as_of`` is not used.

        Returns
        -------
        LatePaymentModel
            Itself.

        Raises
        ------
        InputError
            As for :func:`ledger`; a feature is dated later than its invoice or is an outcome;
            fewer than 30 invoices can be learned from, or all of them on one side.
        """
        self._check_options()
        self.options_, self.fx_ = dict(options), fx
        if is_ledger(invoices):
            raise InputError(f"{_SELF}: give invoices and payments themselves, not their ledger.")
        self.seen_ = tuple(
            None if f is None else door.to_pandas(f, caller=_SELF, arg=n)
            for f, n in zip((invoices, payments, adjustments), _FRAMES, strict=True)
        )
        position = take_position(
            _SELF, invoices, payments, adjustments, as_of=as_of, method=self.method, fx=fx,
            options=options,
        )  # fmt: skip
        self.as_of_ = position.books.as_of
        today = position.books.today
        self.record_ = records_of(position)
        usable = np.flatnonzero(~self.record_.voided & (self.record_.due + self.grace_days < today))
        known = self.record_.take(usable)
        late = (known.settled > known.due + self.grace_days).astype(np.float64)
        settled = known.settled < NEVER
        self._enough(late, settled)
        self.extras_ = Extras(self.features, _SELF).fit(
            position.books.documents.rows, position.books.documents.day
        )
        own = position.books.documents.rows.iloc[usable]
        X = self._design(self.record_, usable, own)
        order = np.lexsort([*X.to_numpy().T, known.settled, known.due, known.day])
        X, late = X.iloc[order], late[order]
        delay = _delays(known.settled - known.due, today - known.due, settled)[order]
        self._refuse_outcomes(X, delay)
        self._refuse_lateness(X, late)
        self._learn(X, late, delay)
        return self

    def predict(
        self,
        invoices: Any,
        payments: Any = None,
        adjustments: Any = None,
        *,
        fx: Any = None,
        **options: Unpack[Options],
    ) -> pd.DataFrame:
        """Lateness and days of each invoice, as seen on its invoice date.

        Parameters
        ----------
        invoices : DataFrame
            The invoices to score; they need not have been seen in ``fit``.
        payments, adjustments : DataFrame, optional
            What happened since ``fit`` (earlier rows are taken as ``fit`` had them). Each invoice
            sees what was dated before its own date, never more. Rows that name an invoice that
            neither ``fit`` nor ``predict`` was given are left aside. None: what ``fit`` knew.
            An invoice dated after the last of them is seen as things stood on that day: what was
            open then is not taken for overdue because nothing is known of it since.
        fx, **options
            As for ``fit``; by default the same.

        Returns
        -------
        DataFrame
            The caller's index; ``customer_id``, ``invoice_id`` (as the caller names them),
            ``p_late``, ``expected_days``
            (from the invoice date), ``lo_80``, ``hi_80`` (by ``level``), ``baseline_p_late``,
            ``baseline_days`` (the customer's own late share and median delay; everybody's, where
            there is none), ``invoices_settled`` (how many the record holds), ``as_of`` (of the
            training). Missing values for credit notes.

        Raises
        ------
        InputError
            As for ``fit``.
        """
        check_is_fitted(self)
        record, rows, frame, until = self._known(invoices, payments, adjustments, fx, options)
        return self._answers(record, rows, frame, until, options)

    def known_at_invoice(
        self, invoices: Any, payments: Any = None, adjustments: Any = None,
        *, fx: Any = None, **options: Unpack[Options],
    ) -> pd.DataFrame:  # fmt: skip
        """The features the model looks at, each as it was known on the day of the invoice.

        Parameters
        ----------
        invoices, payments, adjustments, fx, **options
            As for :func:`ledger`.

        Returns
        -------
        DataFrame
            One row an invoice, with the caller's index.
        """
        check_is_fitted(self)
        record, rows, frame, until = self._known(invoices, payments, adjustments, fx, options)
        return self._design(record, rows, frame, until).set_axis(frame.index)

    def evaluate(
        self, invoices: Any, payments: Any = None, adjustments: Any = None,
        *, after: Any = None, fx: Any = None, **options: Unpack[Options],
    ) -> pd.DataFrame:  # fmt: skip
        """The model beside the customer's own history, on invoices dated after ``as_of_``.

        Parameters
        ----------
        invoices, payments, adjustments, fx, **options
            As for ``fit``, with what happened since.
        after : date, optional
            Judge on invoices dated later than this; None: than ``as_of_``.

        Returns
        -------
        DataFrame
            Two rows, ``model`` and ``customer history``: ``invoices`` (late or
            not for certain at the last payment), ``late_share``, ``auc``, ``brier``, ``settled``,
            ``mae_days`` (of those that are settled) and ``coverage`` of the interval.

        Raises
        ------
        InputError
            No invoice to judge by, or all of them on one side.
        """
        caller = f"{_SELF}.evaluate"
        check_is_fitted(self)
        record, rows, frame, last = self._known(invoices, payments, adjustments, fx, options)
        got = self._answers(record, rows, frame, last, options)
        start = (
            self.as_of_
            if after is None
            else door.day(after, name="after", caller=caller, last=True)
        )
        fate = record.take(rows)
        first = int(np.datetime64(start, "D").astype(np.int64))
        judge = ~fate.voided & (fate.day > first) & (fate.due + self.grace_days < last)
        if not judge.any():
            raise InputError(
                f"{caller}(): no invoice dated after {start.date()} has fallen due; give later "
                "invoices and payments."
            )
        late = (fate.settled > fate.due + self.grace_days).astype(np.float64)[judge]
        if late.min() == late.max():
            word = "late" if late[0] else "in time"
            raise InputError(
                f"{caller}(): all {len(late)} invoices to judge by were paid {word}; give more, or "
                "an earlier after=."
            )
        settled = (fate.settled < NEVER)[judge]
        days = (fate.settled - fate.day)[judge][settled]
        out = []
        for name, p, d in (
            ("model", "p_late", "expected_days"),
            ("customer history", "baseline_p_late", "baseline_days"),
        ):
            chance = got[p].to_numpy()[judge]
            told = performance(-np.round(chance, 12), chance, late).iloc[0]
            miss = np.abs(got[d].to_numpy()[judge][settled] - days)
            row = {
                "by": name, "invoices": int(judge.sum()), "late_share": late.mean(),
                "auc": told["auc"], "brier": told["brier"], "settled": int(settled.sum()),
                "mae_days": float(np.sort(miss).mean()) if len(miss) else np.nan,
                "coverage": np.nan,
            }  # fmt: skip
            out.append(row)
        low, high = (got.iloc[:, k].to_numpy()[judge][settled] for k in (4, 5))
        if len(days):
            out[0]["coverage"] = float(((days >= low) & (days <= high)).mean())
        return pd.DataFrame(out)

    # -------------------------------------------------------------- helpers

    def _answers(
        self, record: Record, rows: np.ndarray, frame: pd.DataFrame, until: int, options: Any
    ) -> pd.DataFrame:
        """What ``predict`` returns."""
        X = self._facts(record, rows, until)
        base = X[_BASELINES]
        design = self._join(X, frame, record.day[rows])
        p = self._late(design)
        terms = (record.due - record.day)[rows].astype(np.float64)
        delay = self._days(design)
        spread = self.spread_[0] * self._scale(design)
        low_name, high_name = f"lo_{100 * self.level:g}", f"hi_{100 * self.level:g}"
        settings: Any = {**self.options_, **options}
        names = column_names(settings)
        keys = {names[n]: frame[names[n]].array for n in ("customer", "invoice")}
        out = {
            "p_late": p,
            "expected_days": np.maximum(terms + delay, 0),
            low_name: np.maximum(terms + delay + spread, 0),
            high_name: np.maximum(terms + delay + self.spread_[1] * self._scale(design), 0),
            "baseline_p_late": base["own_late_share"].to_numpy(),
            "baseline_days": np.maximum(terms + base["own_median_delay"].to_numpy(), 0),
            "invoices_settled": base["settled_count"].to_numpy(dtype=np.int64),
            "as_of": self.as_of_.to_datetime64().astype("datetime64[us]"),
        }
        for option in ("customer", "invoice"):
            door.refuse_names([names[option]], out, caller=f"{_SELF}.predict", option=option)
        result = pd.DataFrame(keys | out)
        numbers = list(result.columns[2:-2])
        result.loc[record.units[rows] <= 0, numbers] = np.nan
        return result.set_axis(frame.index)

    def _known(
        self, invoices: Any, payments: Any, adjustments: Any, fx: Any, options: Any
    ) -> tuple[Record, np.ndarray, pd.DataFrame, int]:
        """The whole record, the caller's invoices in it, their frame, the last day known."""
        caller = f"{_SELF}.predict"
        frame = door.to_pandas(invoices, caller=caller, arg="invoices")
        settings: Any = {**self.options_, **options}
        names = column_names(settings)
        fx = self.fx_ if fx is None else fx
        door.take(frame, caller=caller, arg="invoices", invoice=door.Key(names["invoice"]))
        old: Any = self.seen_[0]
        who = names["customer"]
        if who in frame and who in old:
            refuse_other_kinds(caller, who, {"invoices of fit": old[who], "invoices": frame[who]})
        old = old[~old[names["invoice"]].isin(frame[names["invoice"]]).to_numpy()]
        every = pd.concat([frame, old], ignore_index=True) if len(old) else frame
        until = int(np.datetime64(self.as_of_, "D").astype(np.int64))
        if payments is None and adjustments is None:
            now = self._score_only(frame, fx, settings)
            rest = self.record_.take(~pd.Index(self.record_.invoice).isin(now.invoice))
        else:
            paid = self._since(self.seen_[1], payments, names, "payments")
            other = self._since(self.seen_[2], adjustments, names, "adjustments")
            until = max([until, *(_last_day(f, names["date"]) for f in (paid, other))])
            ids = every[names["invoice"]]
            position = take_position(
                caller, every, _naming(paid, names["invoice"], ids),
                _naming(other, names["invoice"], ids), as_of=None, method=self.method, fx=fx,
                options=settings,
            )  # fmt: skip
            now = records_of(position)
            at = pd.Index(now.invoice).get_indexer(pd.Index(frame[names["invoice"]].astype(object)))
            rest = now.take(np.setdiff1d(np.arange(len(now)), at))
            now = now.take(at[at >= 0])
        if len(now) != len(frame):
            raise InputError(
                f"{caller}(): {len(frame) - len(now)} invoice(s) cannot be used; leave them out."
            )
        return now.join(rest), np.arange(len(frame)), frame, until

    def _score_only(self, frame: pd.DataFrame, fx: Any, settings: Any) -> Record:
        """Invoices by themselves; those that ``fit`` knew keep the fate it knew."""
        position = take_position(
            f"{_SELF}.predict", frame, None, None, as_of=None, method=self.method, fx=fx,
            options=settings,
        )  # fmt: skip
        now = records_of(position)
        at = pd.Index(self.record_.invoice).get_indexer(pd.Index(now.invoice))
        now.settled = np.where(at >= 0, self.record_.settled[at], now.settled)
        return now

    def _since(self, old: Any, new: Any, names: dict[str, str], arg: str) -> Any:
        """What ``fit`` knew up to its date, and what is given beyond it."""
        if new is None or old is None:
            return old if new is None else door.to_pandas(new, caller=_SELF, arg=arg)
        new = door.to_pandas(new, caller=f"{_SELF}.predict", arg=arg)
        parts = []
        for frame, before in ((old, True), (new, False)):
            when = door.take(
                frame, caller=f"{_SELF}.predict", arg=arg, empty="allow",
                date=door.Date(names["date"]),
            )["date"]  # fmt: skip
            known = when.astype("M8[D]") <= np.datetime64(self.as_of_, "D")
            part = frame[known if before else ~known]
            if len(part):
                parts.append(part)
        return pd.concat(parts, ignore_index=True) if parts else new

    def _design(
        self, record: Record, rows: np.ndarray, frame: pd.DataFrame, until: int = NEVER
    ) -> pd.DataFrame:
        X = self._facts(record, rows, until)
        return self._join(X, frame, record.day[rows])

    def _facts(self, record: Record, rows: np.ndarray, until: int) -> pd.DataFrame:
        return record_features(
            record, rows, self.prior, self.half_life, until, grace=self.grace_days
        )

    def _join(self, X: pd.DataFrame, frame: pd.DataFrame, day: np.ndarray) -> pd.DataFrame:
        X = X.drop(columns=_BASELINES)
        more = self.extras_.transform(frame, day)
        more = more.rename(columns={c: _given(c) for c in more if c in X})
        return pd.concat([X, more], axis=1)

    def _fit(self, X: pd.DataFrame, late: np.ndarray, delay: np.ndarray) -> None:
        self.names_ = list(X.columns)
        values = X.to_numpy(dtype=np.float64)
        self.centre_, self.spread_of_ = standardise(values)
        Z = self._standard(X)
        self.late_ = fit_logistic(Z, late, ridge=self.ridge)
        strength = 10 * self.ridge
        # The few that take a year would tilt the line through means for everybody.
        usual = np.clip(delay, *np.quantile(delay, [0.02, 0.98]))
        self.lines_ = (
            mean_line(Z, usual, weight=np.ones(len(Z)), ridge=strength),
            median_line(Z, delay, ridge=strength),
        )
        miss = np.abs(delay - self._days(X))
        self.scale_ = mean_line(Z, miss, weight=np.ones(len(Z)), ridge=strength)
        self.least_scale_ = max(0.25 * float(miss.mean()), 0.5)
        self.n_invoices_ = len(X)
        self.features_ = pd.DataFrame(
            {
                "feature": self.names_,
                "late_coefficient": self.late_[0],
                "days_coefficient": self.trust_
                * (self.blend_ * self.lines_[0][0] + (1 - self.blend_) * self.lines_[1][0]),
            }
        )

    def _learn(self, X: pd.DataFrame, late: np.ndarray, delay: np.ndarray) -> None:
        """Try the first two thirds on the last one, in time; then fit to all.

        The trial settles what a fit cannot tell of itself: how far to trust the lines against
        the customer's own record, whether the mean helps the median (where a few take very long
        it does not), and how wide the interval must be.
        """
        self.trust_, self.blend_ = 0.5, 0.5
        cut = (2 * len(X)) // 3
        trial = 0 < late[:cut].sum() < cut
        first, rest = (slice(0, cut), slice(cut, None)) if trial else (slice(None), slice(None))
        self._fit(X.iloc[first], late[first], delay[first])
        later, truth = X.iloc[rest], delay[rest]
        if trial:
            misses = {}
            for self.blend_, self.trust_ in itertools.product(_BLENDS, _TRUSTS):
                miss = np.abs(truth - self._days(later)).mean()
                misses[self.blend_, self.trust_] = miss
            self.blend_, self.trust_ = min(misses, key=misses.__getitem__)
            self._fit(X.iloc[first], late[first], delay[first])
        self.spread_ = self._reach((truth - self._days(later)) / self._scale(later))
        self._fit(X, late, delay)

    def _reach(self, scores: np.ndarray) -> tuple[float, float]:
        """Limits within which the next error lies with the wanted probability."""
        tail, n = (1 - self.level) / 2, len(scores)
        outer = min(max((tail * (n + 1) - 1) / max(n - 1, 1), 0.0), 0.5)
        low, high = np.quantile(scores, [outer, 1 - outer])
        return min(float(low), 0.0), max(float(high), 0.0)

    def _standard(self, X: pd.DataFrame) -> np.ndarray:
        values = (X[self.names_].to_numpy(dtype=np.float64) - self.centre_) / self.spread_of_
        return np.clip(values, -_FARTHEST, _FARTHEST)

    def _late(self, X: pd.DataFrame) -> np.ndarray:
        from scipy.special import expit

        weights, intercept = self.late_
        return expit(self._standard(X) @ weights + intercept)

    def _days(self, X: pd.DataFrame) -> np.ndarray:
        """Delay after the due date: the customer's own, moved towards the lines by ``trust_``."""
        Z = self._standard(X)
        first, second = (Z @ slope + intercept for slope, intercept in self.lines_)
        usual = X["median_delay"].to_numpy()
        line = self.blend_ * first + (1 - self.blend_) * second
        return usual + self.trust_ * (line - usual)

    def _scale(self, X: pd.DataFrame) -> np.ndarray:
        slope, intercept = self.scale_
        return np.maximum(self._standard(X) @ slope + intercept, self.least_scale_)

    def _enough(self, late: np.ndarray, settled: np.ndarray) -> None:
        if len(late) < _FEWEST or settled.sum() < _FEWEST // 3:
            raise InputError(
                f"{_SELF}: only {len(late)} invoice(s) had fallen due by {self.as_of_.date()} "
                f"({int(settled.sum())} of them settled); at least {_FEWEST} are needed."
            )
        if late.min() == late.max():
            word = "late" if late[0] else "in time"
            raise InputError(f"{_SELF}: all invoices were paid {word}; there is nothing to learn.")

    def _refuse_outcomes(self, X: pd.DataFrame, delay: np.ndarray) -> None:
        """A given feature that all but equals the outcome cannot have been known before."""
        fates = [pd.Series(d).rank() for d in (delay, delay + X["terms"].to_numpy())]
        for name in self.extras_.numbers:
            column = X[_given(name) if _given(name) in X else str(name)].rank().to_numpy()
            if column.min() == column.max():
                continue
            twin = max(abs(np.corrcoef(column, fate)[0, 1]) for fate in fates)
            if twin > 0.98:
                raise InputError(
                    f"{_SELF}: feature {name!r} orders invoices like their days to settle (rank "
                    f"correlation {twin:.3f}): it is the outcome, known only later. "
                    "Leave it out."
                )

    def _refuse_lateness(self, X: pd.DataFrame, late: np.ndarray) -> None:
        """A flag or level that is there for late invoices alone (or for all others) as well."""
        if min(late.sum(), len(late) - late.sum()) < _TELLING:
            return
        for name in X.columns[len(X.columns) - self.extras_.width :]:
            score = X[name].to_numpy(dtype=np.float64)
            auc = performance(score, late, late)["auc"].iloc[0]
            if max(auc, 1 - auc) > _OUTCOME:
                raise InputError(
                    f"{_SELF}: feature {str(name)!r} parts late invoices from all others (area "
                    f"under the curve {max(auc, 1 - auc):.3f}): it is the outcome, known only "
                    "later. Leave it out, or give its value as of the invoice date."
                )

    def _check_options(self) -> None:
        door.check_int(self.grace_days, "grace_days", caller=_SELF, low=0)
        door.check_number(
            self.level, "level", caller=_SELF, low=0, high=1, open_low=True, open_high=True
        )
        for name in ("prior", "half_life"):
            door.check_number(getattr(self, name), name, caller=_SELF, low=0, open_low=True)
        door.check_number(self.ridge, "ridge", caller=_SELF, low=0)


def _given(name: Any) -> str:
    """A given feature that is called like one of the model's own."""
    return f"{name} (given)"


def _last_day(frame: Any, date: str) -> int:
    """The last day of a table of payments or adjustments; before everything if it has none."""
    if frame is None or not len(frame):
        return -NEVER
    days = door.take(frame, caller=_SELF, arg="payments", date=door.Date(date)).days("date")
    return int(days.max())


def _naming(frame: Any, column: str, ids: pd.Series) -> Any:
    """Without rows that name an invoice the model was never told of: they pay none it knows."""
    if frame is None or column not in frame.columns:
        return frame
    named = frame[column]
    blank = (named.isna() | (named.astype(object) == "")).to_numpy()
    return frame[blank | named.isin(ids).to_numpy()]


def _delays(delay: np.ndarray, open_for: np.ndarray, settled: np.ndarray) -> np.ndarray:
    """Days after due; of what is not settled, the mean of those that took longer still."""
    done = np.sort(delay[settled]).astype(np.float64)
    upto = np.concatenate([[0.0], np.cumsum(done)])
    at = np.searchsorted(done, open_for, side="right")
    longer = len(done) - at
    mean = np.where(longer > 0, (upto[-1] - upto[at]) / np.maximum(longer, 1), open_for + 7.0)
    return np.where(settled, delay, mean).astype(np.float64)
