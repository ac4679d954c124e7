"""Shared fixtures: real data by environment variable, pictures without a screen."""

# ruff: noqa: E402
from __future__ import annotations

import os
from pathlib import Path

# One thread a worker, notebooks' kernels included: workers times threads would wait for each
# other. Before NumPy is loaded, which reads it once.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, settings

mpl.use("Agg")

# Generated cases are the same on each run, and no machine is too slow for them.
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real data sets; tests that need it skip where it is not given."""
    folder = os.environ.get("SALESMGMT_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("real data: set SALESMGMT_DATA to the folder that holds them")
    return Path(folder)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(params=["polars", "pyarrow", "duckdb"])
def give(request):
    """A function that hands a pandas frame over as one of another engine."""
    module = pytest.importorskip(request.param)
    return {
        "polars": lambda f: module.from_pandas(f),
        "pyarrow": lambda f: module.Table.from_pandas(f),
        "duckdb": lambda f: module.from_df(f),
    }[request.param]
