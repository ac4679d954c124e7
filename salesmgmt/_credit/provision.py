"""Provision for bad debts: the matrix, expected losses under scenarios, the movement table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date, Key, Rows
from ..engine.units import to_units
from ..errors import InputError
from .aging import aging, bucket_columns, from_sheet
from .books import Options
from .buckets import INDIVIDUAL, UNAPPLIED, translated
from .currency import rates_of
from .migration import loss_rates
from .tables import SETTLING, as_frame, refuse_unknown_kinds, reversals_kept

__all__ = ["CN_AGING_POLICY", "expected_loss", "provision", "provision_movement"]

#: Ladder that many Chinese companies use for ages since recognition (``buckets="cn_years"``).
#: A starting point to edit, never a default: rates are a company's own accounting policy.
CN_AGING_POLICY = {
    "<=1y": 0.05, "1-2y": 0.10, "2-3y": 0.30, "3-4y": 0.50, "4-5y": 0.80, ">5y": 1.00,
}  # fmt: skip

_NOT_BUCKETS = ("unapplied", "total", "as_of")


def provision(
    aging: Any, rates: Any, *, individual: Any = None, step: float = 0.01
) -> pd.DataFrame:
    """Loss allowance: what is open in each bucket times the bucket's rate.

    Parameters
    ----------
    aging : DataFrame, Series or mapping
        A result of :func:`aging` (wide or long), or amounts by bucket.
    rates : Series, mapping, DataFrame or sequence
        Loss rate in [0, 1] by bucket; a result of :func:`loss_rates`; or one rate a bucket in
        the order of the buckets. Every bucket with an amount needs one; an aging with
        ``lang="zh"`` takes rates under either name.
    individual : DataFrame or Series, optional
        Items assessed on their own: the key columns of ``aging`` and ``allowance``. Their
        amounts leave the matrix and stand in a bucket ``individual`` (``单项计提`` beside
        buckets with Chinese names).
    step : float, default=0.01
        Smallest unit; each line is rounded to it, halves up.

    Returns
    -------
    DataFrame
        Keys, ``bucket``, ``amount``, ``rate``, ``allowance``, ``as_of`` if the aging has it.
        Credits (negative amounts, unapplied money) carry no allowance.

    Raises
    ------
    InputError
        A bucket has no rate, a rate lies outside [0, 1], an individual item is not in the aging
        or its allowance is above what is owed.

    References
    ----------
    .. [1] IFRS 9 Financial Instruments, Illustrative Examples, Example 12: provision matrix.

    Examples
    --------
    >>> from salesmgmt.credit import provision
    >>> open_now = {"current": 15e6, "1-30": 7.5e6, "31-60": 4e6, "61-90": 2.5e6, "91+": 1e6}
    >>> float(provision(open_now, [0.003, 0.016, 0.036, 0.066, 0.106])["allowance"].sum())
    580000.0
    """
    frame, keys, names = _long_aging(aging, "provision")
    by_bucket = _rates(rates, names, "provision")
    frame, apart = _taken_apart(frame, keys, individual, step)
    frame["rate"] = frame["bucket"].map(by_bucket).astype(float)
    lost = frame["rate"].isna() & (frame["amount"] > 0)
    if lost.any():
        first = frame["bucket"][lost].iloc[0]
        policy = isinstance(rates, Mapping) and dict(rates) == CN_AGING_POLICY
        hint = " CN_AGING_POLICY goes with an aging by buckets='cn_years'." if policy else ""
        raise InputError(
            f"provision(): rates has none for bucket {first!r}; give one for each of: "
            f"{', '.join(map(repr, names))}.{hint}"
        )
    exposure = door.units(frame["amount"].clip(lower=0).to_numpy(), step, name="amount",
                          caller="provision")  # fmt: skip
    units = to_units(exposure * frame["rate"].fillna(0.0).to_numpy(), 1)
    frame["allowance"] = door.money(units, step)
    if apart is not None:
        frame = pd.concat([frame, apart], ignore_index=True)
    order = [*keys, "bucket", "amount", "rate", "allowance"]
    return frame[[*order, *([c for c in ("as_of",) if c in frame])]].reset_index(drop=True)


def _long_aging(aging: Any, caller: str) -> tuple[pd.DataFrame, list[str], list[str]]:
    """The aging as keys, ``bucket``, ``amount``; unapplied money left out."""
    if isinstance(aging, Mapping | pd.Series):
        amounts = door.check_series(aging, "aging", caller=caller)
        frame = pd.DataFrame({"bucket": amounts.index.astype(object), "amount": amounts.to_numpy()})
        frame = frame[~frame["bucket"].isin(_NOT_BUCKETS)].reset_index(drop=True)
        return frame, [], list(frame["bucket"])
    table = door.to_pandas(aging, caller=caller, arg="aging")
    if "kind" in table and {"invoice_date", "due_date"} & set(table.columns):
        raise InputError(
            f"{caller}(): aging is a ledger or a list of open items; pass credit.aging(...) of it."
        )
    table = from_sheet(table)
    if {"bucket", "amount"} <= set(table.columns):
        taken = door.take(
            table, caller=caller, arg="aging",
            bucket=Key("bucket", option=""), amount=Amount("amount", option=""),
        )  # fmt: skip
        table = taken.frame.assign(amount=taken["amount"]).reset_index(drop=True)
        # Keys stand before the bucket; fractions behind it (shares, say) are no keys.
        ahead = set(table.columns[: table.columns.get_loc("bucket")])
        keys = [
            c
            for c in table.columns
            if c not in ("bucket", "amount", "as_of")
            and (c in ahead or not pd.api.types.is_float_dtype(table[c]))
        ]
        frame = table[~table["bucket"].isin(UNAPPLIED)].reset_index(drop=True)
        kept = [*keys, "bucket", "amount", *(c for c in ("as_of",) if c in frame)]
        return frame[kept].copy(), keys, list(dict.fromkeys(frame["bucket"]))
    names = bucket_columns(table)
    if not names:
        numbers = [c for c in table.columns if pd.api.types.is_numeric_dtype(table[c])]
        names = [c for c in numbers if c not in _NOT_BUCKETS and not str(c).endswith("_id")]
    if not names:
        raise InputError(
            f"{caller}(): aging must be a result of aging(), wide or long, or amounts by bucket."
        )
    keys = [c for c in table.columns if c not in names and c not in _NOT_BUCKETS]
    for name in names:
        door.take(table, caller=caller, arg="aging", bucket=Amount(name))
    kept = [*keys, *(c for c in ("as_of",) if c in table)]
    rows = np.repeat(np.arange(len(table)), len(names))
    long = table[kept].iloc[rows].reset_index(drop=True)
    long["bucket"] = np.tile(np.array(names, dtype=object), len(table))
    long["amount"] = table[names].to_numpy(dtype=np.float64).reshape(-1)
    return long, keys, list(names)


def _rates(rates: Any, names: Sequence[str], caller: str) -> pd.Series:
    """Rates by bucket, checked."""
    rates = as_frame(rates, caller=caller, arg="rates")
    if isinstance(rates, pd.DataFrame):
        column = "rate" if "rate" in rates and "loss_rate" not in rates else "loss_rate"
        rows = door.take(
            rates, caller=caller, arg="rates", unique=("bucket",),
            bucket=Key("bucket", option=""), rate=Amount(column, option=""),
        )  # fmt: skip
        rates = pd.Series(rows["rate"], index=pd.Index(rows.series("bucket")))
    elif not isinstance(rates, pd.Series | Mapping):
        values = list(rates) if isinstance(rates, Sequence | np.ndarray) else None
        if values is None or len(values) != len(names):
            raise InputError(
                f"{caller}(): rates must hold one rate for each of the {len(names)} buckets "
                f"({', '.join(map(repr, names))}), or name them."
            )
        rates = pd.Series(values, index=pd.Index(list(names), dtype=object))
    checked = door.check_series(rates, "rates", caller=caller, low=0)
    if (checked > 1).any():
        raise InputError(
            f"{caller}(): rates must lie in [0, 1]; {checked.idxmax()!r} has {checked.max():g}. "
            "Is it in percent?"
        )
    return _in_words_of(names, checked)


def _in_words_of(names: Sequence[str], rates: pd.Series) -> pd.Series:
    """The rates under the buckets' Chinese names, where the aging has those."""
    chinese = [translated(str(n), "zh") for n in rates.index]
    if set(names) & set(rates.index) or not set(names) & set(chinese):
        return rates
    return rates.set_axis(pd.Index(chinese, dtype=object))


