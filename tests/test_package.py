"""The package as it is installed: light, complete, and usable from anywhere."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from common import ROOT

import salesmgmt
from salesmgmt import InputError
from salesmgmt.__main__ import main


def _python(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_import_loads_nothing_heavy():
    code = (
        "import sys, salesmgmt; "
        "heavy = 'pandas numpy scipy sklearn statsmodels matplotlib'.split();"
        "print([m for m in heavy if m in sys.modules])"
    )
    assert _python("-c", code, cwd=ROOT).stdout.strip() == "[]"


def test_every_name_of_the_head_resolves():
    for name in salesmgmt.__all__:
        assert getattr(salesmgmt, name) is not None
    with pytest.raises(AttributeError, match="no_such_room"):
        _ = salesmgmt.no_such_room
    assert set(salesmgmt.__all__) <= set(dir(salesmgmt))


@pytest.mark.slow
def test_wheel_holds_the_data_and_reports_from_an_empty_folder(tmp_path):
    pytest.importorskip("hatchling")
    build = "from hatchling.builders.wheel import WheelBuilder as W; "
    build += f"print(next(W({str(ROOT)!r}).build(directory={str(tmp_path)!r})))"
    made = _python("-c", build, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    wheel = Path(made.stdout.strip().splitlines()[-1])
    names = zipfile.ZipFile(wheel).namelist()
    assert "salesmgmt/py.typed" in names
    assert "salesmgmt/_sample/transactions.csv" in names
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    empty = tmp_path / "empty"
    empty.mkdir()
    # -I shuts out the current folder and PYTHONPATH: what runs is the wheel alone.
    run = (
        f"import sys, runpy; sys.path.insert(0, {str(site)!r}); sys.argv = ['salesmgmt', 'report'];"
    )
    run += "runpy.run_module('salesmgmt', run_name='__main__')"
    done = _python("-I", "-c", run, cwd=empty)
    assert done.returncode == 0, done.stderr
    page = (empty / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "<table" in page
    assert not [w for w in ("http://", "https://") if f'src="{w}' in page or f'href="{w}' in page]


def test_a_bad_file_gets_one_line_and_exit_code_2(tmp_path, capsys):
    bad = tmp_path / "sales.csv"
    bad.write_text("customer_id,date,amount\nA,2025-01-02,10\nB,soon,5\n", encoding="utf-8")
    assert main(["report", "--transactions", str(bad), "-o", str(tmp_path / "r.html")]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    last = [line for line in told if line.startswith("salesmgmt:")]
    assert len(last) == 1
    assert "date" in last[0]
    assert "soon" in last[0]
    assert not (tmp_path / "r.html").exists()
    assert main(["report", "--transactions", str(tmp_path / "none.csv")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_damaged_files_are_told_in_one_line(tmp_path):
    for extra in ("openpyxl", "pyarrow"):
        pytest.importorskip(extra, reason=f"{extra} is not installed")
    from salesmgmt.report._files import read_table

    (tmp_path / "bad.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no table")
    (tmp_path / "wide.csv").write_text("customer_id,date,amount\nA,2025-01-01,1,9\n")
    for name, word in {
        "bad.xlsx": "cannot be read", "bad.parquet": "cannot be read", "wide.csv": "more fields",
    }.items():  # fmt: skip
        with pytest.raises(InputError, match=word):
            read_table(tmp_path / name)


def test_gbk_and_utf8_files_read_alike(tmp_path):
    from salesmgmt.report._files import read_table

    text = "customer_id,客户,amount\n007,华东贸易,1.5\n"
    for encoding in ("utf-8", "utf-8-sig", "gbk"):
        file = tmp_path / f"{encoding}.csv"
        file.write_bytes(text.encode(encoding))
        frame = read_table(file)
        assert frame.iloc[0].tolist() == ["007", "华东贸易", 1.5]


def test_check_lists_every_problem(tmp_path, capsys):
    file = tmp_path / "sales.csv"
    file.write_text("customer_id,date,amount\nA,2025-01-02,x\n,2025-01-03,5\n", encoding="utf-8")
    assert main(["check", str(file)]) == 2
    out = capsys.readouterr().out
    assert "2 problem(s)" in out
    file.write_text("customer_id,date,amount\nA,2025-01-02,1\n", encoding="utf-8")
    assert main(["check", str(file)]) == 0


def test_check_goes_on_after_a_file_that_cannot_be_read(tmp_path, capsys):
    file = tmp_path / "sales.csv"
    file.write_text("Customer,date,amount\nA,2025-01-02,5\n", encoding="utf-8")
    assert main(["check", str(tmp_path / "none.csv"), str(file), "--table", "transactions"]) == 2
    told = capsys.readouterr()
    assert "none.csv: there is no such file" in told.err
    assert "rename your own column to it ('Customer'?)" in told.out


def test_help_is_worth_reading(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert "salesmgmt report" in out


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("semicolons.csv", "customer_id;date;amount\n007;2025-01-31;1.234,50\n", "utf-8"),
        ("tabs.txt", "customer_id\tdate\tamount\n007\t2025-01-31\t1234.5\n", "utf-16"),
        ("signs.csv", 'customer_id,date,amount\n007,2025-01-31,"￥1,234.50"\n', "gbk"),
        ("wide.csv", "customer_id,date,amount\n007,2025-01-31,１２３４．５元\n", "utf-8"),
        ("case.csv", " Customer_ID , DATE,Amount\n007,2025-01-31,1234.5\n", "utf-8-sig"),
        ("whole.csv", "customer_id,date,amount\n007,20250131,1234.5\n", "utf-8"),
    ],
)
def test_files_as_spreadsheets_write_them(tmp_path, name, text, encoding):
    from salesmgmt.report._files import read_table

    file = tmp_path / name
    file.write_bytes(text.encode(encoding))
    frame = read_table(file)
    assert frame["customer_id"].tolist() == ["007"]
    assert pd.to_datetime(frame["date"]).tolist() == [pd.Timestamp("2025-01-31")]
    assert frame["amount"].tolist() == [1234.5]


def test_numbers_that_could_mean_two_things_are_left_to_the_door(tmp_path):
    from salesmgmt.report._files import read_table

    file = tmp_path / "odd.csv"
    for cell in ("12,34", "1.234,50", "1 2,3", "5%", "(-5.00)", "1,2345"):
        file.write_text(f'customer_id,date,amount\nA,2025-01-31,"{cell}"\n', encoding="utf-8")
        assert read_table(file)["amount"].tolist() == [cell]
    file.write_text("customer_id,date,amount\nA,44929,1\n", encoding="utf-8")
    assert read_table(file)["date"].tolist() == [44929]  # a spreadsheet's serial number


def test_amounts_below_zero_as_books_write_them(tmp_path):
    from salesmgmt.report._files import read_table

    file = tmp_path / "books.csv"
    cells = ["(1,234.50)", "（￥5.00）", "5.00-", "−5", "－５", "-¥5"]
    rows = "".join(f'A,2025-01-31,"{cell}"\n' for cell in cells)
    file.write_text("customer_id,date,amount\n" + rows, encoding="utf-8")
    assert read_table(file)["amount"].tolist() == [-1234.5, -5, -5, -5, -5, -5]


def test_amounts_that_do_not_read_are_told_alone(tmp_path, capsys):
    file = tmp_path / "sales.csv"
    rows = "".join(f'A,2025-01-31,"￥{i},000.00"\n' for i in range(1, 31))
    file.write_text("customer_id,date,amount\n" + rows + "B,soon,1.2万\n", encoding="utf-8")
    assert main(["check", str(file)]) == 2
    told = capsys.readouterr().out
    assert "2 problem(s)" in told
    assert "1.2万" in told
    file.write_text("customer_id,date,amount\n" + 25 * "A,2025-01-31,x\n" + "B,soon,1\n")
    assert main(["check", str(file)]) == 2
    told = capsys.readouterr().out
    assert told.count(" x ") == 5  # and what comes after them is not hidden
    assert "soon" in told
    assert "... 20 more; shown are the first 5 of each kind" in told


def test_amounts_with_both_decimal_marks_are_left_to_the_door(tmp_path):
    from salesmgmt.report._files import read_table

    file = tmp_path / "marks.csv"
    file.write_text('customer_id,date,amount\nA,2025-01-31,1.234\nA,2025-01-31,"1.234,50"\n')
    assert read_table(file)["amount"].tolist() == ["1.234", "1.234,50"]


def test_rows_of_a_sheet_are_told_as_the_sheet_counts_them(tmp_path, capsys):
    pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    file = tmp_path / "sales.xlsx"
    frame = pd.DataFrame({"customer_id": ["A", "B"], "date": "2025-01-31", "amount": [1, None]})
    frame.to_excel(file, index=False)
    assert main(["report", "--transactions", str(file), "-o", str(tmp_path / "r.html")]) == 2
    told = capsys.readouterr().err
    assert "row 3:" in told  # headings are row 1
    assert "give --invalid drop to leave these rows out" in told


def test_a_heading_that_stands_twice_is_refused(tmp_path):
    from salesmgmt.report._files import read_table

    file = tmp_path / "twice.csv"
    file.write_text("customer_id,date,amount,amount\nA,2025-01-31,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="2 columns named 'amount'"):
        read_table(file)


def test_the_report_tells_all_problems_of_a_file_at_once(tmp_path, capsys):
    file = tmp_path / "sales.csv"
    file.write_text("customer_id,date,amount\n,2025-01-02,1\nB,soon,2\nC,2025-01-05,x\n", "utf-8")
    assert main(["report", "--transactions", str(file), "-o", str(tmp_path / "r.html")]) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    for column in ("customer_id", "date", "amount"):
        assert f"column '{column}'" in told
    file.write_text("客户编号,date,amount\nA,2025-01-02,1\n", "utf-8")
    assert main(["report", "--transactions", str(file), "-o", str(tmp_path / "r.html")]) == 2
    assert "Rename your own column to it" in capsys.readouterr().err
    assert main(["report", "-o", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_ids_of_a_workbook_are_text_as_in_a_csv(tmp_path):
    pytest.importorskip("openpyxl")
    from salesmgmt.report._files import read_table

    frame = pd.DataFrame(
        {"customer_id": [1, 2], "date": pd.to_datetime(["2025-01-31"] * 2), "amount": [1.5, 2.0]}
    )
    frame.to_excel(tmp_path / "book.xlsx", index=False)
    frame.to_csv(tmp_path / "plain.csv", index=False)
    book, plain = (read_table(tmp_path / n) for n in ("book.xlsx", "plain.csv"))
    assert book["customer_id"].tolist() == plain["customer_id"].tolist() == ["1", "2"]
    assert book["amount"].tolist() == plain["amount"].tolist()


def test_nothing_paid_yet_and_deals_without_a_closing_day_make_a_report(tmp_path):
    (tmp_path / "inv.csv").write_text(
        "invoice_id,customer_id,invoice_date,due_date,amount\n"
        "1,A,2025-01-31,2025-03-02,100\n2,B,2025-02-28,2025-03-30,50\n",
        encoding="utf-8",
    )
    (tmp_path / "pay.csv").write_text("payment_id,customer_id,date,amount\n", encoding="utf-8")
    (tmp_path / "deals.csv").write_text(
        "deal_id,stage,amount,created_at\n1,demo,100,2025-01-05\n2,won,50,2025-01-06\n",
        encoding="utf-8",
    )
    page = tmp_path / "r.html"
    files = [f"--{k}={tmp_path / f}.csv" for k, f in (("invoices", "inv"), ("payments", "pay"))]
    assert main(["report", *files, "-o", str(page)]) == 0
    assert main(["report", f"--deals={tmp_path / 'deals.csv'}", "-o", str(page)]) == 0
    assert "no column close_date" in page.read_text(encoding="utf-8")
