"""RFM: recency, frequency and monetary value of each customer, scores and named segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Key,
    check_lang,
    take,
    to_pandas,
)
from ..engine.scores import apply_cuts, log_cuts, natural_cuts, quantile_cuts, rank_scores
from .condense import added_up
from .rfm_values import AXES, DAY, Spec, Values, money_of, take_values
from .schemes import Scheme, action_of, cn8_keys, label_of, own_labels

__all__ = ["rfm", "score_grid", "segment_summary"]


def rfm(
    transactions: pd.DataFrame,
    *,
    order: str | None = None,
    as_of: Any = None,
    bins: int = 5,
    method: str = "quantile",
    scheme: Any = "classic",
    monetary: str = "sum",
    returns: str = "net",
    lang: str = "en",
    frequency: str = "orders",
    nested: bool = False,
    cuts: Mapping[str, Sequence[float]] | None = None,
    thresholds: Any = "mean",
    step: float = 0.01,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Recency, frequency and monetary value of each customer, scored and named.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; also a Polars, Arrow, DuckDB or Spark frame. Not modified.
    order : str, optional
        Column of order ids; None: ``"order_id"`` if there is one, else each row is an order.
    as_of : date, optional
        The day of the analysis, end included; rows after it are left out (their number is in
        ``attrs["rows"]``). None: the last date in the data.
    bins : int, default=5
        Scores run from 1 to ``bins``; higher is better, also for recency.
    method : {"quantile", "rank", "fixed", "log", "natural"}
        ``quantile``: cut at the quantiles j/bins (a value on a cut has the lower score);
        ``rank``: by the mid-rank of tied values; ``fixed``: at ``cuts``; ``log``: equally
        spaced in the logarithm (of days + 1 for recency); ``natural``: least squared
        distance within classes. Equal values always get equal scores; scores that nobody has
        are listed in ``attrs["lost"]``.
    scheme : {"classic", "cn8", "shopify", "r_package"} or DataFrame
        How scores become segments. ``classic`` and ``shopify`` are grids of recency by the mean
        of frequency and monetary score, halves up; those two and ``r_package`` read other
        ``bins`` on a scale of 1 to 5. A frame holds ``segment`` and any of ``r_min``, ``r_max``,
        ``f_min``, ``f_max``, ``m_min``, ``m_max`` (optional ``label``, ``label_zh``, ``action``,
        ``action_zh``); it must cover every cell once. ``cn8``: see ``thresholds``. ``shopify``
        has Shopify's group names, but the scores that make each group are this library's own:
        Shopify publishes the names, no table of scores that we could find. ``r_package``: the
        intervals in the documentation of the R package rfm, the first that fits; the rest is
        ``others`` (those where champions are 5-5-5; the table of its 0.2 vignette, where they
        begin with 4-4-4, is another one).
    monetary : {"sum", "mean"}
        Total amount, or amount per order.
    returns : {"net", "exclude", "offset"}
        Rows with a negative amount: ``net``: they count like any row, so that amounts offset
        each other; ``exclude``: left out; ``offset``: they reduce the amount, but are neither
        an order nor a date.
    lang : {"en", "zh"}
        Language of ``label``.
    frequency : {"orders", "days", "net_days"}
        Distinct orders, distinct days, or days whose amounts add up to more than zero.
    nested : bool, default=False
        Score frequency within each recency score, and monetary value within both.
    cuts : mapping, optional
        For ``method="fixed"``: ``{"recency": [...], "frequency": [...], "monetary": [...]}``,
        ``bins - 1`` ascending numbers each. Recency *at most* a cut, frequency and monetary
        value *at least* a cut, earn the better score.
    thresholds : {"mean", "mean_score", "median"} or mapping
        For ``cn8``: better than the mean of the values, the mean of the scores, the median of
        the values, or given numbers by axis. A value equal to its threshold is not better.
        The numbers used are in ``attrs["thresholds"]``.
    step : float, default=0.01
        Smallest unit of money; monetary values are rounded to it before they are compared.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used (missing id, no date, no amount).

    Returns
    -------
    DataFrame
        One row a customer, ascending: the customer, ``recency`` (whole days from the last
        date to ``as_of``), ``frequency``, ``monetary`` (with ``monetary="mean"`` also
        ``total``, the whole amount), ``first_date``, ``last_date``, ``tenure`` (days from the
        first date to ``as_of``), ``r``, ``f``, ``m``, ``rfm`` (the three scores as text),
        ``segment`` (stable key), ``label``, ``as_of``.
        ``attrs["rows"]`` accounts for every row given: ``given`` = ``invalid`` +
        ``after_as_of`` + ``returns_left_out`` + ``without_a_purchase`` (customers with
        returns alone, where there are any) + ``used``.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or an option is wrong.

    References
    ----------
    .. [1] A. M. Hughes, "Strategic Database Marketing", Probus, 1994.
    .. [2] J. R. Miglautsch, "Thoughts on RFM scoring", Journal of Database Marketing 8
       (2000), 67-72 (independent and nested scoring).

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [50.0, 70.0, 20.0],
    ...     "date": pd.to_datetime(["2025-01-05", "2025-03-01", "2025-01-10"])})
    >>> rfm(orders)[["customer_id", "recency", "frequency", "monetary"]]
      customer_id  recency  frequency  monetary
    0           a        0          2     120.0
    1           b       50          1      20.0
    """
    spec = Spec(bins, method, scheme, monetary, returns, frequency, nested, cuts, thresholds, step)
    resolved = spec.check(caller="rfm")
    check_lang(lang, caller="rfm")
    table = take_values(
        transactions,
        spec,
        caller="rfm",
        customer=customer,
        date=date,
        amount=amount,
        order=order,
        as_of=as_of,
        invalid=invalid,
    )
    scored, learned = score(table, spec, learned=None)
    return put_together(table, scored, learned, resolved, spec, lang=lang)


