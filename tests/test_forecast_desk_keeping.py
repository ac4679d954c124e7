"""A saved forecaster: comes back whole, and the file is JSON and plain arrays."""

from __future__ import annotations

import json
import pickle
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import InputError
from salesmgmt.forecast import Forecaster


def sales(**columns):
    rng = np.random.default_rng(0)
    months = pd.date_range("2022-01-01", periods=30, freq="MS")
    parts = [
        pd.DataFrame({"date": months, "shop": shop, "amount": rng.gamma(4, 25, 30)})
        for shop in ("a", "b")
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


@pytest.mark.parametrize("kind", ["str", "category", "int", "Int64", "object", "date"])
def test_keys_and_options_come_back(tmp_path, kind):
    history = sales()
    code = history["shop"].map({"a": 1, "b": 2})
    history["shop"] = {
        "str": history["shop"],
        "category": history["shop"].astype("category"),
        "int": code,
        "Int64": code.astype("Int64"),
        "object": history["shop"].map({"a": "x", "b": 7}).astype(object),
        "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(code, unit="D"),
    }[kind]
    years = ["2023", "2024"]
    own = pd.DataFrame({"name": "fair", "start": [f"{y}-08-01" for y in years]})
    own["end"] = [f"{y}-08-05" for y in years]
    model = Forecaster(by=["shop"], level=(80,), calendar="CN", events=own).fit(history)
    model.save(tmp_path / "kept.zip")
    back = Forecaster.load(tmp_path / "kept.zip")
    pd.testing.assert_frame_equal(back.history_, model.history_)
    pd.testing.assert_frame_equal(back.predict(3), model.predict(3))
    a, b = model.get_params(), back.get_params()
    pd.testing.assert_frame_equal(a.pop("events"), b.pop("events"))
    assert a == b


def test_the_file_is_what_the_documentation_says(tmp_path):
    Forecaster(by="shop", as_of="2024-06-30").fit(sales()).save(tmp_path / "kept.zip")
    with zipfile.ZipFile(tmp_path / "kept.zip") as file:
        head = json.loads(file.read("forecaster.json"))
        arrays = [n for n in file.namelist() if n != "forecaster.json"]
        for name in arrays:
            with file.open(name) as one:
                np.load(one, allow_pickle=False)
    assert head["format"] == "salesmgmt.Forecaster"
    assert head["version"] == 1
    assert head["options"]["by"] == "shop"
    assert [c["name"] for c in head["tables"]["history"]] == ["shop", "date", "amount"]


def test_other_files_are_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, ("raise SystemExit",))

    path = tmp_path / "kept.zip"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match=r"no file that Forecaster\.save wrote"):
        Forecaster.load(path)
    for head in ({"format": "else"}, [1], {"format": "salesmgmt.Forecaster"}):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("forecaster.json", json.dumps(head))
        with pytest.raises(InputError, match=r"no file that Forecaster\.save wrote"):
            Forecaster.load(path)
    later = {"format": "salesmgmt.Forecaster", "version": 3, "options": {}, "tables": {}}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("forecaster.json", json.dumps(later))
    with pytest.raises(InputError, match="version 3"):
        Forecaster.load(path)


def test_what_the_file_cannot_hold_is_told(tmp_path):
    odd = sales()
    odd["shop"] = pd.Series([complex(1)] * 30 + [complex(2)] * 30, dtype=object)
    with pytest.raises(InputError, match="complex"):
        Forecaster(by="shop").fit(odd).save(tmp_path / "kept.zip")


MONTHS = pd.date_range("2022-01-01", periods=30, freq="MS")
EVENTS = pd.DataFrame({"name": "fair", "start": pd.to_datetime(["2022-08-01", "2024-03-08"])})
OWN = pd.DataFrame({"date": pd.date_range("2022-01-01", "2025-12-31"), "fest": 0.0}).assign(
    fest=lambda f: 1.0 * (f["date"].dt.day_of_year % 37 == 0)
)
OPTIONS = {
    "model": {"model": ["theta", "naive"]},
    "model tuple": {"model": ("auto", "drift")},
    "level": {"level": (np.float64(55.5), 90)},
    "level list": {"level": [80]},
    "no level": {"level": None},
    "level array": {"level": np.array([50.0, 99.0])},
    "season": {"season_length": np.int64(4)},
    "freq": {"freq": "Q", "partial": "keep"},
    "calendar": {"calendar": "DE"},
    "own calendar": {"calendar": OWN},
    "events": {"calendar": "CN", "events": EVENTS},
    "events as text": {"events": EVENTS.assign(start=["2022-08-01", "2024-03-08"])},
    "exog": {"exog": "promo"},
    "exog list": {"exog": ["promo", "price"]},
    "exog lags": {"exog": {"promo": [6, 7], "price": 6}},
    "non_negative": {"non_negative": False},
    "partial": {"partial": "scale", "as_of": "2024-06-10", "freq": "Q"},
    "as_of": {"as_of": pd.Timestamp("2024-02-29 13:00")},
    "as_of date": {"as_of": (MONTHS[20] - pd.Timedelta(days=1)).date()},
    "as_of numpy": {"as_of": np.datetime64("2023-12-31")},
    "gaps": {"gaps": "zero"},
    "log": {"transform": "log"},
    "power": {"transform": np.float64(0.25), "model": "theta"},
    "clean": {"clean": True},
    "invalid": {"invalid": "drop"},
    "n_jobs": {"n_jobs": 1, "progress": False},
}


