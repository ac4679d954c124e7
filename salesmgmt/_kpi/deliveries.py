"""How orders are delivered: on time, in full, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_column,
    check_int,
    check_names,
    check_number,
    factorise,
    refuse_names,
    resolve_as_of,
    take,
)
from ..engine.proportions import interval
from ..engine.sums import rows_of
from .service import too_early

__all__ = ["delivery"]

#: Columns of the result: no key may have their names.
_DELIVERED = (
    "orders",
    "open",
    "judged",
    *("on_time", "in_full", "otif", "lo", "hi"),
    *("lead_days", "p90_lead_days", "late_days", "as_of"),
)


def delivery(
    orders: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    ordered: str = "order_date",
    promised: str = "promised_date",
    delivered: str = "delivered_date",
    quantity: str = "quantity",
    delivered_quantity: str = "delivered_quantity",
    tolerance: int = 0,
    early: int | None = None,
    order: str | None = None,
    confidence: float = 0.95,
    as_of: object = None,
    invalid: str = "raise",
) -> pd.DataFrame:
    """On time, in full, and how long it took.

    Parameters
    ----------
    orders : DataFrame
        One row an order (or, with ``order=``, a line of one): ``order_date``, ``promised_date``,
        ``delivered_date`` (missing while open), and ``quantity``, ``delivered_quantity`` for
        fulness. Not modified.
    by : str or sequence of str, optional
        Key columns (``"warehouse"``).
    ordered, promised, delivered, quantity, delivered_quantity : str
        Column names.
    tolerance : int, default=0
        Days after the promise that still count as on time.
    early : int, optional
        Days before it that do, where goods must not come sooner; None: any.
    order : str, optional
        Column that names the order of each line: an order is on time and in full if all its
        lines are, late as soon as one of them is, and delivered with the last of them. None:
        each row is one.
    confidence : float in (0, 1), default=0.95
        Of the interval of OTIF (Wilson).
    as_of : date, optional
        What is delivered later is open; None: the last date of order or delivery in the data.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        Keys, ``orders``, ``open`` (not delivered and not yet late), ``judged`` (delivered, or
        late and open), ``on_time``, ``in_full``, ``otif`` (shares of judged), ``lo``, ``hi``,
        ``lead_days`` (median from order to delivery), ``p90_lead_days``, ``late_days`` (mean of
        late deliveries), ``as_of``. Keys ascending. Without quantities every delivery is full.

    Raises
    ------
    InputError
        A column is missing or holds what it must not.

    References
    ----------
    .. [1] R. G. Newcombe, "Two-sided confidence intervals for the single proportion",
       Statistics in Medicine 17 (1998), 857-872, method 3 (Wilson score).

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"order_date": ["2025-01-01"] * 3,
    ...                        "promised_date": ["2025-01-10"] * 3,
    ...                        "delivered_date": ["2025-01-09", "2025-01-12", "2025-01-10"],
    ...                        "quantity": [5, 5, 5], "delivered_quantity": [5, 5, 4]})
    >>> delivery(orders)[["orders", "on_time", "in_full", "otif", "late_days"]].round(3)
       orders  on_time  in_full   otif  late_days
    0       3    0.667    0.667  0.333        2.0
    """
    caller = "delivery"
    check_int(tolerance, "tolerance", caller=caller, low=0, high=36_500)
    if early is not None:
        check_int(early, "early", caller=caller, low=0, high=36_500)
    check_column(order, "order", caller=caller)
    check_number(confidence, "confidence", caller=caller, low=0, high=1,
                 open_low=True, open_high=True)  # fmt: skip
    names = check_names(by, "by", caller=caller)
    refuse_names(names, _DELIVERED, caller=caller, option="by")
    rows = take(
        orders, caller=caller, arg="orders", invalid=invalid, by=names, ordered=Date(ordered),
        promised=Date(promised), delivered=Date(delivered, missing="allow"),
        quantity=Amount(quantity, optional=quantity == "quantity", missing="allow"),
        got=Amount(
            delivered_quantity,
            option="delivered_quantity",
            optional=delivered_quantity == "delivered_quantity",
            missing="allow",
        ),
        order=None if order is None else Key(order),
        further=lambda r: too_early(r, "ordered", "delivered", "is before the order was made"),
    )  # fmt: skip
    until = _until(rows, as_of, caller=caller)
    masks, days = _judged(rows, until, tolerance, early)
    key = factorise(rows.frame, names) if names else None
    codes = key.codes if key is not None else np.zeros(len(rows), dtype=np.int64)
    if order is not None:
        codes, masks, days = _by_order(rows, codes, masks, days)
    n = len(key) if key is not None else 1
    out = key.labels.copy() if key is not None else pd.DataFrame(index=range(1))
    _delivered_shares(out, codes, masks, confidence)
    _delivery_days(out, rows_of(codes, n), masks["done"], masks["late"], days)
    out["as_of"] = until
    if key is not None and masks["orders"].any():
        out = out[out["orders"] > 0]
    return out.reset_index(drop=True)


def _until(rows: Rows, as_of: object, *, caller: str) -> pd.Timestamp:
    start, end = (rows[c].astype("datetime64[D]") for c in ("ordered", "delivered"))
    last = np.concatenate([start, end[~np.isnat(end)]]).astype(np.int64)
    return resolve_as_of(as_of, last, caller=caller)


def _judged(
    rows: Rows, until: pd.Timestamp, tolerance: int, early: int | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What is to be said of each row, and its days from order and promise to delivery."""
    start, due, end = (
        rows[c].astype("datetime64[D]") for c in ("ordered", "promised", "delivered")
    )
    day = until.to_datetime64().astype("datetime64[D]")
    inside = start <= day
    done = inside & ~np.isnat(end) & (end <= day)
    limit = due + np.timedelta64(tolerance, "D")
    late = done & (end > limit)
    on_time = done & ~late
    if early is not None:
        on_time &= end >= due - np.timedelta64(early, "D")
    full = done.copy()
    if "quantity" in rows and "got" in rows:
        full &= ~(rows["got"] < rows["quantity"]) & ~np.isnan(rows["got"])
    masks = {"orders": inside, "done": done, "judged": done | (inside & ~done & (limit < day)),
             "late": late, "on_time": on_time, "in_full": full, "otif": on_time & full}  # fmt: skip
    days = {
        name: np.where(done, (end - then).astype(np.int64), 0)
        for name, then in (("lead", start), ("late", due))
    }
    return masks, days


