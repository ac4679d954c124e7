"""The pages' examples run, block by block, and their links lead somewhere."""

from __future__ import annotations

import re
import warnings

import pytest
from common import ROOT

_PAGES = sorted((ROOT / "docs").glob("*.md"))
# Pages that speak of tables only the reader has; their functions have examples of their own.
_READERS_OWN = {"credit-models"}
_SLOW = {"forecast", "segmentation", "funnel"}


def _last_two_provisions(scope: dict) -> None:
    """``last_year`` and ``this_year``, which the credit page takes as known."""
    credit, book = scope["credit"], scope["book"]
    rates = credit.loss_rates(credit.roll_rates(book), loss_given_default=0.9)
    for name, day in (("last_year", "2024-12-31"), ("this_year", "2025-12-31")):
        scope[name] = credit.provision(credit.aging(book, as_of=day), rates)


_BEFORE = {("credit", 1): _last_two_provisions}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(p, marks=pytest.mark.slow if p.stem in _SLOW else (), id=p.stem)
        for p in _PAGES
        if p.stem not in _READERS_OWN
    ],
)
def test_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    text = page.read_text(encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, block in enumerate(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)):
            _BEFORE.get((page.stem, i), lambda scope: None)(scope)
            exec(block, scope)


@pytest.mark.parametrize("page", _PAGES, ids=lambda p: p.stem)
def test_links_of_a_page_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (page.parent / target).exists(), f"{page.name}: dead link {target}"
