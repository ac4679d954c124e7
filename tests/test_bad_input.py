"""Bad input of every kind, for every frame that a contract file names.

One rule: an ``InputError`` that names the column and, where rows are at fault, how many; never
a traceback from inside pandas, never a result.
"""

from __future__ import annotations

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from common import evaluate, namespace, public_entries, read_contract

from salesmgmt import DataWarning, InputError

_BAD = {
    "key": {"missing": None},
    "date": {"missing": None, "text": "soon", "number": 20250131},
    "amount": {"missing": None, "infinite": np.inf, "text": "a lot"},
}


def _frames() -> list[tuple[Path, str, str]]:
    return [
        (path, name, frame)
        for path, name in public_entries()
        for frame in read_contract(path)[name].get("frames", {})
    ]


def _columns() -> list[tuple[Path, str, str, str]]:
    return [
        (path, name, frame, column)
        for path, name, frame in _frames()
        for column in read_contract(path)[name]["frames"][frame]
    ]


def _cells() -> list[tuple[Path, str, str, str, str]]:
    return [
        (path, name, frame, column, fault)
        for path, name, frame, column in _columns()
        for fault in _BAD[read_contract(path)[name]["frames"][frame][column]]
    ]


def _call(path: Path, name: str, **frames: object) -> object:
    contract = read_contract(path)
    space = namespace(contract["module"], contract.get("setup", ""))
    space |= frames
    return evaluate(contract[name]["example"], space)


def _table(path: Path, frame: str) -> pd.DataFrame:
    contract = read_contract(path)
    return namespace(contract["module"], contract.get("setup", ""))[frame]


def _ids(value: object) -> str:
    return getattr(value, "stem", str(value))


@pytest.mark.parametrize(("path", "name", "frame"), _frames(), ids=_ids)
def test_what_is_no_frame_is_refused(path, name, frame):
    with pytest.raises(InputError, match="DataFrame"):
        _call(path, name, **{frame: [1, 2, 3]})


@pytest.mark.parametrize(("path", "name", "frame"), _frames(), ids=_ids)
def test_a_frame_without_rows_is_refused(path, name, frame):
    if frame in read_contract(path)[name].get("empty_ok", []):
        pytest.skip("an empty frame is valid here")
    with pytest.raises(InputError, match=r"row|date"):
        _call(path, name, **{frame: _table(path, frame).iloc[:0]})


@pytest.mark.parametrize(("path", "name", "frame", "column"), _columns(), ids=_ids)
def test_an_absent_or_doubled_column_is_named(path, name, frame, column):
    table = _table(path, frame)
    with pytest.raises(InputError, match=column):
        _call(path, name, **{frame: table.drop(columns=column)})
    doubled = pd.concat([table, table[[column]]], axis=1)
    with pytest.raises(InputError, match=column):
        _call(path, name, **{frame: doubled})


@pytest.mark.parametrize(("path", "name", "frame", "column", "fault"), _cells(), ids=_ids)
def test_a_bad_cell_is_named_with_its_column_and_count(path, name, frame, column, fault):
    contract = read_contract(path)
    table = _table(path, frame)
    kind = contract[name]["frames"][frame][column]
    cells = table[column].astype(object)
    cells.iloc[[1, 2]] = _BAD[kind][fault]
    table = table.assign(**{column: cells})
    with pytest.raises(InputError, match=f"{column}.*2 row"):
        _call(path, name, **{frame: table})


@pytest.mark.parametrize(("path", "name", "frame"), _frames(), ids=_ids)
def test_left_out_rows_are_told(path, name, frame):
    contract = read_contract(path)
    entry = contract[name]
    if "invalid" not in entry.get("options", {}):
        pytest.skip("no invalid= option")
    table = _table(path, frame)
    column = next(iter(entry["frames"][frame]))
    cells = table[column].astype(object)
    cells.iloc[[1, 2]] = None
    space = namespace(contract["module"], contract.get("setup", ""))
    space[frame] = table.assign(**{column: cells})
    call = entry["options"]["invalid"]
    with warnings.catch_warnings(record=True) as told:  # others may be told of, too
        warnings.simplefilter("always")
        eval(call, space)
    assert any(w.category is DataWarning and "left out 2 of" in str(w.message) for w in told)


def _remedied() -> list[tuple[Path, str, str, str]]:
    desks = {"targets", "funnel", "kpi", "incentives"}
    return [case for case in _columns() if case[0].stem in desks]


@pytest.mark.parametrize(("path", "name", "frame", "column"), _remedied(), ids=_ids)
def test_the_remedy_names_an_option_that_there_is(path, name, frame, column):
    contract = read_contract(path)
    space = namespace(contract["module"], contract.get("setup", ""))
    space[frame] = space[frame].drop(columns=column)
    with pytest.raises(InputError) as told:
        evaluate(contract[name]["example"], space)
    named = re.search(r"Name your own column with (\w+)=", str(told.value))
    if named:
        assert named[1] in inspect.signature(space[name]).parameters
