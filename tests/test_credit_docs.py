"""Every Python block of the desk's pages runs, top to bottom, as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", ["credit.md", "credit-models.md"])
def test_the_page_runs(page):
    blocks = re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), re.S)
    assert blocks
    space: dict[str, object] = {}
    for n, block in enumerate(blocks):
        exec(compile(block, f"{page}, block {n}", "exec"), space)
