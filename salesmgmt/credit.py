"""Receivables and credit: from raw invoices and payments to limits, cent by cent.

The story in the order of a user's work. ``ledger`` matches payments with invoices; every cent
is somewhere. ``open_items`` and ``aging`` show what is open at any date, past ones included.
``dso``, ``cei``, ``collection_rate`` and their kin measure how fast money comes in. ``roll_rates``
and ``loss_rates`` say what becomes of each bucket, ``provision`` and ``expected_loss`` what is to
be set aside, ``provision_movement`` what changed. ``late_interest`` claims what late payers owe.
``rate_customers``, ``credit_limits`` and ``check_order`` decide on credit; ``early_warning`` sees
trouble coming, ``cash_forecast`` the money; ``worklist`` and ``statement`` bring it in;
``altman_z`` and ``merton`` read the customer's own accounts.
"""

from __future__ import annotations

from ._credit.aging import aging, aging_movement
from ._credit.cash import cash_backtest, cash_forecast
from ._credit.collecting import (
    DUNNING_LEVELS,
    concentration,
    dunning_level,
    statement,
    worklist,
)
from ._credit.early_warning import SIGNALS, early_warning
from ._credit.interest import INTEREST_RULES, apply_payment, late_interest
from ._credit.late_payment import LatePaymentModel
from ._credit.ledger import ledger, open_items
from ._credit.measures import (
    bad_debt_rate,
    cei,
    collection_rate,
    delinquent_days,
    dso,
    turnover,
)
from ._credit.migration import backtest_loss_rates, loss_rates, roll_rates
from ._credit.provision import (
    CN_AGING_POLICY,
    expected_loss,
    provision,
    provision_movement,
)
from ._credit.rating import (
    CN_LIMIT_POLICY,
    check_order,
    check_terms,
    credit_limits,
    rate_customers,
)
from ._credit.scorecard import CreditScorecard
from ._credit.solvency import altman_z, merton

__all__ = [
    "CN_AGING_POLICY",
    "CN_LIMIT_POLICY",
    "DUNNING_LEVELS",
    "INTEREST_RULES",
    "SIGNALS",
    "CreditScorecard",
    "LatePaymentModel",
    "aging",
    "aging_movement",
    "altman_z",
    "apply_payment",
    "backtest_loss_rates",
    "bad_debt_rate",
    "cash_backtest",
    "cash_forecast",
    "cei",
    "check_order",
    "check_terms",
    "collection_rate",
    "concentration",
    "credit_limits",
    "delinquent_days",
    "dso",
    "dunning_level",
    "early_warning",
    "expected_loss",
    "late_interest",
    "ledger",
    "loss_rates",
    "merton",
    "open_items",
    "provision",
    "provision_movement",
    "rate_customers",
    "roll_rates",
    "statement",
    "turnover",
    "worklist",
]
