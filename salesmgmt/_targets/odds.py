"""How likely a plan is, and quotas that are equally likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    as_dates,
    check_choice,
    check_names,
    days_of,
    money,
    one_currency,
    refuse_names,
    same_currency,
    take,
    to_pandas,
    warn,
)
from ..engine.controlled_rounding import Tree, round_tree, snap
from ..engine.sums import group_sums
from ..errors import InputError
from .allocation import whole_total
from .organisation import PlanColumns, lookup, of_measure_alone, one_measure

__all__ = [
    "PlanSpans",
    "attainment_probability",
    "draw_totals",
    "equal_probability_quotas",
    "tell_of_cut_start",
]

_NO_KEYS = ("date", "draw", "amount", "measure")
#: Columns of quotas: no key may have their names.
_QUOTED = ("target", "p_attain", "median", "stretch", "history", "growth")
_RESULT = ("target", "p_attain", "p10", "p50", "p90", "shortfall")


def attainment_probability(
    plan: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    by: Any = None,
    actuals: pd.DataFrame | None = None,
    date: str = "date",
    amount: str = "amount",
    period_start: str = "period_start",
    period_end: str = "period_end",
    target: str = "target",
    measure: str = "measure",
) -> pd.DataFrame:
    """Probability that each key reaches its plan, from draws of what may come.

    Parameters
    ----------
    plan : DataFrame
        Key columns, ``period_start``, ``period_end``, ``target`` (and one ``measure``).
    samples : DataFrame
        Some of the plan's key columns, ``date`` (period start), ``draw``, ``amount``: draws of
        one call of ``forecast.simulate``, which belong together across keys. Dates outside a
        key's own plan periods do not count; plan periods that no draw reaches count as nothing
        sold (a ``DataWarning`` says so), so draw to the end of the plan.
    by : str or list of str, optional
        Key columns to report by; ``[]`` for the whole. Draws are added up first, so their
        dependence is kept. A region may be asked for where ``samples`` names its reps alone and
        the plan tells where each belongs. Default: the plan's keys that ``samples`` has.
    actuals : DataFrame, optional
        What has come in: closed periods are known. Rows of the plan's ``measure`` in a key's
        plan periods up to the day before the date of its first draw count (where later ones
        reach into a second drawn period, a ``DataWarning`` says so). Without it, nothing has come
        in by then: needed wherever the plan begins before the draws do.
    date, amount : str
        Columns of ``actuals``.
    period_start, period_end, target, measure : str
        Columns of ``plan``.

    Returns
    -------
    DataFrame
        One row a key: ``target``, ``p_attain`` (share of draws that reach it), ``p10``,
        ``p50``, ``p90`` (of the whole result), ``shortfall`` (mean amount missing, 0 where the
        target is reached).

    Raises
    ------
    InputError
        ``samples`` lacks a key of the plan, rows of some draws, or any date in the plan's
        periods; or the plan has several measures, or ends before it starts.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"rep": ["Li"], "period_start": ["2026-01-01"],
    ...                      "period_end": ["2026-12-31"], "target": [100.0]})
    >>> draws = pd.DataFrame({"rep": "Li", "date": "2026-07-01", "draw": range(4),
    ...                       "amount": [80.0, 95.0, 105.0, 120.0]})
    >>> attainment_probability(plan, draws)[["p_attain", "shortfall"]].iloc[0].tolist()
    [0.5, 6.25]
    """
    caller = "attainment_probability"
    frame = to_pandas(plan, caller=caller, arg="plan")
    drawn = to_pandas(samples, caller=caller, arg="samples")
    columns = PlanColumns(period_start, period_end, target, measure).check(caller)
    keys = columns.keys(frame.columns)
    names = (
        [k for k in keys if k in drawn.columns]
        if by is None
        else check_names(by, "by", caller=caller)
    )
    for name in names:
        check_choice(name, "by", keys, caller=caller)
    _refuse_result_names(names, caller=caller)
    fine = _finest(frame, drawn, keys, names)
    every = [*fine, *(n for n in names if n not in fine)]
    roles: dict[str, Any] = {f"key{i}": Key(n) for i, n in enumerate(every)}
    rows = take(
        frame,
        caller=caller,
        arg="plan",
        **columns.roles(),
        **roles,
    )
    own = one_measure(rows, caller=caller)
    drawn = of_measure_alone(drawn, own, caller=caller, arg="samples")
    for given, arg in ((frame, "plan"), (drawn, "samples")):
        one_currency(given, names, caller=caller, arg=arg, each=True)
    group, labels = _groups(rows, [f"key{every.index(n)}" for n in names])
    goal = group_sums(group, rows["target"], len(labels))
    if actuals is not None:
        one_currency(actuals, names, caller=caller, arg="actuals", each=True)
    same_currency({"plan": frame, "samples": drawn, "actuals": actuals}, names, caller=caller)
    came = None if actuals is None else to_pandas(actuals, caller=caller, arg="actuals")
    if came is not None:
        came = of_measure_alone(came, own, caller=caller, arg="actuals", column=measure)
    totals = _totals(rows, drawn, came, fine, group, labels, date, amount, caller=caller)
    out = labels.copy()
    out["target"] = goal
    out["p_attain"] = (totals >= (goal - _close(goal))[:, None]).mean(axis=1)
    for name, level in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        out[name] = np.quantile(totals, level, axis=1)
    out["shortfall"] = np.maximum(goal[:, None] - totals, 0.0).mean(axis=1)
    return out


def _finest(
    plan: pd.DataFrame, samples: pd.DataFrame, keys: list[Any], names: list[Any]
) -> list[Any]:
    """Keys by which draws are read: those of samples, if the plan knows what each belongs to."""
    own = [k for k in keys if k in samples.columns]
    if own and not set(names) <= set(own) and list(plan.columns).count(own[-1]) == 1:
        pairs = plan[[*own, *(n for n in names if n not in own)]].drop_duplicates()
        if not pairs.duplicated(own).any():
            return own
    return [k for k in keys if k in names or k in own]


def equal_probability_quotas(
    samples: pd.DataFrame,
    total: float,
    *,
    step: float = 0.01,
    by: Any = None,
    history: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Quotas that everybody reaches with the same probability and that add up to a total.

    Each quota is the same quantile of its key's own distribution; the quantile is the one at
    which the quotas add up to ``total``. Equal probability is no fairness by itself: who has
    sold below his territory's potential has a low forecast, and so a low quota. Look at the
    growth asked for beside it (``median``, ``stretch``, and ``history`` where given).

    Parameters
    ----------
    samples : DataFrame
        Key columns, ``date``, ``draw``, ``amount``; dates are added up within a draw.
    total : float
        What the quotas add up to, a multiple of ``step``.
    step : float, default=0.01
        Smallest unit of a quota.
    by : str or list of str, optional
        Key columns to set quotas for. Default: all.
    history : DataFrame, optional
        Earlier results by the same keys (``amount``), shown beside the quota.

    Returns
    -------
    DataFrame
        One row a key: ``target``, ``p_attain`` (the share of draws that reach the quota),
        ``median`` (of the draws), ``stretch`` (target / median - 1), and with ``history``
        ``history`` and ``growth`` (target / history - 1). ``attrs["probability"]`` is the
        common probability.

    Raises
    ------
    InputError
        ``total`` lies outside what the draws reach together, or draws differ between keys.

    Examples
    --------
    >>> import pandas as pd
    >>> draws = pd.DataFrame({"rep": ["a"] * 3 + ["b"] * 3, "date": "2026-01-01",
    ...     "draw": [0, 1, 2] * 2, "amount": [80.0, 100.0, 120.0, 40.0, 50.0, 60.0]})
    >>> equal_probability_quotas(draws, 165)["target"].tolist()
    [110.0, 55.0]
    """
    caller = "equal_probability_quotas"
    frame = to_pandas(samples, caller=caller, arg="samples")
    keys = [c for c in frame.columns if c not in _NO_KEYS]
    names = keys if by is None else check_names(by, "by", caller=caller)
    refuse_names(names, _QUOTED, caller=caller, option="by")
    if not names:
        raise InputError(f"{caller}(): samples has no key columns to set quotas for.")
    one_currency(frame, (), caller=caller, arg="samples")  # the total is in one
    of_measure_alone(frame, None, caller=caller, arg="samples")
    whole = whole_total(total, step, caller=caller)
    roles: dict[str, Any] = {f"key{i}": Key(n) for i, n in enumerate(names)}
    labels = take(frame, caller=caller, arg="samples", **roles).keys(*roles).labels
    totals = draw_totals(frame, labels, names, caller=caller)
    ordered = np.sort(totals, axis=1)
    level = _common_level(ordered, float(total), caller=caller)
    quotas = _quantile(ordered, level) / float(step)
    quotas = snap(quotas + (whole - float(quotas.sum())) / len(quotas))  # the last digits
    tree = Tree((np.zeros(len(quotas), dtype=np.int64),))
    parts = round_tree([quotas], tree, whole)[0]
    out = labels.copy()
    out["target"] = money(parts, step)
    target = out["target"].to_numpy()
    out["p_attain"] = (totals >= (target - _close(target))[:, None]).mean(axis=1)
    out["median"] = np.median(totals, axis=1)
    out["stretch"] = _growth(target, out["median"].to_numpy())
    if history is not None:
        one_currency(history, names, caller=caller, arg="history", each=True)
        same_currency({"samples": frame, "history": history}, names, caller=caller)
        history = to_pandas(history, caller=caller, arg="history")
        of_measure_alone(history, None, caller=caller, arg="history")
        past = _known(history, labels, names, None, "amount", None, caller=caller)
        out["history"] = past
        out["growth"] = _growth(target, past)
    out.attrs["probability"] = 1.0 - level
    return out


