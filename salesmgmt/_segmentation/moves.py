"""Segments over time: cut points learned once, and who moved from where to where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._frames import (
    Amount,
    Key,
    Rows,
    check_lang,
    factorise,
    one_currency,
    same_currency,
    stack_keys,
    take,
    to_pandas,
)
from ..errors import InputError
from .rfm import Learned, put_together, score
from .rfm_values import Spec, money_of, take_values
from .schemes import label_of, own_labels

__all__ = ["RFMSegmenter", "migration"]

_ENDS = {"(new)": ("(new)", "（新增）"), "(gone)": ("(gone)", "（流失）")}


class RFMSegmenter(BaseEstimator):
    """RFM scores with cut points learned once and applied to later data.

    With scores made anew each month, a customer can lose its segment because others bought
    more. Learned cuts keep the meaning of a score, so that segments can be compared over time.

    Parameters
    ----------
    bins, method, scheme, monetary, returns, frequency, cuts, thresholds, step
        As in :func:`rfm`; ``method="rank"`` has no cut points and is refused.
    order, customer, date, amount : str
        Columns, as in :func:`rfm`.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Attributes
    ----------
    cuts_ : dict of str to ndarray
        Cut points of recency (as negative days), frequency and monetary value (in steps): a
        value above a cut has the better score.
    thresholds_ : dict of str to float or None
        Thresholds of the eight segments.
    as_of_ : Timestamp
        The day the cuts were learned for.

    References
    ----------
    .. [1] A. M. Hughes, "Strategic Database Marketing", Probus, 1994.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [50.0, 70.0, 20.0],
    ...     "date": pd.to_datetime(["2025-01-05", "2025-03-01", "2025-01-10"])})
    >>> segmenter = RFMSegmenter(bins=2).fit(orders)
    >>> segmenter.transform(orders, as_of="2025-03-01")["rfm"].tolist()
    ['222', '111']
    """

    def __init__(
        self,
        *,
        order: str | None = None,
        bins: int = 5,
        method: str = "quantile",
        scheme: Any = "classic",
        monetary: str = "sum",
        returns: str = "net",
        frequency: str = "orders",
        cuts: Mapping[str, Sequence[float]] | None = None,
        thresholds: Any = "mean",
        step: float = 0.01,
        customer: str = "customer_id",
        date: str = "date",
        amount: str = "amount",
        invalid: str = "raise",
    ):
        self.order = order
        self.bins = bins
        self.method = method
        self.scheme = scheme
        self.monetary = monetary
        self.returns = returns
        self.frequency = frequency
        self.cuts = cuts
        self.thresholds = thresholds
        self.step = step
        self.customer = customer
        self.date = date
        self.amount = amount
        self.invalid = invalid

    def fit(self, transactions: pd.DataFrame, y: object = None, *, as_of: Any = None) -> Self:
        """Learn cut points and thresholds.

        Parameters
        ----------
        transactions : DataFrame
            As in :func:`rfm`.
        y : ignored
            For scikit-learn only.
        as_of : date, optional
            As in :func:`rfm`.

        Returns
        -------
        RFMSegmenter
            Itself.
        """
        spec = self._spec()
        spec.check(caller="RFMSegmenter.fit")
        if self.method == "rank":
            raise InputError(
                'RFMSegmenter: method="rank" has no cut points to apply later; '
                'use "quantile", "log", "natural" or "fixed".'
            )
        table = self._values(transactions, as_of, "RFMSegmenter.fit")
        _, learned = score(table, spec, learned=None)
        self.cuts_ = learned.cuts
        self.thresholds_ = learned.thresholds
        self.as_of_ = pd.Timestamp(np.datetime64(table.as_of, "D"))
        return self

    def transform(
        self, transactions: pd.DataFrame, *, as_of: Any = None, lang: str = "en"
    ) -> pd.DataFrame:
        """The table of :func:`rfm` with the learned cut points.

        Parameters
        ----------
        transactions : DataFrame
            As in :func:`rfm`.
        as_of : date, optional
            As in :func:`rfm`.
        lang : {"en", "zh"}
            Language of ``label``.

        Returns
        -------
        DataFrame
            As :func:`rfm`.
        """
        check_is_fitted(self, "cuts_")
        check_lang(lang, caller="RFMSegmenter.transform")
        spec = self._spec()
        scheme = spec.check(caller="RFMSegmenter.transform")
        table = self._values(transactions, as_of, "RFMSegmenter.transform")
        learned = Learned(self.cuts_, self.thresholds_)
        scores, _ = score(table, spec, learned=learned)
        return put_together(table, scores, learned, scheme, spec, lang=lang)

    def fit_transform(
        self,
        transactions: pd.DataFrame,
        y: object = None,
        *,
        as_of: Any = None,
        lang: str = "en",
    ) -> pd.DataFrame:
        """Learn the cut points and apply them to the same data: as :func:`rfm`.

        Parameters
        ----------
        transactions : DataFrame
            As in :func:`rfm`.
        y : ignored
            For scikit-learn only.
        as_of : date, optional
            As in :func:`rfm`.
        lang : {"en", "zh"}
            Language of ``label``.

        Returns
        -------
        DataFrame
            As :func:`rfm`.
        """
        return self.fit(transactions, as_of=as_of).transform(transactions, as_of=as_of, lang=lang)

    def _spec(self) -> Spec:
        return Spec(
            self.bins,
            self.method,
            self.scheme,
            self.monetary,
            self.returns,
            self.frequency,
            False,
            self.cuts,
            self.thresholds,
            self.step,
        )

    def _values(self, transactions: pd.DataFrame, as_of: Any, caller: str) -> Any:
        return take_values(
            transactions,
            self._spec(),
            caller=caller,
            customer=self.customer,
            date=self.date,
            amount=self.amount,
            order=self.order,
            as_of=as_of,
            invalid=self.invalid,
        )


def migration(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    customer: str = "customer_id",
    segment: str = "segment",
    monetary: str = "monetary",
) -> pd.DataFrame:
    """Who moved from which segment to which, and the money that moved with them.

    Parameters
    ----------
    before, after : DataFrame
        What :func:`rfm` (better: one :class:`RFMSegmenter`) returned for two dates; one row a
        customer.
    customer, segment, monetary : str
        Columns of the customer, the segment (``"label"`` works too) and the amount; of scores
        by mean amounts, ``"monetary"`` stands for ``total``.

    Returns
    -------
    DataFrame
        One row a move that happened: ``from``, ``to`` (``(new)`` before the first purchase,
        ``(gone)`` for customers not in ``after``), ``customers``, ``share`` (of those in
        ``from``), ``amount`` (theirs in ``after``; in ``before`` for those gone),
        ``amount_before``, ``change``. ``attrs``: ``chi2``, ``df``, ``p_value`` of the
        hypothesis that the segment before says nothing about the segment after; ``labels``,
        what each segment is called in English and Chinese.

    Raises
    ------
    InputError
        A column is missing, a customer stands twice in one frame, ``before`` is of a later day
        (``as_of``) than ``after``, or amounts are in several currencies.

    References
    ----------
    .. [1] K. Pearson, "On the Criterion that a Given System of Deviations ...", Philosophical
       Magazine 50 (1900), 157-175 (chi-square).

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"customer_id": ["a", "b"], "segment": ["new", "lost"],
    ...                     "monetary": [10.0, 5.0]})
    >>> two = one.assign(segment=["loyal", "lost"], monetary=[30.0, 5.0])
    >>> migration(one, two)[["from", "to", "customers", "share", "amount"]]
       from     to  customers  share  amount
    0  lost   lost          1    1.0     5.0
    1   new  loyal          1    1.0    30.0
    """
    frames = [
        to_pandas(frame, caller="migration", arg=arg)
        for frame, arg in ((before, "before"), (after, "after"))
    ]
    _check_order(*frames)
    for frame, arg in zip(frames, ("before", "after"), strict=True):
        one_currency(frame, (), caller="migration", arg=arg)
    same_currency({"before": frames[0], "after": frames[1]}, (), caller="migration")
    taken = [
        take(
            frame,
            caller="migration",
            arg=arg,
            unique=("customer",),
            customer=Key(customer),
            segment=Key(segment),
            monetary=Amount(money_of(frame, monetary), option="monetary"),
        )
        for frame, arg in zip(frames, ("before", "after"), strict=True)
    ]
    keys = stack_keys(
        [rows.frame for rows in taken], [customer], caller="migration", args=("before", "after")
    )
    codes = np.split(factorise(keys, [customer]).codes, [len(taken[0])])
    tables = [
        pd.DataFrame(
            {
                "customer": who,
                "segment": rows.series("segment").astype(str).to_numpy(),
                "amount": rows["monetary"],
            }
        )
        for who, rows in zip(codes, taken, strict=True)
    ]
    both = tables[0].merge(tables[1], on="customer", how="outer", suffixes=("_before", "_after"))
    both["from"] = both["segment_before"].fillna("(new)")
    both["to"] = both["segment_after"].fillna("(gone)")
    gone = both["to"] == "(gone)"
    both["amount"] = both["amount_after"].where(~gone, both["amount_before"])
    both["amount_before"] = both["amount_before"].fillna(0.0)
    both["change"] = both["amount_after"].fillna(0.0) - both["amount_before"]
    both = both.sort_values(["from", "to", "amount", "amount_before"])  # sums in a fixed order
    grouped = both.groupby(["from", "to"], observed=True)
    out = grouped.agg(
        customers=("customer", "size"),
        amount=("amount", "sum"),
        amount_before=("amount_before", "sum"),
        change=("change", "sum"),
    ).reset_index()
    out.insert(3, "share", out["customers"] / out.groupby("from")["customers"].transform("sum"))
    stayed = out[(out["from"] != "(new)") & (out["to"] != "(gone)")]
    out.attrs |= _independence(stayed) | {"labels": _labels(out, taken, segment)}
    return out


def _check_order(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Refuse tables that say themselves that they are in the wrong order."""
    days = []
    for frame in (before, after):
        known = frame["as_of"] if list(frame.columns).count("as_of") == 1 else None
        if known is None or known.dtype.kind != "M" or known.isna().all():
            return
        known = known.dt.tz_localize(None)
        days.append((known.min(), known.max()))
    (early, _), (_, late) = days
    if early > late:
        raise InputError(
            f"migration(): before is of {early.date()}, after of {late.date()} (as_of): give the "
            "earlier table first."
        )


def _labels(moves: pd.DataFrame, taken: list[Rows], segment: str) -> dict[str, dict[str, str]]:
    """What each segment is called, by language: known names, else the frames' own labels."""
    own: dict[str, str] = {}
    for rows in taken:
        own |= own_labels(rows.frame, segment)
    out = {key: dict(zip(("en", "zh"), words, strict=True)) for key, words in _ENDS.items()}
    for key in {*moves["from"], *moves["to"]} - set(_ENDS):
        out[key] = {lang: label_of(key, lang, own=own) for lang in ("en", "zh")}
    return dict(sorted(out.items()))


def _independence(moves: pd.DataFrame) -> dict[str, float]:
    """Chi-square test of independence of the two segments."""
    from scipy.stats import chi2

    if moves.empty:
        return {"chi2": float("nan"), "df": 0, "p_value": float("nan")}
    table = moves.pivot(index="from", columns="to", values="customers").fillna(0).to_numpy(float)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    df = (table.shape[0] - 1) * (table.shape[1] - 1)
    p_value = float(chi2.sf(statistic, df)) if df else float("nan")
    return {"chi2": statistic, "df": df, "p_value": p_value}