def _individual_in_words_of(buckets: pd.Series) -> str:
    """Name of the bucket of items assessed on their own, where the others are Chinese too."""
    chinese = buckets.astype(str).str.contains("[\u4e00-\u9fff]").any()
    return INDIVIDUAL[1 if chinese else 0]


def _taken_apart(
    frame: pd.DataFrame, keys: list[str], individual: Any, step: float
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The matrix without individually assessed keys, and their own lines."""
    if individual is None:
        return frame, None
    if isinstance(individual, Mapping | pd.Series):
        if len(keys) != 1:
            have = ", ".join(map(repr, [*keys, "allowance"]))
            raise InputError(
                f"provision(): individual must be a frame with the columns {have}: the aging has "
                f"{len(keys)} key columns."
            )
        series = door.check_series(individual, "individual", caller="provision", low=0)
        individual = pd.DataFrame({keys[0]: series.index, "allowance": series.to_numpy()})
    if not keys:
        raise InputError("provision(): individual needs an aging with key columns (by=).")
    roles: dict[str, Any] = {f"k{n}": Key(k, option="") for n, k in enumerate(keys)}
    rows = door.take(
        individual, caller="provision", arg="individual", unique=tuple(roles),
        allowance=Amount("allowance", low=0, option=""), **roles,
    )  # fmt: skip
    units = door.units(rows["allowance"], step, name="allowance", caller="provision")
    table = rows.frame[keys].reset_index(drop=True).assign(allowance=door.money(units, step))
    owed = frame.assign(_owed=frame["amount"].clip(lower=0))
    amounts = owed.groupby(keys, as_index=False, sort=False, observed=True)[
        ["amount", "_owed"]
    ].sum()
    both = table.merge(amounts, on=keys, how="left")
    if both["amount"].isna().any():
        first = both[keys][both["amount"].isna()].iloc[0].tolist()
        raise InputError(f"provision(): individual: {first!r} is not in the aging.")
    above = both["allowance"] > both.pop("_owed") + step / 2
    if above.any():
        first = both[above].iloc[0]
        raise InputError(
            f"provision(): individual: {int(above.sum())} allowance(s) are above what is owed "
            f"(first: {first[keys].tolist()!r}, {first['allowance']:,.2f} of "
            f"{first['amount']:,.2f}); an allowance is at most the whole debt."
        )
    mark = frame[keys].merge(table.assign(_apart=True), on=keys, how="left")["_apart"]
    out = frame[mark.isna().to_numpy()].reset_index(drop=True)
    apart = both.assign(bucket=_individual_in_words_of(frame["bucket"]))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = apart["allowance"] / apart["amount"]
    apart["rate"] = share.where(apart["amount"] > 0)
    if "as_of" in frame:
        apart["as_of"] = frame["as_of"].iloc[0]
    return out, apart


def expected_loss(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    rates: Any = None,
    scenarios: Any = None,
    buckets: Any = "30",
    by: Any = "customer_id",
    individual: Any = None,
    freq: str = "M",
    lang: str = "en",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Lifetime expected credit loss, simplified approach, weighted over scenarios.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    rates : Series, mapping, DataFrame or sequence, optional
        Historical loss rates by bucket; None: :func:`loss_rates` of the ledger itself.
    scenarios : DataFrame, mapping or sequence, optional
        Looking forward: ``scenario``, ``probability``, ``factor`` (multiplies the historical
        rates), or name to ``(probability, factor)``, or such rows. Probabilities add up to 1.
        Each scenario's rate is capped at 100 % before it is weighted. None: history goes on.
    buckets, by
        As for :func:`aging`.
    individual : DataFrame or Series, optional
        As for :func:`provision`.
    freq : {"W", "M", "Q", "Y"}
        Period of the loss rates.
    lang : {"en", "zh"}
        Language of the bucket names.

    Returns
    -------
    DataFrame
        Keys, ``bucket``, ``amount``, ``base_rate``, ``rate`` (probability-weighted),
        ``allowance``, ``status`` (``given``: rates of the caller's; ``observed``, ``assumed``:
        as in :func:`loss_rates`), ``as_of``.

    Raises
    ------
    InputError
        As for :func:`provision`; probabilities do not add up to 1.

    References
    ----------
    .. [1] IFRS 9, paragraphs 5.5.15 and B5.5.35; CAS 22 (2017), articles 58 and 63.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import expected_loss
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a"], "customer_id": ["A"], "amount": [1000.0],
    ...     "invoice_date": ["2025-01-10"], "due_date": ["2025-02-10"]})
    >>> got = expected_loss(
    ...     invoices, as_of="2025-03-01", rates=[0.01, 0.04, 0.1, 0.3, 0.6],
    ...     scenarios={"base": (0.6, 1.0), "good": (0.1, 0.8), "bad": (0.3, 1.5)})
    >>> got.loc[[1], ["bucket", "rate", "allowance"]]
      bucket    rate  allowance
    1   1-30  0.0452       45.2
    """
    caller = "expected_loss"
    frames, told = (invoices, payments, adjustments), dict[Any, Any]()
    with door.speaking_for(caller):
        ages = aging(
            *frames, as_of=as_of, method=method, fx=fx, buckets=buckets, by=by, shape="long",
            lang=lang, **options,
        )  # fmt: skip
        if ages.empty:  # no document or receipt by then
            return _nothing(ages)
        if rates is None:
            rates = loss_rates(
                *frames, as_of=as_of, allocation=method, fx=fx, freq=freq, buckets=buckets,
                **options,
            )  # fmt: skip
    rates = as_frame(rates, caller=caller, arg="rates")
    if isinstance(rates, pd.DataFrame) and {"bucket", "status"} <= set(rates):
        words = [translated(str(b), lang) for b in rates["bucket"]]
        told = dict(zip([*rates["bucket"], *words], [*rates["status"]] * 2, strict=True))
    names = list(dict.fromkeys(ages["bucket"][~ages["bucket"].isin(UNAPPLIED)]))
    base = _rates(rates, names, caller)
    weighted = pd.Series(0.0, index=base.index)
    for probability, factor in _scenarios(scenarios, caller):
        weighted += probability * np.minimum(base * factor, 1.0)
    with door.speaking_for(caller):
        out = provision(ages, weighted.clip(upper=1.0).round(12), individual=individual,
                        step=options.get("step", 0.01))  # fmt: skip
    out.insert(out.columns.get_loc("rate"), "base_rate", out["bucket"].map(base).astype(float))
    source = np.array([told.get(b, "given") for b in out["bucket"]], dtype=object)
    out.insert(out.columns.get_loc("allowance") + 1, "status", source)
    return out


def _nothing(ages: pd.DataFrame) -> pd.DataFrame:
    """The result where nobody owes anything."""
    out = ages.assign(base_rate=0.0, rate=0.0, allowance=0.0, status="")
    return out[[*(c for c in out if c != "as_of"), "as_of"]]


def _scenarios(scenarios: Any, caller: str) -> list[tuple[float, float]]:
    if scenarios is None:
        return [(1.0, 1.0)]
    if isinstance(scenarios, Mapping):
        odd = [name for name, pair in scenarios.items() if not _is_pair(pair)]
        if odd:
            raise InputError(
                f"{caller}(): scenarios: {odd[0]!r} must be (probability, factor), got "
                f"{scenarios[odd[0]]!r}."
            )
        rows = [(name, *pair) for name, pair in scenarios.items()]
        scenarios = pd.DataFrame(rows, columns=["scenario", "probability", "factor"])
    elif isinstance(scenarios, Sequence) and not isinstance(scenarios, str):
        told = [
            tuple(row[-2:]) if isinstance(row, Sequence) and len(row) in (2, 3) else ()
            for row in scenarios
        ]
        if not all(told):
            raise InputError(
                f"{caller}(): scenarios must hold (name, probability, factor) each; got "
                f"{scenarios[[bool(t) for t in told].index(False)]!r}."
            )
        scenarios = pd.DataFrame(told, columns=["probability", "factor"])
    taken = door.take(
        scenarios, caller=caller, arg="scenarios",
        probability=Amount("probability", low=0, high=1, option=""),
        factor=Amount("factor", low=0, option=""),
    )  # fmt: skip
    total = float(taken["probability"].sum())
    if abs(total - 1.0) > 1e-9:
        raise InputError(f"{caller}(): the scenarios' probabilities add up to {total:g}, not to 1.")
    return list(zip(taken["probability"].tolist(), taken["factor"].tolist(), strict=True))


def _is_pair(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2


def provision_movement(
    before: pd.DataFrame,
    after: pd.DataFrame,
    adjustments: Any = None,
    *,
    fx: Any = None,
    step: float = 0.01,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    kind: str = "kind",
    currency: str = "currency",
) -> pd.DataFrame:
    """Movement of the allowance: opening, charge, reversal, write-off, recovery, closing.

    Parameters
    ----------
    before, after : DataFrame
        Results of :func:`provision` or :func:`expected_loss`.
    adjustments : DataFrame, optional
        ``customer_id``, ``date``, ``amount``, ``kind``: write-offs (转销) use the allowance up,
        recoveries (收回) add to it; those dated after the first and up to the second count (all
        of them where the provisions have no ``as_of``).
    fx : mapping or DataFrame, optional
        As for :func:`ledger`: converts ``adjustments`` in several currencies at their own day's
        rate, where the provisions are in one.
    step : float, default=0.01
        Smallest unit.
    customer, date, amount, kind, currency : str
        Names of the columns of ``adjustments``, and of the provisions where they have them.

    Returns
    -------
    DataFrame
        ``item`` (``opening``, ``charge``, ``reversal``, ``write_off``, ``recovery``,
        ``closing``), ``amount``, ``as_of``; by currency if there is one. Reversals and write-offs
        are negative; the items from opening to recovery add up to closing exactly. Where both
        provisions are by customer, charges and reversals are those of each customer summed.

    Raises
    ------
    InputError
        A frame is not a provision; dates do not follow each other; an unknown ``kind``.

    References
    ----------
    .. [1] IFRS 7 Financial Instruments: Disclosures, paragraph 35H; CAS 37, the same table.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import provision, provision_movement
    >>> day = pd.to_datetime(["2024-12-31", "2025-12-31"])
    >>> first = provision(pd.DataFrame({"91+": [1000.0], "as_of": day[:1]}), [0.5])
    >>> last = provision(pd.DataFrame({"91+": [900.0], "as_of": day[1:]}), [0.8])
    >>> gone = pd.DataFrame({"customer_id": ["A"], "date": ["2025-06-30"], "amount": [200.0],
    ...                      "kind": ["write_off"]})
    >>> provision_movement(first, last, gone)["amount"].tolist()
    [500.0, 420.0, 0.0, -200.0, 0.0, 720.0]
    """
    caller = "provision_movement"
    before = door.to_pandas(before, caller=caller, arg="before")
    after = door.to_pandas(after, caller=caller, arg="after")
    tables, ends = [], []
    for arg, frame in (("before", before), ("after", after)):
        rows = door.take(
            frame, caller=caller, arg=arg, allowance=Amount("allowance", option=""),
            as_of=Date("as_of", optional=True, option=""),
        )  # fmt: skip
        units = door.units(rows["allowance"], step, name="allowance", caller=caller)
        tables.append((rows.frame, units))
        ends.append(rows["as_of"].max() if "as_of" in rows else None)
    start, end = ends
    dated = start is not None and end is not None
    if start is not None and end is not None and start >= end:
        raise InputError(f"{caller}(): before must be made at an earlier date than after.")
    keys = _shared_keys(before, after)
    opening, closing = (_by_key(f, u, keys) for f, u in tables)
    names = {
        "customer": customer, "date": date, "amount": amount, "kind": kind, "currency": currency,
    }  # fmt: skip
    for option, name in names.items():
        door.check_column(name, option, caller=caller)
    there = {*before.columns, *after.columns, *getattr(adjustments, "columns", ())}
    for option, usual in (("customer", "customer_id"), ("currency", "currency")):
        if names[option] != usual and names[option] not in there:
            raise InputError(f"{caller}(): no table has the column {option}= {names[option]!r}.")
    gone, back = _settled(adjustments, ends if dated else None, keys, step, names, fx)
    whole = pd.concat({"opening": opening, "closing": closing, "gone": gone, "back": back}, axis=1)
    whole = whole.fillna(0).astype("int64")
    net = whole["closing"] - whole["opening"] + whole["gone"] - whole["back"]
    items = pd.DataFrame(
        {
            "opening": whole["opening"],
            "charge": net.clip(lower=0),
            "reversal": net.clip(upper=0),
            "write_off": -whole["gone"],
            "recovery": whole["back"],
            "closing": whole["closing"],
        }
    )
    return _movement_frame(items, keys, end, step, currency)


def _shared_keys(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    own = ("bucket", "amount", "rate", "base_rate", "allowance", "status", "as_of")
    return [c for c in before.columns if c not in own and c in after.columns]


def _by_key(frame: pd.DataFrame, units: np.ndarray, keys: list[str]) -> pd.Series:
    if not keys:
        return pd.Series([int(units.sum())], index=pd.Index([0]))
    flat = frame[keys].reset_index(drop=True).assign(_units=units)
    return flat.groupby(keys, dropna=False, observed=True)["_units"].sum()


def _settled(
    adjustments: Any,
    ends: list[Any] | None,
    keys: list[str],
    step: float,
    names: dict[str, str],
    fx: Any,
) -> tuple[pd.Series, pd.Series]:
    """Units written off and recovered in the period, by the keys the adjustments know."""
    empty = pd.Series(dtype="int64")
    if adjustments is None:
        return empty, empty
    rows = door.take(
        adjustments, caller="provision_movement", arg="adjustments", empty="allow",
        customer=Key(names["customer"], optional=names["customer"] not in keys),
        date=Date(names["date"]), amount=Amount(names["amount"]), kind=Key(names["kind"]),
        currency=Key(
            names["currency"], optional=names["currency"] not in keys,
            missing="refuse" if names["currency"] in keys else "allow",
        ),
    )  # fmt: skip
    if not len(rows):
        return empty, empty
    refuse_unknown_kinds("provision_movement", rows, names["kind"])
    amount = rows["amount"].copy()
    for kinds in (SETTLING, ("recovery",)):  # whose sign is read together, as in a ledger
        mine = rows.series("kind").isin(kinds).to_numpy(dtype=bool)
        amount[mine] = reversals_kept(amount[mine])
    if names["currency"] not in keys:
        amount = amount * _to_one_currency(rows, fx)
    units = door.units(amount, step, name="amount", caller="provision_movement")
    inside = np.ones(len(rows), dtype=bool)
    if ends is not None:
        last = ends[1] + np.timedelta64(1, "D")
        inside = (rows["date"] >= ends[0] + np.timedelta64(1, "D")) & (rows["date"] < last)
    parts = []
    for kind in ("write_off", "recovery"):
        chosen = inside & (rows.series("kind") == kind).to_numpy()
        absent = [k for k in keys if k not in rows.frame]
        if absent and chosen.any():
            raise InputError(
                f"provision_movement(): adjustments has no column {absent[0]!r}, which the "
                "provisions are kept by; make them with by=None, or add the column."
            )
        parts.append(
            _by_key(rows.frame[chosen], units[chosen], keys) if chosen.any() or not keys else empty
        )
    return parts[0], parts[1]


def _to_one_currency(rows: Rows, fx: Any) -> np.ndarray:
    """What one unit of each row is in the provisions' currency."""
    caller = "provision_movement"
    held = rows.series("currency") if "currency" in rows else None
    if fx is not None:
        if held is None:
            raise InputError(f"{caller}(): fx is given, but adjustments name no currency.")
        return rates_of(caller, held, rows.days("date"), fx)
    names = [] if held is None else sorted(held.dropna().unique(), key=str)
    if len(names) > 1:
        door.warn(
            f"{caller}(): adjustments are in several currencies "
            f"({', '.join(map(repr, names))}), the provisions in one: taken as they stand; "
            "give fx= to convert them."
        )
    return np.ones(len(rows))


def _movement_frame(
    items: pd.DataFrame, keys: list[str], end: Any, step: float, currency: str
) -> pd.DataFrame:
    if currency in keys:
        total = items.groupby(level=keys.index(currency), observed=True).sum()
        out = pd.DataFrame({currency: np.repeat(total.index.to_numpy(), total.shape[1])})
        out["item"] = np.tile(total.columns.to_numpy(dtype=object), len(total))
        out["units"] = total.to_numpy().reshape(-1)
    else:
        total = items.sum()
        out = pd.DataFrame({"item": total.index.astype(object), "units": total.to_numpy()})
    out["amount"] = door.money(out.pop("units").to_numpy(), step)
    if end is not None:
        out["as_of"] = end
    return out
