"""Promotions: what they brought, against what would have come without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_int,
    check_names,
    check_number,
    one_currency,
    take,
    warn,
)
from ..engine import placebo
from ..errors import InputError
from .condense import added_up

__all__ = ["promotion_effect"]

_PLAN = ("promotion", "start", "end", "cost")


def promotion_effect(
    transactions: pd.DataFrame,
    promotions: pd.DataFrame,
    *,
    scope: str | Sequence[str] = (),
    after: int = 14,
    level: float = 0.95,
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """What promotions brought: sales against what would have been expected without them.

    Expected are the scope's sales on days without promotion in the 120 days before and after,
    moved like sales outside the scope: all of them, or those that share a part of the scope
    (the same products in other regions, other products in the same region), or both. Which of
    these is taken, and how sure the answer is, is told by placebos: the same is asked of every
    stretch of time of that length without a promotion, and how far the answers lie from what
    came there is the error. So seasons that the comparison does not share, few large orders and
    weeks that resemble their neighbours all widen the range.

    Parameters
    ----------
    transactions : DataFrame
        One row a line; not modified. Negative amounts (returns) reduce their day's amount.
    promotions : DataFrame
        One row a promotion: ``promotion`` (name; repeated names are spans of one promotion, or
        scopes with the same spans), ``start``, ``end`` (dates, both inside), and the columns
        named in ``scope``; a missing value there means "all". Optional ``cost`` of the campaign.
    scope : str or sequence of str
        Columns in both frames that say what was promoted (product line, region, channel).
    after : int, default=14
        Days after the end that are looked at for a dip; those of another promotion of a part of
        the scope are not.
    level : float, default=0.95
        Coverage of the interval.
    date, amount : str
        Columns of the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a promotion, in the order given: ``promotion``, ``days``, ``actual``,
        ``expected``, ``incremental``, ``uplift`` (incremental over expected) with ``lo`` and
        ``hi``, ``p_value`` (missing where fewer than four stretches without promotion are left to
        judge by), ``dip`` (uplift in the days after), ``net`` (incremental with the
        days after), with costs ``cost`` and ``return_on_cost``.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or nothing is left to compare with.

    Warns
    -----
    DataWarning
        ``promotions`` says what was promoted in a column of ``transactions`` that ``scope`` does
        not name (all sales are then judged), or nothing was ever sold in the scope of one.

    References
    ----------
    .. [1] A. Abadie, A. Diamond and J. Hainmueller, "Synthetic Control Methods for Comparative
       Case Studies", Journal of the American Statistical Association 105 (2010), 493-505.
    .. [2] H. J. van Heerde, P. S. H. Leeflang and D. R. Wittink, "Decomposing the Sales
       Promotion Bump with Store Data", Marketing Science 23 (2004), 317-334.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt import load_sample
    >>> spring = pd.DataFrame({"promotion": ["Spring restart"], "product_line": ["Pumps"],
    ...     "region": ["华东"], "start": ["2024-03-04"], "end": ["2024-04-28"]})
    >>> lines = load_sample("transactions")
    >>> found = promotion_effect(lines, spring, scope=["product_line", "region"])
    >>> bool(found["uplift"].iloc[0] > 0.2)
    True
    """
    check_int(after, "after", caller="promotion_effect", low=0, high=100_000)
    check_number(
        level, "level", caller="promotion_effect", low=0, high=1, open_low=True, open_high=True
    )
    columns = check_names(scope, "scope", caller="promotion_effect")
    one_currency(transactions, (), caller="promotion_effect", arg="transactions")
    rows = take(
        transactions,
        caller="promotion_effect",
        arg="transactions",
        invalid=invalid,
        by=columns,
        date=Date(date),
        amount=Amount(amount),
    )
    plans = _plans(promotions, columns, invalid)
    _tell_unused(rows.frame, plans.frame, {*_PLAN, date, amount}, columns)
    days = rows.days("date")
    first, width = int(days.min()), int(days.max() - days.min()) + 1
    masks = [_in_scope(rows.frame, plans.frame, i, columns) for i in range(len(plans))]
    _tell_nothing_sold(rows.frame, plans, masks, columns)
    names = plans.series("promotion").reset_index(drop=True)
    starts, ends = plans.days("start"), plans.days("end")
    _check_inside(plans, first, first + width - 1)
    codes, labels = plans.keys("promotion").codes, names.drop_duplicates()

    def sums(mask: np.ndarray) -> np.ndarray:
        at, amounts = days[mask] - first, rows["amount"][mask]
        return added_up(at, amounts, width, caller="promotion_effect")

    out = []
    for at in labels.index:
        spans = np.flatnonzero(codes == codes[at]).tolist()
        scopes = plans.frame.iloc[spans]
        _check_spans(names.iloc[[at]].tolist()[0], scopes[columns], starts[spans], ends[spans])
        inside = np.logical_or.reduce([masks[i] for i in spans])
        same = [i for i in range(len(names)) if (masks[i] & inside).any()]
        quiet = ~_days_of(same, starts, ends + after, first, width)
        promoted = _days_of(same, starts, ends, first, width)
        controls = [
            [(sums(mask), power) for mask, power in control]
            for control in _controls(rows.frame, scopes, columns, inside)
        ]
        calm = placebo.Days(quiet, after, promoted)
        runs = _runs(_days_of(spans, starts, ends, first, width))
        row = _effect(sums(inside), controls, calm, *runs, level)
        if "cost" in plans:
            row["cost"] = float(plans["cost"][spans].sum())
            row["return_on_cost"] = row["net"] / row["cost"] if row["cost"] > 0 else float("nan")
        out.append(row)
    return pd.concat([labels.rename("promotion").reset_index(drop=True), pd.DataFrame(out)], axis=1)


def _plans(promotions: pd.DataFrame, columns: list[str], invalid: str) -> Rows:
    """The promotions with their scopes, checked."""
    scopes: dict[str, Any] = {
        f"scope{i}": Key(c, missing="allow", option="scope") for i, c in enumerate(columns)
    }
    plans = take(
        promotions,
        caller="promotion_effect",
        arg="promotions",
        invalid=invalid,
        promotion=Key("promotion", option=""),
        start=Date("start", option=""),
        end=Date("end", option=""),
        cost=Amount("cost", optional=True, low=0, option=""),
        **scopes,
    )
    wrong = np.flatnonzero(plans.days("end") < plans.days("start"))
    if len(wrong):
        raise InputError(
            f"promotion_effect(): {len(wrong)} promotion(s) end before they start, first "
            f"{_called(plans, int(wrong[0]))}."
        )
    return plans


def _check_inside(plans: Rows, first: int, last: int) -> None:
    outside = np.flatnonzero((plans.days("end") < first) | (plans.days("start") > last))
    if len(outside):
        span = " to ".join(str(np.datetime64(d, "D")) for d in (first, last))
        raise InputError(
            f"promotion_effect(): {len(outside)} promotion(s) lie outside the dates of "
            f"transactions ({span}), first {_called(plans, int(outside[0]))}; leave them out."
        )


def _called(plans: Rows, i: int) -> str:
    """A promotion by name and dates."""
    start, end = (np.datetime64(int(plans.days(c)[i]), "D") for c in ("start", "end"))
    return f"{plans.series('promotion').iloc[[i]].tolist()[0]!r} ({start} to {end})"


def _tell_nothing_sold(
    lines: pd.DataFrame, plans: Rows, masks: list[np.ndarray], columns: list[str]
) -> None:
    """Warn of scopes without a single sale: mostly another spelling."""
    empty = [i for i, mask in enumerate(masks) if not mask.any()]
    if not empty:
        return
    given = {c: plans.frame[c].iloc[[empty[0]]].tolist()[0] for c in columns}
    scope = {c: value for c, value in given.items() if not pd.isna(value)}
    strange = [c for c, value in scope.items() if not (lines[c] == value).any()]
    there = "; ".join(
        f"{c!r} holds {', '.join(map(repr, lines[c].drop_duplicates().head(4).tolist()))}, ..."
        for c in strange or columns
    )
    warn(
        f"promotion_effect(): nothing was ever sold in the scope of {len(empty)} row(s) of "
        f"promotions, first {_called(plans, empty[0])}: "
        f"{', '.join(f'{c}={value!r}' for c, value in scope.items())}; {there}"
    )


def _tell_unused(
    lines: pd.DataFrame, plans: pd.DataFrame, known: set[str], scope: list[str]
) -> None:
    """Warn of columns in both frames that would narrow the scope, were they named in it."""
    unused = [c for c in plans.columns if c in lines.columns and c not in known and c not in scope]
    unused = [c for c in unused if plans[c].notna().any()]
    if unused:
        named = ", ".join(map(repr, unused))
        warn(
            f"promotion_effect(): promotions and transactions both have {named}, which scope does "
            f"not name, so sales of every {unused[0]!r} are judged. Give "
            f"scope={[*scope, *unused]!r}, or leave the column out of promotions."
        )


def _check_spans(name: Any, scopes: pd.DataFrame, starts: np.ndarray, ends: np.ndarray) -> None:
    """Rows of one name may be several spans, several scopes, or each span in each scope."""
    if not len(scopes.columns):
        return
    scope = scopes.groupby(list(scopes.columns), dropna=False, observed=True).ngroup().to_numpy()
    spans = [set(zip(starts[scope == g], ends[scope == g], strict=True)) for g in np.unique(scope)]
    if any(other != spans[0] for other in spans):
        raise InputError(
            f"promotion_effect(): promotion {name!r} has other dates in one scope than in another; "
            "give them names of their own."
        )


def _in_scope(lines: pd.DataFrame, plans: pd.DataFrame, i: int, columns: list[str]) -> np.ndarray:
    inside = np.ones(len(lines), dtype=bool)
    for column in columns:
        value = plans[column].iloc[i]
        if not pd.isna(value):
            inside &= (lines[column] == value).to_numpy(dtype=bool)
    return inside


def _controls(
    lines: pd.DataFrame, scopes: pd.DataFrame, columns: list[str], inside: np.ndarray
) -> list[list[tuple[np.ndarray, float]]]:
    """Rows outside the scope that may tell what to expect: all, and those that share a part.

    With two parts (products, region) also both together: like the same products elsewhere and
    the other products here, against what shares neither.
    """
    shared = []
    for column in columns:
        values = scopes[column]
        if not values.isna().any():
            part = lines[column].isin(values).to_numpy(dtype=bool) & ~inside
            if part.any():
                shared.append(part)
    found = [[(part, 1.0)] for part in shared]
    if len(shared) > 1:
        either = np.logical_or.reduce(shared)
        found.append([(either, 1.0)])
        if len(shared) == 2 and (~either & ~inside).any():
            found.append([(shared[0], 1.0), (shared[1], 1.0), (~either & ~inside, -1.0)])
    if (~inside).any():
        found.append([(~inside, 1.0)])
    return found


def _days_of(
    spans: list[int], starts: np.ndarray, ends: np.ndarray, first: int, width: int
) -> np.ndarray:
    out = np.zeros(width, dtype=bool)
    for i in spans:
        out[max(int(starts[i]) - first, 0) : max(int(ends[i]) - first + 1, 0)] = True
    return out


def _runs(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last days of each stretch."""
    edges = np.diff(np.concatenate([[0], inside.astype(np.int8), [0]]))
    return np.flatnonzero(edges > 0), np.flatnonzero(edges < 0) - 1


