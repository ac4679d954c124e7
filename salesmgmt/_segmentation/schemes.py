"""Named segment schemes: which scores make which segment, what it is called, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_choice, to_pandas
from ..errors import InputError

__all__ = ["SCHEMES", "Scheme", "action_of", "cn8_keys", "label_of", "resolve_scheme"]

SCHEMES = ("classic", "cn8", "shopify", "r_package")

# Stable key: English name, Chinese name, recommended action in both.
_CLASSIC: dict[str, tuple[str, str, str, str]] = {
    "champions": (
        "Champions",
        "冠军客户",
        "Reward them, ask for referrals, show new products first",
        "奖励、请其推荐、新品优先",
    ),
    "loyal": (
        "Loyal",
        "忠诚客户",
        "Sell higher value, ask for reviews, keep the service level",
        "向上销售、征求评价、保持服务",
    ),
    "potential_loyalist": (
        "Potential loyalists",
        "潜在忠诚客户",
        "Offer a framework agreement or membership, recommend further products",
        "推荐会员或框架协议、交叉推荐",
    ),
    "new": (
        "New",
        "新客户",
        "Welcome them, secure the second order",
        "做好首单服务、促成第二单",
    ),
    "promising": (
        "Promising",
        "有潜力客户",
        "Build familiarity, offer a trial of further products",
        "培养认知、提供试用",
    ),
    "need_attention": (
        "Need attention",
        "需关注客户",
        "Make a time-limited offer based on past purchases",
        "基于历史购买做限时优惠",
    ),
    "about_to_sleep": (
        "About to sleep",
        "即将沉睡客户",
        "Get in touch with popular products before they are gone",
        "主动联系、推荐热销品",
    ),
    "at_risk": (
        "At risk",
        "流失风险客户",
        "Visit or call in person, find out what changed",
        "专人拜访、了解变化原因",
    ),
    "cant_lose": (
        "Can't lose them",
        "不能失去的客户",
        "Win back at senior level; do not lose them to a competitor",
        "高层出面挽回",
    ),
    "hibernating": (
        "Hibernating",
        "沉睡客户",
        "Reactivate with a low-cost offer",
        "低成本激活",
    ),
    "lost": (
        "Lost",
        "流失客户",
        "One last low-cost attempt, then leave alone",
        "低成本尝试一次后放弃",
    ),
}
_SHOPIFY = {
    "active": (
        "Active",
        "活跃客户",
        "Recommend products, lift the order value",
        "推荐商品、提升客单",
    ),
    "previously_loyal": (
        "Previously loyal",
        "曾经忠诚客户",
        "Win back in person, find out what changed",
        "专人挽回、了解原因",
    ),
    "almost_lost": (
        "Almost lost",
        "濒临流失客户",
        "Make a time-limited offer to return",
        "限时回归优惠",
    ),
    "dormant": ("Dormant", "休眠客户", "Reactivate at low cost or leave alone", "低成本激活或放弃"),
    "others": ("Others", "其他客户", "Look at them one by one", "逐一查看"),
}
_CN8 = {
    "important_value": (
        "Key: value",
        "重要价值客户",
        "Serve first, keep close, reward",
        "重点服务、维系、奖励",
    ),
    "important_develop": (
        "Key: develop",
        "重要发展客户",
        "Raise the order frequency",
        "提高购买频次",
    ),
    "important_keep": (
        "Key: keep",
        "重要保持客户",
        "Get in touch, bring them back",
        "主动联系、唤回",
    ),
    "important_retain": (
        "Key: retain",
        "重要挽留客户",
        "Win back, find out why they left",
        "重点挽留、了解原因",
    ),
    "general_value": (
        "General: value",
        "一般价值客户",
        "Raise the order value",
        "提高客单价",
    ),
    "general_develop": (
        "General: develop",
        "一般发展客户",
        "Trial offers, build the relationship",
        "试用优惠、培养关系",
    ),
    "general_keep": (
        "General: keep",
        "一般保持客户",
        "Keep in touch at low cost",
        "低成本保持联系",
    ),
    "general_retain": (
        "General: retain",
        "一般挽留客户",
        "Low-cost attempt or leave alone",
        "低成本尝试或放弃",
    ),
}
_NAMES = {**_CLASSIC, **_SHOPIFY, **_CN8}

# (key, recency scores, combined frequency and monetary scores), on a grid of 5.
_CLASSIC_GRID = (
    ("champions", (5, 5), (4, 5)),
    ("loyal", (3, 4), (4, 5)),
    ("potential_loyalist", (4, 5), (2, 3)),
    ("new", (5, 5), (1, 1)),
    ("promising", (4, 4), (1, 1)),
    ("need_attention", (3, 3), (3, 3)),
    ("about_to_sleep", (3, 3), (1, 2)),
    ("at_risk", (1, 2), (3, 4)),
    ("cant_lose", (1, 2), (5, 5)),
    ("hibernating", (2, 2), (1, 2)),
    ("lost", (1, 1), (1, 2)),
)
# (key, r, f, m), first match wins; the rest are "others".
_R_PACKAGE = (
    ("champions", (5, 5), (5, 5), (5, 5)),
    ("potential_loyalist", (3, 5), (3, 5), (2, 5)),
    ("loyal", (2, 4), (2, 4), (2, 4)),
    ("promising", (3, 4), (1, 3), (3, 5)),
    ("new", (4, 5), (1, 3), (1, 5)),
    ("cant_lose", (1, 2), (3, 4), (4, 5)),
    ("at_risk", (1, 2), (2, 5), (4, 5)),
    ("need_attention", (1, 3), (3, 5), (3, 5)),
    ("about_to_sleep", (2, 3), (1, 3), (1, 4)),
    ("lost", (1, 1), (1, 5), (1, 5)),
)
_SHOPIFY_GRID = (
    ("champions", (5, 5), (4, 5)),
    ("loyal", (4, 4), (4, 5)),
    ("active", (4, 5), (2, 3)),
    ("new", (5, 5), (1, 1)),
    ("promising", (4, 4), (1, 1)),
    ("need_attention", (3, 3), (3, 5)),
    ("at_risk", (2, 2), (4, 5)),
    ("previously_loyal", (1, 1), (4, 5)),
    ("almost_lost", (2, 3), (2, 3)),
    ("almost_lost", (2, 3), (1, 1)),
    ("dormant", (1, 1), (1, 3)),
)


class Scheme:
    """A table of segments over all (r, f, m) cells, and their names."""

    def __init__(self, cells: np.ndarray, keys: list[str], names: Mapping[str, tuple[str, ...]]):
        self.cells = cells  # (bins, bins, bins) of positions in keys
        self.keys = keys
        self.names = names

    def lookup(self, cell: np.ndarray) -> np.ndarray:
        """Position in ``keys`` of the segment of each cell, counted through from 0."""
        return self.cells.reshape(-1)[cell]


def label_of(
    key: str,
    lang: str,
    names: Mapping[str, tuple[str, ...]] | None = None,
    own: Mapping[str, str] | None = None,
) -> str:
    """What the segment is called in a language; ``own``: where neither names nor schemes tell."""
    told = (own or {}).get(key, key)
    known = (names or {}).get(key) or _NAMES.get(key) or (told, told, "", "")
    return known[1 if lang == "zh" else 0]


def own_labels(scored: pd.DataFrame, segment: str = "segment") -> dict[str, str]:
    """What a table of scores itself calls its segments."""
    if "label" not in scored.columns or segment == "label":
        return {}
    pairs = scored[[segment, "label"]].drop_duplicates().astype(str)
    once = ~pairs[segment].duplicated(keep=False)  # else it is the label of something else
    return dict(pairs[once].itertuples(index=False, name=None))


def action_of(key: str, lang: str, names: Mapping[str, tuple[str, ...]] | None = None) -> str:
    """What to do with the segment."""
    known = (names or {}).get(key) or _NAMES.get(key) or (key, key, "", "")
    return known[3 if lang == "zh" else 2]


def cn8_keys(r: np.ndarray, f: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The eight segments of three yes/no answers: positions and keys.

    Monetary says "important" or "general"; recency and frequency say value (1, 1), develop
    (1, 0), keep (0, 1) or retain (0, 0).
    """
    keys = [
        f"{i}_{k}" for i in ("important", "general") for k in ("value", "develop", "keep", "retain")
    ]
    at = np.where(m, 0, 4) + np.where(r, 0, 2) + np.where(f, 0, 1)
    return at, keys


