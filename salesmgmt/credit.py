"""Receivables and credit: from raw invoices and payments to limits, cent by cent.

The story in the order of a user's work. ``ledger`` matches payments with invoices; every cent
is somewhere. ``open_items`` and ``aging`` show what is open at any date, past ones included.
``dso``, ``cei``, ``collection_rate`` and their kin measure how fast money comes in. ``roll_rates``
and ``loss_rates`` say what becomes of each bucket, ``provision`` and ``expected_loss`` what is to
be set aside, ``provision_movement`` what changed. ``late_interest`` claims what late payers owe.
"""

from __future__ import annotations

from ._credit.aging import aging, aging_movement
from ._credit.interest import INTEREST_RULES, apply_payment, late_interest
from ._credit.ledger import ledger, open_items
from ._credit.measures import (
    bad_debt_rate,
    cei,
    collection_rate,
    delinquent_days,
    dso,
    turnover,
)
from ._credit.migration import loss_rates, roll_rates
from ._credit.provision import (
    CN_AGING_POLICY,
    expected_loss,
    provision,
    provision_movement,
)
from ._credit.scorecard import CreditScorecard

__all__ = [
    "CN_AGING_POLICY",
    "INTEREST_RULES",
    "CreditScorecard",
    "aging",
    "aging_movement",
    "apply_payment",
    "bad_debt_rate",
    "cei",
    "collection_rate",
    "delinquent_days",
    "dso",
    "expected_loss",
    "late_interest",
    "ledger",
    "loss_rates",
    "open_items",
    "provision",
    "provision_movement",
    "roll_rates",
    "turnover",
]