def segment_summary(scored: pd.DataFrame, *, lang: str = "en") -> pd.DataFrame:
    """Size, money and recommended action of each segment.

    Parameters
    ----------
    scored : DataFrame
        What :func:`rfm` returned.
    lang : {"en", "zh"}
        Language of ``label`` and ``action``.

    Returns
    -------
    DataFrame
        One row a segment, the one with most money first: ``segment``, ``label``,
        ``customers``, ``share`` (of customers), ``amount``, ``amount_share`` (missing without
        a positive total), ``recency``, ``frequency``, ``monetary`` (means), ``action``.
        ``attrs["labels"]``: what each segment is called, by language.

    Raises
    ------
    InputError
        A column of :func:`rfm` is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [50.0, 70.0, 20.0],
    ...     "date": pd.to_datetime(["2025-01-05", "2025-03-01", "2025-01-10"])})
    >>> segment_summary(rfm(orders))[["segment", "customers", "amount"]]
         segment  customers  amount
    0  champions          1   120.0
    1       lost          1    20.0
    """
    check_lang(lang, caller="segment_summary")
    scored = to_pandas(scored, caller="segment_summary", arg="scored")
    rows = take(
        scored,
        caller="segment_summary",
        arg="scored",
        segment=Key("segment"),
        recency=Amount("recency"),
        frequency=Amount("frequency"),
        monetary=Amount("monetary"),
        total=Amount(money_of(scored), option=""),
    )
    keys = rows.keys("segment")
    n = len(keys)
    count = np.bincount(keys.codes, minlength=n)
    amounts = added_up(keys.codes, rows["total"], n, caller="segment_summary")
    names = scored.attrs.get("names", {})
    segments = [str(k) for k in keys.labels["segment"]]
    own = {} if names else own_labels(rows.frame)
    out = pd.DataFrame(
        {
            "segment": segments,
            "label": [label_of(k, lang, names, own) for k in segments],
            "customers": count,
            "share": count / count.sum(),
            "amount": amounts,
            "amount_share": _shares(amounts),
            **{a: added_up(keys.codes, rows[a], n, caller="segment_summary") / count for a in AXES},
            "action": [action_of(k, lang, names) for k in segments],
        }
    )
    out.attrs["labels"] = {
        k: {told: label_of(k, told, names, own) for told in ("en", "zh")} for k in segments
    }
    return out.sort_values(["amount", "segment"], ascending=[False, True], ignore_index=True)


def _shares(amounts: np.ndarray) -> np.ndarray:
    total = round(float(amounts.sum()), 6)
    return amounts / total if total > 0 else np.full(len(amounts), np.nan)


