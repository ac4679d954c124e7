"""Make the whole sample company: ``python data/make_sample [--out FOLDER]``."""

import argparse
import importlib
from pathlib import Path

import _company as co

TABLES = (
    "transactions", "deals", "stage_events", "deal_snapshots", "invoices", "payments",
    "adjustments", "plan", "accounts", "reps", "activities", "cases", "surveys", "expenses",
    "budget", "contracts", "market", "orders",
)  # fmt: skip


def main() -> None:
    """Write every table and the list of what is true of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=co.FOLDER, help="folder to write into")
    folder = parser.parse_args().out
    for name in TABLES:
        print(co.save(name, importlib.import_module(name).make(), folder))
    print(importlib.import_module("truths").write(folder))


if __name__ == "__main__":
    main()
