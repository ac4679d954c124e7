"""The README's examples run, its commands are the promised ones, its links lead somewhere."""

from __future__ import annotations

import re
import warnings

import pytest
from common import ROOT

_COMMANDS = (
    'python -m pip install ".[notebooks]" && salesmgmt report',
    'python -m pip install ".[test]" && python -m pytest',
)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_commands_links_and_examples(name, tmp_path, monkeypatch):
    text = (ROOT / name).read_text(encoding="utf-8")
    for command in _COMMANDS:
        assert command in text
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / target).exists(), f"{name}: dead link {target}"
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    scope: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in blocks:
            exec(block, scope)
