"""Values inside messages as people write them."""

from __future__ import annotations

import re

__all__ = ["plainly"]

_STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
#: How values of NumPy and pandas print themselves inside a message, and what people read. Dates
#: come without quotes: text that looks like one keeps them.
_REPRS = (
    (re.compile(r"(?<![\w.])np\.(?:u?int|float)\d+\(([^()]*)\)"), r"\1"),
    (re.compile(rf"(?<![\w.])np\.str_\(({_STRING})\)"), r"\1"),
    (re.compile(r"(?<![\w.])np\.(?:longdouble|datetime64)\('([^']*)'\)"), r"\1"),
    (re.compile(r"(?<![\w.])np\.(True|False)_(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w.])Timestamp\('([^']*?)(?: 00:00:00)?'(?:, tz='[^']*')?\)"), r"\1"),
    (re.compile(r"(?<![\w.])Period\('([^']*)', '[^']*'\)"), r"\1"),
)


def plainly(message: str) -> str:
    """The message with its values as people write them: 3.5 and not ``np.float64(3.5)``.

    Messages show labels by their repr, alone or within lists and tuples; here, and not at each
    of them, types that are of no interest to the reader go.
    """
    for found, told in _REPRS:
        message = found.sub(told, message)
    return message
