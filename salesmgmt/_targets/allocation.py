"""One amount over one list of weights, exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_choice, check_number, check_series, factorise, money, units
from ..engine.apportionment import DIVISORS, apportion, droop
from ..engine.units import off_grid
from ..errors import InputError

__all__ = ["allocate", "fill_missing", "whole_total"]

METHODS = ("largest_remainder", *DIVISORS, "droop")
_ALIASES = {
    "hamilton": "largest_remainder",
    "hare": "largest_remainder",
    "hareniemeyer": "largest_remainder",
    "saintelague": "webster",
    "majorfractions": "webster",
    "jefferson": "dhondt",
    "greatestdivisors": "dhondt",
    "hill": "huntington_hill",
    "equalproportions": "huntington_hill",
    **{name.replace("_", ""): name for name in METHODS},
}


def allocate(
    total: float,
    weights: pd.Series,
    *,
    step: float = 0.01,
    lower: Any = None,
    upper: Any = None,
    locked: Any = None,
    method: str = "largest_remainder",
    previous: pd.Series | None = None,
) -> pd.Series:
    """Split one amount in proportion to weights, exact to the last ``step``.

    Parameters
    ----------
    total : float
        The amount, a multiple of ``step``; a negative one is split like its opposite.
    weights : Series
        Non-negative numbers; labels (index) must be distinct. Zero is "no potential" and gets
        zero (or its floor). NaN is "no input": where the known weights add up to less than 1
        they are shares, and the NaN share what is left of 1 evenly; else each NaN counts as
        the mean of the known weights that are not zero.
    step : float, default=0.01
        Smallest unit: 0.01 for cents, 1 for pieces, 1000 for thousands.
    lower, upper : float, Series or dict, optional
        Floors and caps, for all or by label; labels left out are not bounded. Bounds off the
        grid of ``step`` are taken inwards.
    locked : float, Series or dict, optional
        Parts that are given, by label; they keep their amount and the others share the rest.
    method : str, default="largest_remainder"
        Rounding rule: ``"largest_remainder"`` (``"hamilton"``, ``"hare"``), a divisor method
        ``"webster"`` (``"sainte_lague"``), ``"dhondt"`` (``"jefferson"``),
        ``"huntington_hill"`` (``"hill"``), ``"adams"``, ``"dean"``, or ``"droop"`` (largest
        remainders over the Droop quota; no bounds). The divisor methods are house-monotone:
        a larger total lowers nobody.
    previous : Series, optional
        An earlier allocation by label. With it a total that is not smaller lowers nobody, and a
        total that is not larger raises nobody, whatever the method.

    Returns
    -------
    Series
        ``target``: amounts that add up to ``total``, with the index of ``weights``. Equal
        claims go to the smaller label, so the order of ``weights`` never matters.

    Raises
    ------
    InputError
        Negative, infinite or all-zero weights, repeated labels, a total or lock that is no
        multiple of ``step``, a bound for an unknown label, or bounds that leave no room for
        ``total``: the message names a smallest set of them and the gap.

    References
    ----------
    .. [1] M. L. Balinski and H. P. Young, "Fair Representation", 2nd ed., Brookings, 2001.

    Examples
    --------
    >>> import pandas as pd
    >>> weights = pd.Series({"north": 1.0, "south": 1.0, "west": 1.0})
    >>> allocate(100, weights).to_dict()
    {'north': 33.34, 'south': 33.33, 'west': 33.33}
    >>> allocate(100, weights, locked={"north": 50}, step=1).to_dict()
    {'north': 50.0, 'south': 25.0, 'west': 25.0}
    """
    caller = "allocate"
    if isinstance(method, str):  # "Sainte-Lague" and "sainte_lague" are the same
        method = _ALIASES.get(re.sub("[^a-z]", "", method.lower()), method)
    check_choice(method, "method", METHODS, caller=caller)
    known = check_series(weights, "weights", caller=caller, missing="allow", low=0)
    if not len(known):
        raise InputError(f"{caller}(): weights has no entries; give at least one.")
    whole = whole_total(total, step, caller=caller)
    rank = _label_order(known.index)
    sign = -1 if whole < 0 else 1
    low, high = _bounds(known.index, whole, step, lower, upper, locked, caller=caller)
    low, high = _keep_order(low, high, known.index, whole, step, previous, caller=caller)
    share = fill_missing(known.to_numpy())
    if sign < 0:
        low, high = -high, -low
    parts = _split(sign * whole, share, low, high, method, known.index, step, rank, caller=caller)
    return pd.Series(money(sign * parts, step), index=known.index, name="target")


def whole_total(total: Any, step: float, *, caller: str, name: str = "total") -> int:
    """``total`` in whole steps; refused where it is no multiple of ``step``."""
    value = check_number(total, name, caller=caller)
    whole = int(units(np.array([value]), step, name=name, caller=caller)[0])
    if off_grid(np.array([value]), step)[0]:
        near = float(money(np.array([whole]), step)[0])
        raise InputError(
            f"{caller}(): {name} {value!r} is no multiple of step {step!r}; "
            f"the nearest one is {near!r}."
        )
    return whole


def fill_missing(weights: np.ndarray) -> np.ndarray:
    """NaN ("no input") as a weight: an even part of what shares leave, or the mean known weight."""
    lost = np.isnan(weights)
    if not lost.any():
        return weights
    known = weights[~lost]
    positive = known[known > 0]
    whole = math.fsum(positive)  # the same in any order of rows
    left = round(1.0 - whole, 15)
    if not len(positive):
        value = 1.0
    elif left > 1e-9:
        value = left / int(lost.sum())
    else:
        value = whole / len(positive)
    # No last digit parts a missing weight from a known one that equals it: ties are by label.
    return np.where(lost, float(f"{value:.15g}"), weights)


def _label_order(index: pd.Index) -> np.ndarray:
    """Positions of the labels in ascending order, whatever their type."""
    frame = index.to_frame(index=False)
    frame.columns = [f"level{i}" for i in range(frame.shape[1])]
    return np.argsort(factorise(frame, list(frame.columns)).codes, kind="stable")


_NONE = 2**60  # "no bound", far beyond any total of exact steps


def _bounds(
    index: pd.Index,
    whole: int,
    step: float,
    lower: Any,
    upper: Any,
    locked: Any,
    *,
    caller: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Floors and caps in whole steps; a lock is both."""
    floor = -_NONE if whole < 0 else 0
    cap = 0 if whole < 0 else _NONE
    low = _bound(index, lower, "lower", np.ceil, floor, step, caller=caller)
    high = _bound(index, upper, "upper", np.floor, cap, step, caller=caller)
    fixed = by_label(index, locked, "locked", caller=caller)
    has = ~np.isnan(fixed)
    bad = has & off_grid(np.where(has, fixed, 0.0), step)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{caller}(): locked: {int(bad.sum())} amount(s) are no multiple of step {step!r}, "
            f"first {index[at]!r}: {float(fixed[at])!r}; round them to the step."
        )
    exact = units(np.where(has, fixed, 0.0), step, name="locked", caller=caller)
    low, high = np.where(has, exact, low), np.where(has, exact, high)
    return low, high


