"""What can go wrong, as types.

::

    ValueError
    └── InputError          bad input, found before any work was done
    UserWarning
    └── DataWarning         the result stands, but something was left out or assumed

``NotFittedError`` and ``ConvergenceWarning`` are scikit-learn's.
"""

from __future__ import annotations

from ._plainly import plainly

__all__ = ["DataWarning", "InputError"]


class InputError(ValueError):
    """Input that cannot be used: says which column, how many rows, the first few, what to do.

    Parameters
    ----------
    message : str
        The whole story in one paragraph.

    Attributes
    ----------
    args : tuple of str
        The message.
    """

    def __init__(self, message: str) -> None:
        super().__init__(plainly(message))


class DataWarning(UserWarning):
    """A result that stands although rows were left out or something had to be assumed.

    Parameters
    ----------
    message : str
        What was left out or assumed, how much of it, and why.

    Attributes
    ----------
    args : tuple of str
        The message.
    """
