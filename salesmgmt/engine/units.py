"""Money as whole numbers of the smallest unit: exact to add, to split and to compare.

A ``step`` of 0.01 is kept as the fraction 1/100, so that turning 12.34 into 1234 units and
back is correctly rounded: multiplying by 0.01 is not (1234 * 0.01 -> 12.340000000000002).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

__all__ = ["LARGEST", "as_written", "fraction_of", "from_units", "off_grid", "to_units"]

# Beyond 2**53 a float64 no longer holds every whole number.
LARGEST = 2**53
_BLOCK = 2**15  # amounts at a time, which stay in the cache


def fraction_of(step: float) -> Fraction:
    """``step`` as the decimal fraction a person means by it (0.1 is 1/10).

    Raises ``ValueError`` for a step that is not finite and positive.
    """
    if isinstance(step, Fraction):
        exact = step
    else:
        value = float(step)
        if not np.isfinite(value) or value <= 0:
            raise ValueError(f"step must be a positive, finite number, got {step!r}")
        exact = Fraction(repr(value))
    if exact <= 0:
        raise ValueError(f"step must be positive, got {step!r}")
    return exact


def as_written(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Whole numbers over one power of ten that are ``values`` as people read them.

    Six places as a rule; as many as are written where that is more (a third is
    0.3333333333333333), then as Python integers.
    """
    for scale in (10**6, 10**9):
        whole = np.rint(values * scale)
        if (whole / scale == values).all():
            return whole.astype(np.int64), scale
    scale = 10**18
    own, inverse = np.unique(values, return_inverse=True)
    tops = np.array([round(Fraction(repr(v)) * scale) for v in own.tolist()], dtype=object)
    return tops[inverse.reshape(-1)].reshape(values.shape), scale


def to_units(amounts: np.ndarray, step: float = 0.01) -> np.ndarray:
    """Whole numbers of ``step`` nearest to ``amounts``, int64; halves go away from zero.

    Raises ``OverflowError`` where an amount is too large to be exact, ``ValueError`` where one
    is not finite.
    """
    exact = fraction_of(step)
    values = np.asarray(amounts, dtype=np.float64)
    out = np.empty(values.shape, dtype=np.int64)
    flat, whole = values.reshape(-1), out.reshape(-1)
    for at in range(0, flat.size, _BLOCK):
        cut = slice(at, at + _BLOCK)
        whole[cut] = _nearest(flat[cut], exact)
    return out


def _nearest(values: np.ndarray, exact: Fraction) -> np.ndarray:
    """Whole numbers of ``exact`` nearest to ``values``, as float64."""
    scaled = values * exact.denominator
    if exact.numerator != 1:
        scaled /= exact.numerator
    largest = max(float(scaled.max()), -float(scaled.min()))
    if not np.isfinite(largest):
        raise ValueError("amounts must be finite")
    if largest > LARGEST:
        raise OverflowError(f"an amount of {largest:.6g} units of {float(exact)!r} is not exact")
    # 1.005 is stored as 1.00499...; what the person wrote is the shortest decimal, so a
    # half is a half up to a few units in the last place. Few amounts come near one.
    nearest = np.rint(scaled)
    near = np.abs(scaled - nearest) >= 0.5 - 4 * np.spacing(max(largest, 1.0))
    if near.any():
        nearest[near] = _half_away(values[near], scaled[near], exact)
    return nearest


def _half_away(values: np.ndarray, scaled: np.ndarray, exact: Fraction) -> np.ndarray:
    """Whole numbers nearest to ``scaled``, halves away from zero."""
    size = np.abs(scaled)
    part = size - np.floor(size)
    slack = 4 * np.spacing(np.maximum(size, 1.0))
    half = (np.abs(part - 0.5) <= slack) & (part != 0)
    out = np.where(half, np.trunc(scaled) + np.sign(scaled), np.rint(scaled))
    # Large amounts have few places left behind the unit, or none: what lies about the half
    # there, and the largest whatever they are, are taken for the decimals that were written.
    for i in np.flatnonzero((half & (slack > 1e-3)) | (size >= LARGEST / 4)):
        written = abs(Fraction(repr(float(values[i])))) / exact
        out[i] = np.sign(scaled[i]) * ((2 * written + 1) // 2)
    return out


def from_units(units: np.ndarray, step: float = 0.01) -> np.ndarray:
    """Amounts of ``units`` whole steps, float64, each the float nearest to the true value."""
    exact = fraction_of(step)
    values = np.asarray(units).astype(np.float64)
    if exact.numerator != 1:
        values = values * exact.numerator
    if exact.denominator == 1:
        return values
    return np.divide(values, exact.denominator, out=values if values.ndim else None)


def off_grid(amounts: np.ndarray, step: float = 0.01, *, tolerance: float = 1e-6) -> np.ndarray:
    """Boolean mask of amounts that are no whole number of ``step`` (beyond ``tolerance`` steps)."""
    exact = fraction_of(step)
    values = np.asarray(amounts, dtype=np.float64)
    out = np.empty(values.shape, dtype=bool)
    flat, odd = values.reshape(-1), out.reshape(-1)
    for at in range(0, flat.size, _BLOCK):
        cut = slice(at, at + _BLOCK)
        scaled = flat[cut] * exact.denominator / exact.numerator
        slack = np.maximum(tolerance, 4 * np.spacing(np.abs(scaled)))
        odd[cut] = np.abs(scaled - np.rint(scaled)) > slack
    return out