def _effect(
    own: np.ndarray,
    controls: list[list[tuple[np.ndarray, float]]],
    days: placebo.Days,
    starts: np.ndarray,
    ends: np.ndarray,
    level: float,
) -> dict[str, float]:
    """Effect of one promotion (its spans together) and the range it lies in."""
    spans = ends - starts + 1
    judged = []
    for control in [*controls, [(np.ones(len(own)), 1.0)]][: max(len(controls), 1)]:
        expected = placebo.expected_in(own, control, days, starts, ends)
        error = placebo.error_of(own, control, days, int(spans.max()))
        if np.isfinite(expected).all() and (expected >= 0).all():
            judged.append((error, control, expected))
    if not judged:
        raise InputError(
            "promotion_effect(): the scope of a promotion sold nothing on days without one; "
            "check scope, start and end."
        )
    # A control without an error comes after those with one; the first of equals is taken.
    error, control, expected = min(
        judged, key=lambda j: (np.isnan(j[0][0]), np.nan_to_num(j[0][0]), np.nan_to_num(j[0][1]))
    )
    came = float(sum(own[a : b + 1].sum() for a, b in zip(starts, ends, strict=True)))
    calm = np.where(days.events, 0.0, own)  # what the next promotion sells is no aftermath
    later = np.array([calm[b + 1 : b + 1 + days.after].sum() for b in ends])
    base_later = placebo.expected_after(own, control, days, starts, ends)
    base = float(expected.sum())
    dip = float((later - base_later)[np.isfinite(base_later)].sum())
    weights = expected / base if base > 0 else np.zeros(len(spans))
    spread = float(np.sqrt((weights**2).sum()))
    known = base > 0
    lo, hi, p_value = _range(came, base, error, spread, level, len(judged))
    return {
        "days": int(spans.sum()),
        "actual": came,
        "expected": base,
        "incremental": came - base,
        "uplift": came / base - 1 if known else float("nan"),
        "lo": lo,
        "hi": hi,
        "p_value": p_value,
        "dip": dip / np.nansum(base_later) if np.nansum(base_later) > 0 else float("nan"),
        "net": came - base + dip,
    }


def _range(
    came: float,
    base: float,
    error: tuple[float, float, int],
    spread: float,
    level: float,
    tried: int,
) -> tuple[float, float, float]:
    """Limits of the uplift and its p-value: Student's t on the placebo windows' scale.

    Each further control that was tried costs half a degree of freedom, as the best is taken.
    """
    logs, plain, windows = error
    if base <= 0 or not (logs >= 0 or plain >= 0):
        return float("nan"), float("nan"), float("nan")
    free = max(windows - (1 + tried) / 2, 2.0)
    t = float(stdtrit(free, 0.5 + level / 2))
    spread *= float(np.sqrt(windows / free))
    if logs >= 0 and came > 0:
        size, middle = logs * spread, float(np.log(came / base))
        lo, hi = float(np.expm1(middle - t * size)), float(np.expm1(middle + t * size))
    else:
        size, middle = plain * spread, came / base - 1
        lo, hi = middle - t * size, middle + t * size
    p_value = float(2 * stdtr(free, -abs(middle) / size)) if size > 0 else float("nan")
    return lo, hi, p_value
