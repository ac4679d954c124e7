"""The commission plan: its rules, checked when it is made, and its readable file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_bool, check_choice, check_number, day, warn
from ..engine.tiers import ROUNDINGS, Tiers
from ..engine.units import fraction_of
from ..errors import InputError

__all__ = ["PER_CENT", "CommissionPlan", "fraction"]

BASES = ("attainment", "amount")
MODES = ("marginal", "retroactive", "interpolated")
PAYS = ("rate", "flat", "target_pay")
LEVELS = ("row", "rep", "period")
SETTLE = ("waive", "carry", "pay")
_CALLER = "CommissionPlan"
PER_CENT = (20.0, 500.0)  # an attainment of so many times the target: per cent were meant


@dataclass(frozen=True)
class CommissionPlan:
    """Rules that turn results into pay.

    Parameters
    ----------
    tiers : sequence of tuples, mapping or DataFrame
        ``(start, value)`` or ``(start, end, value)`` (``end`` None or NaN for the last), or
        ``{start: value}``, or a frame with columns ``start`` and ``value``. The first starts at
        0. Accelerators and decelerators are tiers with higher and lower values. The last tier
        goes on beyond an ``end`` of its own: a ceiling on pay is a ``cap``.
    base : {"attainment", "amount"}
        What tiers are climbed by: the share of the target (1.2: 120 %) or the amount itself.
    mode : {"marginal", "retroactive", "interpolated"}
        Each slice at its own tier's rate; everything at the rate of the tier reached; or
        everything at a rate that goes in a straight line from one tier's start to the next.
    boundary : {"upper", "lower"}
        The tier a result exactly on an edge belongs to.
    cumulative : bool or {"Q", "Y"}, default=False
        Tiers are climbed over the fiscal year to date (True, ``"Y"``) or the quarter to date
        (``"Q"``; attainment: amount to date over target to date); a period pays what the year
        (quarter) to date earns more than it did before. A target may then be that of the whole
        year or quarter, see ``targets`` of :func:`payout`.
    threshold : float, optional
        Attainment (or amount) of the period, if cumulative of the year to date, below which
        nothing is earned; at it, all is.
    gate : float or mapping, optional
        Year-to-date attainment below which no accelerator is paid: rates of tiers from 100 %
        on (base amount: after the first) are held at the rate before them (one that is lower
        stays). ``{"attainment": 1.0, "rate": 0.05}`` names the rate to hold them at.
    cap : float or mapping, optional
        Most that the tiers (with multiplier) pay a period; ``{"period": ..., "year": ...,
        "target_pay": 2.0, "row": ...}`` for other ceilings (``target_pay``: times the column; one
        that spans several periods is the ceiling of them together; ``row``: what the tiers pay
        for one result row, before any multiplier, and take back for one). A year counts what
        plans before this one paid in it, and takes nothing of that back.
    draw : float or mapping, optional
        Least pay a period, recoverable. ``{"amount": 1000, "recoverable": True, "limit": 5000,
        "share": 0.5}``: most that may be owed; share of the pay above the draw that is kept back,
        at most, for what is owed, returns carried over among it. It is due in each period from a
        payee's first to the last with results or a target: a target (or a result of zero) keeps
        it going in a period without sales.
    clawback : {"carry", "pay", "waive", "original"} or mapping, optional
        Returns and bad debts are negative amounts and lower the results of their period. What
        a negative pay then means: it is waived (None), owed and set off later (``"carry"``), or
        paid back at once (``"pay"``). ``"original"``: the period of the sale (column
        ``sale_date``) is computed again without it, the difference is taken back now and
        carried. ``{"basis": "original", "settle": "pay", "within_days": 90}`` names all; later
        returns take nothing back. The pay of the sale's period is that of the plan in force then,
        under its ceilings.
    splits : str or mapping, optional
        Who shares a row. A column with each row's share (0..1), or ``{"rep": 0.7,
        "engineer": 0.3}``: columns that name the payees, with their shares, exact to the unit.
        Credit counts in attainment as in pay.
    pool : mapping, optional
        Team pool on top: ``{"by": "team", "rate": 0.01, "share": "amount" | "equal"}``: that
        share of the team's amount, divided among its members, exact to the unit. ``"amount"``
        in it instead of ``"rate"`` is a fixed pool; ``"threshold"`` is the team attainment it
        needs. Members are those with results, and in a period with a target also those without
        (their team is that of their other periods). Where no member sold anything a fixed pool
        is divided evenly; a share of a team's amount below zero is no pool.
    rounding : {"half_up", "half_even", "half_down", "down", "up", "floor", "ceiling"}
        How a fraction of the smallest unit is rounded.
    round_at : {"row", "rep", "period"}
        Where: each result row; the rep's running total, so that his payments add up to the
        rounded whole; or each rep's period.
    pays : {"rate", "flat", "target_pay"}, default="rate"
        What a tier's value is: a share of the amount; a sum of money (``marginal``: for each
        tier reached; ``retroactive``: for the one reached); or a share of the ``target_pay``
        column of the period.
    scope : {"period", "row"}, default="period"
        Whether the period's total climbs the tiers, or each result row alone.
    overlays : mapping, optional
        ``{"manager": 0.1}``: further payee columns credited on top of the splits.
    spiffs : sequence of mappings, optional
        ``{"where": {"product": "X"}, "pay": 50, "per": "row" | "unit" | "amount", "start": ...,
        "end": ...}``: a fixed sum a row, a sum a unit of ``quantity``, or a share of the amount.
        ``where`` names a value or several of a column. Rows of negative amount take it back. It
        goes to the row's own payee (``by``): the sum of a row or a unit whole, whatever his share
        of the row; a share of the amount from what he is credited.
    multiplier : str, optional
        Column (of the targets or the results) whose number multiplies what the tiers pay.
    pay_on : {"booking", "collection"}, default="booking"
        ``"collection"``: what a row earned is held until the date in column
        ``collected_date`` and paid in that period. A return is taken back on that date of its
        own (the day of the refund), one with ``clawback="original"`` at once. A row earned its
        own slices (``marginal``) or its own pay (``scope="row"``), as the trace tells; under a
        ceiling all rows of the period are cut in proportion; at one rate for the period, and
        for what a rate that moved adds to the year so far, rows share by amount, sums for a
        tier reached are shared by the sales.
    true_up : bool, default=True
        Cumulative plans that are retroactive or interpolated: whether the rate reached to date
        also applies to what earlier periods sold. False: to the period's own amount alone.
    start, end : date, optional
        Periods that start in ``[start, end]`` are paid by this plan.
    name : str, default=""
        For people.

    Attributes
    ----------
    tiers : tuple of (float, float)
        Start and value of each tier; all other parameters as given.

    References
    ----------
    .. [1] Oracle Fusion Incentive Compensation, documentation of rate tables and of draws (an
       edge belongs to the upper tier).
    .. [2] Salesforce Spiff, documentation of ``mamount`` and ``tier_payout`` (to the lower one).

    Examples
    --------
    >>> plan = CommissionPlan([(0, 0.05), (10_000, 0.07), (25_000, 0.10)], base="amount")
    >>> plan.tiers
    ((0.0, 0.05), (10000.0, 0.07), (25000.0, 0.1))
    """

    tiers: Any
    base: str = "attainment"
    mode: str = "marginal"
    boundary: str = "upper"
    cumulative: bool | str = False
    threshold: float | None = None
    gate: float | Mapping[str, float] | None = None
    cap: float | Mapping[str, float] | None = None
    draw: float | Mapping[str, Any] | None = None
    clawback: str | Mapping[str, Any] | None = None
    splits: str | Mapping[str, float] | None = None
    pool: Mapping[str, Any] | None = None
    rounding: str = "half_up"
    round_at: str = "row"
    _: KW_ONLY
    pays: str = "rate"
    scope: str = "period"
    overlays: Mapping[str, float] | None = None
    spiffs: Sequence[Mapping[str, Any]] = ()
    multiplier: str | None = None
    pay_on: str = "booking"
    true_up: bool = True
    start: Any = None
    end: Any = None
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tiers", _read_tiers(self.tiers))
        for option, known in (
            ("base", BASES),
            ("mode", MODES),
            ("boundary", ("upper", "lower")),
            ("rounding", ROUNDINGS),
            ("round_at", LEVELS),
            ("pays", PAYS),
            ("scope", ("period", "row")),
            ("pay_on", ("booking", "collection")),
        ):
            check_choice(getattr(self, option), option, known, caller=_CALLER)
        self._read_cumulative()
        check_bool(self.true_up, "true_up", caller=_CALLER)
        if self.threshold is not None:
            check_number(self.threshold, "threshold", caller=_CALLER, low=0)
        self.gate_rule, self.caps, self.draw_rule, self.clawback_rule  # noqa: B018 - checked here
        if self.multiplier is not None and not isinstance(self.multiplier, str):
            raise InputError(
                f"{_CALLER}(): multiplier must be the name of a column, got {self.multiplier!r}."
            )
        _check_shares(self.splits, self.overlays)
        _check_pool(self.pool)
        object.__setattr__(self, "spiffs", _check_spiffs(self.spiffs))
        self._check_together()
        self._check_scale()
        for option in ("start", "end"):
            if getattr(self, option) is not None:
                last = option == "end"
                when = day(getattr(self, option), name=option, caller=_CALLER, last=last)
                object.__setattr__(self, option, when)
        if self.start is not None and self.end is not None and self.end < self.start:
            raise InputError(
                f"{_CALLER}(): end {self.end:%Y-%m-%d} lies before start {self.start:%Y-%m-%d}; "
                "swap them."
            )

    def _read_cumulative(self) -> None:
        if isinstance(self.cumulative, str):
            check_choice(self.cumulative, "cumulative", ("Q", "Y"), caller=_CALLER)
            if self.cumulative == "Y":
                object.__setattr__(self, "cumulative", True)
            return
        told = check_bool(self.cumulative, "cumulative", caller=_CALLER)
        object.__setattr__(self, "cumulative", told)

    def _check_scale(self) -> None:
        """Attainments are shares: a gate of 100 (per cent) would never open."""
        shares = {
            "gate": (self.gate_rule or {}).get("attainment"),
            "the cap by target_pay": self.caps.get("target_pay"),
        }
        if self.base == "attainment":
            shares |= {"threshold": self.threshold, "the last tier": self.tiers[-1][0]}
        for what, value in shares.items():
            if value is not None and PER_CENT[0] <= value <= PER_CENT[1]:
                hint = ", or take base='amount'" if what in ("threshold", "the last tier") else ""
                raise InputError(
                    f"{_CALLER}(): {what} lies at {value:g} times the whole; it is a share: write "
                    f"{value / 100:g}{hint}."
                )

        highest = max(value for _, value in self.tiers)
        if self.pays == "rate" and highest > 1:  # right only where amounts are pieces, not money
            warn(
                f"{_CALLER}(): a rate of {highest:g} pays {highest:.0%} of what is sold; if "
                f"{highest:g} % is meant, write {highest / 100:g}."
            )

    def _check_together(self) -> None:
        rows_only = self.scope == "row"
        for wrong, told in (
            (rows_only and self.cumulative, "scope='row' cannot be cumulative"),
            (
                rows_only and (self.base != "amount" or self.pays == "target_pay"),
                "scope='row' needs base='amount' and no target_pay: rows have no target",
            ),
            (
                self.clawback_rule["basis"] == "original" and (self.cumulative or rows_only),
                "clawback='original' goes with period tiers; cumulative plans net the year anyway",
            ),
            (
                "row" in self.caps
                and (
                    (self.round_at != "row" and not rows_only)
                    or self.pays != "rate"
                    or self.clawback_rule["basis"] == "original"
                    or (self.cumulative and self.true_up and self.mode != "marginal")
                ),
                "a cap by row goes with rates rounded at each row, and without "
                "clawback='original' or a true-up, which are no row's own",
            ),
            (
                not self.true_up
                and (not self.cumulative or self.mode == "marginal" or self.pays != "rate"),
                "true_up=False goes with a cumulative plan whose mode is 'retroactive' or "
                "'interpolated' and that pays rates; marginal tiers lift nothing sold before",
            ),
            (
                self.mode == "marginal" and self.pays == "target_pay",
                "pays='target_pay' goes with mode='retroactive' or 'interpolated'",
            ),
        ):
            if wrong:
                raise InputError(f"{_CALLER}(): {told}.")

    # ---- rules, read

    @property
    def gate_rule(self) -> dict[str, float] | None:
        """``attainment`` and optional ``rate`` of the gate."""
        return _mapping(self.gate, "gate", "attainment", ("attainment", "rate"))

    @property
    def caps(self) -> dict[str, float]:
        """Ceilings by kind: ``period``, ``year``, ``target_pay``, ``row``."""
        return _mapping(self.cap, "cap", "period", ("period", "year", "target_pay", "row")) or {}

    @property
    def draw_rule(self) -> dict[str, Any]:
        """``amount``, ``recoverable``, ``limit``, ``share``."""
        rule: dict[str, Any] = {"amount": 0.0, "recoverable": True, "limit": None, "share": 1.0}
        given = self.draw
        if isinstance(given, Mapping):
            given = dict(given)
            if "recoverable" in given:
                rule["recoverable"] = check_bool(given.pop("recoverable"), "draw", caller=_CALLER)
        rule |= _mapping(given, "draw", "amount", ("amount", "limit", "share")) or {}
        check_number(rule["share"], "draw share", caller=_CALLER, low=0, high=1)
        if self.draw is not None and isinstance(self.draw, Mapping) and "amount" not in self.draw:
            raise InputError(f"{_CALLER}(): draw needs 'amount', the least pay of a period.")
        if not rule["recoverable"] and rule["limit"] is not None:
            raise InputError(
                f"{_CALLER}(): draw: a limit of what may be owed goes with recoverable=True; "
                "leave one of them out."
            )
        return rule

    @property
    def clawback_rule(self) -> dict[str, Any]:
        """``basis`` (period, original), ``settle`` (waive, carry, pay), ``within_days``."""
        given = self.clawback
        rule: dict[str, Any] = {"basis": "period", "settle": "waive", "within_days": None}
        if isinstance(given, str):
            check_choice(given, "clawback", (*SETTLE, "original"), caller=_CALLER)
            original = given == "original"
            return rule | {
                "basis": "original" if original else "period",
                "settle": "carry" if original else given,
            }
        if given is not None:
            if not isinstance(given, Mapping) or set(given) - set(rule):
                raise InputError(f"{_CALLER}(): clawback must be a word or {sorted(rule)}.")
            rule |= {"settle": "carry", **given}
            check_choice(rule["basis"], "basis", ("period", "original"), caller=_CALLER)
            check_choice(rule["settle"], "settle", SETTLE, caller=_CALLER)
            if rule["within_days"] is not None:
                check_number(rule["within_days"], "within_days", caller=_CALLER, low=0)
                if rule["basis"] != "original":
                    raise InputError(f"{_CALLER}(): within_days goes with basis='original'.")
        return rule

    def table(self, step: float) -> Tiers:
        """The tiers in exact numbers, as the computation uses them.

        Parameters
        ----------
        step : float
            Smallest unit of money.

        Returns
        -------
        Tiers
            Starts in units of ``step`` (base amount) or shares of the target; rates, or units of
            pay where tiers pay flat sums.
        """
        unit = fraction_of(step)
        starts = [fraction(s) / (unit if self.base == "amount" else 1) for s, _ in self.tiers]
        return Tiers.of(starts, [self._value(v, unit) for _, v in self.tiers], self._held(unit))

    def _value(self, value: float, unit: Fraction) -> Fraction:
        """A tier's value: a share, or units of pay."""
        return fraction(value) / (unit if self.pays == "flat" else 1)

    def _held(self, unit: Fraction) -> Fraction | None:
        """The rate that a shut gate holds tiers at, where the plan names it."""
        rule = self.gate_rule or {}
        return self._value(rule["rate"], unit) if "rate" in rule else None

    # ---- files

    def save(self, path: str | Path) -> None:
        """Write the plan as TOML that people can read; :meth:`load` reads it back equal.

        Parameters
        ----------
        path : str or Path
            File to write.
        """
        lines = []
        tables = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or (field.name == "spiffs" and not value):
                continue
            if field.name == "spiffs":
                tables += [["[[spiffs]]", *_toml_items(s)] for s in value]
            elif isinstance(value, Mapping):
                tables.append([f"[{field.name}]", *_toml_items(value)])
            else:
                lines.append(f"{field.name} = {_toml(value)}")
        text = "\n".join(lines) + "\n" + "".join("\n" + "\n".join(t) + "\n" for t in tables)
        Path(path).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> CommissionPlan:
        """Read a plan written by :meth:`save`, or by hand.

        Parameters
        ----------
        path : str or Path
            TOML file.

        Returns
        -------
        CommissionPlan

        Raises
        ------
        InputError
            There is no such file, it is no TOML, or a rule is unknown.
        """
        file = Path(path)
        if not file.is_file():
            raise InputError(f"{_CALLER}.load(): {file}: there is no such file.")
        try:
            rules = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
            raise InputError(f"{_CALLER}.load(): {file}: {err}") from None
        known = {f.name for f in fields(cls)}
        for rule in rules:
            if rule not in known:
                raise InputError(
                    f"{_CALLER}.load(): {file}: unknown rule {rule!r}; known: {sorted(known)}."
                )
        if "tiers" not in rules:
            raise InputError(f"{_CALLER}.load(): {file}: there are no tiers.")
        return cls(**rules)


