"""Working days between ten million pairs of dates, beside ``numpy.busday_count``.

Run: ``python benchmarks/calendars.py``. CPU time, median of five, same process and data.
NumPy is given weekends and holidays; it cannot take worked weekends.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from salesmgmt.calendars import count_working_days, working_days


def _seconds(call: Callable[[], object]) -> float:
    took = []
    for _ in range(5):
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    return statistics.median(took)


def main(n: int = 10_000_000) -> None:
    rng = np.random.default_rng(0)
    first = np.datetime64("2015-01-01") + rng.integers(0, 4000, n).astype("timedelta64[D]")
    last = first + rng.integers(0, 300, n).astype("timedelta64[D]")
    days = working_days("2015-01-01", "2026-12-31")
    off = days.loc[days["weight"] == 0, "date"].to_numpy().astype("datetime64[D]")
    ours = _seconds(lambda: count_working_days(first, last))
    timed = [first.astype("datetime64[us]"), last.astype("datetime64[us]")]
    stamps = _seconds(lambda: count_working_days(*timed))
    numpy = _seconds(lambda: np.busday_count(first, last))
    numpy_off = _seconds(lambda: np.busday_count(first, last, holidays=off))
    print(f"working days between {n:,} pairs, CPU seconds")
    print(f"  count_working_days, dates          {ours:.3f}")
    print(f"  count_working_days, microseconds   {stamps:.3f}")
    print(f"  numpy.busday_count                 {numpy:.3f}")
    print(f"  numpy.busday_count with holidays   {numpy_off:.3f}")


if __name__ == "__main__":
    main()
