"""Roll rates and loss rates: how open money moves through the buckets, and what is lost."""

from __future__ import annotations

from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Key
from ..engine.matching import exact_sums
from ..engine.migration import absorption, flow_through
from ..errors import InputError
from .books import Options, nearest_step
from .buckets import Ladder, ladder
from .flows import Flows, take_flows
from .tables import as_frame

__all__ = ["backtest_loss_rates", "loss_rates", "roll_rates"]


class TooShortError(InputError):
    """The data do not reach from one period end to the next."""


PAID, LOST = "paid", "written_off"


def roll_rates(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    freq: str = "M",
    buckets: Any = "30",
    by: Any = None,
    periods: int | None = None,
    detail: bool = False,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """How what is open at the end of a period has moved by the end of the next.

    Every open document is followed from period end to period end: the part that was paid goes
    to ``paid``, the part written off to ``written_off``, the rest to the bucket it is in then.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`. Without ``fx`` there must be one currency, or it is a key.
    freq : {"W", "M", "Q", "Y"}
        Length of a period. A last period that is not over at ``as_of`` is left out.
    buckets
        As for :func:`aging`.
    by : str or list of str, optional
        Key columns, each with rates of its own.
    periods : int, optional
        Use the last so many periods; None: all.
    detail : bool, default=False
        One row a period as well, with ``period_end``.

    Returns
    -------
    DataFrame
        Keys, ``from``, ``to`` (buckets, ``paid``, ``written_off``), ``amount``, ``rate`` (share
        of the amount in ``from``; the rates of a ``from`` add up to 1; NaN where nothing was
        there), ``as_of``.

    Raises
    ------
    InputError
        As for :func:`ledger`; the data span no whole period.

    References
    ----------
    .. [1] R. M. Cyert, H. J. Davidson, G. L. Thompson, "Estimation of the allowance for doubtful
       accounts by Markov chains", Management Science 8 (1962), 287-303.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import roll_rates
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": "A", "amount": [100.0, 300.0],
    ...     "invoice_date": ["2025-01-01", "2025-01-01"],
    ...     "due_date": ["2025-02-15", "2025-02-15"]})
    >>> paid = pd.DataFrame({"payment_id": ["P"], "customer_id": ["A"], "invoice_id": ["b"],
    ...                      "date": ["2025-02-10"], "amount": [300.0]})
    >>> got = roll_rates(invoices, paid, as_of="2025-02-28")
    >>> got[got["amount"] > 0][["from", "to", "amount", "rate"]]
          from    to  amount  rate
    1  current  1-30   100.0  0.25
    5  current  paid   300.0  0.75
    """
    steps = ladder(buckets, caller="roll_rates")
    door.check_bool(detail, "detail", caller="roll_rates")
    if periods is not None:
        door.check_int(periods, "periods", caller="roll_rates", low=1)
    flows = take_flows(
        "roll_rates", (invoices, payments, adjustments), as_of=as_of, method=method, fx=fx, by=by,
        sales_basis="gross", options=options,
    )  # fmt: skip
    ends = _whole_periods(flows, freq)[-(periods + 1 if periods else 0) :]
    if len(ends) < 2:
        raise TooShortError(
            f"roll_rates(): the data span no two ends of a period of freq={freq!r} up to "
            f"{flows.books.as_of.date()}; use a shorter freq."
        )
    moved = np.stack([_moved(flows, steps, a, b) for a, b in zip(ends, ends[1:])])
    out = _rates_frame(flows, steps, moved.sum(axis=0))
    if detail:
        parts = [
            _rates_frame(flows, steps, m).assign(
                period_end=np.datetime64(b, "D").astype("datetime64[us]")
            )
            for m, b in zip(moved, ends[1:])
        ]
        out = pd.concat(parts, ignore_index=True)
    out["as_of"] = np.datetime64(ends[-1], "D").astype("datetime64[us]")
    return out


def _whole_periods(flows: Flows, freq: str) -> list[int]:
    """Period ends with documents, the last one only if its period is over at ``as_of``."""
    from ..engine.periods import period_end, period_of

    ends = flows.moments(freq)
    last = ends[-1]
    if int(period_end(period_of(np.array([last]), freq), freq)[0]) != last:
        ends = ends[:-1]
    return ends


def _moved(flows: Flows, steps: Ladder, start: int, end: int) -> np.ndarray:
    """Units by key, from-bucket and to-state over one period."""
    before, after = flows.at(start), flows.at(end)
    documents = flows.books.documents
    issued = np.flatnonzero(documents.day <= start)
    position_after = np.cumsum(documents.day <= end) - 1
    opening = before.open.clip(0)
    closing = np.minimum(after.open[position_after[issued]].clip(0), opening)
    lost = (flows.written_off(end) - flows.written_off(start))[issued]
    lost = np.minimum(lost, opening - closing).clip(0)
    date = documents.day if steps.years else documents.due
    source = steps.place(date[issued], start)
    target = steps.place(date[issued], end)
    n = len(steps.buckets)
    states = n + 2
    row = (flows.document[issued] * n + source) * states
    cell = np.concatenate([row + target, row + n, row + n + 1])
    units = np.concatenate([closing, opening - closing - lost, lost])
    size = len(flows.keys) * n * states
    return exact_sums(cell, units, size).reshape(-1, n, states)


def _rates_frame(flows: Flows, steps: Ladder, units: np.ndarray) -> pd.DataFrame:
    n, states = len(steps.buckets), len(steps.buckets) + 2
    names = [*steps.names, PAID, LOST]
    keys = flows.keys
    flows.refuse_keys(("from", "to", "amount", "rate", "period_end"))
    out = keys.loc[keys.index.repeat(n * states)].reset_index(drop=True)
    k = len(keys)
    out["from"] = np.tile(np.repeat(np.array(steps.names, dtype=object), states), k)
    out["to"] = np.tile(np.array(names, dtype=object), n * k)
    total = units.sum(axis=2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(total > 0, units / np.where(total > 0, total, 1), np.nan)
    out["amount"] = flows.money(units.reshape(-1))
    out["rate"] = rate.reshape(-1)
    return out


def loss_rates(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: Literal["flow", "markov", "vintage"] = "flow",
    allocation: str = "specific_then_fifo",
    fx: Any = None,
    freq: str = "M",
    buckets: Any = "30",
    periods: int | None = None,
    loss_given_default: float = 1.0,
    default_days: int = 90,
    staying: Literal["lost", "open"] = "lost",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Expected loss as a share of what is open in each bucket, from the ledger's own history.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, fx, **options
        As for :func:`ledger`; or a result of :func:`roll_rates` in place of the first.
    method : {"flow", "markov", "vintage"}
        ``flow``: what rolls from each bucket into the next or beyond, multiplied through to the
        last bucket, times ``loss_given_default`` (the migration-rate table of CAS 22); what stays
        in a bucket counts as not moved on, so ``current`` is too low where terms are longer than
        a period.
        ``markov``: probability of ending written off in the absorbing chain of the roll rates
        (what was never seen to leave a bucket before the last ends nowhere). ``vintage``: of the
        invoices of each past period, the share that is written off or more than ``default_days``
        past due; one rate for each age since the invoice.
    allocation : str
        The ``method`` of :func:`ledger`.
    freq, buckets, periods
        As for :func:`roll_rates`.
    loss_given_default : float in [0, 1], default=1
        Share of what reaches the end that is lost.
    default_days : int, default=90
        Days past due after which a vintage counts as lost.
    staying : {"lost", "open"}, default="lost"
        What is in the last bucket at the end of a period as at its start: ``lost``, as where that
        bucket has no end; or ``open``, to be paid or written off later at the same rates, as in
        textbook chains, whose last bucket ends in a write-off. Where nothing ever left, lost.
        Not for ``vintage``.

    Returns
    -------
    DataFrame
        ``bucket``, ``rate`` (share that moves on in one period; ``flow`` only; missing where
        nothing was ever open; of the last bucket what is lost), ``loss_rate``, ``status``
        (``observed``; ``assumed``: it rests on a bucket of which nothing is known, from which
        all is then taken to move on), ``as_of``;
        for ``vintage``: ``vintage``, ``age``, ``invoiced``, ``lost``, ``loss_rate``, ``as_of``.

    Raises
    ------
    InputError
        As for :func:`roll_rates`; several currencies without ``fx``; roll rates that add up to
        more than 1.

    References
    ----------
    .. [1] R. M. Cyert, H. J. Davidson, G. L. Thompson, "Estimation of the allowance for doubtful
       accounts by Markov chains", Management Science 8 (1962), 287-303.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import loss_rates
    >>> rolls = pd.DataFrame({
    ...     "from": ["current", "current", "1+", "1+"], "to": ["1+", "paid", "paid", "1+"],
    ...     "rate": [0.2, 0.8, 0.75, 0.25]})
    >>> loss_rates(rolls)[["bucket", "rate", "loss_rate"]]
        bucket  rate  loss_rate
    0  current  0.20       0.05
    1       1+  0.25       0.25
    """
    caller = "loss_rates"
    door.check_choice(method, "method", ("flow", "markov", "vintage"), caller=caller)
    door.check_number(loss_given_default, "loss_given_default", caller=caller, low=0, high=1)
    door.check_int(default_days, "default_days", caller=caller, low=0)
    door.check_freq(freq, caller=caller, choices=("W", "M", "Q", "Y"))
    door.check_choice(staying, "staying", ("lost", "open"), caller=caller)
    if method == "vintage":
        if staying == "open":
            raise InputError(f"{caller}(): staying={staying!r} is not for method='vintage'.")
        return _vintage(
            (invoices, payments, adjustments), as_of, allocation, fx, freq, default_days, options
        )
    rolls = invoices = as_frame(invoices, caller=caller, arg="invoices")
    if not (isinstance(invoices, pd.DataFrame) and {"from", "to", "rate"} <= set(invoices.columns)):
        with door.speaking_for(caller, method="allocation"):
            rolls = roll_rates(
                invoices, payments, adjustments, as_of=as_of, method=allocation, fx=fx, freq=freq,
                buckets=buckets, periods=periods, **options,
            )  # fmt: skip
    if rolls.duplicated(["from", "to"]).any():
        raise InputError(
            f"{caller}(): the roll rates hold several currencies, keys or periods; convert with "
            "fx=, or pass the rows of one."
        )
    return _from_rolls(rolls, method, loss_given_default, staying, caller)


def _from_rolls(
    rolls: pd.DataFrame, method: str, loss_given_default: float, staying: str, caller: str
) -> pd.DataFrame:
    """Loss rates; what nobody was ever seen to leave is taken to move on whole, and said so."""
    names, table, known = _matrix(rolls, caller)
    n = len(names)
    stays = table[-1, n - 1]
    left = table[-1].sum() - stays
    if staying == "open" and left > 0:  # all that stays leaves one day, like what leaves now
        table[-1] /= left
    else:
        table[-1, n + 1] += stays
    table[-1, n - 1] = 0.0
    onward = np.array([table[k, k + 1 : n].sum() + table[k, n + 1] for k in range(n)])
    ends = []
    for assumed in (1.0, 0.0):
        onward[~known] = assumed
        for k in np.flatnonzero(~known):
            table[k, k + 1 if k < n - 1 else n + 1], table[k, n] = assumed, 1 - assumed
        ends.append(flow_through(onward) if method == "flow" else _absorbed(table))
    loss, least = ends
    out = pd.DataFrame({"bucket": np.array(names, dtype=object)})
    if method == "flow":
        out["rate"] = np.where(known, onward, np.nan)
    out["loss_rate"] = loss * loss_given_default
    rests = np.abs(loss - least) > 1e-12
    out["status"] = np.where(rests, "assumed", "observed").astype(object)
    if "as_of" in rolls:
        out["as_of"] = rolls["as_of"].iloc[0]
    return out


def _absorbed(table: np.ndarray) -> np.ndarray:
    """Chance of ending written off."""
    n = len(table)
    chain = np.vstack([table, np.hstack([np.zeros((2, n)), np.eye(2)])])
    return absorption(chain, n)[:, 1]


def _matrix(rolls: pd.DataFrame, caller: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Transition rates (rows buckets; columns buckets, paid, written off); whether any is known."""
    rows = door.take(
        rolls, caller=caller, arg="the roll rates", unique=("source", "target"),
        source=Key("from", option=""), target=Key("to", option=""),
        rate=Amount("rate", missing="allow", low=0, option=""),
    )  # fmt: skip
    names = list(dict.fromkeys(rows.series("source")))
    states = [*names, PAID, LOST]
    unknown = set(rows.series("target")) - set(states)
    if unknown:
        raise InputError(
            f"{caller}(): the roll rates lead to {sorted(map(str, unknown))[0]!r}, which is "
            f"neither a bucket they start from nor {PAID!r} nor {LOST!r}."
        )
    wide = pd.DataFrame(0.0, index=names, columns=states)
    for a, b, rate in zip(rows.series("source"), rows.series("target"), rows["rate"]):
        wide.loc[a, b] = np.nan_to_num(rate)
    total = wide.sum(axis=1)
    if (total > 1 + 1e-6).any():
        raise InputError(
            f"{caller}(): the roll rates from {total.idxmax()!r} add up to {total.max():g}; they "
            "are shares of what is there and cannot exceed 1. Are they in percent?"
        )
    told = pd.Series(~np.isnan(rows["rate"])).groupby(rows.series("source").to_numpy()).any()
    known = told.reindex(names).to_numpy(dtype=bool)
    return [str(n) for n in names], wide.to_numpy(copy=True), known


def _vintage(
    frames: tuple[Any, Any, Any],
    as_of: Any,
    allocation: str,
    fx: Any,
    freq: str,
    default_days: int,
    options: Options,
) -> pd.DataFrame:
    from ..engine.periods import period_of, period_start

    with door.speaking_for("loss_rates", method="allocation"):
        flows = take_flows(
            "loss_rates", frames, as_of=as_of, method=allocation, fx=fx, by=None,
            sales_basis="gross", options=options,
        )  # fmt: skip
    documents = flows.books.documents
    born = period_of(documents.day, freq)
    positive = documents.units > 0
    invoiced = pd.Series(documents.units[positive]).groupby(born[positive]).sum()
    rows = []
    for end in _whole_periods(flows, freq):
        at = flows.at(end)
        now = int(period_of(np.array([end]), freq)[0])
        issued = documents.day <= end
        settled = documents.units[issued] - at.open.clip(0)
        gone = np.minimum(flows.written_off(end)[issued], settled.clip(0)).clip(0)
        late = np.where(end - documents.due[issued] > default_days, at.open.clip(0), 0)
        lost = pd.Series(gone + late).groupby(born[issued]).sum()
        for vintage, amount in lost.items():
            rows.append((vintage, now - vintage, invoiced.get(vintage, 0), amount))
    table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 4)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(table[:, 2] > 0, table[:, 3] / table[:, 2], np.nan)
    start = period_start(table[:, 0], freq).astype("datetime64[D]").astype("datetime64[us]")
    out = pd.DataFrame({"vintage": start, "age": table[:, 1]})
    out["invoiced"], out["lost"] = flows.money(table[:, 2]), flows.money(table[:, 3])
    out["loss_rate"] = rate
    out["as_of"] = flows.books.as_of
    return out


def backtest_loss_rates(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: Literal["flow", "markov"] = "flow",
    allocation: str = "specific_then_fifo",
    fx: Any = None,
    freq: str = "M",
    buckets: Any = "30",
    horizon_days: int = 180,
    origins: int = 6,
    default_days: int = 90,
    loss_given_default: float = 1.0,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Loss rates as they would have been known at past dates, against what was then lost.

    At each origin the rates come from what had happened by then; what was open is followed for
    ``horizon_days``: lost is what was written off since, or is still open and more than
    ``default_days`` past due.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, fx, **options
        As for :func:`ledger`.
    method, allocation, freq, buckets, loss_given_default
        As for :func:`loss_rates`.
    horizon_days : int, default=180
        Days after an origin at which the outcome is read; the last origin lies so far back.
    origins : int, default=6
        So many period ends, the latest that fit.
    default_days : int, default=90
        Days past due after which something still open counts as lost.

    Returns
    -------
    DataFrame
        ``origin``, ``bucket``, ``amount`` (open at the origin), ``expected`` (amount times
        rate), ``lost``, ``expected_rate``, ``loss_rate``, ``as_of``. Unlike a forecast made
        with the whole history, no row knows what came after its origin.

    Raises
    ------
    InputError
        As for :func:`roll_rates`; no origin has a history before and a horizon after it.

    References
    ----------
    .. [1] IFRS 9 Financial Instruments, paragraph B5.5.52: estimates against actual losses.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> from salesmgmt.credit import backtest_loss_rates, ledger
    >>> tables = [load_sample(t) for t in ("invoices", "payments", "adjustments")]
    >>> got = backtest_loss_rates(ledger(*tables, fx={"USD": 7.1}), origins=2)
    >>> got["bucket"].tolist()[:5]
    ['current', '1-30', '31-60', '61-90', '91+']
    """
    caller = "backtest_loss_rates"
    door.check_choice(method, "method", ("flow", "markov"), caller=caller)
    for name, value in (
        ("horizon_days", horizon_days), ("origins", origins), ("default_days", default_days),
    ):  # fmt: skip
        door.check_int(value, name, caller=caller, low=1)
    door.check_number(loss_given_default, "loss_given_default", caller=caller, low=0, high=1)
    steps = ladder(buckets, caller=caller)
    with door.speaking_for(caller, method="allocation"):
        flows = take_flows(
            caller, (invoices, payments, adjustments), as_of=as_of, method=allocation, fx=fx,
            by=None, sales_basis="gross", options=options,
        )  # fmt: skip
    if len(flows.keys) > 1:
        raise InputError(f"{caller}(): there are several currencies; convert with fx=.")
    ends = _whole_periods(flows, freq)
    usable = [e for e in ends[2:] if e + horizon_days <= flows.books.today][-origins:]
    if not usable:
        raise TooShortError(
            f"{caller}(): no period end has two before it and {horizon_days} days after it up to "
            f"{flows.books.as_of.date()}; use a shorter horizon_days or freq."
        )
    parts = [
        _one_origin(flows, steps, [e for e in ends if e <= origin], horizon_days, default_days,
                    method, loss_given_default)
        for origin in usable
    ]  # fmt: skip
    out = pd.concat(parts, ignore_index=True)
    out["as_of"] = flows.books.as_of
    return out


def _one_origin(
    flows: Flows,
    steps: Ladder,
    ends: list[int],
    horizon: int,
    default_days: int,
    method: Literal["flow", "markov"],
    loss_given_default: float,
) -> pd.DataFrame:
    """Expected and real losses of what was open at the last of ``ends``."""
    origin = ends[-1]
    moved = sum(_moved(flows, steps, a, b) for a, b in zip(ends, ends[1:]))
    rolls = _rates_frame(flows, steps, np.asarray(moved))[["from", "to", "rate"]]
    rates = _from_rolls(rolls, method, loss_given_default, "lost", "backtest_loss_rates")
    at, later = flows.at(origin), flows.at(origin + horizon)
    documents = flows.books.documents
    issued = np.flatnonzero(documents.day <= origin)
    opening = at.open.clip(0)
    position_later = np.cumsum(documents.day <= origin + horizon) - 1
    still = np.minimum(later.open[position_later[issued]].clip(0), opening)
    late = origin + horizon - documents.due[issued] > default_days
    gone = (flows.written_off(origin + horizon) - flows.written_off(origin))[issued]
    gone = np.minimum(gone, opening - still).clip(0)
    date = documents.day if steps.years else documents.due
    place = steps.place(date[issued], origin)
    amount = flows.money(exact_sums(place, opening, len(steps.buckets)))
    lost = flows.money(exact_sums(place, np.where(late, still, 0) + gone, len(steps.buckets)))
    rate = rates["loss_rate"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        real = np.where(amount > 0, lost / np.where(amount > 0, amount, 1), np.nan)
    return pd.DataFrame(
        {
            "origin": np.datetime64(origin, "D").astype("datetime64[us]"),
            "bucket": np.array(steps.names, dtype=object),
            "amount": amount,
            "expected": nearest_step(amount * rate, flows.step),
            "lost": lost,
            "expected_rate": rate,
            "loss_rate": real,
        }
    )