def _growth(target: np.ndarray, base: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(base > 0, target / base - 1.0, np.nan)


def _quantile(ordered: np.ndarray, level: float) -> np.ndarray:
    """Quantiles of sorted rows, linear between draws."""
    at = level * (ordered.shape[1] - 1)
    low = int(np.floor(at))
    high = min(low + 1, ordered.shape[1] - 1)
    return ordered[:, low] + (at - low) * (ordered[:, high] - ordered[:, low])


def _common_level(ordered: np.ndarray, total: float, *, caller: str) -> float:
    """The quantile level at which the quantiles add up to ``total``."""
    least, most = float(ordered[:, 0].sum()), float(ordered[:, -1].sum())
    if not least <= total <= most:
        raise InputError(
            f"{caller}(): total {total:,.2f} lies outside what the draws reach together "
            f"({least:,.2f} to {most:,.2f}): there is no common probability. Use another total, "
            "or more draws."
        )
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if _quantile(ordered, middle).sum() < total:
            low = middle
        else:
            high = middle
    return high


def _close(goal: np.ndarray) -> np.ndarray:
    """What sums of many amounts may be off by in the last digits."""
    return np.asarray(1e-9 * np.maximum(1.0, np.abs(goal)))


# --------------------------------------------------------------------------------------
# Draws


def _totals(
    rows: Rows,
    drawn: pd.DataFrame,
    actuals: pd.DataFrame | None,
    keys: list[Any],
    group: np.ndarray,
    labels: pd.DataFrame,
    date: str,
    amount: str,
    *,
    caller: str,
) -> np.ndarray:
    """What comes in by label and draw, in the plan's periods, with what is known already."""
    part, parts = _groups(rows, [f"key{i}" for i in range(len(keys))])
    whole = np.zeros(len(parts), dtype=np.int64)
    whole[part] = group
    spans = PlanSpans.of(rows, part, caller=caller)
    totals = draw_totals(drawn, parts, keys, spans=spans, needed=actuals is None, caller=caller)
    first, last, width = _reach_of_draws(drawn, parts, keys, spans, caller=caller)
    _tell_of_open_end(spans, parts, last, width, caller)
    if actuals is None:
        return _added_up(totals, whole, len(labels))
    until = first[part]
    if all(name in actuals.columns for name in keys):
        known = _known(actuals, parts, keys, date, amount, spans.before(until), caller=caller)
        out = _added_up(totals + known[:, None], whole, len(labels))
    else:
        spans = PlanSpans.of(rows, group, caller=caller).before(until)
        names = list(labels.columns)
        known = _known(actuals, labels, names, date, amount, spans, caller=caller)
        out = _added_up(totals, whole, len(labels)) + known[:, None]
    _tell_of_drawn(actuals, date, first, last, width, caller)
    return out


def _tell_of_strangers(actuals: Rows, lost: np.ndarray, caller: str) -> None:
    """Amounts of keys that have no plan count for nobody."""
    if not lost.any():
        return
    keys = [o for o in actuals.columns if o.startswith("key")]
    first = tuple(actuals.series(o).iloc[int(np.argmax(lost))] for o in keys)
    warn(
        f"{caller}(): left out {int(lost.sum())} row(s) of actuals, "
        f"{float(actuals['amount'][lost].sum()):,.2f} in all, of keys without a plan, first "
        f"{' / '.join(map(str, first))!r}."
    )


@dataclass(frozen=True)
class PlanSpans:
    """Days that count, by label: the periods of its plan rows."""

    code: np.ndarray
    start: np.ndarray
    end: np.ndarray

    @classmethod
    def of(cls, rows: Rows, code: np.ndarray, *, caller: str) -> PlanSpans:
        start, end = rows.days("period_start"), rows.days("period_end")
        late = np.flatnonzero(start > end)
        if len(late):
            raise InputError(
                f"{caller}(): plan: {rows.columns['period_end']} lies before "
                f"{rows.columns['period_start']} in {len(late)} row(s), first row "
                f"{rows.index[late[0]]!r}; give the last day of the period."
            )
        return cls(code, start, end)

    def before(self, until: np.ndarray) -> PlanSpans:
        """The days before one, by period."""
        return PlanSpans(self.code, self.start, np.minimum(self.end, until - 1))

    def runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Label, first and last day of each run of days without a gap, by label and time."""
        label, start, end = self.code, self.start, self.end
        there = start <= end
        if not there.all():
            label, start, end = label[there], start[there], end[there]
        if not len(label):
            return label, start, end
        base = int(start.min())
        width = int(end.max()) - base + 2  # a day between labels: no run goes on into the next
        first = label * width + (start - base)
        last = first + (end - start)
        if (first[1:] < first[:-1]).any():
            order = np.argsort(first, kind="stable")
            first, last = first[order], last[order]
        reach = np.maximum.accumulate(last, out=last)
        new = np.flatnonzero(np.r_[True, reach[:-1] + 1 < first[1:]])
        begin, finish = first[new], reach[np.r_[new[1:] - 1, len(reach) - 1]]
        label = begin // width
        offset = base - label * width
        return label, begin + offset, finish + offset

    def hold(self, code: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Whether a day lies in one of its label's periods."""
        label, start, end = self.runs()
        if not len(label) or not len(days):
            return np.zeros(len(days), dtype=bool)
        if (label[1:] != label[:-1]).all():  # no gaps: from first to last
            size = max(int(label[-1]), int(code.max())) + 1
            begin, finish = np.full(size, np.iinfo(np.int64).max), np.full(size, -1)
            begin[label], finish[label] = start, end
            return np.asarray((code >= 0) & (days >= begin[code]) & (days <= finish[code]))
        base = min(int(start.min()), int(days.min()))
        width = max(int(end.max()), int(days.max())) - base + 1
        at = np.searchsorted(label * width + (start - base), code * width + (days - base), "right")
        at -= 1
        return np.asarray((at >= 0) & (code == label[at]) & (days <= end[at]))


_LENGTHS = {"h": 1, "D": 1, "W": 7, "M": 31, "Q": 92, "Y": 366}  # days of a period, at most


def _reach_of_draws(
    samples: pd.DataFrame, parts: pd.DataFrame, names: list[Any], spans: PlanSpans, *, caller: str
) -> tuple[np.ndarray, np.ndarray, int]:
    """First day drawn in each part's plan, its last day drawn, and days a period takes at most.

    Series are forecast from their own last values on: draws need not begin or end together. All
    draws have the same rows, so that one tells. A part without draws counts from where others do.
    """
    one = samples[samples["draw"] == samples["draw"].min()]
    roles: dict[str, Any] = {f"key{i}": Key(n, option="") for i, n in enumerate(names)}
    rows = take(one, caller=caller, arg="samples", date=Date("date", option=""), **roles)
    days, at = rows.days("date"), np.zeros(len(rows), dtype=np.int64)
    if names:
        keys = rows.keys(*roles)
        at = lookup(parts, keys.labels, caller=caller, args=("plan", "samples"))[keys.codes]
    begin = np.full(len(parts), np.iinfo(np.int64).max)
    np.minimum.at(begin, spans.code, spans.start)
    later = days[days >= spans.start.min()]
    first = np.full(len(parts), np.iinfo(np.int64).max)
    inside = (at >= 0) & (days >= begin[at])
    np.minimum.at(first, at[inside], days[inside])
    none = int(later.min()) if len(later) else int(spans.start.min())
    last = np.full(len(parts), np.iinfo(np.int64).min)
    np.maximum.at(last, at[at >= 0], days[at >= 0])
    distinct = np.unique(days)
    apart = int(np.diff(distinct).max(initial=0))  # one period says nothing of its length
    width = _LENGTHS.get(str(samples.attrs.get("freq")), apart)
    return np.where(first < np.iinfo(np.int64).max, first, none), last, width


def _tell_of_drawn(
    actuals: pd.DataFrame, date: str, first: np.ndarray, last: np.ndarray, width: int, caller: str
) -> None:
    """Draws made before some of what is known came in: a period that is over is still drawn."""
    if date not in actuals.columns or not width:
        return
    days = days_of(as_dates(actuals[date], name=date, caller=caller, missing="allow"))
    begin = int(first.max())
    late = (days >= begin + width) & (days < int(last.max()) + width)
    if late.any():
        warn(
            f"{caller}(): draws begin with {np.datetime64(begin, 'D')}, but actuals go on to "
            f"{np.datetime64(int(days[late].max()), 'D')}: what came in since the draws begin does "
            "not count, for the draws stand for it. Simulate from the last closed period on."
        )


def _tell_of_open_end(
    spans: PlanSpans, parts: pd.DataFrame, last: np.ndarray, width: int, caller: str
) -> None:
    """A plan goes on after its last draws: nothing is taken to come then."""
    end = np.full(len(parts), np.iinfo(np.int64).min)
    np.maximum.at(end, spans.code, spans.end)
    short = np.flatnonzero((last > np.iinfo(np.int64).min) & (last + width <= end))
    if not width or not len(short):
        return
    at = short[0]
    who = f" (first {_who(parts, at)})" if parts.shape[1] else ""
    warn(
        f"{caller}(): draws end with the period of {np.datetime64(int(last[at]), 'D')}, the "
        f"plan on {np.datetime64(int(end[at]), 'D')}, for {len(short)} of {len(parts)} key(s)"
        f"{who}; what comes between counts as nothing. Simulate to the end of the plan."
    )


def tell_of_cut_start(
    spans: PlanSpans, at: np.ndarray, days: np.ndarray, labels: pd.DataFrame, caller: str
) -> None:
    """A period of the draws that begins before what is asked for and reaches into it."""
    begin = np.full(max(len(labels), 1), np.iinfo(np.int64).max)
    there = spans.start <= spans.end
    np.minimum.at(begin, spans.code[there], spans.start[there])
    distinct = np.unique(days)
    until = np.r_[distinct[1:], distinct[-1:]][np.searchsorted(distinct, days)]
    cut = np.flatnonzero((at >= 0) & (days < begin[at]) & (until > begin[at]))
    if not len(cut):
        return
    day, first = (np.datetime64(int(d), "D") for d in (days[cut[0]], begin[at[cut[0]]]))
    who = f" (first {_who(labels, int(at[cut[0]]))})" if labels.shape[1] else ""
    warn(
        f"{caller}(): draws are dated by the first day of their period; those of {day} reach over "
        f"{first}, from which on they are asked for, and are left out{who}. Date them {first}, or "
        "draw by day."
    )


def draw_totals(
    samples: Any,
    labels: pd.DataFrame,
    names: list[Any],
    *,
    spans: PlanSpans | None = None,
    needed: bool = False,
    caller: str,
) -> np.ndarray:
    """Sum of each draw by key, shape (keys, draws); only days in ``spans`` count.

    ``needed``: a plan without any draw in its periods is refused.
    """
    frame = to_pandas(samples, caller=caller, arg="samples")
    roles: dict[str, Any] = {f"key{i}": Key(n, option="") for i, n in enumerate(names)}
    rows = take(
        frame,
        caller=caller,
        arg="samples",
        date=Date("date", option=""),
        draw=Amount("draw", whole=True, low=0, option=""),
        amount=Amount("amount", option=""),
        **roles,
    )
    at = np.zeros(len(rows), dtype=np.int64)
    if names:
        keys = rows.keys(*roles)
        found = lookup(labels, keys.labels, caller=caller, args=("plan", "samples"))
        at = found[keys.codes]
    use = at >= 0
    numbers, draw = np.unique(rows["draw"], return_inverse=True)
    flat = at * len(numbers) + draw.reshape(-1)
    size = max(len(labels), 1) * len(numbers)
    seen = np.bincount(flat[use], minlength=size).reshape(-1, len(numbers))
    _check_draws(seen, labels, len(numbers), caller=caller)
    if spans is not None:
        tell_of_cut_start(spans, np.where(use, at, -1), rows.days("date"), labels, caller)
        use[use] = spans.hold(at[use], rows.days("date")[use])
        if needed:
            _tell_of_none(np.bincount(at[use], minlength=len(seen)) == 0, labels, caller=caller)
    sums = group_sums(flat[use], rows["amount"][use], size)
    return sums.reshape(-1, len(numbers))


def _added_up(values: np.ndarray, whole: np.ndarray, count: int) -> np.ndarray:
    """Rows of ``values`` added up by the group each belongs to."""
    if len(values) == count:
        out = np.empty_like(values)
        out[whole] = values
        return out
    width = values.shape[1]
    flat = (whole[:, None] * width + np.arange(width)).ravel()
    return group_sums(flat, values.ravel(), count * width).reshape(count, width)


def _tell_of_none(empty: np.ndarray, labels: pd.DataFrame, *, caller: str) -> None:
    """Plans that no draw falls into."""
    if not empty.any():
        return
    who = _who(labels, int(np.flatnonzero(empty)[0]))
    if empty.all():
        raise InputError(
            f"{caller}(): no draw of samples has a date in the plan's periods (first {who}); "
            "simulate the plan's periods, or give actuals= for what has come in."
        )
    warn(
        f"{caller}(): {int(empty.sum())} of {len(empty)} key(s) have no draw in their plan's "
        f"periods (first {who}) and count as nothing sold."
    )


def _who(labels: pd.DataFrame, at: int) -> str:
    return repr(" / ".join(map(str, labels.iloc[at]))) if labels.shape[1] else "the whole"


def _check_draws(seen: np.ndarray, labels: pd.DataFrame, count: int, *, caller: str) -> None:
    lacking = (seen == 0).any(axis=1)
    if lacking.any():
        at = int(np.flatnonzero(lacking)[0])
        raise InputError(
            f"{caller}(): samples has not all {count} draws for {int(lacking.sum())} key(s), "
            f"first {_who(labels, at)} ({int((seen[at] > 0).sum())}); simulate all keys in one "
            "call."
        )
    uneven = (seen != seen[:, :1]).any(axis=1)
    if uneven.any():
        at = int(np.flatnonzero(uneven)[0])
        raise InputError(
            f"{caller}(): samples lack rows of some draws for {int(uneven.sum())} key(s), first "
            f"{_who(labels, at)} ({int(seen[at].min())} to {int(seen[at].max())} rows a draw); "
            "give all rows of a call."
        )


def _refuse_result_names(names: list[Any], *, caller: str) -> None:
    for name in names:
        if name in _RESULT:
            raise InputError(
                f"{caller}(): key {name!r} has the name of a column of the result; rename it."
            )


def _groups(rows: Rows, options: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    if not options:
        return np.zeros(len(rows), dtype=np.int64), pd.DataFrame(index=range(1))
    keys = rows.keys(*options)
    return keys.codes, keys.labels.copy()


def _known(
    actuals: Any,
    labels: pd.DataFrame,
    names: list[Any],
    date: str | None,
    amount: str,
    spans: PlanSpans | None,
    *,
    caller: str,
) -> np.ndarray:
    """Amounts by key that are known, on days in ``spans``."""
    arg = "actuals" if date is not None else "history"
    roles: dict[str, Any] = {f"key{i}": Key(n, option="") for i, n in enumerate(names)}
    if date is not None:
        roles["date"] = Date(date)
    frame = to_pandas(actuals, caller=caller, arg=arg)
    named = None if date is not None else ""
    roles["amount"] = Amount(amount, option=named)
    rows = take(frame, caller=caller, arg=arg, empty="allow", **roles)
    at = np.zeros(len(rows), dtype=np.int64)
    if names and len(rows):
        keys = rows.keys(*[f"key{i}" for i in range(len(names))])
        at = lookup(labels, keys.labels, caller=caller, args=("plan", arg))[keys.codes]
    use = at >= 0
    if date is not None and spans is not None:
        days = rows.days("date")
        asked = (days >= spans.start.min()) & (days <= spans.end.max())
        _tell_of_strangers(rows, asked & ~use, caller)
        use[use] = spans.hold(at[use], days[use])
    return group_sums(at[use], rows["amount"][use], max(len(labels), 1))
