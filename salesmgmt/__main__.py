"""The command line: ``salesmgmt report`` and ``salesmgmt check``."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .errors import DataWarning, InputError

__all__ = ["main"]

_FILES = {
    "transactions": "what was sold: customer_id, date, amount (rep, region, product, ...)",
    "deals": "opportunities: deal_id, stage, amount, created_at (close_date, status, ...)",
    "events": "stage events: deal_id, stage, entered_at",
    "invoices": "invoice_id, customer_id, invoice_date, due_date, amount",
    "payments": "payment_id, customer_id, date, amount (invoice_id)",
    "adjustments": "write-offs and the like: customer_id, date, amount, kind",
    "plan": "targets: your key columns, period_start, period_end, target",
}
_EPILOG = """examples:
  salesmgmt report                                   the sample company, to report.html
  salesmgmt report --transactions sales.csv          the sections that sales alone can fill
  salesmgmt report --invoices inv.xlsx --payments pay.xlsx --as-of 2025-12-31 --lang zh
  salesmgmt report --transactions sales.csv --invalid drop   without the rows that are unusable
  salesmgmt check sales.csv                          every problem of a file, before you start

Files are CSV (UTF-8, GBK or UTF-16; commas, semicolons or tabs), Excel or Parquet with the
canonical column names, in any case. A bad file ends the run with one line that says what to
mend, and exit code 2."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; None: those of the process.

    Returns
    -------
    int
        0, or 2 where a file or an option cannot be used.

    Raises
    ------
    SystemExit
        From ``--help``, ``--version`` and unknown options, as argparse does.
    """
    options = _parser().parse_args(argv)
    run = _report if options.command == "report" else _check
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", DataWarning)
            warnings.showwarning = _show_warning
            return run(options)
    except InputError as err:
        told = str(err).replace('pass invalid="drop"', "give --invalid drop")
        print(f"salesmgmt: {told}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="salesmgmt",
        description="Sales analytics: quotas, funnel, customers, KPIs, forecasts, receivables.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"salesmgmt {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    report = commands.add_parser(
        "report",
        help="write one HTML page with tables and pictures from each desk",
        description="Write one self-contained HTML page. With no file: the sample company.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, text in _FILES.items():
        report.add_argument(f"--{name}", metavar="FILE", help=text)
    report.add_argument("--as-of", metavar="DATE", help="day of the report (default: last in data)")
    report.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the page")
    report.add_argument(
        "--invalid",
        choices=("raise", "drop"),
        default="raise",
        help="rows that cannot be used: stop (default), or leave them out and say how many",
    )
    report.add_argument("-o", "--output", metavar="FILE", default="report.html")
    check = commands.add_parser(
        "check",
        help="list every problem of one or more files",
        description="List every problem of one or more files; exit code 2 if there is one.",
    )
    check.add_argument("files", nargs="+", metavar="FILE")
    check.add_argument("--table", help="which table the files are (default: by their columns)")
    return parser


def _report(options: argparse.Namespace) -> int:
    from ._frames import MAY_BE_EMPTY, day
    from .report import build
    from .report._files import read_table

    given = {k: v for k in _FILES if (v := getattr(options, k)) is not None}
    as_of = options.as_of
    if as_of is not None:
        as_of = day(as_of, name="--as-of", caller="report", last=True)
    output = Path(options.output)
    if output.is_dir():
        raise InputError(f"{output}: is a folder; give the name of a file.")
    if not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {str(output.parent)!r}.")
    started = time.perf_counter()
    _say("reading " + (", ".join(given.values()) if given else "the sample company"))
    if given:
        tables = {
            ("stage_events" if k == "events" else k): read_table(v, empty=k in MAY_BE_EMPTY)
            for k, v in given.items()
        }
    else:
        from .datasets import load_sample

        tables = load_sample()
    page = build(tables, as_of=as_of, lang=options.lang, invalid=options.invalid, progress=_say)
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as err:
        raise InputError(f"{output}: cannot be written: {err.strerror}.") from None
    _say(f"{output}: {len(page) / 1e6:.1f} MB, {time.perf_counter() - started:.1f} s")
    return 0


def _check(options: argparse.Namespace) -> int:
    from ._frames import TABLES, check, check_choice
    from .report._files import read_table

    if options.table is not None:
        check_choice(options.table, "--table", tuple(TABLES), caller="check")
    worst = 0
    for name in options.files:
        try:
            frame = read_table(name)
        except InputError as error:  # the other files are looked at all the same
            print(f"salesmgmt: {error}", file=sys.stderr)
            worst = 2
            continue
        table = options.table or _likeliest(list(map(str, frame.columns)))
        found = check(frame, table)
        how = table if options.table else f"{table} (by its columns; --table names another)"
        print(f"{name}: {len(frame):,} rows as {how}: {len(found):,} problem(s)")
        if len(found):
            shown = found
            if len(found) > 20:  # the last kind of problem is not hidden behind the first
                shown = found.groupby(["column", "reason"], sort=False, dropna=False).head(5)
            print(shown.to_string(index=False))
            if len(shown) < len(found):
                print(f"... {len(found) - len(shown):,} more; shown are the first 5 of each kind")
            worst = 2
    return worst


def _likeliest(columns: list[str]) -> str:
    """The table most of whose required columns are there."""
    from ._frames import TABLES

    def fit(table: str) -> tuple[float, int, int]:
        roles = TABLES[table].values()
        needed = sum(not role.optional for role in roles)
        there = sum(not role.optional and role.name in columns for role in roles)
        also = sum(role.optional and role.name in columns for role in roles)
        return there / needed if needed else float(also > 0), there, also

    return max(TABLES, key=fit)


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def _show_warning(
    message: Warning | str, category: type[Warning], *_: object, **__: object
) -> None:
    if issubclass(category, DataWarning):
        _say(f"note: {message}")


if __name__ == "__main__":
    sys.exit(main())