def _bound(
    index: pd.Index,
    given: Any,
    name: str,
    inward: Any,
    default: int,
    step: float,
    *,
    caller: str,
) -> np.ndarray:
    values = by_label(index, given, name, caller=caller)
    has = ~np.isnan(values)
    return np.where(has, inward_units(np.where(has, values, 0.0), step, inward), default)


def inward_units(values: np.ndarray, step: float, inward: Any) -> np.ndarray:
    """Bounds in whole steps; one off the grid is taken inwards (``np.ceil`` or ``np.floor``)."""
    from ..engine.units import fraction_of

    exact = fraction_of(step)
    scaled = np.clip(values * exact.denominator / exact.numerator, -float(_NONE), float(_NONE))
    near = np.rint(scaled)
    on_grid = ~off_grid(np.clip(values, -1e300, 1e300), step) | (np.abs(scaled) >= _NONE)
    return np.where(on_grid, near, inward(scaled)).astype(np.int64)


def by_label(index: pd.Index, given: Any, name: str, *, caller: str) -> np.ndarray:
    """A scalar, Series or dict as one float a label; NaN where nothing is given."""
    if given is None:
        return np.full(len(index), np.nan)
    if not isinstance(given, pd.Series | Mapping):
        value = float("nan") if given is None else given
        if isinstance(value, float) and np.isinf(value):
            return np.full(len(index), np.nan)
        return np.full(len(index), check_number(value, name, caller=caller))
    series = pd.Series(given, dtype=object) if isinstance(given, Mapping) else given
    plain = series[[not _is_infinite(v) for v in series]]
    values = check_series(plain, name, caller=caller, missing="allow")
    unknown = values.index.difference(index, sort=False)
    if len(unknown):
        raise InputError(
            f"{caller}(): {name} has {len(unknown)} label(s) that weights does not have "
            f"({', '.join(repr(v) for v in unknown[:3])}); use labels of weights."
        )
    return values.reindex(index).to_numpy(np.float64)