def score_grid(scored: pd.DataFrame) -> pd.DataFrame:
    """Customers and money in each cell of recency score by frequency score.

    Parameters
    ----------
    scored : DataFrame
        What :func:`rfm` returned.

    Returns
    -------
    DataFrame
        One row a cell that has customers: ``r``, ``f``, ``customers``, ``amount``,
        ``monetary`` (mean a customer), ordered by ``r`` and ``f``.

    Raises
    ------
    InputError
        A column of :func:`rfm` is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [50.0, 70.0, 20.0],
    ...     "date": pd.to_datetime(["2025-01-05", "2025-03-01", "2025-01-10"])})
    >>> score_grid(rfm(orders, bins=2))
       r  f  customers  amount  monetary
    0  1  1          1    20.0      20.0
    1  2  2          1   120.0     120.0
    """
    scored = to_pandas(scored, caller="score_grid", arg="scored")
    rows = take(
        scored,
        caller="score_grid",
        arg="scored",
        r=Key("r"),
        f=Key("f"),
        total=Amount(money_of(scored), option=""),
    )
    keys = rows.keys("r", "f")
    count = np.bincount(keys.codes, minlength=len(keys))
    amounts = added_up(keys.codes, rows["total"], len(keys), caller="score_grid")
    out = keys.labels.copy()
    return out.assign(customers=count, amount=amounts, monetary=amounts / count)


# --------------------------------------------------------------------------------------
# Scores


@dataclass(frozen=True)
class Learned:
    """Cut points by axis (None where scores come from ranks or are nested) and thresholds."""

    cuts: dict[str, np.ndarray] | None
    thresholds: dict[str, float] | None


def score(
    table: Values, spec: Spec, *, learned: Learned | None
) -> tuple[dict[str, np.ndarray], Learned]:
    """Scores of the three axes; cuts are learned here unless they are given."""
    axes = _better_is_higher(table, spec)
    if learned is not None and learned.cuts is not None:
        cuts: dict[str, np.ndarray] | None = learned.cuts
        scores = {a: apply_cuts(v, learned.cuts[a]) for a, v in axes.items()}
    elif spec.nested:
        cuts, scores = None, _nested(axes, spec)
    elif spec.method == "rank":
        cuts, scores = None, {a: rank_scores(v, spec.bins) for a, v in axes.items()}
    else:
        cuts = {a: _cuts(a, v, spec) for a, v in axes.items()}
        scores = {a: apply_cuts(v, cuts[a]) for a, v in axes.items()}
    limits = learned.thresholds if learned is not None else _limits(table, scores, spec)
    return scores, Learned(cuts, limits)


def _better_is_higher(table: Values, spec: Spec) -> dict[str, np.ndarray]:
    """The three axes as numbers of which more is better: days, orders, whole steps of money."""
    return {
        "recency": -table.recency,
        "frequency": table.frequency,
        "monetary": _in_steps(table.monetary, spec.step),
    }


def _in_steps(amounts: np.ndarray, step: float) -> np.ndarray:
    scale = 1 / step
    whole = round(scale) if step < 1 else scale
    return np.rint(np.round(amounts * whole, 6))


def _cuts(axis: str, values: np.ndarray, spec: Spec) -> np.ndarray:
    if spec.method == "quantile":
        return quantile_cuts(values, spec.bins)
    if spec.method == "natural":
        return natural_cuts(values, spec.bins)
    if spec.method == "fixed":
        return _given_cuts(axis, spec)
    if axis == "recency":  # days + 1, so that today has a logarithm
        return -(_on_a_whole(log_cuts(1.0 - values, spec.bins))[::-1] - 1.0)
    return _on_a_whole(log_cuts(values, spec.bins))


def _on_a_whole(cuts: np.ndarray) -> np.ndarray:
    """Cuts within rounding of a whole number put on it, where days, orders and steps lie."""
    whole = np.rint(cuts)
    return np.where(np.abs(cuts - whole) <= 1e-12 * np.abs(whole), whole, cuts)


def _given_cuts(axis: str, spec: Spec) -> np.ndarray:
    """Given cuts on the scale of the axis, moved a hair so that a value on one is better."""
    if spec.cuts is None:
        return np.empty(0)
    values = np.asarray(list(spec.cuts[axis]), dtype=np.float64)
    if axis == "recency":
        values = -values[::-1]
    elif axis == "monetary":
        values = np.round(values / spec.step, 6)
    return np.nextafter(values, -np.inf)


def _nested(axes: dict[str, np.ndarray], spec: Spec) -> dict[str, np.ndarray]:
    """Each axis is scored within the customers that share all scores so far."""
    scores: dict[str, np.ndarray] = {}
    group = np.zeros(len(axes["recency"]), dtype=np.int64)
    for axis, values in axes.items():
        out = np.empty(len(values), dtype=np.int64)
        for g in np.unique(group):
            inside = group == g
            if spec.method == "rank":
                out[inside] = rank_scores(values[inside], spec.bins)
            else:
                out[inside] = apply_cuts(values[inside], _cuts(axis, values[inside], spec))
        scores[axis] = out
        group = group * spec.bins + out - 1
    return scores


