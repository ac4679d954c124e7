"""Solvency from accounts and share prices: Altman's Z and Merton's distance to default."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Key, Rows
from ..engine.merton import asset_value
from ..errors import InputError

__all__ = ["altman_z", "merton"]

# Coefficients of X1..X5, then the lower and upper bound of the grey zone.
_VARIANTS: dict[str, tuple[tuple[float, ...], float, float]] = {
    "z": ((1.2, 1.4, 3.3, 0.6, 1.0), 1.81, 2.99),
    "z_prime": ((0.717, 0.847, 3.107, 0.420, 0.998), 1.23, 2.90),
    "z_double_prime": ((6.56, 3.26, 6.72, 1.05, 0.0), 1.10, 2.60),
}


def altman_z(
    accounts: pd.DataFrame,
    *,
    variant: Literal["z", "z_prime", "z_double_prime"] = "z",
    working_capital: str = "working_capital",
    retained_earnings: str = "retained_earnings",
    ebit: str = "ebit",
    equity: str = "equity",
    sales: str = "sales",
    total_assets: str = "total_assets",
    total_liabilities: str = "total_liabilities",
    customer: str = "customer_id",
) -> pd.DataFrame:
    """Altman's Z score of each row of accounts.

    Parameters
    ----------
    accounts : DataFrame
        One row a company (and year), one column an item; not modified.
    variant : {"z", "z_prime", "z_double_prime"}
        ``z``: listed manufacturers, ``equity`` is its market value. ``z_prime``: private
        manufacturers, book value. ``z_double_prime``: other industries, book value, no sales
        (the score for emerging markets is this one plus 3.25).
    working_capital, retained_earnings, ebit, equity, sales, total_assets, total_liabilities : str
        Names of the columns.
    customer : str, default="customer_id"
        Column that tells whose accounts they are, if there is one.

    Returns
    -------
    DataFrame
        ``customer_id`` if ``accounts`` have it, ``x1`` to ``x5`` (``x5`` not for
        ``z_double_prime``), ``z``, ``zone`` (``safe``, ``grey``, ``distress``). Index of
        ``accounts``.

    Raises
    ------
    InputError
        A column is missing or unusable; assets or liabilities are not above 0.

    References
    ----------
    .. [1] E. I. Altman, "Financial ratios, discriminant analysis and the prediction of corporate
       bankruptcy", Journal of Finance 23 (1968), 589-609.
    .. [2] E. I. Altman, "Predicting financial distress of companies: revisiting the Z-score and
       ZETA models" (2000).

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import altman_z
    >>> year = pd.DataFrame({"working_capital": [20.0], "retained_earnings": [30.0],
    ...     "ebit": [10.0], "equity": [60.0], "sales": [150.0], "total_assets": [100.0],
    ...     "total_liabilities": [40.0]})
    >>> altman_z(year)[["z", "zone"]]
          z  zone
    0  3.39  safe
    """
    caller = "altman_z"
    door.check_choice(variant, "variant", tuple(_VARIANTS), caller=caller)
    with_sales = variant != "z_double_prime"
    rows = door.take(
        accounts, caller=caller, arg="accounts",
        working_capital=Amount(working_capital), retained_earnings=Amount(retained_earnings),
        ebit=Amount(ebit), equity=Amount(equity), sales=Amount(sales) if with_sales else None,
        total_assets=Amount(total_assets), total_liabilities=Amount(total_liabilities),
        customer=Key(customer, optional=customer == "customer_id", missing="allow"),
    )  # fmt: skip
    _above_zero(rows, ("total_assets", "total_liabilities"), caller)
    assets = rows["total_assets"]
    ratios = [
        rows["working_capital"] / assets,
        rows["retained_earnings"] / assets,
        rows["ebit"] / assets,
        rows["equity"] / rows["total_liabilities"],
    ]
    if with_sales:
        ratios.append(rows["sales"] / assets)
    weights, low, high = _VARIANTS[variant]
    z = sum(w * x for w, x in zip(weights, ratios))
    own = {f"x{n}": x for n, x in enumerate(ratios, 1)}
    out = _of_whom(rows, (*own, "z", "zone"), caller).assign(**own)
    out["z"] = np.round(z, 10)
    out["zone"] = np.select([out["z"] > high, out["z"] < low], ["safe", "distress"], "grey")
    return out


def _of_whom(rows: Rows, own: tuple[str, ...], caller: str) -> pd.DataFrame:
    """The customers of the rows, if they are named; else only the index."""
    named = [rows.columns["customer"]] if "customer" in rows else []
    door.refuse_names(named, own, caller=caller, option="customer")
    return rows.frame[named].copy()


def _above_zero(rows: Rows, options: tuple[str, ...], caller: str) -> None:
    for option in options:
        bad = np.flatnonzero(rows[option] <= 0)
        if len(bad):
            raise InputError(
                f"{caller}(): accounts: column {rows.columns[option]!r} must be above 0; "
                f"{len(bad)} row(s) are not (row {rows.index[bad[:1]].tolist()[0]!r}: "
                f"{rows[option][bad[0]]:g})."
            )


def merton(
    accounts: pd.DataFrame,
    *,
    horizon: float = 1.0,
    risk_free: float = 0.03,
    drift: float | None = None,
    equity: str = "equity",
    volatility: str = "volatility",
    debt: str = "debt",
    customer: str = "customer_id",
) -> pd.DataFrame:
    """Distance to default and its probability, from share price and debt.

    Parameters
    ----------
    accounts : DataFrame
        One row a company: market value of its shares, their volatility a year, debt due (KMV's
        default point is short-term debt and half of the long-term debt).
    horizon : float, default=1
        Years, at most 100.
    risk_free : float, default=0.03
        Interest rate a year, continuous.
    drift : float, optional
        Growth of the assets expected a year, continuous, for the probability as it is in the
        world; None: ``risk_free``, for the probability that prices imply (risk-neutral).
    equity, volatility, debt : str
        Names of the columns.
    customer : str, default="customer_id"
        Column that tells whose shares they are, if there is one.

    Returns
    -------
    DataFrame
        ``customer_id`` if ``accounts`` have it, ``assets``, ``asset_volatility``,
        ``distance_to_default``, ``default_probability`` (both under ``drift``), ``status``
        (``ok``, ``not_converged``). Index of ``accounts``.

    Raises
    ------
    InputError
        A column is missing or not above 0.

    References
    ----------
    .. [1] R. C. Merton, "On the pricing of corporate debt: the risk structure of interest
       rates", Journal of Finance 29 (1974), 449-470.
    .. [2] J. C. Hull, "Options, Futures, and Other Derivatives", example of Merton's model.
    .. [3] P. Crosbie, J. Bohn, "Modeling default risk", Moody's KMV (2003).

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import merton
    >>> firm = pd.DataFrame({"equity": [3.0], "volatility": [0.8], "debt": [10.0]})
    >>> merton(firm, risk_free=0.05)[["assets", "default_probability"]].round(3)
       assets  default_probability
    0  12.395                0.127
    """
    from scipy.special import ndtr

    caller = "merton"
    door.check_number(horizon, "horizon", caller=caller, low=0, high=100, open_low=True)
    door.check_number(risk_free, "risk_free", caller=caller, low=-1, high=1)
    if drift is not None:
        door.check_number(drift, "drift", caller=caller, low=-1, high=1)
    rows = door.take(
        accounts, caller=caller, arg="accounts", equity=Amount(equity),
        volatility=Amount(volatility), debt=Amount(debt),
        customer=Key(customer, optional=customer == "customer_id", missing="allow"),
    )  # fmt: skip
    _above_zero(rows, ("equity", "volatility", "debt"), caller)
    if rows["volatility"].max() >= 10:
        raise InputError(
            f"{caller}(): accounts: column {volatility!r} reaches {rows['volatility'].max():g}, "
            f"which is {rows['volatility'].max():.0%} a year; 0.3 is 30 %."
        )
    value, sigma, distance, chance, ok = asset_value(
        rows["equity"], rows["volatility"], rows["debt"], risk_free, horizon
    )
    if drift is not None:  # the firm's value is found at the interest rate, its fate is not
        distance = distance + (drift - risk_free) * np.sqrt(horizon) / sigma
        chance = ndtr(-distance)
    own = ("assets", "asset_volatility", "distance_to_default", "default_probability", "status")
    out = _of_whom(rows, own, caller).assign(assets=value, asset_volatility=sigma)
    out["distance_to_default"] = distance
    out["default_probability"] = chance
    out["status"] = np.where(ok, "ok", "not_converged")
    return out