def resolve_scheme(scheme: Any, bins: int, *, caller: str) -> Scheme | None:
    """A scheme by name or from a frame of rules, spread over all cells; None for ``cn8``."""
    if scheme is not None and not isinstance(scheme, str):
        return _from_rules(to_pandas(scheme, caller=caller, arg="scheme"), bins, caller=caller)
    check_choice(scheme, "scheme", SCHEMES, caller=caller)
    if scheme == "cn8":
        return None
    r, f, m = np.meshgrid(*[_on_five(np.arange(1, bins + 1), bins)] * 3, indexing="ij")
    if scheme == "r_package":
        rules = [(k, (r, a), (f, b), (m, c)) for k, a, b, c in _R_PACKAGE]
    else:
        both = (f + m + 1) // 2  # mean of the two, halves up
        grid = _CLASSIC_GRID if scheme == "classic" else _SHOPIFY_GRID
        rules = [(k, (r, a), (both, b), (r, (1, 5))) for k, a, b in grid]
    return _first_match(rules, r.shape)


def _on_five(scores: np.ndarray, bins: int) -> np.ndarray:
    """Scores 1..bins on a scale of 1..5, ends on ends."""
    return 1 + np.floor((scores - 1) * 4 / (bins - 1) + 0.5).astype(np.int64)