def _limits(table: Values, scores: dict[str, np.ndarray], spec: Spec) -> dict[str, float] | None:
    """Thresholds of the eight segments, in the unit in which they are compared."""
    if not (isinstance(spec.scheme, str) and spec.scheme == "cn8"):
        return None
    if isinstance(spec.thresholds, Mapping):
        return {a: float(spec.thresholds[a]) for a in AXES}
    values = {"recency": table.recency, "frequency": table.frequency, "monetary": table.monetary}
    if spec.thresholds == "mean_score":
        values = scores
    middle = np.median if spec.thresholds == "median" else np.mean
    return {a: float(middle(np.sort(values[a]))) for a in AXES}


# --------------------------------------------------------------------------------------
# Putting together


def put_together(
    table: Values,
    scores: dict[str, np.ndarray],
    learned: Learned,
    scheme: Scheme | None,
    spec: Spec,
    *,
    lang: str,
) -> pd.DataFrame:
    """The result frame: values, scores, segment and label, one row a customer."""
    r, f, m = (scores[a] for a in AXES)
    cell = ((r - 1) * spec.bins + (f - 1)) * spec.bins + (m - 1)
    count = np.bincount(cell, minlength=spec.bins**3).reshape((spec.bins,) * 3)
    if scheme is None:
        at, keys = cn8_keys(*_above(table, scores, learned, spec))
        names: Mapping[str, tuple[str, ...]] = {}
    else:
        at, keys, names = scheme.lookup(cell), scheme.keys, scheme.names
    stamp = np.datetime64(table.as_of, "D").astype("M8[us]")
    out = pd.DataFrame(
        {
            **{name: table.labels[name] for name in table.labels},
            "recency": table.recency,
            "frequency": table.frequency,
            "monetary": table.monetary,
            **({} if table.total is None else {"total": table.total}),
            "first_date": _midnight(table.first),
            "last_date": _midnight(table.last),
            "tenure": table.as_of - table.first,
            "r": r,
            "f": f,
            "m": m,
            "rfm": _joined(cell, count, spec.bins),
            "segment": _named(at, keys),
            "label": _named(at, [label_of(k, lang, names) for k in keys]),
            "as_of": np.full(len(r), stamp),
        },
        copy=False,  # all of them are made here
    )
    out.attrs["rows"] = table.rows
    out.attrs["lost"] = {
        short: [int(k) + 1 for k in np.flatnonzero(count.sum(axis=others) == 0)]
        for short, others in (("r", (1, 2)), ("f", (0, 2)), ("m", (0, 1)))
    }
    out.attrs["monetary"] = spec.monetary
    if learned.thresholds is not None:
        out.attrs["thresholds"] = learned.thresholds
    if names:
        out.attrs["names"] = dict(names)
    return out


def _above(
    table: Values, scores: dict[str, np.ndarray], learned: Learned, spec: Spec
) -> list[np.ndarray]:
    """Better than the threshold, by axis; within rounding of it is not better."""
    limits = learned.thresholds or {}
    by_score = isinstance(spec.thresholds, str) and spec.thresholds == "mean_score"
    values = (
        scores
        if by_score
        else {"recency": table.recency, "frequency": table.frequency, "monetary": table.monetary}
    )
    out = []
    for axis in AXES:
        gap = values[axis] - limits[axis]
        if axis == "recency" and not by_score:
            gap = -gap
        out.append(gap > 1e-9 * max(abs(limits[axis]), 1e-300))
    return out


def _midnight(days: np.ndarray) -> np.ndarray:
    return (days * DAY).view("M8[us]")


def _joined(cell: np.ndarray, count: np.ndarray, bins: int) -> Any:
    """The three scores as text: 543, or 10-4-3 where a score may have two digits."""
    used = np.flatnonzero(count)
    place = np.zeros(bins**3, dtype=np.int64)
    place[used] = np.arange(len(used))
    mark = "" if bins < 10 else "-"
    texts = [
        mark.join(str(s + 1) for s in (c // bins**2, c // bins % bins, c % bins)) for c in used
    ]
    return _named(place[cell], texts)


def _named(at: np.ndarray, names: Sequence[str]) -> Any:
    """A column of text from positions in a short list of names."""
    return pd.Series(list(names)).array.take(at)
