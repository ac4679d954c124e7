"""A points card: optimal bins, weights of evidence, one logistic regression, whole points.

The score of a row is, by definition, the sum of the whole points in the table, so the table and
the score cannot disagree: not for missing values, not for special ones, not for a level that was
never seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .. import _frames as door
from ..engine.logistic import fit_logistic
from ..errors import InputError
from . import score_options as options
from . import score_reports as reports
from .score_bins import Bins, Recipe, fit_bins, is_numeric

__all__ = ["CreditScorecard"]

_SELF = "CreditScorecard"
# Labels whose alphabetical order must not decide who is refused.
_TELLING = (
    "good", "bad", "default", "defaulted", "no default", "non-default", "not default", "paid",
    "unpaid", "fully paid", "charged off", "repaid", "late", "on time", "overdue", "current",
    "delinquent", "performing", "non-performing", "nonperforming", "approved", "rejected",
    "好", "坏", "正常", "违约", "坏客户", "好客户", "逾期", "未逾期", "未违约",
    "已还", "未还", "按时",
)  # fmt: skip


class CreditScorecard(ClassifierMixin, BaseEstimator):
    """Credit scorecard with whole points: a higher score is a safer customer.

    Numbers are cut into the intervals of the largest information value under a monotone bad
    rate (exact dynamic programme over candidate edges); levels are merged in order of risk.
    Every special value, missing values and levels never seen have bins of their own. A logistic
    regression on the weights of evidence, its weights held at zero or above so that no bin turns
    against what was observed, gives each bin its points.

    Parameters
    ----------
    bad : label, optional
        The class to be scored low. None: the later one in order (1, True). Labels that say good
        or bad themselves must be named.
    categorical : sequence of str, optional
        Columns to be taken as levels although they hold numbers; text, truth values and
        categories always are. Texts among numbers are refused unless they read as numbers, are
        special, or the column is named here.
    special : mapping or sequence, optional
        Values with a meaning of their own (``-999``: no answer): by column, or one list for all.
        Missing values need no entry: they always have a bin of their own.
    trend : str or mapping, default="auto"
        What the bad rate may do as a number grows: ``"ascending"``, ``"descending"``, ``"peak"``,
        ``"valley"``, ``"none"``; ``"auto"``: the better one of the first two. Or by column.
    max_bins : int, default=8
        Most bins of a feature, besides special, missing and other.
    min_share : float, default=0.05
        Smallest share of all rows in a bin.
    criterion : {"iv", "likelihood"}, default="iv"
        What is maximised: information value, or log-likelihood.
    max_candidates : int, default=50
        Most pre-bins; numbers with fewer distinct values are cut exactly.
    smoothing : float, default=0.5
        Good and bad rows added to each bin (in the sample's proportion) in weights of evidence.
    rare : float, default=0.01
        Levels with a smaller share of the rows get no bin of their own: they are ``other``, like
        levels never seen. Keeps a column of names or ids from repeating the outcome.
    empty : {"neutral", "worst"}, default="neutral"
        Points of a special, missing or other bin that held no row in ``fit``: those of an average
        row, or those of the feature's worst bin.
    min_iv : float, default=0.0
        Features with less information value are left out.
    ridge : float, default=1.0
        Strength of the ridge on the weights.
    nonnegative : bool, default=True
        Hold weights at zero or above.
    pdo : float, default=20
        Points that double the odds.
    base_score, base_odds : float, default=600 and 50
        The score at which ``base_odds`` good ones stand against one bad one.
    positive : bool, default=False
        Shift each feature so that its worst bin has 0 points; the base row takes the rest up.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The classes in order.
    bad_ : label
        The class that scores low.
    table_ : DataFrame
        One row a bin: ``feature``, ``kind`` (``base``, ``interval``, ``levels``, ``special``,
        ``missing``, ``other``), ``label``, ``low``, ``high`` (low < value <= high), ``rows``,
        ``bad``, ``bad_rate``, ``woe``, ``iv``, ``points``.
    features_ : DataFrame
        One row a feature: ``feature``, ``type``, ``bins``, ``iv``, ``strength`` (``none`` under an
        information value of 0.02, ``weak`` under 0.1, ``medium`` under 0.3, ``strong`` up to 0.5,
        ``suspect`` above [1]_: was it known at the decision?), ``coefficient``, ``used``.
    base_points_ : int
        Points that every row gets.
    coef_, intercept_ : ndarray, float
        The logistic regression of the bad class on minus the weights of evidence.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str
        Names of the features, where ``fit`` got a frame.

    References
    ----------
    .. [1] N. Siddiqi, "Credit Risk Scorecards", Wiley (2006), chapter 6.
    .. [2] G. Navas-Palencia, "Optimal binning: mathematical programming formulation",
       arXiv:2001.08025 (2020).

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import CreditScorecard
    >>> seen = pd.DataFrame({"days_late": [0, 0, 5, 9, 30, 45, 60, None] * 20,
    ...                      "sector": ["retail", "steel"] * 80})
    >>> bad = [0, 0, 0, 1, 0, 1, 1, 1] * 20
    >>> card = CreditScorecard().fit(seen, bad)
    >>> card.predict_score(seen.head(3)).tolist() == card.predict_points(seen.head(3)).sum(
    ...     axis=1).tolist()
    True
    >>> card.table_["kind"].unique().tolist()
    ['base', 'interval', 'missing', 'levels', 'other']
    """

    def __init__(
        self,
        *,
        bad: Any = None,
        categorical: Sequence[str] | None = None,
        special: Mapping[str, Sequence[Any]] | Sequence[Any] | None = None,
        trend: str | Mapping[str, str] = "auto",
        max_bins: int = 8,
        min_share: float = 0.05,
        criterion: str = "iv",
        max_candidates: int = 50,
        smoothing: float = 0.5,
        rare: float = 0.01,
        empty: str = "neutral",
        min_iv: float = 0.0,
        ridge: float = 1.0,
        nonnegative: bool = True,
        pdo: float = 20.0,
        base_score: float = 600.0,
        base_odds: float = 50.0,
        positive: bool = False,
    ) -> None:
        self.bad = bad
        self.categorical = categorical
        self.special = special
        self.trend = trend
        self.max_bins = max_bins
        self.min_share = min_share
        self.criterion = criterion
        self.max_candidates = max_candidates
        self.smoothing = smoothing
        self.rare = rare
        self.empty = empty
        self.min_iv = min_iv
        self.ridge = ridge
        self.nonnegative = nonnegative
        self.pdo = pdo
        self.base_score = base_score
        self.base_odds = base_odds
        self.positive = positive

    # ------------------------------------------------------------------ fit

    def fit(self, X: Any, y: Any) -> CreditScorecard:
        """Find bins, weights and points.

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            What was known of each customer at the decision; values may be missing.
        y : array of shape (n_rows,)
            Two classes; which one is bad says the option ``bad``.

        Returns
        -------
        CreditScorecard
            Itself.

        Raises
        ------
        InputError
            An option is out of range or names no column of ``X``, a column holds dates or infinite
            numbers, or ``y`` does not hold two classes.
        """
        options.check(self)
        frame = self._frame(X, reset=True)
        options.refuse_unknown(self, frame.columns)
        bad = self._classes(y, len(frame))
        self.factor_ = self.pdo / np.log(2)
        levels = set(options.listed(self.categorical, "categorical"))
        self.bins_: list[Bins] = []
        codes = np.empty(frame.shape, dtype=np.int64, order="F")
        for j, name in enumerate(frame.columns):
            column, special = frame.iloc[:, j], options.special_of(self.special, name)
            named = bool({name, str(name)} & levels)
            bins, codes[:, j] = fit_bins(
                column,
                bad,
                name=str(name),
                numeric=not named and is_numeric(column, special, _SELF),
                special=special,
                recipe=self._recipe(name),
                caller=_SELF,
            )
            self.bins_.append(bins)
        self._fit_weights(codes, bad)
        self._give_points()
        self.training_scores_ = np.bincount(self._sum_points(codes) - self.lowest_score_)
        return self

    def _fit_weights(self, codes: np.ndarray, bad: np.ndarray) -> None:
        self.iv_ = np.array([float(b.iv.sum()) for b in self.bins_])
        spread = np.array([np.ptp(b.woe[b.count > 0]) for b in self.bins_])
        used = np.flatnonzero((self.iv_ >= self.min_iv) & (spread > 0))
        # Alike rows are fitted as one, in an order of their own: the caller's order is no input.
        order = np.lexsort([bad, *codes[:, used].T])
        woe = np.column_stack(
            [np.zeros((len(order), 0)), *(-self.bins_[j].woe[codes[order, j]] for j in used)]
        )
        floor = 0.0 if self.nonnegative else None
        weights, self.intercept_ = fit_logistic(woe, bad[order], ridge=self.ridge, floor=floor)
        self.coef_ = np.zeros(len(self.bins_))
        self.coef_[used] = weights
        if self.empty == "worst":
            for b, weight in zip(self.bins_, self.coef_, strict=True):
                b.take_worst(weight)

    def _give_points(self) -> None:
        exact = self.base_score - self.factor_ * (np.log(self.base_odds) + self.intercept_)
        self.base_points_ = int(np.rint(exact))
        self.points_ = [
            np.rint(self.factor_ * c * b.woe).astype(np.int64)
            for c, b in zip(self.coef_, self.bins_, strict=True)
        ]
        if self.positive:
            least = [int(p.min()) for p in self.points_]
            self.points_ = [p - low for p, low in zip(self.points_, least, strict=True)]
            self.base_points_ += sum(least)
        self.lowest_score_ = self.base_points_ + sum(int(p.min()) for p in self.points_)
        self.table_ = self._table()
        self.features_ = pd.DataFrame(
            {
                "feature": [b.name for b in self.bins_],
                "type": ["number" if b.numeric else "levels" for b in self.bins_],
                "bins": [b.regular for b in self.bins_],
                "iv": self.iv_,
                "strength": reports.strength(self.iv_),
                "coefficient": self.coef_,
                "used": self.coef_ != 0,
            }
        )

    def _table(self) -> pd.DataFrame:
        parts = [b.table().assign(points=p) for b, p in zip(self.bins_, self.points_, strict=True)]
        whole = parts[0].head(1).assign(
            feature="", kind="base", label="every row", low=np.nan, high=np.nan,
            rows=self.n_good_ + self.n_bad_, bad=self.n_bad_,
            bad_rate=self.n_bad_ / (self.n_good_ + self.n_bad_), woe=0.0, iv=0.0,
            points=self.base_points_,
        )  # fmt: skip
        return pd.concat([whole, *parts], ignore_index=True)

    # -------------------------------------------------------------- predict

    def predict_score(self, X: Any) -> pd.Series:
        """Whole-number score of every row: the sum of its points; the caller's index.

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            The features of ``fit``.

        Returns
        -------
        Series
            ``score``, whole numbers, the caller's index.
        """
        frame, codes = self._codes(X)
        return pd.Series(self._sum_points(codes), index=frame.index, name="score")

    def predict_points(self, X: Any) -> pd.DataFrame:
        """Points of every row by feature, with the column ``base``; adds up to the score.

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            The features of ``fit``.

        Returns
        -------
        DataFrame
            ``base`` and one column a feature, the caller's index.
        """
        frame, codes = self._codes(X)
        points = {self._base_name(): np.full(len(frame), self.base_points_)}
        points |= {b.name: p[codes[:, j]] for j, (b, p) in enumerate(self._cards())}
        return pd.DataFrame(points, index=frame.index)

    def decision_function(self, X: Any) -> np.ndarray:
        """Log-odds of ``classes_[1]`` before points were rounded, shape (n_rows,).

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            The features of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        bad = self._log_odds(self._codes(X)[1])
        return bad if self.bad_ == self.classes_[1] else -bad

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of either class before points were rounded, shape (n_rows, 2).

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            The features of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, 2)
            In the order of ``classes_``.
        """
        from scipy.special import expit

        second = expit(self.decision_function(X))
        return np.column_stack([1 - second, second])

    def predict(self, X: Any) -> np.ndarray:
        """The likelier class of every row.

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            The features of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(np.int64)]

    def score_to_probability(self, score: Any) -> np.ndarray:
        """Probability of the bad class that a score stands for on the card's scale.

        Parameters
        ----------
        score : number or array of numbers
            Scores of the card, of any shape.

        Returns
        -------
        ndarray
            Of the shape of ``score``.
        """
        check_is_fitted(self)
        from scipy.special import expit

        good = (np.asarray(score, dtype=np.float64) - self.base_score) / self.factor_
        return expit(-good - np.log(self.base_odds))

    def woe(self, X: Any) -> pd.DataFrame:
        """Weight of evidence of every value (positive: safer than average).

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            The features of ``fit``.

        Returns
        -------
        DataFrame
            One column a feature, the caller's index.
        """
        frame, codes = self._codes(X)
        values = {b.name: b.woe[codes[:, j]] for j, b in enumerate(self.bins_)}
        return pd.DataFrame(values, index=frame.index)

    def score_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Score one customer.

        Parameters
        ----------
        record : mapping
            Every feature's value; None where it is not known.

        Returns
        -------
        dict
            ``score``, ``probability`` (of the bad class), ``points`` by feature, ``bins`` by
            feature, and ``reasons``: the features that cost most against the best bin, the
            costliest first, with the points lost.
        """
        check_is_fitted(self)
        if not isinstance(record, Mapping):
            raise InputError(
                f"{_SELF}.score_record(): record must be a mapping, got {type(record).__name__}."
            )
        names = [b.name for b in self.bins_]
        absent = [n for n in names if n not in record]
        if absent:
            raise InputError(
                f"{_SELF}.score_record(): record has no {absent[0]!r} ({len(absent)} of "
                f"{len(names)} absent); give None for a value that is not known."
            )
        one = pd.DataFrame({n: pd.Series([record[n]], dtype=object) for n in names})
        codes = self._codes_of(one)
        row, labels, lost = {self._base_name(): self.base_points_}, {}, {}
        for j, (b, p) in enumerate(self._cards()):
            row[b.name] = int(p[codes[0, j]])
            labels[b.name] = b.labels()[codes[0, j]]
            lost[b.name] = int(p.max()) - row[b.name]
        reasons = sorted((n for n in names if lost[n] > 0), key=lambda n: (-lost[n], n))
        return {
            "score": sum(row.values()),
            "probability": float(1 / (1 + np.exp(-self._log_odds(codes)[0]))),
            "points": row,
            "bins": labels,
            "reasons": [(n, lost[n]) for n in reasons],
        }

    # -------------------------------------------------------------- reports

    def export(self, format: str = "frame") -> Any:
        """The card as rules that need nothing of this library to be run.

        Parameters
        ----------
        format : {"frame", "sql"}
            ``"frame"``: one row a rule. A score is the points of the ``always`` row plus, for
            each feature, the points of the one rule that holds: ``equals`` (special values and
            levels), else ``range`` (low < value <= high), ``missing``, or ``other``.
            ``"sql"``: one expression over columns with the features' names.

        Returns
        -------
        DataFrame or str
            ``feature``, ``rule``, ``low``, ``high``, ``value``, ``points``; or the expression.
        """
        check_is_fitted(self)
        door.check_choice(format, "format", ("frame", "sql"), caller=f"{_SELF}.export")
        rules = reports.rules(self.base_points_, self._cards())
        return rules if format == "frame" else reports.as_sql(rules, self.bins_)

    def psi(self, X: Any, *, bins: int = 10) -> pd.DataFrame:
        """Population stability against ``fit``: has who applies changed?

        Parameters
        ----------
        X : DataFrame or array
            New rows.
        bins : int, default=10
            Into so many bands of about equal size the training scores are cut. A share under
            0.0001 counts as 0.0001.

        Returns
        -------
        DataFrame
            ``feature`` (``score`` first), ``psi``, ``status``: ``stable`` under 0.1, ``watch``
            under 0.25, ``shifted`` from there on.
        """
        caller = f"{_SELF}.psi"
        door.check_int(bins, "bins", caller=caller, low=2)
        _, codes = self._codes(X)
        reports.need_rows(len(codes), caller)
        score = reports.band_shares(
            self.training_scores_, self._sum_points(codes) - self.lowest_score_, bins
        )
        values = {"score": reports.stability(*score)}
        for j, b in enumerate(self.bins_):
            values[b.name] = reports.stability(b.count, np.bincount(codes[:, j], minlength=len(b)))
        return reports.stability_frame(values)

    def calibration(self, X: Any, y: Any, *, bins: int = 10) -> pd.DataFrame:
        """Predicted against observed bad rates in bands of rows of about equal size.

        Parameters
        ----------
        X, y : DataFrame or array, and the classes of its rows
            Rows that the card has not seen, and what became of them.
        bins : int, default=10
            Number of bands.

        Returns
        -------
        DataFrame
            ``band``, ``rows``, ``predicted``, ``observed``, ``low``, ``high`` (95 % Wilson
            interval of the observed rate); ``.attrs["brier"]``.
        """
        caller = f"{_SELF}.calibration"
        door.check_int(bins, "bins", caller=caller, low=2)
        probability = self._bad_rate(X)
        return reports.calibration(probability, self._known(y, len(probability), caller), bins)

    def bands(self, X: Any, y: Any = None, *, width: int = 20) -> pd.DataFrame:
        """Distribution of scores, and what each cut-off would let in.

        Parameters
        ----------
        X : DataFrame or array
            Rows to score.
        y : array, optional
            Their classes.
        width : int, default=20
            Points in a band.

        Returns
        -------
        DataFrame
            ``low``, ``high`` (inclusive), ``rows``, ``share``, ``approved`` (share of rows at or
            above ``low``); with ``y`` also ``bad``, ``bad_rate`` and ``approved_bad_rate``.
        """
        caller = f"{_SELF}.bands"
        door.check_int(width, "width", caller=caller, low=1)
        score = self.predict_score(X).to_numpy()
        reports.need_rows(len(score), caller)
        known = None if y is None else self._known(y, len(score), caller)
        return reports.bands(score, known, width)

    def performance(self, X: Any, y: Any) -> pd.DataFrame:
        """How well the whole-number score tells bad from good: one row.

        Parameters
        ----------
        X, y : DataFrame or array, and the classes of its rows
            Rows that the card has not seen, and what became of them.

        Returns
        -------
        DataFrame
            ``rows``, ``bad_rate``, ``auc``, ``gini``, ``ks`` (of the score) and ``brier`` (of the
            probability).
        """
        score = self.predict_score(X).to_numpy()
        bad = self._known(y, len(score), f"{_SELF}.performance")
        return reports.performance(score, self._bad_rate(X), bad)

    # -------------------------------------------------------------- helpers

    def _bad_rate(self, X: Any) -> np.ndarray:
        """Probability of the bad class."""
        from scipy.special import expit

        return expit(self._log_odds(self._codes(X)[1]))

    def _base_name(self) -> str:
        return "base" if all(b.name != "base" for b in self.bins_) else "(base)"

    def _cards(self) -> list[tuple[Bins, np.ndarray]]:
        return list(zip(self.bins_, self.points_, strict=True))

    def _sum_points(self, codes: np.ndarray) -> np.ndarray:
        total = np.full(len(codes), self.base_points_, dtype=np.int64)
        for j, points in enumerate(self.points_):
            total += points[codes[:, j]]
        return total

    def _log_odds(self, codes: np.ndarray) -> np.ndarray:
        out = np.full(len(codes), self.intercept_)
        for j, b in enumerate(self.bins_):
            out -= self.coef_[j] * b.woe[codes[:, j]]
        return out

    def _codes(self, X: Any) -> tuple[pd.DataFrame, np.ndarray]:
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        return frame, self._codes_of(frame)

    def _codes_of(self, frame: pd.DataFrame) -> np.ndarray:
        codes = np.empty(frame.shape, dtype=np.int64, order="F")
        for j, b in enumerate(self.bins_):
            codes[:, j] = b.codes(frame.iloc[:, j], _SELF)
        return codes

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:
        """``X`` as a frame; an array must hold numbers, a frame may hold anything."""
        if hasattr(X, "to_pandas") or hasattr(X, "collect_schema"):  # Polars, Arrow, DuckDB, ...
            X = door.to_pandas(X, caller=_SELF, arg="X")
        if isinstance(X, pd.DataFrame):
            if not len(X) or not X.shape[1]:
                raise InputError(
                    f"{_SELF}: X has {X.shape[0]} sample(s) and {X.shape[1]} feature(s) (shape="
                    f"{X.shape}) while a minimum of 1 is required."
                )
            if not X.columns.is_unique:
                twice = X.columns[X.columns.duplicated()][0]
                raise InputError(f"{_SELF}: X has several columns named {twice!r}; rename them.")
            try:
                validate_data(self, X, reset=reset, skip_check_array=True)
            except ValueError as told:
                if reset or not hasattr(self, "feature_names_in_"):
                    raise
                raise InputError(
                    f"{_SELF}: {str(told).strip()}\nX must hold the columns of fit, in their order "
                    "and no others: give X[card.feature_names_in_] (card: this scorecard)."
                ) from told
            return X
        if isinstance(X, pd.Series) or type(X) is dict:
            raise InputError(f"{_SELF}: X must be a frame or a matrix; see score_record for one.")
        values = check_array(X, dtype="numeric", ensure_all_finite=False, estimator=self)
        validate_data(self, values, reset=reset, skip_check_array=True)
        return pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])])

    def _classes(self, y: Any, n: int) -> np.ndarray:
        from sklearn.utils.multiclass import type_of_target

        values = self._flat(y, n, _SELF)
        kind = type_of_target(values, input_name="y")
        if kind not in ("binary", "multiclass") or len(np.unique(values)) > 2:
            raise InputError(
                f"Only binary classification is supported. {_SELF}: y must hold two classes; "
                f"the type of the target is {kind}. (Unknown label type: no classes at all.)"
            )
        self.classes_, codes = np.unique(values, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"{_SELF}: y holds one class only, {self.classes_.tolist()[0]!r}: there is nothing "
                "to tell apart. Give rows of both classes."
            )
        self.bad_ = self._bad_label()
        bad = (codes == int(self.bad_ == self.classes_[1])).astype(np.float64)
        self.n_bad_ = int(bad.sum())
        self.n_good_ = n - self.n_bad_
        return bad

    def _bad_label(self) -> Any:
        if self.bad is None:
            telling = [c for c in self.classes_.tolist() if str(c).strip().lower() in _TELLING]
            if telling:
                raise InputError(
                    f"{_SELF}: y holds {self.classes_.tolist()}; say which class is the bad one: "
                    f"bad={telling[0]!r} or the other."
                )
            return self.classes_[1]
        found = [c for c in self.classes_.tolist() if np.ndim(self.bad) == 0 and c == self.bad]
        if not found:
            raise InputError(
                f"{_SELF}: bad={self.bad!r} is none of the classes {self.classes_.tolist()} of y."
            )
        return found[0]

    def _known(self, y: Any, n: int, caller: str) -> np.ndarray:
        values = self._flat(y, n, caller)
        if not np.isin(values, self.classes_).all():
            raise InputError(f"{caller}(): y holds classes other than {self.classes_.tolist()}.")
        return (values == self.bad_).astype(np.float64)

    def _flat(self, y: Any, n: int, caller: str) -> np.ndarray:
        from sklearn.utils.validation import column_or_1d

        if y is None:
            raise InputError(f"{caller}: requires y to be passed, but the target y is None.")
        if isinstance(y, str):
            raise InputError(
                f"{caller}: y must hold the class of each row, got the text {y!r}; if that is a "
                f"column, give frame[{y!r}] and leave it out of X."
            )
        flat = column_or_1d(y, warn=True)
        if flat.dtype == object:
            flat = pd.Series(flat).infer_objects().to_numpy()
        lost = pd.isna(flat)
        if lost.any():
            raise InputError(f"{caller}: y is missing (NaN) in {int(lost.sum())} row(s).")
        if flat.dtype.kind == "f" and np.isinf(flat).any():
            raise InputError(f"{caller}: y holds an infinite value (inf).")
        if len(flat) != n:
            raise InputError(f"{caller}: X has {n} rows, y has {len(flat)}; they must be as many.")
        return flat

    def _recipe(self, name: Any) -> Recipe:
        return Recipe(
            options.by_column(self.trend, name, "auto"), self.max_bins, self.min_share,
            self.criterion, self.max_candidates, self.smoothing, self.rare,
        )  # fmt: skip

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags
