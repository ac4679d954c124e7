"""Receivables and credit: from raw invoices and payments to aging, cent by cent.

The story in the order of a user's work. ``ledger`` matches payments with invoices; every cent
is somewhere. ``open_items`` and ``aging`` show what is open at any date, past ones included.
"""

from __future__ import annotations

from ._credit.aging import aging, aging_movement
from ._credit.ledger import ledger, open_items

__all__ = ["aging", "aging_movement", "ledger", "open_items"]