def same(a, b):
    """Whether options are equal; arrays become lists, NumPy numbers Python's."""
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b)
    elif isinstance(a, pd.Timestamp | np.datetime64) or hasattr(a, "isoformat"):
        assert pd.Timestamp(a) == pd.Timestamp(b)
    elif isinstance(a, np.ndarray):
        assert a.tolist() == list(b)
    else:
        assert a == b
        assert type(a) is type(b) or isinstance(a, np.generic)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_option_comes_back_and_predicts_the_same_bit_for_bit(tmp_path, name):
    options = {"model": "theta"} | OPTIONS[name]
    rng = np.random.default_rng(3)
    history = sales(promo=rng.integers(0, 2, 60).astype(float), price=rng.gamma(9, 1, 60))
    history.loc[45, "amount"] *= 8
    model = Forecaster(by="shop", **options).fit(history)
    model.save(tmp_path / "kept.zip")
    back = Forecaster.load(tmp_path / "kept.zip")
    for key, value in model.get_params().items():
        same(value, back.get_params()[key])
    asked = {}
    if name in ("exog", "exog list"):
        dates = pd.date_range("2024-07-01", periods=4, freq="MS")
        asked["future"] = pd.DataFrame({"date": dates, "promo": 1.0, "price": 9.0})
    a, b = model.predict(4, **asked), back.predict(4, **asked)
    pd.testing.assert_frame_equal(a, b, check_exact=True)
    assert a.attrs == b.attrs
    pd.testing.assert_frame_equal(
        model.simulate(2, 20, **asked), back.simulate(2, 20, **asked), check_exact=True
    )
    pd.testing.assert_frame_equal(model.summary_, back.summary_, check_exact=True)


def keyed():
    """Many keys, of dtypes that files do not know by themselves."""
    history = sales()
    code = history["shop"].map({"a": 1, "b": 2})
    first = history["shop"] == "a"
    return history.assign(
        size=pd.Categorical(first.map({True: "S", False: "L"}), ["S", "M", "L"], ordered=True),
        number=code.astype("int8"),
        rate=code / 3,
        flag=first,
        nullable=code.astype("Int16"),
        text=first.map({True: "北京", False: "São"}).astype("string"),
        day=pd.Timestamp("2020-01-01") + pd.to_timedelta(code, unit="D"),
        zoned=(pd.Timestamp("2020-01-01") + pd.to_timedelta(code, unit="h")).dt.tz_localize(
            "Europe/Berlin"
        ),
        quarter=pd.PeriodIndex(["2020Q1"] * 30 + ["2020Q2"] * 30, freq="Q"),
        mixed=first.map({True: "x", False: 7}).astype(object),
    )


def test_keys_of_many_dtypes_come_back(tmp_path):
    history = keyed()
    keys = [c for c in history.columns if c not in ("date", "amount")]
    model = Forecaster(by=keys, model=["naive", "theta"]).fit(history)
    model.save(tmp_path / "kept.zip")
    back = Forecaster.load(tmp_path / "kept.zip")
    pd.testing.assert_frame_equal(back.history_, model.history_)
    pd.testing.assert_frame_equal(back.predict(3), model.predict(3), check_exact=True)
    assert back.predict(1)[keys].dtypes.tolist() == history[keys].dtypes.tolist()


@pytest.mark.parametrize("kind", ["zone", "period", "text", "seconds", "python", "year end"])
def test_dates_of_every_kind_come_back(tmp_path, kind):
    history = sales()
    days = history["date"]
    history["date"] = {
        "zone": days.dt.tz_localize("America/New_York"),
        "period": days.dt.to_period("M"),
        "text": days.dt.strftime("%Y-%m-%d"),
        "seconds": days.astype("datetime64[s]"),
        "python": days.dt.date,
        "year end": days + pd.offsets.MonthEnd(0),
    }[kind]
    model = Forecaster(by="shop", model="theta").fit(history)
    model.save(tmp_path / "kept.zip")
    back = Forecaster.load(tmp_path / "kept.zip")
    pd.testing.assert_frame_equal(back.predict(3), model.predict(3), check_exact=True)


