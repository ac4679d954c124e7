"""Who will buy within the next weeks, who will not: calibrated chances, judged over time."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._frames import (
    Amount,
    Date,
    Key,
    check_int,
    one_currency,
    refuse_names,
    resolve_as_of,
    speaking_for,
    take,
)
from ..engine.grouping import distinct, first_last
from ..errors import DataWarning, InputError
from .condense import added_up, no_purchase

__all__ = ["ChurnModel", "NextPurchaseModel", "churn_risk", "next_purchase"]

_FEATURES = (
    "log_recency",
    "log_purchases",
    "log_tenure",
    "log_amount",
    "overdue",
    "recent",
    "trend",
    "once",
)


class _Propensity(BaseEstimator):
    """Logistic regression on a customer's history, learned at several past dates."""

    _target: ClassVar[str] = ""

    def __init__(
        self,
        *,
        horizon: int = 90,
        customer: str = "customer_id",
        date: str = "date",
        amount: str = "amount",
        invalid: str = "raise",
    ):
        self.horizon = horizon
        self.customer = customer
        self.date = date
        self.amount = amount
        self.invalid = invalid

    def fit(self, transactions: pd.DataFrame, y: object = None, *, as_of: Any = None) -> Self:
        """Learn from what customers did after past dates.

        Parameters
        ----------
        transactions : DataFrame
            One row a line or an order; rows with a negative amount are no purchase.
        y : ignored
            For scikit-learn only.
        as_of : date, optional
            End of observation. None: the last date in the data.

        Returns
        -------
        estimator
            Itself.

        Raises
        ------
        InputError
            A column is missing, rows cannot be used, or the history is too short for two past
            dates with both outcomes.
        """
        name = f"{type(self).__name__}.fit"
        check_int(self.horizon, "horizon", caller=name, low=1)
        refuse_names([self.customer], (self._target, "as_of"), caller=name, option="customer")
        log = _Log(transactions, self.customer, self.date, self.amount, self.invalid, as_of, name)
        self.scale_ = log.amount_a_purchase()
        parts = []
        for k in range(1, 7):
            cut = log.until - k * self.horizon
            if cut - self.horizon < log.start:
                break
            X, who = log.features(cut, self.horizon, self.scale_)
            parts.append(
                (X, log.bought_within(cut, self.horizon)[who] != (self._target == "p_churn"))
            )
        if len(parts) < 2 or not all(0 < y.mean() < 1 for _, y in parts[:2]):
            raise InputError(
                f"{name}(): the history must cover three times the horizon ({self.horizon} days), "
                "with customers who did and who did not buy; give a shorter horizon."
            )
        self._judge(parts)
        X, y_all = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
        self.model_ = _logistic(X, y_all)
        self.features_ = list(_FEATURES)
        scaled = self.model_[-1].coef_[0]
        self.importance_ = pd.Series(scaled, index=self.features_, name="coefficient")
        return self

    def predict_proba(self, transactions: pd.DataFrame, *, as_of: Any = None) -> pd.DataFrame:
        """Chance of each customer within the horizon after ``as_of``.

        Parameters
        ----------
        transactions : DataFrame
            As in ``fit``; customers may be new.
        as_of : date, optional
            The day to look ahead from. None: the last date in the data.

        Returns
        -------
        DataFrame
            One row a customer, ascending: the customer, the chance, ``as_of``.
        """
        check_is_fitted(self, "model_")
        name = f"{type(self).__name__}.predict_proba"
        log = _Log(transactions, self.customer, self.date, self.amount, self.invalid, as_of, name)
        X, who = log.features(log.until, self.horizon, self.scale_)
        raw = logit(np.clip(self.model_.predict_proba(X)[:, 1], 1e-9, 1 - 1e-9))
        out = log.labels[who].reset_index(drop=True)
        out[self._target] = expit(self.slope_ * raw + self.offset_)
        out["as_of"] = np.full(len(out), np.datetime64(log.until, "D").astype("M8[us]"))
        return out

    def _judge(self, parts: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Learn on older dates, judge on the newest; its calibration is kept."""
        from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

        newest, y = parts[0]
        old = [np.concatenate([p[i] for p in parts[1:]]) for i in (0, 1)]
        p = np.clip(_logistic(*old).predict_proba(newest)[:, 1], 1e-9, 1 - 1e-9)
        raw = logit(p)
        self.slope_, self.offset_ = _calibrate(raw, y)
        half = np.arange(len(y)) % 2 == 0
        fair = np.empty(len(y))  # each half judged with the other half's calibration
        for a, b in ((half, ~half), (~half, half)):
            slope, offset = _calibrate(raw[a], y[a])
            fair[b] = expit(slope * raw[b] + offset)
        self.score_ = pd.Series(
            {
                "auc": float(roc_auc_score(y, fair)),
                "brier": float(brier_score_loss(y, fair)),
                "log_loss": float(log_loss(y, fair)),
                "base_rate": float(y.mean()),
                "customers": float(len(y)),
            }
        )
        group = np.minimum((np.argsort(np.argsort(fair, kind="stable")) * 10) // len(y), 9)
        table = pd.DataFrame({"group": group + 1, "predicted": fair, "actual": y.astype(float)})
        self.calibration_ = (
            table.groupby("group")
            .agg(
                customers=("actual", "size"),
                predicted=("predicted", "mean"),
                actual=("actual", "mean"),
            )
            .reset_index()
        )


class ChurnModel(_Propensity):
    """Chance that a customer buys nothing within the horizon.

    Learned at past dates one horizon apart, judged on the newest of them, which the judged fit
    has not seen; chances are calibrated there. Where older dates taught nothing that held on the
    newest, everybody has the same chance, the share of that time.

    Parameters
    ----------
    horizon : int, default=90
        Days ahead.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Attributes
    ----------
    score_ : Series
        ``auc``, ``brier``, ``log_loss``, ``base_rate``, ``customers``, on held-out time.
    calibration_ : DataFrame
        Predicted and actual share by tenth of the chance, on held-out time.
    importance_ : Series
        Coefficients of the standardised features.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large
       Margin Classifiers, MIT Press, 1999, 61-74 (calibration).

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> lines = load_sample("transactions")
    >>> chance = ChurnModel(horizon=90).fit(lines).predict_proba(lines)
    >>> bool(chance["p_churn"].between(0, 1).all())
    True
    """

    _target = "p_churn"


class NextPurchaseModel(_Propensity):
    """Chance that a customer buys at least once within the horizon.

    Parameters
    ----------
    horizon : int, default=90
        Days ahead.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Attributes
    ----------
    score_, calibration_, importance_
        As in :class:`ChurnModel`.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large
       Margin Classifiers, MIT Press, 1999, 61-74 (calibration).

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> lines = load_sample("transactions")
    >>> chance = NextPurchaseModel(horizon=30).fit(lines).predict_proba(lines)
    >>> bool(chance["p_purchase"].between(0, 1).all())
    True
    """

    _target = "p_purchase"


def churn_risk(
    transactions: pd.DataFrame,
    *,
    horizon: int = 90,
    as_of: Any = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Chance that each customer buys nothing within the horizon: :class:`ChurnModel` in a line.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; not modified.
    horizon : int, default=90
        Days ahead.
    as_of : date, optional
        The day to look ahead from. None: the last date in the data.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a customer: the customer, ``p_churn``, ``as_of``. ``attrs["score"]``: how good
        the chances were on held-out time.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or the history is too short.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large
       Margin Classifiers, MIT Press, 1999, 61-74 (calibration).

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> risk = churn_risk(load_sample("transactions"))
    >>> risk.columns.tolist()
    ['customer_id', 'p_churn', 'as_of']
    """
    return _at_once(
        "churn_risk", ChurnModel, transactions, horizon, as_of, customer, date, amount, invalid
    )


def next_purchase(
    transactions: pd.DataFrame,
    *,
    horizon: int = 90,
    as_of: Any = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Chance that each customer buys within the horizon: :class:`NextPurchaseModel` in a line.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; not modified.
    horizon : int, default=90
        Days ahead.
    as_of : date, optional
        The day to look ahead from. None: the last date in the data.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a customer: the customer, ``p_purchase``, ``as_of``. ``attrs["score"]``: how
        good the chances were on held-out time.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or the history is too short.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large
       Margin Classifiers, MIT Press, 1999, 61-74 (calibration).

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> chance = next_purchase(load_sample("transactions"), horizon=30)
    >>> chance.columns.tolist()
    ['customer_id', 'p_purchase', 'as_of']
    """
    return _at_once(
        "next_purchase",
        NextPurchaseModel,
        transactions,
        horizon,
        as_of,
        customer,
        date,
        amount,
        invalid,
    )


def _at_once(
    caller: str,
    kind: Any,
    transactions: pd.DataFrame,
    horizon: int,
    as_of: Any,
    customer: str,
    date: str,
    amount: str,
    invalid: str,
) -> pd.DataFrame:
    model = kind(horizon=horizon, customer=customer, date=date, amount=amount, invalid=invalid)
    with speaking_for(caller):
        model.fit(transactions, as_of=as_of)
        with warnings.catch_warnings():  # the fit has told of the same rows
            warnings.simplefilter("ignore", DataWarning)
            out = model.predict_proba(transactions, as_of=as_of)
    out.attrs["score"] = model.score_.to_dict()
    return out


# --------------------------------------------------------------------------------------


class _Log:
    """Purchase days of customers, and what was known of them at any day."""

    def __init__(
        self,
        transactions: Any,
        customer: str,
        date: str,
        amount: str,
        invalid: str,
        as_of: Any,
        caller: str,
    ):
        one_currency(transactions, (customer,), caller=caller, arg="transactions")
        rows = take(
            transactions,
            caller=caller,
            arg="transactions",
            invalid=invalid,
            customer=Key(customer),
            date=Date(date),
            amount=Amount(amount),
        )
        days, keys = rows.days("date"), rows.keys("customer")
        stamp = resolve_as_of(as_of, days, caller=caller)
        self.until = int(np.datetime64(stamp.to_datetime64(), "D").astype(np.int64))
        keep = (rows["amount"] >= 0) & (days <= self.until)
        if not keep.any():
            raise no_purchase(rows["amount"], self.until, caller=caller)
        self.labels, self.n = keys.labels, len(keys)
        self.start = int(days[keep].min())
        width = self.until - self.start + 1
        cells = distinct(keys.codes[keep] * width + (days[keep] - self.start))
        self.who, self.day = cells // width, cells % width + self.start
        at = np.searchsorted(cells, keys.codes[keep] * width + (days[keep] - self.start))
        self.amount = added_up(at, rows["amount"][keep], len(cells), caller=caller)

    def bought_within(self, cut: int, horizon: int) -> np.ndarray:
        inside = (self.day > cut) & (self.day <= cut + horizon)
        return np.bincount(self.who[inside], minlength=self.n) > 0

    def amount_a_purchase(self) -> float:
        """Mean amount of a day of purchase: the unit in which amounts are told."""
        mean = float(np.sort(self.amount).mean())
        return mean if mean > 0 else 1.0

    def features(self, cut: int, horizon: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """What is known at ``cut`` of each customer seen by then, and who that is."""
        seen = self.day <= cut
        who, day, amount = self.who[seen], self.day[seen], self.amount[seen]
        n = np.bincount(who, minlength=self.n)
        there = n > 0
        first, last = first_last(who, day, self.n)
        first, last, n = first[there], last[there], n[there]
        recency, tenure = cut - last, cut - first
        gap = np.where(n > 1, (last - first) / np.maximum(n - 1, 1), tenure + horizon)
        recent = [
            np.bincount(who[day > cut - k * horizon], minlength=self.n)[there] for k in (1, 2)
        ]
        total = np.bincount(who, amount, self.n)[there]
        X = np.column_stack(
            [
                np.log1p(recency),
                np.log(n),
                np.log1p(tenure),
                np.log(np.maximum(total / n / scale, 0.01)),
                np.log1p(recency / np.maximum(gap, 1.0)),
                np.log1p(recent[0]),
                np.log1p(recent[0]) - np.log1p(recent[1] - recent[0]),
                (n == 1).astype(np.float64),
            ]
        )
        return X, there


def _logistic(X: np.ndarray, y: np.ndarray) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(X, y)


def _calibrate(raw: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the log odds; left alone where one outcome is missing.

    The slope of greatest likelihood that is not negative: where customers were ranked the wrong
    way round, it is 0, and all of them have the share of all.
    """
    from sklearn.linear_model import LogisticRegression

    if y.min() == y.max():
        return 1.0, 0.0
    fit = LogisticRegression(C=1e6, max_iter=1000).fit(raw[:, None], y)
    slope = float(fit.coef_[0, 0])
    return (slope, float(fit.intercept_[0])) if slope > 0 else (0.0, float(logit(y.mean())))