def fraction(value: float) -> Fraction:
    """The decimal fraction a person means: 0.07 is 7/100."""
    return Fraction(repr(float(value)))


def _read_tiers(tiers: Any) -> tuple[tuple[float, float], ...]:
    if isinstance(tiers, pd.DataFrame):
        if not {"start", "value"} <= set(tiers.columns):
            raise InputError(f"{_CALLER}(): a tier frame has the columns 'start' and 'value'.")
        rows: list[Any] = list(zip(tiers["start"], tiers["value"], strict=True))
    elif isinstance(tiers, Mapping | pd.Series):
        rows = list(tiers.items())
    elif isinstance(tiers, np.ndarray) and tiers.ndim == 2:
        rows = tiers.tolist()
    elif isinstance(tiers, Sequence) and not isinstance(tiers, str):
        rows = list(tiers)
    else:
        rows = []
    if not rows or any(not isinstance(r, Sequence) or len(r) not in (2, 3) for r in rows):
        raise InputError(
            f"{_CALLER}(): tiers must be (start, value) or (start, end, value), one at least."
        )
    rows = [tuple(r.item() if isinstance(r, np.generic) else r for r in row) for row in rows]
    _check_ends(rows)
    out = [
        (
            check_number(r[0], "tier start", caller=_CALLER, low=0),
            check_number(r[-1], "tier value", caller=_CALLER),
        )
        for r in rows
    ]
    starts = [s for s, _ in out]
    if starts[0] != 0:
        raise InputError(
            f"{_CALLER}(): the first tier must start at 0, not {starts[0]:g}; "
            "give it (0, 0) if nothing is paid there."
        )
    if any(b <= a for a, b in zip(starts, starts[1:], strict=False)):
        raise InputError(f"{_CALLER}(): tiers must start ever higher, got {starts}.")
    return tuple(out)


