"""Which channels brought the wins: rules, Markov removal, Shapley."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .._deal_states import LOST, WON
from .._frames import (
    Amount,
    Date,
    Key,
    check_choice,
    check_int,
    check_number,
    check_seed,
    money,
    one_currency,
    take,
    units,
    warn,
)
from ..engine.attribution import markov_removal, shapley, touch_weights
from ..errors import InputError
from ._events import DAY, microseconds, refuse_names

__all__ = ["attribution"]

MODELS = ("shapley", "markov", "linear", "first", "last", "time_decay", "position")


def attribution(
    touches: pd.DataFrame,
    *,
    model: str = "shapley",
    half_life: float | str | pd.Timedelta = 7.0,
    ends: float = 0.4,
    draws: int | None = None,
    step: float | None = None,
    random_state: int = 0,
    deal: str = "deal_id",
    channel: str = "channel",
    date: str = "date",
    value: str = "value",
    converted: str = "converted",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Share the value of converted deals out among the channels that touched them.

    Parameters
    ----------
    touches : DataFrame
        One row a touch: deal, channel, date; ``converted`` (the deal was won, the same in all
        its rows; absent: all were) and ``value`` (of the deal; absent: 1 each). Touches of a
        deal at one time count in the order of the channel's name.
    model : {"shapley", "markov", "linear", "first", "last", "time_decay", "position"}
        Shapley value of the sets of channels; removal effect in a Markov chain over all deals,
        won and lost; or a rule by place in the path (``position`` is the U shape).
    half_life : float or Timedelta, default=7.0
        Days in which a touch loses half its weight (``time_decay`` alone).
    ends : float, default=0.4
        Share of the first and of the last touch (``position`` alone).
    draws : int, optional
        Estimate the Shapley value from so many random orders of entry and their reverses
        (``shapley`` alone). Default: the exact value.
    step : float, optional
        Smallest unit of money: credits are multiples of it and add up to the total. Default:
        0.01; without a column ``value`` credits are shares of deals and stay as they are.
    random_state : int, default=0
        Seed of the orders.
    deal, channel, date, value, converted : str
        Columns of ``touches``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a channel, the largest credit first: channel, ``credit`` (adds up to the value
        of all converted deals), ``share``, ``conversions`` (deals, fractional), ``touched``
        (converted deals with the channel), ``touches``.

    Raises
    ------
    InputError
        A column is unusable, a deal is both converted and not, has two values, or none
        converted; or an option is given that ``model`` does not read.

    References
    ----------
    .. [1] E. Anderl et al., International Journal of Research in Marketing 33 (2016), 457-474.
    .. [2] K. Zhao et al., International Journal of Market Research 61 (2019), 195-209.

    Examples
    --------
    >>> import pandas as pd
    >>> touches = pd.DataFrame({"deal_id": [1, 1, 2], "channel": ["mail", "fair", "fair"],
    ...     "date": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-03"])})
    >>> attribution(touches)[["channel", "credit"]]
      channel  credit
    0    fair     1.5
    1    mail     0.5
    """
    caller = "attribution"
    check_choice(model, "model", MODELS, caller=caller)
    half_life = _days(half_life, caller)
    check_number(ends, "ends", caller=caller, low=0, high=0.5)
    if draws is not None:
        check_int(draws, "draws", caller=caller, low=1, high=10_000_000)
    check_seed(random_state, caller=caller)
    _refuse_unread(model, half_life, ends, draws, caller)
    own = ["credit", "share", "conversions", "touched", "touches"]
    refuse_names(channel, own, caller=caller, option="channel")
    rows = take(
        touches,
        caller=caller,
        arg="touches",
        invalid=invalid,
        deal=Key(deal),
        channel=Key(channel),
        date=Date(date),
        value=Amount(value, optional=value == "value", low=0),
        converted=Key(converted, optional=converted == "converted"),
    )
    if "value" in rows:
        one_currency(touches, [], caller=caller, arg="touches")
    elif "amount" in rows.frame.columns:
        warn(
            f"{caller}(): touches has no column 'value', so that each converted deal counts 1; to "
            "share out the column 'amount', give value='amount'."
        )
    path = _Paths(rows, caller, names=(deal, converted, value))
    worth, wins = _credits(path, model, half_life, ends, draws, random_state)
    if step is None and "value" in rows:
        step = 0.01
    credit = worth if step is None else _in_steps(worth, path, step, value, caller)
    out = pd.DataFrame({channel: path.channels.labels.iloc[:, 0]})
    out["credit"] = credit
    out["share"] = worth / worth.sum() if worth.sum() > 0 else 0.0
    out["conversions"] = wins
    pairs = np.unique(np.column_stack([path.who, path.at])[path.won[path.who]], axis=0)
    out["touched"] = np.bincount(pairs[:, 1], minlength=len(out))
    out["touches"] = np.bincount(path.at, minlength=len(out))
    order = np.lexsort((np.arange(len(out)), -np.round(credit, 9)))
    return out.iloc[order].reset_index(drop=True)


def _days(half_life: Any, caller: str) -> float:
    """Days of ``half_life``: a number of them, or a time span."""
    if isinstance(half_life, np.timedelta64) or not isinstance(half_life, Real | None):
        half_life = microseconds(half_life, name="half_life", caller=caller) / DAY
    return check_number(half_life, "half_life", caller=caller, low=0, open_low=True)


