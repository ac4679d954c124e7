"""How well a purchase model fits: calibration, tracking, and who it holds for alive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._frames import Amount, Date, Key, check_int, check_number, speaking_for, take, to_pandas
from ..errors import InputError
from .purchase_model import one_unit
from .purchases import DAYS, purchases

__all__ = ["alive_grid", "calibration", "tracking"]


def calibration(model: Any, purchases: pd.DataFrame, *, top: int = 7) -> pd.DataFrame:
    """Predicted and actual purchases in the held-out time, by repeat purchases before it.

    Parameters
    ----------
    model : fitted purchase model
        Fitted on ``purchases``.
    purchases : DataFrame
        What :func:`purchases` returned with ``holdout``.
    top : int, default=7
        Customers with so many repeat purchases or more are one group.

    Returns
    -------
    DataFrame
        One row a group: ``group`` (``"0"``, ``"1"``, ..., ``"7+"``), ``customers``,
        ``predicted``, ``actual`` (means a customer).

    Raises
    ------
    InputError
        A column is missing: make the histories with ``holdout``.

    References
    ----------
    .. [1] P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers the Easy Way",
       Marketing Science 24 (2005), 275-284 (conditional expectations).

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> from salesmgmt.segmentation import BGNBD, purchases
    >>> seen = purchases(load_sample("transactions"), holdout=26)
    >>> calibration(BGNBD().fit(seen), seen)["group"].tolist()
    ['0', '1', '2', '3', '4', '5', '6', '7+']
    """
    _check_model(model, caller="calibration")
    check_int(top, "top", caller="calibration", low=1)
    purchases = to_pandas(purchases, caller="calibration", arg="purchases")
    if "x_holdout" not in purchases.columns:
        raise InputError(
            "calibration(): purchases has no column 'x_holdout', what was bought after the time "
            "of the fit; make them with purchases(transactions, holdout=...)."
        )
    rows = take(
        purchases,
        caller="calibration",
        arg="purchases",
        x=Amount("x", option="", low=0),
        later=Amount("x_holdout", option="", low=0),
        span=Amount("T_holdout", option="", low=0),
    )
    ahead = model.expected_purchases(purchases, rows["span"]).to_numpy()
    group = np.minimum(rows["x"], top).astype(np.int64)
    used = np.unique(group)
    n = np.bincount(group)[used]
    return pd.DataFrame(
        {
            "group": [f"{g}+" if g == top else str(g) for g in used],
            "customers": n,
            "predicted": np.bincount(group, ahead)[used] / n,
            "actual": np.bincount(group, rows["later"])[used] / n,
        }
    )


def tracking(
    model: Any,
    transactions: pd.DataFrame,
    *,
    freq: str = "W",
    as_of: Any = None,
    fitted_until: Any = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Repeat purchases of all customers period by period: what came, what the model expected.

    Parameters
    ----------
    model : fitted ``BGNBD``, ``MBGNBD``, ``ParetoNBD`` or ``GompertzNBD``
        In the unit ``freq``, without covariates.
    transactions : DataFrame
        One row a line or an order; not modified.
    freq : {"W", "D", "M", "Q", "Y"}
        The unit of the model, and the length of a period.
    as_of : date, optional
        The last day to track. None: the last date in the data.
    fitted_until : date, optional
        The last day the model has seen; customers who came later are left out. None: ``as_of``.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a period: ``date`` (its last day), ``actual``, ``expected``, ``fitted``
        (whether the model has seen it), ``as_of``.

    Raises
    ------
    InputError
        A column is missing or rows cannot be used.

    References
    ----------
    .. [1] P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers the Easy Way",
       Marketing Science 24 (2005), 275-284 (tracking of repeat purchases).

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> from salesmgmt.segmentation import BGNBD, purchases
    >>> lines = load_sample("transactions")
    >>> model = BGNBD().fit(purchases(lines, freq="Q"))
    >>> tracking(model, lines, freq="Q").columns.tolist()
    ['date', 'actual', 'expected', 'fitted', 'as_of']
    """
    _check_model(model, "expected_new", caller="tracking")
    if getattr(model, "_discrete", False):
        raise InputError(
            f"tracking(): {type(model).__name__} counts opportunities, which no calendar tells; "
            "its expected_new() gives the purchases by each of them."
        )
    one_unit(model, freq, "tracking")
    options: dict[str, Any] = {
        "freq": freq,
        "invalid": invalid,
        "customer": customer,
        "date": date,
        "amount": amount,
    }
    with speaking_for("tracking"):
        whole = purchases(transactions, as_of=as_of, **options)
        known = whole
        if fitted_until is not None:
            known = purchases(transactions, as_of=fitted_until, **options)
    step = DAYS[freq]
    end = _day(whole["as_of"])
    split = _day(known["as_of"])
    rows = take(
        transactions,
        caller="tracking",
        invalid=invalid,
        customer=Key(customer),
        date=Date(date),
        amount=Amount(amount),
    )
    keys = rows.keys("customer")
    ours = keys.labels[customer].isin(known[customer]).to_numpy()
    use = ours[keys.codes] & (rows["amount"] >= 0)
    pairs = pd.DataFrame({"who": keys.codes[use], "day": rows.days("date")[use]})
    pairs = pairs[pairs["day"] <= end].drop_duplicates()
    first = pairs.groupby("who")["day"].transform("min")
    repeats = pairs.loc[pairs["day"] > first, "day"].to_numpy()
    start = int(pairs["day"].min())
    ends = start + np.round(np.arange(1, int((end - start) / step) + 1) * step).astype(np.int64)
    actual = np.diff(np.searchsorted(np.sort(repeats), ends, side="right"), prepend=0)
    born, n = np.unique(split - np.round(known["T"].to_numpy() * step), return_counts=True)
    cumulated = _expected_by(model, ends[:, None] - born, step) @ n
    return pd.DataFrame(
        {
            "date": ends.astype("M8[D]").astype("M8[us]"),
            "actual": actual,
            "expected": np.diff(cumulated, prepend=0.0),
            "fitted": ends <= split,
            "as_of": whole["as_of"].iloc[0],
        }
    )


