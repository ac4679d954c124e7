"""Formatter, linter and type checker, over the project's own folders."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from common import ROOT

_FOLDERS = [f for f in ("salesmgmt", "tests", "benchmarks", "data", "docs") if (ROOT / f).is_dir()]


def _needs(tool: str) -> None:
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed")


def _run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_formatted():
    _needs("ruff")
    _run("ruff", "format", "--check", *_FOLDERS)


def test_linted():
    _needs("ruff")
    _run("ruff", "check", *_FOLDERS)


@pytest.mark.slow
def test_typed(tmp_path):
    _needs("mypy")
    _run("mypy", "--cache-dir", str(tmp_path), "salesmgmt", "benchmarks")


def test_engine_knows_no_frames():
    told = [
        f"{path.name}: {line}"
        for path in (ROOT / "salesmgmt" / "engine").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(("import ", "from "))
        and any(word in line for word in ("pandas", "matplotlib", "narwhals"))
    ]
    assert not told


def test_desks_do_not_touch_each_other_or_the_front_rooms():
    desks = {"targets", "funnel", "segmentation", "kpi", "incentives", "forecast", "credit"}
    told = []
    for path in (ROOT / "salesmgmt").rglob("*.py"):
        parts = path.relative_to(ROOT / "salesmgmt").parts
        own = parts[0].removeprefix("_").removesuffix(".py")
        if own not in desks:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            text = line.strip()
            if not text.startswith("from ."):
                continue
            source = text.split()[1].lstrip(".").split(".")[0]
            if source in ("plots", "report") or (
                source.startswith("_") and source[1:] in desks and source[1:] != own
            ):
                told.append(f"{'/'.join(parts)}: {text}")
    assert not told
