"""Every figure: ``plots.NAME(result, *, ax=None, lang="en")`` draws what a desk returned.

A plot computes nothing, returns the Axes, and never calls ``plt.show()``. Chinese text, in
labels or in the data, is drawn with a Chinese font where one is found.
"""

from __future__ import annotations

import importlib
import pkgutil

__all__ = ["names"]


def names() -> list[str]:
    """All plots by name, ascending.

    Returns
    -------
    list of str
        What can be called as ``salesmgmt.plots.NAME``.

    Raises
    ------
    ImportError
        Matplotlib is not installed.
    """
    found = [n for room in _rooms() for n in importlib.import_module(room).__all__]
    return sorted(found)


def __dir__() -> list[str]:
    """The plots, for whoever completes a name: nothing is drawn, but Matplotlib is needed."""
    try:
        return ["names", *names()]
    except ImportError:
        return ["names"]


def _rooms() -> list[str]:
    found = pkgutil.iter_modules(__path__)
    return [f"{__name__}.{m.name}" for m in found if not m.name.startswith("_")]


def __getattr__(name: str) -> object:
    if not name.startswith("_"):
        for room in _rooms():
            if name in importlib.import_module(room).__all__:
                return getattr(importlib.import_module(room), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; see plots.names()")
