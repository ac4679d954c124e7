"""What the common tests share: the repository's root, the contract files, small tables."""

from __future__ import annotations

import functools
import importlib
import re
import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesmgmt import load_sample

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = sorted((ROOT / "tests" / "contract").glob("*.toml"))


def english_in(texts: Any, own: str = "") -> list[str]:
    """Texts that hold English words, beside names of methods and the identifiers in ``own``."""
    known = re.compile(rf"DSO|EU|LPR|Wilson|Holm|{own or '$'}")
    return [s for s in map(str, texts) if re.search("[A-Za-z]{2,}", known.sub("", s))]


def english_on(ax: Any, own: str = "") -> list[str]:
    """English words in a figure."""
    from matplotlib.text import Text

    return english_in((text.get_text() for text in ax.figure.findobj(Text)), own)


@functools.cache
def read_contract(path: Path) -> dict[str, Any]:
    """One contract file; read once a process, so it is not to be changed."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def public_entries() -> list[tuple[Path, str]]:
    """Every public name that a contract file lists."""
    return [
        (path, name)
        for path in CONTRACTS
        for name, entry in read_contract(path).items()
        if isinstance(entry, dict)
    ]


@functools.cache
def _tables() -> dict[str, pd.DataFrame]:
    """The sample company, cut down to what a quick call needs."""
    full = load_sample()
    keep = set(sorted(full["accounts"]["customer_id"])[::15])
    small = {
        name: frame[frame["customer_id"].isin(keep)] if "customer_id" in frame else frame
        for name, frame in full.items()
    }
    deals = set(sorted(full["deals"]["deal_id"])[::8])
    for name in ("deals", "stage_events", "deal_snapshots"):
        small[name] = full[name][full[name]["deal_id"].isin(deals)]
    small["payments"] = small["payments"][
        small["payments"]["invoice_id"].isna()
        | small["payments"]["invoice_id"].isin(small["invoices"]["invoice_id"])
    ]
    small["plan"] = full["plan"].head(120)
    return {name: frame.reset_index(drop=True) for name, frame in small.items()}


def namespace(module: str, setup: str = "") -> dict[str, Any]:
    """Names in which a contract file's expressions are evaluated; fresh copies of the tables."""
    return {
        name: thing.copy() if isinstance(thing, pd.DataFrame | pd.Series) else thing
        for name, thing in _space(module, setup).items()
    }


@functools.cache
def _space(module: str, setup: str) -> dict[str, Any]:
    space: dict[str, Any] = dict(_tables())
    space["events"] = space["stage_events"]
    space["history"] = space["transactions"][["region", "date", "amount"]].copy()
    space |= {"pd": pd, "np": np, "load_sample": load_sample}
    home = importlib.import_module(module)
    space |= {name: getattr(home, name) for name in home.__all__}
    space["module"] = home
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(setup, space)
    return space


def evaluate(expression: str, space: dict[str, Any]) -> Any:
    """The value of a contract expression; warnings of the sample data are not at issue here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(expression, space)


@functools.cache
def example(path: Path, name: str) -> Any:
    """What a contract file's example returns; many tests compare with it, none may change it."""
    contract = read_contract(path)
    return evaluate(
        contract[name]["example"], namespace(contract["module"], contract.get("setup", ""))
    )
