"""Signal and luck: control charts, shrinkage, where a score lies among others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    check_choice,
    check_int,
    check_names,
    check_number,
    check_series,
    factorise,
    refuse_names,
    take,
    to_pandas,
    warn,
)
from .._period_labels import start_of
from ..engine import control_charts as charts
from ..engine import shrinkage
from ..engine.ranking import competition_rank, rank_interval
from ..engine.sums import group_sums
from ..errors import InputError
from .options import only_for

__all__ = ["control_chart", "distribution", "shrink"]

#: Columns of results: no key may have their names.
_SHRUNK = (
    "numerator",
    "denominator",
    "raw",
    "shrunk",
    "lo",
    "hi",
    "weight",
    "rank",
    "rank_lo",
    "rank_hi",
)
_PLACED = ("percentile", "z", "rank", "band", "box")

_BANDS = (("top", 0.2), ("middle", 0.7), ("bottom", 0.1))


def control_chart(
    series: pd.Series,
    *,
    method: str = "xmr",
    n: pd.Series | float | None = None,
    baseline: int | None = None,
    breaks: Sequence[Any] = (),
    rules: str | Sequence[int] = "wheeler",
    spread: str = "mean",
    constants: str = "d2",
) -> pd.DataFrame:
    """Control chart of a measure: what is natural variation, and what is a signal.

    Parameters
    ----------
    series : Series
        Values in the order of time, distinct labels in the index (dates and periods are
        sorted, as are texts that name some). For ``p`` and ``u``: counts.
    method : {"xmr", "p", "u"}
        Individual values; shares of ``n``; counts a unit of ``n``.
    n : Series or float, optional
        Size of each sample, for ``p`` and ``u``.
    baseline : int, optional
        Limits come from the first so many points (of each stretch) and then stay; None: from
        all. Limits that move with every new point hide what they should show.
    breaks : sequence
        Labels at which the process is known to have changed: a new stretch with its own limits
        starts there.
    rules : {"wheeler", "western_electric", "nelson", "none"} or sequence of int
        Run rules; Wheeler: a point beyond the limits, eight on one side, three of four nearer a
        limit than the centre. Numbers: see Notes.
    spread : {"mean", "median", "screened"}
        XmR: of the moving ranges; the median is not moved by a few signals in the baseline.
        Screened: the mean of those below 3.267 times the mean of all.
    constants : {"d2", "shortcut"}
        XmR limits at 3 / 1.128 mean moving ranges, or the rounded 2.660.

    Returns
    -------
    DataFrame
        ``label`` (of the index), ``value``, ``centre``, ``lcl``, ``ucl``, ``moving_range`` and
        ``mr_ucl`` (XmR), ``signal``, ``rules`` (numbers of the rules broken, as text).

    Raises
    ------
    InputError
        Values are missing, counts are negative or exceed ``n`` (p), or a stretch is too short.

    Notes
    -----
    Rules: 1 beyond 3 sigma; 2 two of three beyond 2 sigma on one side; 3 four of five beyond 1
    sigma on one side; 4 eight, 5 nine in a row on one side; 6 six rising or falling; 7 fourteen
    up and down in turn; 8 fifteen within 1 sigma; 9 three of four nearer a limit than the
    centre; 10 eight with none within 1 sigma.

    References
    ----------
    .. [1] NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2, 6.3.3.
    .. [2] D. J. Wheeler, Understanding Variation, SPC Press 1993.
    .. [3] L. S. Nelson, "Control charts for individual measurements", J. Quality Technology 14
       (1982), 172-173 (screening).

    Examples
    --------
    >>> import pandas as pd
    >>> flow = pd.Series([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    >>> control_chart(flow)[["centre", "lcl", "ucl"]].iloc[0].round(4).tolist()
    [50.81, 45.8159, 55.8041]
    """
    caller = "control_chart"
    check_choice(method, "method", ("xmr", "p", "u"), caller=caller)
    check_choice(spread, "spread", ("mean", "median", "screened"), caller=caller)
    check_choice(constants, "constants", ("d2", "shortcut"), caller=caller)
    given = {"spread": spread != "mean", "constants": constants != "d2"}
    only_for(method, ("xmr",), given, caller=caller)
    wanted = _check_rules(rules, caller=caller)
    values = check_series(series, "series", caller=caller)
    if not len(values):
        raise InputError(f"{caller}(): series has no rows; give at least two.")
    values = _in_order(values)
    size = _sizes(values, n, method, caller=caller)
    x = values.to_numpy(np.float64)
    shown = x if method == "xmr" else x / size
    out = pd.DataFrame({"label": values.index, "value": shown})
    for name in ("centre", "lcl", "ucl"):
        out[name] = np.nan
    starts = _stretches(values.index, breaks, caller=caller)
    broken = np.zeros((len(x), len(wanted)), dtype=bool)
    limits = np.full((len(x), 4), np.nan)
    for low, high in zip(starts, [*starts[1:], len(x)], strict=True):
        base = high if baseline is None else min(high, low + check_int(
            baseline, "baseline", caller=caller, low=2))  # fmt: skip
        if base - low < 2:
            raise InputError(f"{caller}(): a stretch of one point has no limits; see breaks.")
        if method == "xmr":
            centre, sigma, mr = charts.xmr_limits(x[low:base], spread=spread, constants=constants)
            sigmas = np.full(high - low, sigma)
            limits[low:high, 3] = mr
        else:
            centre, _ = charts.attribute_limits(x[low:base], size[low:base], method)
            sigmas = np.sqrt((centre * (1 - centre) if method == "p" else centre) / size[low:high])
        limits[low:high, 0] = centre
        limits[low:high, 1], limits[low:high, 2] = centre - 3 * sigmas, centre + 3 * sigmas
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(sigmas > 0, (shown[low:high] - centre) / sigmas, 0.0)
        broken[low:high] = charts.run_rules(z, wanted)
    out[["centre", "lcl", "ucl"]] = limits[:, :3]
    if method != "xmr":
        out["lcl"] = out["lcl"].clip(lower=0.0)
        if method == "p":
            out["ucl"] = out["ucl"].clip(upper=1.0)
    else:
        moving = np.abs(np.diff(x, prepend=np.nan))
        moving[starts] = np.nan
        out["moving_range"], out["mr_ucl"] = moving, limits[:, 3]
    out["signal"] = broken.any(axis=1)
    told = [",".join(str(r) for r, hit in zip(wanted, row, strict=True) if hit) for row in broken]
    out["rules"] = pd.Series(told, dtype="str")
    return out


def _in_order(values: pd.Series) -> pd.Series:
    """Dates, periods and texts that name some in the order of time; other labels as they stand."""
    if _is_dated(values.index):
        return values.sort_index()
    if pd.api.types.infer_dtype(values.index, skipna=True) == "string":
        starts = start_of(pd.Series(values.index), 1)
        if starts is not None:
            return values.iloc[np.argsort(starts.to_numpy(), kind="stable")]
    return values


def _is_dated(index: pd.Index) -> bool:
    """Whether labels are dates, times or periods."""
    told = pd.api.types.infer_dtype(index, skipna=True)
    return told in ("datetime64", "datetime", "date", "period")


def _check_rules(rules: Any, *, caller: str) -> tuple[int, ...]:
    if isinstance(rules, str):
        check_choice(rules, "rules", tuple(charts.RULES), caller=caller)
        return charts.RULES[rules]
    if not isinstance(rules, Iterable):
        raise InputError(f"{caller}(): rules must be a name or numbers of rules, got {rules!r}.")
    return tuple(check_int(r, "rules", caller=caller, low=1, high=10) for r in rules)


def _sizes(values: pd.Series, n: Any, method: str, *, caller: str) -> np.ndarray:
    if method == "xmr":
        if n is not None:
            raise InputError(f"{caller}(): n goes with method='p' or 'u'.")
        return np.ones(len(values))
    if n is None:
        raise InputError(f"{caller}(): method={method!r} needs n, the size of each sample.")
    if isinstance(n, pd.Series):
        sizes = check_series(n, "n", caller=caller, low=0)
        lost = values.index.difference(sizes.index)
        if len(lost):
            raise InputError(f"{caller}(): n has no value for {len(lost)} label(s): {lost[0]!r}.")
        size = sizes.reindex(values.index).to_numpy(np.float64)
    else:
        size = np.full(len(values), check_number(n, "n", caller=caller, low=0, open_low=True))
    x = values.to_numpy(np.float64)
    bad = (x < 0) | (size <= 0) | ((x > size) if method == "p" else False)
    if bad.any():
        first = values.index[int(np.argmax(bad))]
        raise InputError(
            f"{caller}(): {int(bad.sum())} count(s) are negative, without a sample or above it "
            f"(first: {first!r})."
        )
    if method == "p":
        _told_as_shares(x, size, "series", "n", caller=caller)
    return size


def _told_as_shares(count: np.ndarray, n: np.ndarray, name: str, size: str, *, caller: str) -> None:
    """Shares in place of counts would be divided by the sample once more."""
    if len(count) > 1 and (count <= 1).all() and (count % 1 != 0).any() and (n > 1).all():
        warn(
            f"{caller}(): {name!r} goes to {count.max():g} at most and is no whole number: it "
            f"seems to hold shares, and not counts. Multiply it by {size!r}."
        )


def _stretches(index: pd.Index, breaks: Any, *, caller: str) -> list[int]:
    starts = {0}
    stamps = pd.api.types.is_datetime64_any_dtype(index.dtype)
    if isinstance(breaks, str) or not np.iterable(breaks):
        breaks = [breaks]
    for label in breaks:
        wanted = pd.Timestamp(label) if stamps and isinstance(label, date) else label
        at = np.flatnonzero(np.asarray(index == wanted))
        if not len(at):
            raise InputError(f"{caller}(): breaks: {label!r} is no label of the series.")
        starts.add(int(at[0]))
    return sorted(starts)


# --------------------------------------------------------------------------------------
# Shrinkage


def shrink(
    measures: pd.DataFrame,
    *,
    numerator: str,
    denominator: str,
    by: str | Sequence[str],
    method: str = "binomial",
    tau2: str = "dl",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Rates or means with luck taken off: empirical Bayes.

    Parameters
    ----------
    measures : DataFrame
        Keys and the two columns; rows of one key are summed (``normal``: one row a key).
    numerator, denominator : str
        ``binomial``: successes and trials (won, decided); ``poisson``: events and exposure
        (orders, months); ``normal``: an estimate (a mean) and its standard error.
    by : str or sequence of str
        Key columns.
    method : {"binomial", "poisson", "normal"}
        Beta–binomial, gamma–Poisson (both by marginal likelihood), or normal with known errors.
    tau2 : {"dl", "pm", "js"}
        ``normal``: DerSimonian–Laird or Paule–Mandel variance between keys; or the James–Stein
        estimator (four keys or more, equal standard errors).
    confidence : float in (0, 1), default=0.95
        Of the intervals, and of the ranks.

    Returns
    -------
    DataFrame
        Keys, ``numerator``, ``denominator``, ``raw``, ``shrunk``, ``lo``, ``hi``, ``weight``
        (share of the key's own data in it), ``rank`` (of ``shrunk``, 1 is the highest),
        ``rank_lo``, ``rank_hi``. Keys ascending. ``lo``, ``hi`` and the ranks count in what the
        keys leave open about their common prior, which is much with a handful of keys.
        ``attrs``: the prior (``mean``, ``size`` in trials or exposure) or ``pooled_mean``,
        ``pooled_se``, ``q``, ``tau2``.

    Raises
    ------
    InputError
        Successes exceed trials, a denominator is not positive, or values are missing.

    References
    ----------
    .. [1] D. B. Rubin, "Estimation in parallel randomized experiments", J. Educ. Stat. 6
       (1981), 377-401.
    .. [2] R. DerSimonian and N. Laird, "Meta-analysis in clinical trials", Control. Clin.
       Trials 7 (1986), 177-188.
    .. [3] B. Efron and C. Morris, "Stein's paradox in statistics", Scientific American 236
       (1977), 119-127.
    .. [4] C. N. Morris, "Parametric empirical Bayes inference: theory and applications",
       J. Am. Stat. Assoc. 78 (1983), 47-55.
    .. [5] C. L. Christiansen and C. N. Morris, "Hierarchical Poisson regression modeling",
       J. Am. Stat. Assoc. 92 (1997), 618-632.

    Examples
    --------
    >>> import pandas as pd
    >>> deals = pd.DataFrame({"rep": ["Li", "Wu", "He"], "won": [2, 30, 10],
    ...                       "decided": [2, 60, 60]})
    >>> out = shrink(deals, numerator="won", denominator="decided", by="rep")
    >>> out.loc[out["rep"] == "Li", "raw"].item()
    1.0
    >>> bool(out.loc[out["rep"] == "Li", "shrunk"].item() < 0.8)
    True
    """
    caller = "shrink"
    check_choice(method, "method", ("binomial", "poisson", "normal"), caller=caller)
    check_choice(tau2, "tau2", ("dl", "pm", "js"), caller=caller)
    only_for(method, ("normal",), {"tau2": tau2 != "dl"}, caller=caller)
    level = check_number(confidence, "confidence", caller=caller, low=0, high=1,
                         open_low=True, open_high=True)  # fmt: skip
    names = check_names(by, "by", caller=caller)
    refuse_names(names, _SHRUNK, caller=caller, option="by")
    if not names:
        raise InputError(f"{caller}(): by must name a column.")
    low = None if method == "normal" else 0.0
    frame = to_pandas(measures, caller=caller, arg="measures")
    rows = take(
        frame,
        caller=caller,
        arg="measures",
        by=names,
        unique=[f"by{i}" for i in range(len(names))] if method == "normal" else (),
        numerator=Amount(numerator, low=low),
        denominator=Amount(denominator, low=0),
    )
    key = rows.keys(*(f"by{i}" for i in range(len(names))))
    k, n = np.empty((2, len(key)))
    for total, option in ((k, "numerator"), (n, "denominator")):
        if method == "normal":  # one row a key
            total[key.codes] = rows[option]
        else:
            total[:] = group_sums(key.codes, rows[option], len(key))
    _check_counts(k, n, method, key.labels, numerator, denominator, caller=caller)
    if method == "binomial":
        _told_as_shares(k, n, numerator, denominator, caller=caller)
    if method == "normal":
        if tau2 == "js" and (len(n) < 4 or np.ptp(n) > 1e-9 * n.max()):
            raise InputError(f"{caller}(): tau2='js' needs four keys or more with equal errors.")
        fit = shrinkage.normal_means(k, n, level, tau2)
    else:
        model = shrinkage.beta_binomial if method == "binomial" else shrinkage.gamma_poisson
        fit = model(k, n, level)
    out = key.labels.copy()
    out["numerator"], out["denominator"] = k, n
    out["raw"] = k if method == "normal" else k / n
    out["shrunk"], out["lo"], out["hi"], out["weight"] = fit.estimate, fit.low, fit.high, fit.weight
    out["rank"] = competition_rank(np.round(fit.estimate, 12))
    out["rank_lo"], out["rank_hi"] = rank_interval(fit.estimate, fit.error, level)
    out.attrs = dict(fit.prior)
    return out


def _check_counts(
    k: np.ndarray,
    n: np.ndarray,
    method: str,
    labels: pd.DataFrame,
    numerator: str,
    denominator: str,
    *,
    caller: str,
) -> None:
    for bad, told in (
        (n <= 0, f"{denominator!r} is not positive"),
        ((k > n) if method == "binomial" else (n < 0), f"{numerator!r} exceeds {denominator!r}"),
    ):
        if bad.any():
            first = " / ".join(str(v) for v in labels.iloc[int(np.argmax(bad))])
            raise InputError(
                f"{caller}(): {told} for {int(bad.sum())} key(s) (first: {first}); mend them, or "
                "leave these keys out."
            )


# --------------------------------------------------------------------------------------
# Distribution


def distribution(
    scores: pd.DataFrame | pd.Series,
    *,
    score: str = "total",
    by: str | Sequence[str] | None = None,
    bands: Sequence[tuple[str, float]] = _BANDS,
    potential: str | None = None,
    cuts: tuple[float, float] = (1 / 3, 2 / 3),
) -> pd.DataFrame:
    """Where each score lies among the others: percentile, z, forced ranking, nine-box.

    Parameters
    ----------
    scores : DataFrame or Series
        One row a key, as from :func:`totals`, or the scores alone by key; not modified.
    score : str, default="total"
        Column of scores, the higher the better.
    by : str or sequence of str, optional
        Groups within which to compare (``"region"``); None: all.
    bands : sequence of (str, float)
        Forced distribution: label and share, best first; shares add up to 1. Head counts are
        exact by largest remainder; equal scores fall into the better band together.
    potential : str, optional
        Second column, for a nine-box: score across, potential up.
    cuts : (float, float), default=(1/3, 2/3)
        Percentiles that part low, middle and high in the nine-box.

    Returns
    -------
    DataFrame
        The rows as given, with the caller's index: ``by``, score, ``percentile`` (share of the
        others below, equals counting half), ``z``, ``rank``, ``band``; with ``potential``
        also ``box`` (``low/high``: score first).

    Raises
    ------
    InputError
        A column is missing, or shares do not add up to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"rep": list("abcde"), "total": [0.7, 0.9, 1.0, 1.1, 1.3]})
    >>> distribution(scores)[["rep", "percentile", "band"]]
      rep  percentile    band
    0   a        0.00  middle
    1   b        0.25  middle
    2   c        0.50  middle
    3   d        0.75  middle
    4   e        1.00     top
    """
    caller = "distribution"
    shares = _check_bands(bands, caller=caller)
    names = check_names(by, "by", caller=caller)
    refuse_names(names, _PLACED, caller=caller, option="by")
    given = scores.to_frame(score) if isinstance(scores, pd.Series) else scores
    frame = to_pandas(given, caller=caller, arg="scores")
    rows = take(
        frame, caller=caller, arg="scores", by=names, score=Amount(score),
        potential=None if potential is None else Amount(potential),
    )  # fmt: skip
    if not isinstance(cuts, tuple | list | np.ndarray) or len(cuts) != 2:
        raise InputError(f"{caller}(): cuts must be two shares in [0, 1], got {cuts!r}.")
    low, high = (check_number(c, "cuts", caller=caller, low=0, high=1) for c in cuts)
    if low > high:
        raise InputError(f"{caller}(): cuts must ascend, got {low:g} and {high:g}; swap them.")
    if potential is None and (low, high) != (1 / 3, 2 / 3):
        raise InputError(f"{caller}(): cuts go with potential=, the nine-box; name its column.")
    group = factorise(rows.frame, names).codes if names else np.zeros(len(rows), dtype=np.int64)
    values = rows["score"]
    columns: dict[str, Any] = {
        "percentile": np.empty(len(rows)),
        "z": np.empty(len(rows)),
        "rank": np.empty(len(rows), dtype=np.int64),
        "band": np.empty(len(rows), dtype=object),
    }
    second = np.empty(len(rows))
    for g in range(int(group.max()) + 1):
        at = np.flatnonzero(group == g)
        x = _settled(values[at])
        columns["percentile"][at] = _percentile(x)
        spread = x.std(ddof=1) if np.ptp(x) > 0 else 0.0
        columns["z"][at] = np.round((x - x.mean()) / spread, 12) if spread > 0 else 0.0
        columns["rank"][at] = competition_rank(x)
        columns["band"][at] = _forced(columns["rank"][at], shares)
        if potential is not None:
            second[at] = _percentile(_settled(rows["potential"][at]))
    out = rows.frame.copy()
    for name, column in columns.items():
        out[name] = pd.Series(column, index=out.index).astype("str") if name == "band" else column
    if potential is not None:
        words = np.array(["low", "middle", "high"], dtype=object)
        across, up = (
            words[(p >= low).astype(int) + (p >= high)] for p in (columns["percentile"], second)
        )
        box = [f"{a}/{b}" for a, b in zip(across, up, strict=True)]
        out["box"] = pd.Series(box, index=out.index, dtype="str")
    return out


def _check_bands(bands: Any, *, caller: str) -> list[tuple[str, float]]:
    if isinstance(bands, Mapping):
        pairs = list(bands.items())
    else:
        pairs = list(bands) if isinstance(bands, Iterable) else []
    if not pairs or any(not isinstance(p, tuple | list) or len(p) != 2 for p in pairs):
        raise InputError(f"{caller}(): bands must be pairs (label, share).")
    shares = [check_number(p[1], "bands", caller=caller, low=0, high=1) for p in pairs]
    if abs(sum(shares) - 1) > 1e-9:
        raise InputError(f"{caller}(): the shares of bands add up to {sum(shares):g}, not to 1.")
    return [(str(p[0]), s) for p, s in zip(pairs, shares, strict=True)]


def _settled(x: np.ndarray) -> np.ndarray:
    """Scores whose last binary digits say nothing: 0.1 + 0.2 is no better than 0.3."""
    most = np.abs(x).max(initial=0.0)
    return np.round(x / most, 13) * most if most > 0 else x


def _percentile(x: np.ndarray) -> np.ndarray:
    """Share of the others below, equals counting half; alone: one half."""
    if len(x) < 2:
        return np.full(len(x), 0.5)
    ordered = np.sort(x)
    below = np.searchsorted(ordered, x, side="left")
    equal = np.searchsorted(ordered, x, side="right") - below - 1
    return (below + equal / 2) / (len(x) - 1)


def _forced(rank: np.ndarray, shares: list[tuple[str, float]]) -> np.ndarray:
    """Band by rank: head counts by largest remainder, ties into the better band."""
    ideal = np.array([s for _, s in shares]) * len(rank)
    count = np.floor(ideal + 1e-9).astype(int)
    rest = len(rank) - count.sum()
    # Of 45, 31.5 and 4.5 have the same remainder, though not in binary.
    for j in np.argsort(-np.round(ideal - count, 9), kind="stable")[:rest]:
        count[j] += 1
    upto = np.cumsum(count)
    at = np.searchsorted(upto, rank, side="left")
    labels = np.array([name for name, _ in shares], dtype=object)
    return labels[np.minimum(at, len(labels) - 1)]
