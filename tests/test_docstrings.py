"""Every docstring example runs; every public name says what it takes, returns and raises."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import warnings

import pandas as pd
import pytest

import salesmgmt

_MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages(salesmgmt.__path__, "salesmgmt.")
    if not m.name.endswith("__main__")
)
_FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.skipif(pd.__version__ < "3", reason="examples show the output of pandas 3")
@pytest.mark.parametrize("name", _MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=_FLAGS)
    finder = doctest.DocTestFinder(exclude_empty=True)
    told: list[str] = []
    with warnings.catch_warnings(), pd.option_context("display.width", 100):
        warnings.simplefilter("error")
        for example in finder.find(module, name):
            runner.run(example, out=told.append)
    assert not runner.failures, "".join(told)


def _public() -> list[tuple[str, str]]:
    rooms = [m for m in _MODULES if not any(p.startswith("_") for p in m.split("."))]
    rooms = [m for m in rooms if ".engine" not in m and ".plots" not in m and ".sections" not in m]
    return [
        (m, n)
        for m in rooms
        for n in getattr(importlib.import_module(m), "__all__", [])
        if callable(getattr(importlib.import_module(m), n, None))
    ]


@pytest.mark.parametrize(("room", "name"), _public())
def test_public_docstrings_are_complete(room, name):
    thing = getattr(importlib.import_module(room), name)
    text = inspect.getdoc(thing) or ""
    if inspect.isclass(thing):
        wanted = ["Parameters"]
    else:
        wanted = ["Returns", "Raises"]
        if inspect.signature(thing).parameters:
            wanted.append("Parameters")
        if room not in ("salesmgmt.__main__",):
            wanted.append("Examples")
    missing = [w for w in wanted if f"{w}\n---" not in text]
    assert not missing, f"{room}.{name}: docstring without {missing}"


def _documented() -> list[tuple[str, object]]:
    """Public functions and classes, and the public methods of the classes."""
    out: list[tuple[str, object]] = []
    for room, name in [*_public(), *(("salesmgmt.plots", n) for n in salesmgmt.plots.__all__)]:
        thing = getattr(importlib.import_module(room), name)
        out.append((f"{room}.{name}", thing))
        if inspect.isclass(thing) and not issubclass(thing, Exception):
            out += [
                (f"{room}.{name}.{key}", method)
                for key, method in inspect.getmembers(thing, inspect.isfunction)
                if not key.startswith("_") and method.__module__.startswith("salesmgmt")
            ]
    return [(label, thing) for label, thing in out if callable(thing)]


def _told(text: str) -> list[str]:
    """Names in the section Parameters."""
    found = re.search(r"^Parameters\n-+\n(.*?)(?=^[A-Z]\w+\n-{3,}|\Z)", text, re.M | re.S)
    heads = re.findall(r"^(\S.*?)(?: : .*)?$", found[1], re.M) if found else []
    return [name.strip().lstrip("*") for head in heads for name in head.split(",") if name.strip()]


@pytest.mark.parametrize(
    ("label", "thing"), _documented(), ids=lambda v: v if type(v) is str else ""
)
def test_parameters_told_are_those_of_the_signature(label, thing):
    if inspect.isclass(thing) and issubclass(thing, Warning | Exception):
        return
    have = [p for p in inspect.signature(thing).parameters if p != "self"]
    told = _told(inspect.getdoc(thing) or "")
    if label.endswith((".fit", ".predict", ".transform")) and not told:
        told = have  # scikit-learn's own words hold
    assert sorted(p for p in have if p not in told) == [], "not documented"
    assert sorted(p for p in told if p not in have and p != "None") == [], "no such parameter"