def _by_order(
    rows: Rows, codes: np.ndarray, masks: dict[str, np.ndarray], days: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The same of orders, each made of its lines; an order of several keys is one in each."""
    own = rows.keys("order").codes
    pair, line = np.unique(np.column_stack([codes, own]), axis=0, return_inverse=True)
    line = line.reshape(-1)
    n, inside = len(pair), masks["orders"]
    lines = np.bincount(line, inside, minlength=n)

    def every(mask: np.ndarray) -> np.ndarray:
        return (lines > 0) & (np.bincount(line, mask & inside, minlength=n) == lines)

    def any_of(mask: np.ndarray) -> np.ndarray:
        return np.bincount(line, mask & inside, minlength=n) > 0

    done = every(masks["done"])
    out = {name: done & every(masks[name]) for name in ("on_time", "in_full", "otif")}
    out |= {"orders": lines > 0, "done": done, "late": done & any_of(masks["late"])}
    # One line that came late makes an order late, though others are still to come.
    out["judged"] = done | any_of(masks["late"] | (masks["judged"] & ~masks["done"]))
    most = {name: np.zeros(n, dtype=np.int64) for name in days}
    for name, value in days.items():
        np.maximum.at(most[name], line, np.where(masks["done"], value, 0))
    return pair[:, 0], out, most


def _delivered_shares(
    out: pd.DataFrame, codes: np.ndarray, masks: dict[str, np.ndarray], confidence: float
) -> None:
    """Head counts and shares of what is judged, by key, into ``out``."""
    count = {k: np.bincount(codes, mask, minlength=len(out)) for k, mask in masks.items()}
    orders, judged = (count[k].astype(np.int64) for k in ("orders", "judged"))
    out["orders"], out["open"], out["judged"] = orders, orders - judged, judged
    for name in ("on_time", "in_full", "otif"):
        out[name] = count[name] / np.where(judged > 0, judged, np.nan)
    out["lo"], out["hi"] = interval(count["otif"], count["judged"], confidence=confidence)


def _delivery_days(
    out: pd.DataFrame,
    here: list[np.ndarray],
    done: np.ndarray,
    late: np.ndarray,
    days: dict[str, np.ndarray],
) -> None:
    """Days from order to delivery and beyond the promise, by key, into ``out``."""
    lead = [days["lead"][at[done[at]]] for at in here]
    behind = [days["late"][at[late[at]]] for at in here]
    out["lead_days"] = [np.median(v) if len(v) else np.nan for v in lead]
    out["p90_lead_days"] = [np.quantile(v, 0.9) if len(v) else np.nan for v in lead]
    out["late_days"] = [v.mean() if len(v) else np.nan for v in behind]
