"""How deals end, by age: won, lost or still open, with open deals cut off, not forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Date, check_choice, check_int
from ..engine.sums import rows_of
from ..engine.survival import bands, gray, incidence, logrank
from ..errors import InputError
from ._deals import IS_WON, Deals, read_deals
from ._events import DAY, check_share, microseconds, refuse_names

__all__ = ["outcomes", "outcomes_test"]

_COLUMNS = [
    "age",
    "at_risk",
    "won",
    "lost",
    "open",
    *[f"{n}_{e}" for n in ("won", "lost", "open") for e in ("se", "lo", "hi")],
    "as_of",
]


def outcomes(
    deals: pd.DataFrame,
    *,
    horizon: int | str | pd.Timedelta | None = None,
    by: str | Sequence[str] | None = None,
    as_of: object = None,
    confidence: float = 0.95,
    observed_from: str | None = None,
    deal: str = "deal_id",
    stage: str = "stage",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Share of deals won, lost and still open by age (Aalen-Johansen).

    Won and lost are competing ends: counting losses as "not yet won" would overstate the share
    won. Open deals count up to their age.

    Parameters
    ----------
    deals : DataFrame
        One row a deal. ``status`` may be absent: then stages with a usual name close a deal.
    horizon : int or Timedelta, optional
        Last age, in days or as a time span (``"90D"``). Default: the oldest deal.
    by : str or sequence of str, optional
        Columns to break down by.
    as_of : date, optional
        The day that the deals are looked at: later closings are not known. Default: the last
        creation or closing.
    confidence : float, default=0.95
        Pointwise coverage of the bands (log-log scale).
    observed_from : str, optional
        Column with the day from which a deal has been on record (left truncation): deals that
        closed before never made it into the data.
    deal, stage, created, close, status : str
        Columns of ``deals``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row an age at which something ended (and 0, ``horizon``, and the oldest deal's where
        that is less; shares are NaN at ages that no deal has reached): ``age`` (days),
        ``at_risk`` (deals on record at that age), ``won``, ``lost``, ``open`` (add up to 1;
        ``open`` is Kaplan and Meier's), standard errors ``won_se``, ..., bands ``won_lo``,
        ``won_hi``, ..., ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, a closed deal has no closing date or closes before its creation.

    References
    ----------
    .. [1] O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978), 141-150.
    .. [2] B. Choudhury, Statistics in Medicine 21 (2002), 1129-1144 (log-log bands).

    Examples
    --------
    >>> import pandas as pd
    >>> deals = pd.DataFrame({"deal_id": [1, 2, 3, 4], "stage": ["won", "lost", "demo", "won"],
    ...     "amount": [5.0, 5.0, 5.0, 5.0], "created_at": pd.to_datetime(["2025-01-01"] * 4),
    ...     "close_date": pd.to_datetime(["2025-01-11", "2025-01-21", None, "2025-01-31"])})
    >>> outcomes(deals)[["age", "at_risk", "won", "lost", "open"]]
       age  at_risk   won  lost  open
    0    0        4  0.00  0.00  1.00
    1   10        4  0.25  0.00  0.75
    2   20        3  0.25  0.25  0.50
    3   30        2  0.50  0.25  0.25
    """
    caller = "outcomes"
    last = _last_age(horizon, caller)
    check_share(confidence, "confidence", caller=caller)
    refuse_names(by, _COLUMNS, caller=caller)
    known = _read(
        deals, by, as_of, observed_from, deal, stage, created, close, status, invalid, caller
    )
    group, labels = known.groups()
    entry = _entry(known, caller)
    parts = [_curve(known, rows, entry, last) for rows in rows_of(group, len(labels))]
    out = pd.DataFrame({name: np.concatenate([p[name] for p in parts]) for name in parts[0]})
    for name in ("won", "lost", "open"):
        share, se = out[name].to_numpy(), out[f"{name}_se"].to_numpy()
        out[f"{name}_lo"], out[f"{name}_hi"] = bands(share, se, confidence=confidence)
    at = np.repeat(np.arange(len(parts)), [len(p["age"]) for p in parts])
    out = out[_COLUMNS[:-1]]
    for i, name in enumerate(labels.columns):
        out.insert(i, name, labels[name].iloc[at].array)
    return out.assign(as_of=known.as_of)


def _last_age(horizon: Any, caller: str) -> int | None:
    """Days of ``horizon``: a whole number of them, or a time span."""
    if isinstance(horizon, np.timedelta64) or not isinstance(horizon, Real | None):
        return microseconds(horizon, name="horizon", caller=caller) // DAY
    if horizon is None:
        return None
    return check_int(horizon, "horizon", caller=caller, low=0, high=1_000_000)


