"""What a method estimates from a block, kept apart from what it makes of it.

A method asks for each of its estimates by name. The first block is answered by working it out;
a later one, the same series from the same first row on with newer values after them, is answered
by what is held. States are then brought up to date by running through the longer record with
parameters and initial states as they were: nothing is estimated twice, nothing looks ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Estimates"]

Value = TypeVar("Value")


class Estimates:
    """Estimates of one block by name; each is worked out once.

    What is held must not depend on how many steps are forecast, and is never written to.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def of(self, name: str, work: Callable[..., Value], *inputs: Any) -> Value:
        """The estimate of this name, worked out from ``inputs`` where it is not held yet."""
        if name not in self._held:
            self._held[name] = work(*inputs)
        return self._held[name]  # type: ignore[no-any-return]

    def take_over(self, other: Estimates) -> None:
        """Hold what another holds: the same estimates, worked out in another process."""
        self._held = other._held

    def known(self, name: str) -> Any:
        """The estimate of this name, None where nobody has asked for it."""
        return self._held.get(name)

    def part(self, name: str) -> Estimates:
        """The estimates of a part: a member, a scale, a kind of series."""
        return self.of(name, Estimates)
