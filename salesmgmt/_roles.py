"""Roles: what a column must hold; and the canonical tables by the roles of their columns."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAY_BE_EMPTY", "TABLES", "TOGETHER", "UNIQUE", "Amount", "AsIs", "Date", "Key", "Role"]


@dataclass(frozen=True, slots=True)
class Role:
    """A column by its name in the caller's frame.

    ``optional``: the column may be absent. ``missing="allow"``: single values may be missing.
    ``option``: the public option that names the column, where it is not the role's own name;
    ``""`` where the name is fixed.
    """

    name: str
    optional: bool = False
    missing: str = "refuse"
    option: str | None = None


@dataclass(frozen=True, slots=True)
class Key(Role):
    """Anything that can be grouped by; its dtype is kept. ``among``: the only ones there are."""

    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Date(Role):
    """Dates or times: datetimes with or without zone, dates, periods, or text in one format.

    ``last``: what names a whole month, quarter or year (a Period, ``"2025-12"``) is its last day,
    not its first.
    """

    last: bool = False


@dataclass(frozen=True, slots=True)
class Amount(Role):
    """Finite numbers, optionally in ``[low, high]`` and ``whole``."""

    low: float | None = None
    high: float | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class AsIs(Role):
    """A column that is handed through as it is."""


def _roles(**roles: Role) -> dict[str, Role]:
    return roles


TABLES: dict[str, dict[str, Role]] = {
    "transactions": _roles(
        customer=Key("customer_id"),
        date=Date("date"),
        amount=Amount("amount"),
        quantity=Amount("quantity", optional=True, missing="allow"),
        price=Amount("price", optional=True, missing="allow"),
        cost=Amount("cost", optional=True, missing="allow"),
        discount=Amount("discount", optional=True, missing="allow"),
    ),
    "history": _roles(date=Date("date"), amount=Amount("amount", missing="allow")),
    "plan": _roles(
        start=Date("period_start"), end=Date("period_end", last=True), target=Amount("target")
    ),
    "samples": _roles(
        date=Date("date"), draw=Amount("draw", whole=True, low=0), amount=Amount("amount")
    ),
    "stage_events": _roles(deal=Key("deal_id"), stage=Key("stage"), entered=Date("entered_at")),
    "deals": _roles(
        deal=Key("deal_id"),
        stage=Key("stage"),
        amount=Amount("amount"),
        created=Date("created_at"),
        close=Date("close_date", optional=True, missing="allow"),
    ),
    "invoices": _roles(
        invoice=Key("invoice_id"),
        customer=Key("customer_id"),
        date=Date("invoice_date"),
        due=Date("due_date", missing="allow"),
        amount=Amount("amount"),
    ),
    "payments": _roles(
        payment=Key("payment_id"),
        customer=Key("customer_id"),
        date=Date("date"),
        amount=Amount("amount"),
    ),
    "adjustments": _roles(
        customer=Key("customer_id"),
        date=Date("date"),
        amount=Amount("amount"),
        kind=Key("kind", among=("write_off", "recovery", "allowance", "dispute")),
    ),
    "deal_snapshots": _roles(
        snapshot=Date("snapshot_date"),
        deal=Key("deal_id"),
        amount=Amount("amount"),
        close=Date("close_date", optional=True, missing="allow"),
    ),
    "accounts": _roles(customer=Key("customer_id")),
    "activities": _roles(customer=Key("customer_id"), date=Date("date")),
    "cases": _roles(
        customer=Key("customer_id"),
        opened=Date("opened_at"),
        closed=Date("closed_at", missing="allow"),
    ),
    "surveys": _roles(
        date=Date("date", optional=True),
        csat=Amount("csat", optional=True, missing="allow"),
        nps=Amount("nps", optional=True, missing="allow", low=0, high=10),
    ),
    "expenses": _roles(date=Date("date"), amount=Amount("amount")),
    "contracts": _roles(
        contract=Key("contract_id"),
        customer=Key("customer_id"),
        payment_days=Amount("payment_days", optional=True, missing="allow", low=0),
        penalty_rate=Amount("penalty_rate", optional=True, missing="allow", low=0),
        credit_limit=Amount("credit_limit", optional=True, missing="allow", low=0),
    ),
    "orders": _roles(
        ordered=Date("order_date"),
        promised=Date("promised_date"),
        delivered=Date("delivered_date", missing="allow"),
        quantity=Amount("quantity", optional=True, missing="allow"),
        delivered_quantity=Amount("delivered_quantity", optional=True, missing="allow"),
    ),
    "market": _roles(date=Date("date"), amount=Amount("amount")),
}
UNIQUE = {
    "deals": ["deal_id"],
    "invoices": ["invoice_id"],
    "payments": ["payment_id"],
    "accounts": ["customer_id"],
    "contracts": ["contract_id"],
}
TOGETHER = {"payments": ["invoice_id"]}  # a receipt may stand once for each invoice it names
MAY_BE_EMPTY = ("payments", "adjustments")  # nothing paid, nothing written off