def _read(
    deals: Any,
    by: Any,
    as_of: object,
    observed_from: str | None,
    deal: str,
    stage: str,
    created: str,
    close: str,
    status: str,
    invalid: str,
    caller: str,
) -> Deals:
    more: dict[str, Any] = {} if observed_from is None else {"observed": Date(observed_from)}
    return read_deals(
        deals,
        caller=caller,
        deal=deal,
        stage=stage,
        amount=None,
        created=created,
        close=close,
        status=status,
        by=by,
        as_of=as_of,
        invalid=invalid,
        **more,
    )


def _entry(known: Deals, caller: str) -> np.ndarray | None:
    """Age at which each deal came under observation (-1: from the start)."""
    if "observed" not in known.rows:
        return None
    seen = known.rows.days("observed")[known.kept] - known.created
    if (late := seen > known.age).any():
        name = known.rows.columns["observed"]
        raise InputError(
            f"{caller}(): column {name!r} is after the end of the deal in {int(late.sum())} "
            "row(s); leave out deals that were never on record while open."
        )
    return np.where(seen <= 0, -1, seen - 1)  # on record during the day itself


def _curve(
    known: Deals, rows: np.ndarray, entry: np.ndarray | None, horizon: int | None
) -> dict[str, np.ndarray]:
    """Shares by age and their standard errors, of some deals."""
    age, cause = known.age[rows], known.status[rows]
    found = incidence(age, cause, 2, None if entry is None else entry[rows])
    oldest = int(age.max())
    last = oldest if horizon is None else horizon
    shown = np.flatnonzero((found.events.sum(axis=1) > 0) & (found.time <= last))
    ages = np.unique(np.concatenate([[0, min(oldest, last), last], found.time[shown]]))
    unseen = (ages > oldest) & (found.open[-1] > 0)  # how the open ones end is not known
    at = np.searchsorted(found.time, ages, side="right") - 1
    still = len(age) - np.searchsorted(np.sort(age), ages)
    if entry is not None:  # less those that came on record later
        still -= len(age) - np.searchsorted(np.sort(entry[rows]), ages)
    part: dict[str, np.ndarray] = {"age": ages.astype(np.int64), "at_risk": still}
    values = {
        "won": (found.ended[:, 0], 0.0),
        "lost": (found.ended[:, 1], 0.0),
        "open": (found.open, 1.0),
        "won_se": (found.ended_se[:, 0], 0.0),
        "lost_se": (found.ended_se[:, 1], 0.0),
        "open_se": (found.open_se, 0.0),
    }
    for name, (value, start) in values.items():
        part[name] = np.where(unseen, np.nan, np.append(value, start)[at])
    return part


def outcomes_test(
    deals: pd.DataFrame,
    by: str,
    *,
    test: str = "gray",
    outcome: str = "won",
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Whether groups of deals end alike: Gray's test or the log-rank test.

    Parameters
    ----------
    deals : DataFrame
        One row a deal.
    by : str
        Column of the groups.
    test : {"gray", "logrank"}
        Gray's test compares the shares that end so (incidence); the log-rank test compares
        the rates at which open deals end so, other ends counting as cut off.
    outcome : {"won", "lost"}
        The end that is compared.
    as_of : date, optional
        The day that the deals are looked at. Default: the last creation or closing.
    deal, stage, created, close, status : str
        Columns of ``deals``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row: ``test``, ``outcome``, ``groups``, ``statistic``, ``df``, ``p_value``,
        ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, or there is a single group.

    References
    ----------
    .. [1] R. J. Gray, Annals of Statistics 16 (1988), 1141-1154.
    .. [2] N. Mantel, Cancer Chemotherapy Reports 50 (1966), 163-170.

    Examples
    --------
    >>> import pandas as pd
    >>> deals = pd.DataFrame({"deal_id": range(6), "region": list("aaabbb"), "amount": 1.0,
    ...     "stage": ["won"] * 6, "created_at": pd.Timestamp("2025-01-01"),
    ...     "close_date": pd.to_datetime(["2025-01-03", "2025-01-05", "2025-01-07"] * 2)})
    >>> outcomes_test(deals, "region")["p_value"].round(6).item()
    1.0
    """
    caller = "outcomes_test"
    check_choice(test, "test", ("gray", "logrank"), caller=caller)
    check_choice(outcome, "outcome", ("won", "lost"), caller=caller)
    known = _read(deals, [by], as_of, None, deal, stage, created, close, status, invalid, caller)
    group, labels = known.groups()
    if len(labels) < 2:
        raise InputError(f"{caller}(): column {by!r} holds one group only; give at least two.")
    wanted = known.status if outcome == "won" else np.array([0, 2, IS_WON])[known.status]
    run = gray if test == "gray" else logrank
    stat, freedom, p = run(known.age, wanted, group, len(labels))
    row = {
        "test": test,
        "outcome": outcome,
        "groups": len(labels),
        "statistic": stat,
        "df": freedom,
        "p_value": p,
        "as_of": known.as_of,
    }
    return pd.DataFrame([row])
