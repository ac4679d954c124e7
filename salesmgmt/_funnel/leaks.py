"""Columns that know the outcome: filled in after it, or because of it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from scipy import stats

from ._features import _as_float, _as_text, _is_number

__all__ = ["find_drift", "find_leaks"]

# Words for what is only known, judged, or goes on changing after a deal has come in.
_WORDS = {
    "last",
    "latest",
    "final",
    "closed",
    "close",
    "outcome",
    "result",
    "reason",
    "score",
    "index",
    "status",
    "won",
    "lost",
    "invoice",
    "signed",
    "quality",
    "profile",
    "rating",
    "grade",
    "tag",
    "tags",
}
_WORDS_ZH = (
    *(
        "最后",
        "最近",
        "最终",
        "关闭",
        "结案",
        "结果",
        "原因",
        "评分",
        "得分",
        "状态",
        "赢单",
        "输单",
    ),
    *("丢单", "发票", "签约", "质量", "评级", "等级", "标签"),
)
_EMPTY = {"", "select", "-", "n/a", "na", "none", "null", "unknown", "未知", "无", "请选择"}
_COLUMNS = ["column", "kind", "auc", "filled_won", "filled_lost", "filled_early", "filled_late"]


def find_leaks(table: pd.DataFrame, won: np.ndarray) -> pd.DataFrame:
    """Suspicious columns with the evidence, strongest first.

    ``kind`` names the strongest reason: ``separates`` (the column alone tells won from lost),
    ``filled_by_outcome`` (it is filled in for one outcome far more than for the other, and
    tells), ``filled_for_a_time`` (early rows have it, late ones do not: it comes later than the
    row), ``pure_values`` (values that nearly always mean won, or lost), ``name`` (its name says
    that it comes late, and it is related to the outcome).
    """
    rows = []
    one_outcome = len(np.unique(won)) < 2  # nothing can tell what does not differ
    for name in [] if one_outcome else table.columns:
        found = _examine(table[name], str(name), won)
        if found is not None:
            rows.append(found)
    out = pd.DataFrame(rows, columns=[*_COLUMNS, "evidence"])
    out["_strength"] = (out["auc"] - 0.5).abs()
    out = out.sort_values(["_strength", "column"], ascending=[False, True], kind="stable")
    return out.drop(columns="_strength").reset_index(drop=True)


def _examine(series: pd.Series, name: str, won: np.ndarray) -> tuple | None:
    text = _as_text(series)
    empty = text.str.lower().isin(_EMPTY).to_numpy()
    score, p_value = _score(series, text, empty, won)
    auc = _auc(score, won)
    third = max(len(won) // 3, 1)
    f_won, f_lost = 1 - empty[won == 1].mean(), 1 - empty[won == 0].mean()
    early, late = 1 - empty[:third].mean(), 1 - empty[-third:].mean()
    pure = _pure_share(series, text, empty, won)
    told = []
    if auc >= 0.85:
        told.append(("separates", f"alone it tells won from lost (AUC {auc:.2f})"))
    if auc >= 0.7 and abs(f_won - f_lost) >= 0.15:
        told.append(
            ("filled_by_outcome", f"filled in for {f_won:.0%} of won and {f_lost:.0%} of lost rows")
        )
    if abs(early - late) >= 0.3 and _beyond_chance(early, late, third, third):
        told.append(
            (
                "filled_for_a_time",
                f"filled in for {early:.0%} of the first third of rows, {late:.0%} of the last",
            )
        )
    if pure >= 0.3 and auc >= 0.7:
        told.append(("pure_values", f"{pure:.0%} of the rows hold values with one outcome only"))
    words = set(re.split(r"[^a-z]+", name.lower()))
    hit = sorted(words & _WORDS) + [word for word in _WORDS_ZH if word in name]
    if hit and p_value < 0.01:
        told.append(("name", f"its name says {hit[0]!r}, and it is related to the outcome"))
    if not told:
        return None
    evidence = "; ".join(t for _, t in told)
    return (name, told[0][0], auc, f_won, f_lost, early, late, evidence)


def _score(
    series: pd.Series, text: pd.Series, empty: np.ndarray, won: np.ndarray
) -> tuple[np.ndarray, float]:
    """Share won of rows like each row, from other folds; and the p-value of a chi-square."""
    cell = _cells(series, text, empty)
    size, prior = int(cell.max()) + 1, 10.0
    k, n = np.bincount(cell, weights=won), np.bincount(cell)
    fold = np.arange(len(won)) % 5  # a row's own outcome must not be in its score
    score = np.empty(len(won))
    for f in range(5):
        mine = fold == f
        k_out = k - np.bincount(cell[mine], weights=won[mine], minlength=size)
        n_out = n - np.bincount(cell[mine], minlength=size)
        mean = won[~mine].mean() if (~mine).any() else won.mean()
        score[mine] = ((k_out + prior * mean) / (n_out + prior))[cell[mine]]
    table = np.array([k, n - k])[:, n >= 5]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return score, 1.0
    return score, float(stats.chi2_contingency(table, correction=False).pvalue)


def _cells(series: pd.Series, text: pd.Series, empty: np.ndarray) -> np.ndarray:
    """Rows with like values: twenty ranges of a number, each value of a text, empty apart."""
    if _is_number(series):
        values = _as_float(series)
        seen = values[~np.isnan(values)]
        if len(np.unique(seen)) > 30:
            edges = np.unique(np.quantile(seen, np.linspace(0, 1, 21)[1:-1]))
            cell = np.searchsorted(edges, np.nan_to_num(values), side="right") + 1
            return np.where(np.isnan(values), 0, cell)
    codes = pd.factorize(text.where(~empty, ""))[0]
    return codes.astype(np.int64)


def _auc(score: np.ndarray, won: np.ndarray) -> float:
    n1 = int(won.sum())
    n0 = len(won) - n1
    if not n1 or not n0:
        return 0.5
    ranks = stats.rankdata(score)
    return float((ranks[won == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def _pure_share(series: pd.Series, text: pd.Series, empty: np.ndarray, won: np.ndarray) -> float:
    """Share of rows whose value is won (or lost) nearly always, against the usual rate."""
    cell = _cells(series, text, empty)
    n, k = np.bincount(cell), np.bincount(cell, weights=won)
    base = won.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = k / n
    high = (rate >= 0.95) & (base < 0.8)
    low = (rate <= 0.05) & (base > 0.2)
    return float(n[(n >= 30) & (high | low)].sum() / len(won))


# --------------------------------------------------------------------------------------
# Drift


def find_drift(
    before: pd.DataFrame, after: pd.DataFrame, rate_before: float, rate_after: float
) -> pd.DataFrame:
    """How far each column moved between two stretches of rows (population stability index).

    The first row, ``(outcome)``, is the share won. ``alarm``: an index above 0.25, the usual
    limit, or a share won that moved by more than a quarter of itself; and more than chance would
    move it in one of a hundred cases, for few rows or many values move much. Under no drift the
    index is (1/n + 1/m) times a chi-square variable with one degree of freedom less than cells.
    Dates move on by themselves and raise no alarm.
    """
    rows = []
    spread = 1 / max(len(before), 1) + 1 / max(len(after), 1)
    alarm = abs(rate_after - rate_before) > rate_before / 4
    alarm = alarm and _beyond_chance(rate_before, rate_after, len(before), len(after))
    rows.append(("(outcome)", np.nan, rate_before, rate_after, bool(alarm)))
    for name in before.columns:
        psi, cells = _psi(before[name], after[name])
        dates = pd.api.types.is_datetime64_any_dtype(before[name].dtype)
        sure = not dates and psi > spread * stats.chi2.ppf(0.99, max(cells - 1, 1))
        rows.append((str(name), psi, np.nan, np.nan, bool(sure and psi > 0.25)))
    out = pd.DataFrame(rows, columns=["column", "psi", "rate_before", "rate_after", "alarm"])
    head, rest = out.iloc[:1], out.iloc[1:]
    rest = rest.sort_values(["psi", "column"], ascending=[False, True], kind="stable")
    return pd.concat([head, rest], ignore_index=True)


def _beyond_chance(a: float, b: float, n: int, m: int) -> bool:
    """Whether two shares, of ``n`` and ``m`` rows, differ at the level of 1 %."""
    share = (a * n + b * m) / (n + m)
    return abs(a - b) > stats.norm.ppf(0.995) * np.sqrt(share * (1 - share) * (1 / n + 1 / m))


def _psi(before: pd.Series, after: pd.Series) -> tuple[float, int]:
    """Population stability index, and in how many cells."""
    both = pd.concat([before, after], ignore_index=True)
    text = _as_text(both)
    empty = (text == "").to_numpy()
    n = len(before)
    if _is_number(both):
        values = _as_float(both)
        seen = values[:n][~np.isnan(values[:n])]
        edges = np.unique(np.quantile(seen, np.linspace(0, 1, 11)[1:-1])) if len(seen) else seen
        cell = np.searchsorted(edges, np.nan_to_num(values), side="right") + 1
        cell = np.where(np.isnan(values), 0, cell)
    else:
        cell = pd.factorize(text.where(~empty, ""))[0]
    cell = np.unique(cell, return_inverse=True)[1].reshape(-1)
    size = int(cell.max()) + 1
    a = (np.bincount(cell[:n], minlength=size) + 0.5) / (n + 0.5 * size)
    b = (np.bincount(cell[n:], minlength=size) + 0.5) / (len(both) - n + 0.5 * size)
    return float(((b - a) * np.log(b / a)).sum()), size
