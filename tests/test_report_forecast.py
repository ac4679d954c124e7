"""The forecast's section of the report: what it shows and says, also of little data."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from salesmgmt.report.sections import forecast as section


def sales(months: int) -> pd.DataFrame:
    """The same twelve amounts every year, one more per cent in every later one."""
    date = pd.date_range("2022-01-15", periods=months, freq="MS") + pd.Timedelta(days=14)
    year, month = np.divmod(np.arange(months), 12)
    return pd.DataFrame(
        {"customer_id": "c", "date": date, "amount": (100 + 10 * month) * 1.25**year}
    )


def test_past_errors_are_those_of_a_year_looked_back_on():
    said = section.build({"transactions": sales(48)})[0].text
    assert "for the last 12 months, 3 at a time" in said
    assert "year before, by 20.0%" in said  # 1 - 1 / 1.25
    assert "最近 6 个月" in section.build({"transactions": sales(30)}, lang="zh")[0].text


@pytest.mark.parametrize("months", [1, 4, 29])
def test_a_short_record_is_shown_without_a_judgement(months):
    words, figure, table = section.build({"transactions": sales(months)})
    assert "Made the same way" not in words.text
    assert table.frame["date"].str.fullmatch(r"\d{4}-\d{2}").all()
    _, ax = plt.subplots()
    figure.draw(ax)
    ax.figure.canvas.draw()
    plt.close(ax.figure)


def test_two_years_of_the_past_are_drawn_before_the_forecast():
    _, ax = plt.subplots()
    section.build({"transactions": sales(40)})[1].draw(ax)
    assert sorted(len(line.get_xdata()) for line in ax.lines) == [6, 24]
    plt.close(ax.figure)
