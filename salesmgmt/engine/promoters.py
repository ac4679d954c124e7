"""The net promoter score and its interval."""

from __future__ import annotations

import numpy as np

__all__ = ["nps_interval"]


def nps_interval(
    promoters: np.ndarray, detractors: np.ndarray, n: np.ndarray, *, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Net promoter score in points (-100..100) and its interval.

    The variance of an answer is ``p + d - (p - d)^2``. Of each kind of answer (promoter,
    passive, detractor) a share of ``z^2 / 2`` answers is added, in the ratio 1 : 2 : 1, before
    the interval is taken (the adjusted Wald interval, good from a handful of answers on). Of
    one or two answers that centre lies so far off that the score can fall outside; the interval
    is then stretched to hold it, so that it ends at 100 where everybody is a promoter.
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + confidence / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (promoters - detractors) / n
        more = n + z**2
        p, d = (promoters + z**2 / 4) / more, (detractors + z**2 / 4) / more
        half = z * np.sqrt((p + d - (p - d) ** 2) / more)
        low = np.minimum(np.maximum(p - d - half, -1), score)
        high = np.maximum(np.minimum(p - d + half, 1), score)
    none = n <= 0
    parts = [np.where(none, np.nan, 100 * v) for v in (score, low, high)]
    return parts[0], parts[1], parts[2]
