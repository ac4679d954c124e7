"""The public interface, checked against ``contract/*.toml``: names, options, columns, effects."""

from __future__ import annotations

import contextlib
import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from common import CONTRACTS, evaluate, example, namespace, public_entries, read_contract

from salesmgmt import InputError


def _entry(path: Path, name: str) -> dict:
    return read_contract(path)[name]


def _home(path: Path, name: str):
    space = namespace(read_contract(path)["module"])
    return space[name]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda p: p.stem)
def test_every_public_function_of_a_desk_is_in_its_contract_file(path):
    contract = read_contract(path)
    module = namespace(contract["module"])["module"]
    callables = {n for n in module.__all__ if callable(getattr(module, n))}
    listed = {name for name, entry in contract.items() if isinstance(entry, dict)}
    also = {
        n
        for other in CONTRACTS
        if read_contract(other)["module"] == contract["module"]
        for n, e in read_contract(other).items()
        if isinstance(e, dict)
    }
    assert callables <= listed | also, f"not in any contract file: {sorted(callables - also)}"


@pytest.mark.parametrize(("path", "name"), public_entries(), ids=lambda v: getattr(v, "stem", v))
def test_signature_keeps_the_promised_names_order_and_defaults(path, name):
    promised = _entry(path, name).get("signature")
    if promised is None:
        pytest.skip("no signature promised")
    scope: dict = {}
    exec(f"def promised{promised}: ...", scope)
    want = inspect.signature(scope["promised"]).parameters
    have = inspect.signature(_home(path, name)).parameters
    assert [
        p for p in have if p in want and have[p].kind is not inspect.Parameter.KEYWORD_ONLY
    ] == [p for p in want if want[p].kind is not inspect.Parameter.KEYWORD_ONLY]
    for key, parameter in want.items():
        assert key in have, f"{name}() has no parameter {key!r}"
        assert repr(have[key].default) == repr(parameter.default), f"{name}({key}=)"
    added = [have[p] for p in have if p not in want]
    loose = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    assert all(p.kind in loose for p in added), f"{name}() added positional parameters"


@pytest.mark.parametrize(("path", "name"), public_entries(), ids=lambda v: getattr(v, "stem", v))
def test_example_has_the_promised_columns_and_leaves_its_input_alone(path, name):
    contract, entry = read_contract(path), _entry(path, name)
    if "example" not in entry:
        pytest.skip("no example given")
    space = namespace(contract["module"], contract.get("setup", ""))
    before = {k: v.copy() for k, v in space.items() if isinstance(v, pd.DataFrame)}
    result = evaluate(entry["example"], space)
    if "columns" in entry:
        missing = [c for c in entry["columns"] if c not in result.columns]
        assert not missing, f"{name}(): columns missing: {missing}"
    for key, frame in before.items():
        pd.testing.assert_frame_equal(space[key], frame, obj=f"input {key}")


def _options() -> list[tuple[Path, str, str]]:
    return [
        (path, name, option)
        for path, name in public_entries()
        for option in _entry(path, name).get("options", {})
    ]


@pytest.mark.parametrize(
    ("path", "name", "option"), _options(), ids=lambda v: getattr(v, "stem", v)
)
def test_every_option_changes_something(path, name, option):
    contract, entry = read_contract(path), _entry(path, name)
    space = namespace(contract["module"], contract.get("setup", ""))
    base = example(path, name)
    other = evaluate(entry["options"][option], space)
    assert not _same(base, other), f"{name}({option}=...) changed nothing"


def _same(a: object, b: object) -> bool:
    if isinstance(a, pd.DataFrame | pd.Series) and type(a) is type(b):
        return a.equals(b) and str(a.attrs) == str(b.attrs)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
    return type(a) is type(b) and repr(a) == repr(b)


# What is no column, or is looked for only where there is one (each said in its docstring).
_NO_COLUMN = {
    "lang", "method", "freq", "invalid", "gaps", "partial", "rounding", "shape", "mode", "unit",
    "only", "name", "pays", "scope", "pay_on",
}  # fmt: skip
_WHERE_PRESENT = {("satisfaction", "csat"), ("satisfaction", "nps"), ("payout", "target")}


@pytest.mark.parametrize(("path", "name"), public_entries(), ids=lambda v: getattr(v, "stem", v))
def test_a_name_that_is_nowhere_changes_no_figure(path, name):
    """``currency="typo"``: refused, or it has no part in the example; never another result."""
    contract, entry = read_contract(path), _entry(path, name)
    space = namespace(contract["module"], contract.get("setup", ""))
    if "example" not in entry or not callable(space[name]):
        pytest.skip("nothing is called")
    options = {
        option: parameter
        for option, parameter in inspect.signature(space[name]).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and isinstance(parameter.default, str)
    }
    for option in options:
        if option not in _NO_COLUMN and (name, option) not in _WHERE_PRESENT:
            with contextlib.suppress(InputError):
                other = evaluate(entry["example"], _called(space, name, {option: "no such name"}))
                assert _same(example(path, name), other), f"{name}({option}=) is not looked for"


def _called(space: dict, name: str, options: dict) -> dict:
    """The same names, ``name`` with these options whatever the call says."""
    real = space[name]
    return space | {name: lambda *given, **own: real(*given, **own | options)}


@pytest.mark.parametrize(("path", "name"), public_entries(), ids=lambda v: getattr(v, "stem", v))
def test_a_column_handed_over_where_a_name_belongs_is_told(path, name):
    """``customer=sales["customer"]``: told, and not compared with what is a name."""
    contract, entry = read_contract(path), _entry(path, name)
    space = namespace(contract["module"], contract.get("setup", ""))
    if "example" not in entry or not callable(space[name]):
        pytest.skip("nothing is called")
    column = pd.Series([1, 2])
    for option, parameter in inspect.signature(space[name]).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and isinstance(parameter.default, str):
            with contextlib.suppress(InputError):  # an option may have no part in the example
                evaluate(entry["example"], _called(space, name, {option: column}))
