"""The pages' examples run, block by block, and their links lead somewhere."""

from __future__ import annotations

import re
import warnings

import pytest
from common import ROOT

_PAGES = sorted((ROOT / "docs").glob("*.md"))
_SLOW = {"forecast", "segmentation", "funnel"}


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=pytest.mark.slow if p.stem in _SLOW else (), id=p.stem) for p in _PAGES],
)
def test_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    text = page.read_text(encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n, block in enumerate(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)):
            exec(compile(block, f"{page.name}, block {n}", "exec"), scope)


@pytest.mark.parametrize("page", _PAGES, ids=lambda p: p.stem)
def test_links_of_a_page_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (page.parent / target).exists(), f"{page.name}: dead link {target}"