def _check_ends(rows: list[Any]) -> None:
    for i, row in enumerate(rows):
        if len(row) == 3:
            last = i == len(rows) - 1
            end = row[1]
            follows = None if last else rows[i + 1][0]
            if last and (end is None or end != end):  # a table read from a file says NaN
                continue
            if last and not end > row[0]:
                raise InputError(
                    f"{_CALLER}(): tier {i + 1} ends at {end}, where it starts or before; the "
                    "last tier ends at None."
                )
            if not last and end != follows:
                raise InputError(
                    f"{_CALLER}(): tier {i + 1} ends at {end} but the next starts at {follows}; "
                    "leave no gap and no overlap."
                )


def _mapping(given: Any, name: str, single: str, known: tuple[str, ...]) -> dict[str, float] | None:
    """A number, or a mapping of known words to numbers >= 0."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        return {single: check_number(given, name, caller=_CALLER, low=0)}
    lost = set(given) - set(known)
    if lost or not given:
        raise InputError(f"{_CALLER}(): {name} knows {list(known)}, not {sorted(lost)}.")
    out = {k: check_number(v, f"{name} {k}", caller=_CALLER, low=0) for k, v in given.items()}
    if name == "gate" and "attainment" not in out:
        raise InputError(f"{_CALLER}(): gate needs 'attainment'.")
    return out


def _check_shares(splits: Any, overlays: Any) -> None:
    if splits is not None and not isinstance(splits, str | Mapping):
        raise InputError(f"{_CALLER}(): splits must be a column name or {{column: share}}.")
    for name, shares in (("splits", splits), ("overlays", overlays)):
        if isinstance(shares, Mapping):
            for k, v in shares.items():
                check_number(v, f"{name} {k}", caller=_CALLER, low=0, high=1)
    if isinstance(splits, Mapping):
        total = sum((fraction(v) for v in splits.values()), Fraction(0))
        if total != 1:
            raise InputError(
                f"{_CALLER}(): splits add up to {float(total):g}, not to 1; "
                "credit beyond the deal belongs in overlays."
            )
    if overlays is not None and not isinstance(overlays, Mapping):
        raise InputError(f"{_CALLER}(): overlays must be {{column: share}}.")


def _check_pool(pool: Any) -> None:
    if pool is None:
        return
    known = {"by", "rate", "amount", "share", "threshold"}
    if not isinstance(pool, Mapping) or "by" not in pool or set(pool) - known:
        raise InputError(f"{_CALLER}(): pool must be a mapping with 'by' and of {sorted(known)}.")
    if ("rate" in pool) == ("amount" in pool):
        raise InputError(f"{_CALLER}(): pool needs either 'rate' or 'amount'.")
    for k in ("rate", "amount", "threshold"):
        if k in pool:
            check_number(pool[k], f"pool {k}", caller=_CALLER, low=0)
    check_choice(pool.get("share", "amount"), "pool share", ("amount", "equal"), caller=_CALLER)


def _check_spiffs(spiffs: Any) -> tuple[dict[str, Any], ...]:
    if spiffs is not None and (isinstance(spiffs, str) or not isinstance(spiffs, Iterable)):
        raise InputError(f"{_CALLER}(): spiffs must be a list of mappings, got {spiffs!r}.")
    given = [spiffs] if isinstance(spiffs, Mapping) else list(spiffs or ())
    known = {"where", "pay", "per", "start", "end", "name"}
    out = []
    for s in given:
        if not isinstance(s, Mapping) or "pay" not in s or set(s) - known:
            raise InputError(f"{_CALLER}(): a SPIFF needs 'pay' and knows {sorted(known)}.")
        check_number(s["pay"], "SPIFF pay", caller=_CALLER)
        check_choice(s.get("per", "row"), "per", ("row", "unit", "amount"), caller=_CALLER)
        if not isinstance(s.get("where", {}), Mapping):
            raise InputError(f"{_CALLER}(): a SPIFF's 'where' is {{column: value or values}}.")
        dates = {
            k: day(s[k], name=k, caller=_CALLER, last=k == "end")
            for k in ("start", "end")
            if k in s
        }
        where = {"where": {c: _wanted(v) for c, v in s["where"].items()}} if "where" in s else {}
        out.append({**s, **where, **dates})
    return tuple(out)


def _wanted(value: Any) -> Any:
    """What a SPIFF's column must hold: one value, or a list of them in whichever form."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return value
    listed = value.tolist() if isinstance(value, np.ndarray) else list(value)
    return sorted(listed, key=str) if isinstance(value, set | frozenset) else listed


def _toml_items(mapping: Mapping[str, Any]) -> list[str]:
    return [f"{_toml_key(k)} = {_toml(v)}" for k, v in mapping.items() if v is not None]


def _toml_key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()
    return key if plain else _toml(str(key))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, pd.Timestamp):
        return f'"{value:%Y-%m-%d}"'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_toml_items(value)) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return repr(value.item() if isinstance(value, np.generic) else value)