def _refuse_unread(
    model: str, half_life: float, ends: float, draws: int | None, caller: str
) -> None:
    """An option that the model does not read was meant for another model."""
    given = (
        ("half_life", "time_decay", half_life != 7.0),
        ("ends", "position", ends != 0.4),
        ("draws", "shapley", draws is not None),
    )
    for name, reader, is_set in given:
        if is_set and model != reader:
            raise InputError(
                f"{caller}(): {name} is read by model={reader!r} alone, not by {model!r}; leave "
                "it out or name that model."
            )


def _in_steps(worth: np.ndarray, path: _Paths, step: float, name: str, caller: str) -> np.ndarray:
    whole = units(np.array([path.value[path.won].sum()]), step, name=name, caller=caller)[0]
    return np.asarray(money(_rounded(worth, int(whole)), step))


class _Paths:
    """Touches in the order of deal, time and channel; won and value by deal."""

    def __init__(self, rows: Any, caller: str, *, names: tuple[str, str, str]):
        self.deal, converted, amount = names
        deals, self.channels = rows.keys("deal"), rows.keys("channel")
        time = rows["date"].astype("datetime64[us]").astype(np.int64)
        order = np.lexsort((self.channels.codes, time, deals.codes))
        self.who, self.at, time = deals.codes[order], self.channels.codes[order], time[order]
        self.deals = len(deals)
        self.length = np.bincount(self.who, minlength=self.deals)
        start = np.append(0, np.cumsum(self.length)[:-1])
        self.position = np.arange(len(self.who)) - start[self.who]
        self.days_before = (time[start + self.length - 1][self.who] - time) / DAY
        won = np.ones(len(order), dtype=bool)
        if "converted" in rows:
            won = _truth(rows.series("converted"), caller)[order]
        self.won = self._one(won, start, converted, caller)
        value = rows["value"][order] if "value" in rows else np.ones(len(order))
        self.value = np.where(self.won, self._one(value, start, amount, caller), 0.0)
        if not self.won.any():
            raise InputError(f"{caller}(): no deal of touches is converted.")
        self.bounds = np.append(start, len(self.who))

    def _one(self, values: np.ndarray, start: np.ndarray, name: str, caller: str) -> np.ndarray:
        """The value of each deal, which must be the same in all its rows."""
        if (mixed := values != values[start][self.who]).any():
            raise InputError(
                f"{caller}(): column {name!r} differs within a deal in {int(mixed.sum())} row(s); "
                f"give each deal one value, such as frame.groupby({self.deal!r})[{name!r}]"
                '.transform("max") where only the last touch carries it.'
            )
        return values[start]


def _truth(series: pd.Series, caller: str) -> np.ndarray:
    words = dict.fromkeys([*WON, "true", "yes", "是"], 1)
    words |= dict.fromkeys([*LOST, "false", "no", "否"], 0)
    text = series.astype(object).map(lambda v: words.get(str(v).strip().lower(), v))
    out = pd.to_numeric(text, errors="coerce")
    bad = ~out.isin([0, 1])
    if bad.any():
        raise InputError(
            f"{caller}(): column {series.name!r} must hold True/False, 1/0, yes/no or won/lost; "
            f"{int(bad.sum())} row(s) do not, first {series[bad].iloc[0]!r}."
        )
    return out.to_numpy(dtype=float) == 1


def _credits(
    path: _Paths, model: str, half_life: float, ends: float, draws: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Value and number of conversions by channel."""
    size, wins = len(path.channels), path.won.astype(float)
    if model == "markov":
        parts = [path.at[a:b] for a, b in zip(path.bounds[:-1], path.bounds[1:], strict=True)]
        share = markov_removal(parts, wins, np.ones(path.deals), size)
        return share * path.value.sum(), share * wins.sum()
    if model == "shapley":
        sets = np.zeros((path.deals, size), dtype=bool)
        sets[path.who, path.at] = True
        sets = sets[path.won]
        return (
            shapley(sets, path.value[path.won], size, draws=draws, seed=seed),
            shapley(sets, wins[path.won], size, draws=draws, seed=seed),
        )
    weight = touch_weights(
        path.position,
        path.length[path.who],
        path.days_before,
        model=model,
        half_life=half_life,
        ends=ends,
    )
    weight = weight / np.bincount(path.who, weights=weight, minlength=path.deals)[path.who]
    return (
        np.bincount(path.at, weights=weight * path.value[path.who], minlength=size),
        np.bincount(path.at, weights=weight * wins[path.who], minlength=size),
    )


def _rounded(worth: np.ndarray, whole: int) -> np.ndarray:
    """Whole units that add up to ``whole``: largest remainders, ties to the smaller label."""
    ideal = worth / worth.sum() * whole if worth.sum() > 0 else np.zeros(len(worth))
    out = np.floor(ideal + 1e-9).astype(np.int64)
    short = whole - int(out.sum())
    # Equal channels differ in the last digits of their sums; that must not break a tie.
    digits = int(np.clip(13 - np.log10(max(whole, 1)), 0, 9))
    order = np.argsort(-np.round(ideal - out, digits), kind="stable")
    out[order[: max(short, 0)]] += 1
    return out