def _is_infinite(value: object) -> bool:
    return isinstance(value, float) and np.isinf(value)


def _keep_order(
    low: np.ndarray,
    high: np.ndarray,
    index: pd.Index,
    whole: int,
    step: float,
    previous: pd.Series | None,
    *,
    caller: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds that keep anybody from moving against the total."""
    if previous is None:
        return low, high
    before = by_label(index, previous, "previous", caller=caller)
    has = ~np.isnan(before)
    old = units(np.where(has, before, 0.0), step, name="previous", caller=caller)
    if whole >= int(old.sum()):
        return np.where(has, np.clip(old, low, high), low), high
    return low, np.where(has, np.clip(old, low, high), high)


def _split(
    whole: int,
    weights: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    method: str,
    index: pd.Index,
    step: float,
    rank: np.ndarray,
    *,
    caller: str,
) -> np.ndarray:
    """The parts in whole steps, decided in the order of labels."""
    if whole != int(low.sum()) and not (weights > 0).any():
        raise InputError(
            f"{caller}(): all weights are zero, so {float(money(np.array([whole]), step)[0])!r} "
            "can go nowhere; give at least one positive weight."
        )
    check_room(whole, weights, low, high, index, step, caller=caller)
    out = np.empty(len(weights), dtype=np.int64)
    if method == "droop":
        if (low > 0).any() or (high < whole).any():
            raise InputError(f"{caller}(): method 'droop' knows no bounds, locks or previous=.")
        try:
            out[rank] = droop(whole, weights[rank])
        except ValueError as err:
            raise InputError(f"{caller}(): method 'droop': {err}; use a larger step.") from None
        return out
    out[rank] = apportion(whole, weights[rank], lower=low[rank], upper=high[rank], method=method)
    return out


def check_room(
    whole: int,
    weights: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    index: pd.Index,
    step: float,
    *,
    caller: str,
    what: str = "total",
) -> None:
    """Refuse bounds that contradict each other or the total, naming a smallest set of them."""

    def amount(units_: int) -> str:
        return repr(float(money(np.array([units_]), step)[0]))

    crossed = np.flatnonzero(low > high)
    if len(crossed):
        at = crossed[0]
        raise InputError(
            f"{caller}(): {len(crossed)} label(s) have a floor above their cap, first "
            f"{index[at]!r}: {amount(low[at])} > {amount(high[at])} "
            f"(gap {amount(low[at] - high[at])})."
        )
    # Python's integers: bounds that stand for "none" are too large to be added in 64 bits.
    least = int(low.astype(object).sum())
    if least > whole:
        # Fewest floors that already exceed the total: the largest ones.
        order = np.argsort(-low, kind="stable")
        count = int(np.argmax(np.cumsum(low[order]) > whole)) + 1
        named = ", ".join(f"{index[i]!r}: {amount(low[i])}" for i in order[: min(count, 5)])
        raise InputError(
            f"{caller}(): floors and locks contradict {what} {amount(whole)}: {count} of them "
            f"({named}{', ...' if count > 5 else ''}) already make "
            f"{amount(int(low[order[:count]].sum()))}; all floors together are over by "
            f"{amount(least - whole)}. Lower them or raise the {what}."
        )
    room = int(np.where(weights > 0, high, low).astype(object).sum())
    if room < whole:
        capped = np.flatnonzero(weights > 0)
        named = ", ".join(f"{index[i]!r}: {amount(high[i])}" for i in capped[:5])
        raise InputError(
            f"{caller}(): caps and locks contradict {what} {amount(whole)}: all {len(capped)} "
            f"parts with a weight are capped ({named}{', ...' if len(capped) > 5 else ''}) and "
            f"hold {amount(room)} at most, {amount(whole - room)} too "
            f"little. Raise a cap, or give a further label a weight."
        )
