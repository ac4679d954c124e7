"""Customer lifetime value: who stays, how often each buys, what that is worth."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from .._frames import (
    Key,
    check_choice,
    check_int,
    check_number,
    check_series,
    refuse_names,
    speaking_for,
    take,
    to_pandas,
    warn,
)
from ..engine.spend import total_quantile
from ..errors import InputError
from .btyd import BGNBD, MBGNBD, ParetoNBD
from .purchase_model import one_unit
from .purchases import DAYS, purchases
from .regular import MBGCNBD
from .spending import GammaGamma

__all__ = ["clv", "compare_models"]

_SPELLING = str.maketrans("", "", "/_- ")  # "Pareto/NBD", "pareto_nbd"
MODELS = {"bgnbd": BGNBD, "mbgnbd": MBGNBD, "paretonbd": ParetoNBD}


def clv(
    transactions: pd.DataFrame,
    *,
    horizon: int = 12,
    freq: str = "M",
    discount_rate: float = 0.0,
    margin: Any = 1.0,
    model: Any = "auto",
    credit_risk: Any = None,
    as_of: Any = None,
    level: float | None = 0.95,
    returns: str = "net",
    covariates: pd.DataFrame | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Expected value of each customer over the periods to come.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; not modified.
    horizon : int, default=12
        Number of periods ahead.
    freq : {"M", "D", "W", "Q", "Y"}
        Length of a period (a month is 30.4375 days).
    discount_rate : float, default=0.0
        A year (8 % is 0.08); each period's value is discounted from its end.
    margin : float or Series, default=1.0
        Share of the amount that is earned, at most 1 (30 % is 0.3); a Series by customer for
        different ones.
    model : {"auto", "bgnbd", "mbgnbd", "paretonbd"} or model
        ``auto``: what predicts best in :func:`compare_models`. Names may be written as in
        papers (``"Pareto/NBD"``). A fitted model must be in the unit ``freq``
        (one that was fitted in another unit is refused); one that is not is fitted.
    credit_risk : Series, optional
        Chance a year that the customer stops paying, by customer; what is sold after that is
        worth nothing. Customers not in it are taken as safe, with a ``DataWarning``.
    as_of : date, optional
        End of observation. None: the last date in the data.
    level : float or None, default=0.95
        Chance that the value lies in ``clv_lo``..``clv_hi``, at least: what one customer may
        bring, not only how well the mean is known. The range always holds ``clv``. With
        ``credit_risk`` its lower end counts on what is paid almost surely, its upper one on
        everything. None leaves both missing.
    returns : {"net", "exclude"}
        As in :func:`purchases`.
    covariates : DataFrame, optional
        One row a customer: the customer and attributes that do not change with time (region,
        channel). A model named by ``model`` uses them all, a fitted one those it was made with; one
        made without any is refused.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a customer, ascending: the customer, ``p_alive`` (1 for all where the purchases
        show no sign of anybody leaving for good: see :func:`lifecycle` for who is overdue, and
        :func:`churn_risk` for who may not buy soon), ``expected_purchases`` (over the horizon),
        ``expected_value`` (amount a purchase), ``clv``, ``clv_lo``, ``clv_hi``,
        ``as_of``. ``attrs``: ``model``, ``spend``: how the amount a purchase was estimated.
        ``gamma-gamma``: learned from repeat purchases; who has none gets the mean of all
        customers, ``p gamma / (q - 1)``. Where that model has no maximum or no mean: ``mean``
        (of one's own repeat purchases, else of all customers'), or ``first purchases`` (their
        mean, where nobody bought again).

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or an option is wrong (a margin above 1).

    Warns
    -----
    DataWarning
        Customers are not in ``margin`` or ``credit_risk``, or ``discount_rate`` is above 1: more
        than 100 % a year.

    References
    ----------
    .. [1] P. S. Fader, B. G. S. Hardie and K. L. Lee, "RFM and CLV: Using Iso-Value Curves for
       Customer Base Analysis", Journal of Marketing Research 42 (2005), 415-430.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> value = clv(load_sample("transactions"), model="bgnbd")
    >>> bool((value["clv"] >= 0).all()), value.attrs["model"]
    (True, 'bgnbd')
    """
    check_int(horizon, "horizon", caller="clv", low=1, high=100_000)
    own = ("p_alive", "expected_purchases", "expected_value", "clv", "clv_lo", "clv_hi", "as_of")
    refuse_names([customer], own, caller="clv", option="customer")
    check_number(discount_rate, "discount_rate", caller="clv", low=0)
    if discount_rate > 1:
        warn(
            f"clv(): discount_rate={discount_rate:g} is {discount_rate:.0%} a year; "
            f"{discount_rate:g} % is {discount_rate / 100:g}."
        )
    _check_margin(margin)
    if level is not None:
        check_number(level, "level", caller="clv", low=0, high=1, open_low=True, open_high=True)
    columns = {"customer": customer, "date": date, "amount": amount}
    with speaking_for("clv"):
        seen = purchases(
            transactions,
            freq=freq,
            as_of=as_of,
            returns=returns,
            regularity=isinstance(model, MBGCNBD),
            invalid=invalid,
            **columns,
        )
    seen, known = _with_covariates(seen, covariates, customer, "clv")
    options = {"freq": freq, "as_of": as_of, "covariates": covariates, "invalid": invalid} | columns
    with speaking_for("clv"):
        fitted, name = _model(model, transactions, seen, known, options)
    labels = pd.Index(seen[customer])
    margins = _by_customer(margin, "margin", labels, 1.0)
    risk = _by_customer(0.0 if credit_risk is None else credit_risk, "credit_risk", labels, 0.0)
    if (risk > 1).any() or (risk < 0).any():
        raise InputError("clv(): credit_risk must hold chances a year in [0, 1]; 5 % is 0.05.")
    worth = _discounted(fitted, seen, horizon, DAYS[freq] / 365.25, discount_rate, risk)
    value, spend, how = _spend(seen)
    out = seen[[customer]].copy()
    out["p_alive"] = fitted.probability_alive(seen).to_numpy()
    out["expected_purchases"] = fitted.expected_purchases(seen, float(horizon)).to_numpy()
    out["expected_value"] = value
    out["clv"] = margins * value * worth
    sure = None if level is None else _surely_paid(risk, DAYS[freq] / 365.25, level)
    lo, hi = _interval(fitted, seen, spend, value, float(horizon), level, sure)
    # A later purchase is worth less in the same proportion as the expected ones.
    ahead = out["expected_purchases"].to_numpy()
    due = worth
    if risk.any():  # the range has its own way with risk, except where nothing is ever paid
        due = _discounted(fitted, seen, horizon, DAYS[freq] / 365.25, discount_rate, risk // 1)
    factor = margins * np.divide(due, ahead, out=np.zeros(len(ahead)), where=ahead > 0)
    out["clv_lo"], out["clv_hi"] = _around(out["clv"], factor * lo, factor * hi)
    out["as_of"] = seen["as_of"]
    out.attrs |= {"model": name, "spend": how, "freq": freq, "horizon": horizon}
    return out


def compare_models(
    transactions: pd.DataFrame,
    *,
    freq: str = "W",
    as_of: Any = None,
    holdout: Any = None,
    covariates: pd.DataFrame | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Purchase models judged on the last part of the data, which they have not seen.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; not modified.
    freq : {"W", "D", "M", "Q", "Y"}
        Unit of time.
    as_of : date, optional
        End of observation. None: the last date in the data.
    holdout : number or date, optional
        As in :func:`purchases`; None: three splits, at the last quarter, third and half of the
        observed time, whose measures are averaged.
    covariates : DataFrame, optional
        As in :func:`clv`: the models use them.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a model, the best first (by ``score``): ``model``, ``rmse``, ``mae``, ``bias``
        (predicted over actual purchases, less one), ``score`` (mean of RMSE and MAE, each
        relative to the best of its split), ``as_of``.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or nobody bought before the split.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> sorted(compare_models(load_sample("transactions").head(6000))["model"])
    ['bgnbd', 'mbgnbd', 'paretonbd']
    """
    columns = {"customer": customer, "date": date, "amount": amount}
    options = {"freq": freq, "as_of": as_of, "invalid": invalid} | columns
    with speaking_for("compare_models"):
        whole = purchases(transactions, **options)
        if holdout is None:
            length = float(whole["T"].max())
            splits = [max(length / k, 1.0 / DAYS[freq]) for k in (4, 3, 2)]
        else:
            splits = [holdout]
        histories = [purchases(transactions, holdout=split, **options) for split in splits]
    tables = [
        _judged(*_with_covariates(seen, covariates, customer, "compare_models"))
        for seen in histories
    ]
    out = pd.concat(tables).groupby("model").mean().reset_index()
    out["as_of"] = whole["as_of"].iloc[0]
    return out.sort_values(["score", "model"], ignore_index=True)


def _judged(seen: pd.DataFrame, known: list[str]) -> pd.DataFrame:
    """Measures of all models on one split."""
    bought = seen["x_holdout"].to_numpy(np.float64)
    span = float(seen["T_holdout"].iloc[0])
    rows = []
    for name, kind in MODELS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a candidate that does not converge scores badly
            fitted = kind(covariates=known).fit(seen)
        ahead = fitted.expected_purchases(seen, span).to_numpy()
        rows.append(
            {
                "model": name,
                "rmse": float(np.sqrt(((ahead - bought) ** 2).mean())),
                "mae": float(np.abs(ahead - bought).mean()),
                "bias": float(ahead.sum() / bought.sum() - 1) if bought.sum() else np.nan,
            }
        )
    out = pd.DataFrame(rows)
    best = out[["rmse", "mae"]].min()
    relative = (out[["rmse", "mae"]] / best.where(best > 0)).fillna(1.0)
    return out.assign(score=relative.mean(axis=1))


def _with_covariates(
    seen: pd.DataFrame, covariates: pd.DataFrame | None, customer: str, caller: str
) -> tuple[pd.DataFrame, list[str]]:
    """Histories with the attributes of their customers, and the names of these."""
    if covariates is None:
        return seen, []
    covariates = to_pandas(covariates, caller=caller, arg="covariates")
    rows = take(
        covariates, caller=caller, arg="covariates", unique=["customer"], customer=Key(customer)
    )
    names = [c for c in rows.frame.columns if c != customer]
    clash = [c for c in names if c in seen.columns]
    if clash or not names:
        raise InputError(
            f"{caller}(): covariates must hold attributes of customers under names of their own"
            + (f"; rename {clash[0]!r}." if clash else ".")
        )
    at = pd.Index(rows.frame[customer]).get_indexer(pd.Index(seen[customer]))
    if (at < 0).any():
        lost = seen.loc[at < 0, customer]
        first = ", ".join(repr(v) for v in lost.head(3).tolist())
        raise InputError(
            f"{caller}(): covariates has no row for {len(lost)} customer(s) ({first}); add them, "
            "or leave these customers out of transactions."
        )
    own = rows.frame[names].iloc[at].reset_index(drop=True)
    out = pd.concat([seen, own], axis=1)
    out.attrs = seen.attrs
    return out, names


def _model(
    model: Any,
    transactions: pd.DataFrame,
    seen: pd.DataFrame,
    known: list[str],
    options: dict[str, Any],
) -> tuple[Any, str]:
    """A fitted model and its name."""
    if isinstance(model, type) and hasattr(model, "expected_purchases"):
        raise InputError(f"clv(): model is a class; give an object of it: {model.__name__}().")
    if hasattr(model, "expected_purchases"):
        _check_covariates(model, known)
        one_unit(model, options["freq"], "clv")
        fitted = model if hasattr(model, "params_") else clone(model).fit(seen)
        return fitted, type(model).__name__.lower()
    if isinstance(model, str):
        model = model.lower().translate(_SPELLING)
    check_choice(model, "model", ("auto", *MODELS), caller="clv")
    if model == "auto":
        model = _best(transactions, options)
    return MODELS[model](covariates=known).fit(seen), model


def _check_covariates(model: Any, known: list[str]) -> None:
    """A model that was made without covariates has no use for attributes."""
    if known and not (model.covariates or model.dropout_covariates):
        raise InputError(
            f"clv(): covariates have no use with {type(model).__name__}(), which was made without "
            "them; name them there (covariates=), or give model by name."
        )


def _best(transactions: pd.DataFrame, options: dict[str, Any]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told already, when the purchases were made
        try:
            table = compare_models(transactions, **options)
        except InputError:  # too short a history to be split
            return "paretonbd"
    return str(table["model"].iloc[0])


def _check_margin(margin: Any) -> None:
    """Refuse per cent where a share is meant: nobody earns more than the amount."""
    one = isinstance(margin, int | float | np.number)
    if not one and not isinstance(margin, pd.Series | dict | list | tuple | np.ndarray):
        return  # told as what it is where it is used
    values = pd.to_numeric(pd.Series(margin), errors="coerce")
    high = values[values > 1].tolist()
    if len(high):
        many = "" if one else f" for {len(high)} customer(s)"
        raise InputError(
            f"clv(): margin is the share of the amount that is earned, at most 1; got {high[0]:g}"
            f"{many}. A margin of 30 % is 0.3."
        )


def _by_customer(value: Any, name: str, labels: pd.Index, missing: float) -> np.ndarray:
    """One number a customer, from one number or a Series by customer."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        number = check_number(value, name, caller="clv")
        return np.full(len(labels), number)
    series = check_series(value, name, caller="clv").reindex(labels)
    lost = series.isna().to_numpy()
    if lost.all():
        raise InputError(
            f"clv(): {name} has no value for any customer; its index must hold the customers as "
            f"transactions do ({labels[0]!r}, ...)."
        )
    if lost.any():
        first = ", ".join(repr(v) for v in labels[lost][:3])
        warn(
            f"clv(): {name} has no value for {int(lost.sum())} customer(s) ({first}); "
            f"{missing:g} is taken."
        )
    return series.fillna(missing).to_numpy(np.float64)


def _discounted(
    fitted: Any,
    seen: pd.DataFrame,
    horizon: int,
    years: float,
    discount_rate: float,
    risk: np.ndarray,
) -> np.ndarray:
    """Expected purchases of each period, discounted and paid for, added up."""
    if discount_rate == 0 and not risk.any():
        return np.asarray(fitted.expected_purchases(seen, float(horizon)), dtype=np.float64)
    total, before = np.zeros(len(seen)), np.zeros(len(seen))
    for k in range(1, horizon + 1):
        until = np.asarray(fitted.expected_purchases(seen, float(k)), dtype=np.float64)
        paid = (1 - risk) ** (k * years) / (1 + discount_rate) ** (k * years)
        total += (until - before) * paid
        before = until
    return total


def _spend(seen: pd.DataFrame) -> tuple[np.ndarray, GammaGamma | None, str]:
    """Expected amount a purchase of each customer; with no repeat purchase that of all."""
    repeat = (seen["x"] > 0) & (seen["monetary"] > 0)
    if repeat.sum() >= 3 and seen.loc[repeat, "monetary"].nunique() > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a poor fit falls back below, and is told in attrs
            spend = GammaGamma().fit(seen)
        if spend.converged_ and spend.params_["q"] > 1:
            value = spend.expected_spend(seen).to_numpy()
            return value, spend, "gamma-gamma"
    if not repeat.any():  # first purchases are all there is to go by
        mean = max(float(seen.attrs["amount_a_purchase"]), 0.0)
        return np.full(len(seen), mean), None, "first purchases"
    own = seen["monetary"].where(repeat)
    return own.fillna(float(own.mean())).to_numpy(np.float64), None, "mean"


def _surely_paid(risk: np.ndarray, years: float, level: float) -> np.ndarray:
    """Periods within which a customer stops paying with half the chance left below the range.

    The other half is that of little being bought until then: together what is below the range.
    Infinite where there is no risk.
    """
    with np.errstate(divide="ignore"):
        return np.floor(np.log1p(-(1 - level) / 4) / (np.log1p(-risk) * years) + 1e-9)


def _interval(
    fitted: Any,
    seen: pd.DataFrame,
    spend: GammaGamma | None,
    value: np.ndarray,
    horizon: float,
    level: float | None,
    sure: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Range of the undiscounted amount of each customer.

    Whether a customer goes on paying is not known: the lower end counts on the periods that are
    ``sure`` to be paid, the upper one on all of them.
    """
    if level is None or sure is None:
        return np.full(len(seen), np.nan), np.full(len(seen), np.nan)
    risky = np.isfinite(sure)
    paid = np.minimum(sure, horizon)
    if spend is None:
        counts = fitted.expected_interval(seen, horizon, level=level)
        lo, hi = counts["lo"].to_numpy() * value, counts["hi"].to_numpy() * value
        if risky.any():
            at_least = fitted.expected_interval(seen, paid, level=(1 + level) / 2)["lo"]
            lo = np.where(risky, at_least.to_numpy() * value, lo)
        return lo, hi
    lo, hi = np.zeros(len(seen)), np.zeros(len(seen))
    ahead = fitted.expected_purchases(seen, horizon).to_numpy()
    order = np.argsort(ahead, kind="stable")  # customers with like needs share a table
    p, q, g = spend.params_.to_numpy(dtype=np.float64)
    x = seen["x"].to_numpy(np.float64)
    total = x * np.maximum(seen["monetary"].fillna(0.0).to_numpy(np.float64), 0.0)
    tail = (1 - level) / 2
    for block in np.array_split(order, max(1, len(order) // 2_000)):
        counts = _count_table(fitted, seen.iloc[block], horizon, tail)
        own = (p, p * x[block] + q, g + total[block])
        lo[block] = total_quantile(counts, *own, tail)
        hi[block] = total_quantile(counts, *own, 1 - tail)
        at = block[risky[block]]
        if len(at):
            counts = _count_table(fitted, seen.iloc[at], paid[at], tail / 2)
            lo[at] = total_quantile(counts, p, p * x[at] + q, g + total[at], tail / 2)
    return lo, hi


def _count_table(fitted: Any, seen: pd.DataFrame, horizon: Any, tail: float) -> np.ndarray:
    """Chances of 0, 1, 2, ... purchases until what is left no longer matters."""
    columns: list[np.ndarray] = []
    left = np.ones(len(seen))
    while left.max() > tail / 20 and len(columns) < 2_000:
        columns.append(fitted.probability_of(seen, len(columns), horizon).to_numpy())
        left = left - columns[-1]
    columns[-1] = columns[-1] + np.maximum(left, 0.0)
    return np.column_stack(columns)


def _around(mean: pd.Series, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end, also where a negative margin turned them round.

    Who has left almost surely brings nothing, and very rarely much: the mean, a small number,
    then lies beyond the range, which is widened to it.
    """
    value = mean.to_numpy()
    return np.minimum(np.minimum(lo, hi), value), np.maximum(np.maximum(lo, hi), value)