def _check_model(model: Any, able: str = "expected_purchases", *, caller: str) -> None:
    """A fitted model of purchases that can do what is asked of it."""
    if isinstance(model, type) or not (hasattr(model, able) and hasattr(model, "fit")):
        raise InputError(
            f"{caller}(): model must be a fitted purchase model with {able}(), such as "
            f"BGNBD().fit(...); got {type(model).__name__}."
        )
    check_is_fitted(model, "params_")


def _expected_by(model: Any, days: np.ndarray, step: float) -> np.ndarray:
    """Expected repeat purchases of a customer by each of these ages in days, asked once an age."""
    ages, at = np.unique(days, return_inverse=True)
    ahead = np.array([model.expected_new(age / step) if age > 0 else 0.0 for age in ages])
    return np.asarray(ahead[at].reshape(days.shape))


def _day(stamps: pd.Series) -> int:
    return int(np.datetime64(stamps.iloc[0].to_datetime64(), "D").astype(np.int64))


def alive_grid(
    model: Any,
    *,
    T: float,
    most: int = 20,
    steps: int = 40,
    covariates: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Chance to be still a customer over a grid of purchases and times of the last one.

    Parameters
    ----------
    model : fitted purchase model
        Any of the desk's.
    T : float
        Time since the first purchase, in the unit of the model.
    most : int, default=20
        Greatest number of repeat purchases.
    steps : int, default=40
        Number of times of the last purchase.
    covariates : mapping of str to value, optional
        Attributes of the customer, by column, where the model has covariates.

    Returns
    -------
    DataFrame
        One row a cell: ``x``, ``t_x``, ``T``, ``p_alive``.

    Raises
    ------
    InputError
        An option is wrong.

    References
    ----------
    .. [1] D. C. Schmittlein, D. G. Morrison and R. Colombo, "Counting Your Customers: Who Are
       They and What Will They Do Next?", Management Science 33 (1987), 1-24.

    Examples
    --------
    >>> from salesmgmt.segmentation import BGNBD
    >>> model = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> len(alive_grid(model, T=39, most=5, steps=10))
    50
    """
    _check_model(model, "probability_alive", caller="alive_grid")
    T = check_number(T, "T", caller="alive_grid", low=0, open_low=True)
    check_int(most, "most", caller="alive_grid", low=1, high=10_000)
    check_int(steps, "steps", caller="alive_grid", low=2, high=10_000)
    if covariates is not None and not isinstance(covariates, Mapping):
        raise InputError(
            f"alive_grid(): covariates must map columns to values, got {type(covariates).__name__}."
        )
    x, t_x = np.meshgrid(np.arange(1, most + 1), np.linspace(T / steps, T, steps), indexing="ij")
    out = pd.DataFrame({"x": x.ravel(), "t_x": t_x.ravel(), "T": float(T)})
    own = out.assign(**{name: [value] * len(out) for name, value in (covariates or {}).items()})
    return out.assign(p_alive=model.probability_alive(own))
