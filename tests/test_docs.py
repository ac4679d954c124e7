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
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, heading = target.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), f"{page.name}: dead link {target}"
        if heading:
            lines = there.read_text(encoding="utf-8").splitlines()
            known = {_anchor(line) for line in lines if line.startswith("#")}
            assert heading in known, f"{page.name}: no heading for {target}"


def _anchor(line):
    """What a heading is called in links: small letters and digits, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