def _first_match(rules: list[Any], shape: tuple[int, ...]) -> Scheme:
    keys = list(dict.fromkeys(k for k, *_ in rules))
    cells = np.full(shape, -1, dtype=np.int64)
    for key, *spans in rules:
        inside = np.ones(shape, dtype=bool)
        for values, (low, high) in spans:
            inside &= (values >= low) & (values <= high)
        cells[inside & (cells < 0)] = keys.index(key)
    if (cells < 0).any():
        keys.append("others")
        cells[cells < 0] = len(keys) - 1
    return Scheme(cells, keys, {})


_BOUNDS = ("r_min", "r_max", "f_min", "f_max", "m_min", "m_max")


def _from_rules(rules: pd.DataFrame, bins: int, *, caller: str) -> Scheme:
    """Rules in a frame: every cell must be covered, and by one segment only."""
    if "segment" not in rules.columns or not len(rules) or rules["segment"].isna().any():
        raise InputError(
            f"{caller}(): a scheme frame needs a column 'segment' (filled) and some of "
            f"{', '.join(_BOUNDS)}; a bound that is absent or missing is open."
        )
    unknown = [c for c in rules.columns if c[:2] in ("r_", "f_", "m_") and c not in _BOUNDS]
    if unknown:
        raise InputError(f"{caller}(): scheme has a column {unknown[0]!r}; bounds are {_BOUNDS}.")
    keys = list(dict.fromkeys(map(str, rules["segment"])))
    cells = np.full((bins,) * 3, -1, dtype=np.int64)
    grid = np.meshgrid(*[np.arange(1, bins + 1)] * 3, indexing="ij")
    for i in range(len(rules)):
        inside = np.ones(cells.shape, dtype=bool)
        for values, axis in zip(grid, "rfm", strict=True):
            low, high = (_bound(rules, f"{axis}_{end}", i, caller=caller) for end in ("min", "max"))
            inside &= (values >= (1 if low is None else low)) & (
                values <= (bins if high is None else high)
            )
        here = keys.index(str(rules["segment"].iloc[i]))
        _refuse_overlap(cells, inside, here, keys, caller=caller)
        cells[inside] = here
    open_cells = np.argwhere(cells < 0)
    if len(open_cells):
        first = "-".join(map(str, open_cells[0] + 1))
        raise InputError(
            f"{caller}(): scheme leaves {len(open_cells)} of {cells.size} score cells without a "
            f"segment, first r-f-m = {first}; add a rule that covers them."
        )
    return Scheme(cells, keys, _rule_names(rules, keys))


def _bound(rules: pd.DataFrame, column: str, i: int, *, caller: str) -> float | None:
    if column not in rules.columns or pd.isna(rules[column].iloc[i]):
        return None
    try:
        return float(rules[column].iloc[i])
    except (TypeError, ValueError):
        raise InputError(
            f"{caller}(): scheme column {column!r} must hold numbers, got "
            f"{rules[column].iloc[i]!r} in row {i}."
        ) from None


def _refuse_overlap(
    cells: np.ndarray, inside: np.ndarray, here: int, keys: list[str], *, caller: str
) -> None:
    taken = inside & (cells >= 0) & (cells != here)
    if taken.any():
        at = np.argwhere(taken)[0]
        first = "-".join(map(str, at + 1))
        raise InputError(
            f"{caller}(): scheme gives {int(taken.sum())} score cell(s) to two segments, first "
            f"r-f-m = {first} to {keys[cells[tuple(at)]]!r} and {keys[here]!r}; make the rules "
            "exclude each other."
        )


def _rule_names(rules: pd.DataFrame, keys: list[str]) -> dict[str, tuple[str, ...]]:
    """Labels and actions from optional columns; the key itself where they are absent."""
    names: dict[str, tuple[str, ...]] = {}
    for key in keys:
        row = rules.loc[(rules["segment"].astype(str) == key).to_numpy()].iloc[0]
        told = {str(c): str(v) for c, v in row.items() if not pd.isna(v)}
        label = told.get("label", label_of(key, "en"))
        action = told.get("action", action_of(key, "en"))
        zh = told.get("label_zh", told.get("label", label_of(key, "zh")))
        names[key] = (label, zh, action, told.get("action_zh", action))
    return names
