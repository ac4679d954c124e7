"""Sales analytics: targets, funnel, customers, KPIs and pay, forecasts, receivables and credit.

Names resolve on first use (PEP 562), so that ``import salesmgmt`` costs next to nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"

# Type checkers take this name for true; importing typing would double the cost of the import.
TYPE_CHECKING = False

_ROOMS = (
    "calendars",
    "credit",
    "datasets",
    "forecast",
    "funnel",
    "incentives",
    "kpi",
    "plots",
    "report",
    "segmentation",
    "targets",
)
_NAMES = {
    "InputError": "errors",
    "DataWarning": "errors",
    "check": "_frames",
    "load_sample": "datasets",
}
__all__ = [
    "DataWarning",
    "InputError",
    "__version__",
    "calendars",
    "check",
    "credit",
    "datasets",
    "forecast",
    "funnel",
    "incentives",
    "kpi",
    "load_sample",
    "plots",
    "report",
    "segmentation",
    "targets",
]

if TYPE_CHECKING:
    from . import (
        calendars,
        credit,
        datasets,
        forecast,
        funnel,
        incentives,
        kpi,
        plots,
        report,
        segmentation,
        targets,
    )
    from ._frames import check
    from .datasets import load_sample
    from .errors import DataWarning, InputError


def __getattr__(name: str) -> object:
    import importlib

    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
