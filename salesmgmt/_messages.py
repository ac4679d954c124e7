"""Errors and warnings in the name of the function that the user called, at the user's own line."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ._plainly import plainly
from .errors import DataWarning, InputError

__all__ = ["speaking_for", "telling_once", "warn"]

_HERE = os.path.dirname(__file__)
_spoken_for: ContextVar[str | None] = ContextVar("_spoken_for", default=None)
_told: ContextVar[set[str] | None] = ContextVar("_told", default=None)


@contextmanager
def speaking_for(caller: str, **options: str) -> Iterator[None]:
    """Errors and warnings from within name the function that the user called, not a nested one.

    ``options``: what an option of the nested function is called by the user
    (``method="allocation"``). Contexts nest; the outermost one speaks.
    """
    outer = _spoken_for.get()
    token = _spoken_for.set(outer or caller)
    try:
        yield
    except InputError as error:
        text = _in_the_name_of(str(error), outer or caller)
        head, sep, rest = text.partition("(): ")
        for theirs, mine in options.items():
            rest = re.sub(rf"^{theirs}\b", mine, rest)
        raise type(error)(head + sep + rest) from None
    finally:
        _spoken_for.reset(token)


def _in_the_name_of(message: str, caller: str) -> str:
    """The message with another function's name at its head."""
    return re.sub(r"^[\w.]+\(\):", f"{caller}():", message)


@contextmanager
def telling_once() -> Iterator[None]:
    """Within, a warning is told once, though it comes again with another count in brackets.

    Contexts nest: the outermost one remembers.
    """
    if _told.get() is not None:
        yield
        return
    token = _told.set(set())
    try:
        yield
    finally:
        _told.reset(token)


def warn(message: str, category: type[Warning] = DataWarning) -> None:
    """A warning that points at the caller's own line."""
    speaker = _spoken_for.get()
    message = message if speaker is None else _in_the_name_of(message, speaker)
    told, text = _told.get(), re.sub(r"\(\d[^)]*\)", "()", message)
    if told is not None:
        if text in told:
            return
        told.add(text)
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(plainly(message), category, stacklevel=level)