@pytest.mark.parametrize("kind", ["decimal", "arrow", "arrow decimal", "category of arrow"])
def test_columns_as_a_database_gives_them_come_back(tmp_path, kind):
    pa = pytest.importorskip("pyarrow")
    history = sales()[["shop", "date", "amount"]]
    exact = [Decimal(f"{v:.4f}") for v in history["amount"]]
    text = pd.ArrowDtype(pa.string())
    history = {
        "decimal": lambda: history.assign(amount=exact),
        "arrow": lambda: history.assign(shop=history["shop"].astype(str).astype(text)),
        "arrow decimal": lambda: history.assign(
            amount=pd.array(exact, dtype=pd.ArrowDtype(pa.decimal128(18, 4)))
        ),
        "category of arrow": lambda: history.assign(
            shop=history["shop"].astype(str).astype(text).astype("category")
        ),
    }[kind]()
    model = Forecaster(by="shop", model="naive").fit(history)
    model.save(tmp_path / "kept.zip")
    back = Forecaster.load(tmp_path / "kept.zip")
    pd.testing.assert_frame_equal(back.history_, model.history_)
    pd.testing.assert_frame_equal(back.predict(3), model.predict(3), check_exact=True)


@pytest.mark.parametrize(
    "options",
    [{"as_of": pd.Period("2023-06", "M")}, {"level": {90, 50}}, {"level": range(80, 100, 10)}],
    ids=str,
)
def test_options_that_fit_takes_are_kept(tmp_path, options):
    model = Forecaster(by="shop", model="naive", **options).fit(sales())
    model.save(tmp_path / "kept.zip")
    back = Forecaster.load(tmp_path / "kept.zip")
    pd.testing.assert_frame_equal(back.predict(3), model.predict(3), check_exact=True)


def test_an_updated_forecaster_comes_back_as_it_was(tmp_path):
    history = sales()
    held = Forecaster(by="shop", clean=True).fit(history[history["date"] < "2023-11-01"])
    held.update(history[history["date"] == "2023-11-01"], refit=False)
    late = history[history["date"] > "2023-11-01"]
    held.update(pd.concat([late, late.iloc[:6].assign(shop="new")]), refit=False)
    held.save(tmp_path / "kept.zip")
    back = Forecaster.load(tmp_path / "kept.zip")
    pd.testing.assert_frame_equal(back.predict(3), held.predict(3), check_exact=True)
    pd.testing.assert_frame_equal(back.summary_, held.summary_, check_exact=True)
    anew = Forecaster(by="shop", clean=True).fit(held.history_).predict(3)
    assert not anew["forecast"].equals(back.predict(3)["forecast"])
    copied = pickle.loads(pickle.dumps(held))
    pd.testing.assert_frame_equal(copied.predict(3), held.predict(3), check_exact=True)
    with zipfile.ZipFile(tmp_path / "kept.zip") as file:
        head = json.loads(file.read("forecaster.json"))
    assert head["format"] == "salesmgmt.Forecaster, updated"
    assert head["rows"] == [44, 46, 66]


def test_every_damage_is_told(tmp_path):
    path = tmp_path / "kept.zip"
    Forecaster(by="shop", model="naive").fit(sales()).save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    spoilt = [whole[:size] for size in range(0, len(whole) - 1, 37)]
    for at in rng.integers(0, len(whole), 150):
        spoilt.append(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    want = Forecaster.load(path).predict(2)
    for data in spoilt:
        path.write_bytes(data)
        try:
            got = Forecaster.load(path).predict(2)
        except InputError as error:
            assert "Forecaster" in str(error)  # noqa: PT017
        else:
            pd.testing.assert_frame_equal(got, want)  # a byte that says nothing
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as file:
        files = {name: file.read(name) for name in file.namelist()}
    head = json.loads(files["forecaster.json"])
    columns = head["tables"]["history"]
    for wrong in (
        {"options": {}, "tables": {}},
        {"tables": {"history": columns[:-1]}},
        {"options": head["options"] | {"weight": 3}},
        {"options": head["options"] | {"events": {"table": "events"}}},
        {"rows": [70]},
        {"rows": [60, 50, 60]},
        {"version": "one"},
        {"changes": []},
        {"changes": [{"weight": 3}]},
        {"tables": {"history": [columns[0] | {"dtype": "no such"}, *columns[1:]]}},
        {"tables": {"history": [columns[0] | {"values": ["a"]}, *columns[1:]]}},
    ):
        with zipfile.ZipFile(path, "w") as file:
            for name, data in files.items():
                file.writestr(name, json.dumps(head | wrong) if name == "forecaster.json" else data)
        with pytest.raises(InputError, match="Forecaster"):
            Forecaster.load(path)


def test_options_set_after_fit_act_in_the_file_when_they_did_in_life(tmp_path):
    """A history read as of June stays read as of June, whatever is set before the next rows."""
    history = sales()
    cut = history["date"] < "2024-01-01"
    model = Forecaster(by="shop", model="theta", level=None, as_of="2023-06-30")
    model.fit(history[cut]).set_params(as_of="2024-12-31")
    path = tmp_path / "kept.zip"
    for step in range(2):
        model.save(path)
        back = Forecaster.load(path)
        pd.testing.assert_frame_equal(back.predict(3), model.predict(3))
        assert back.get_params() == model.get_params()
        if step == 0:
            rest = history[~cut]
            back.update(rest, refit=False)
            model.update(rest, refit=False)
            pd.testing.assert_frame_equal(back.predict(3), model.predict(3))
            model.set_params(freq="Q")  # not read anew: acts with the next fit
