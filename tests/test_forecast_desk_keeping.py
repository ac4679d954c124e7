"""A saved forecaster: comes back whole, and the file is JSON and plain arrays."""

from __future__ import annotations

import json
import pickle
import zipfile

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
    own = pd.DataFrame({"name": ["fair"], "start": ["2024-08-01"], "end": ["2024-08-05"]})
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
    later = {"format": "salesmgmt.Forecaster", "version": 2, "options": {}, "tables": {}}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("forecaster.json", json.dumps(later))
    with pytest.raises(InputError, match="version 2"):
        Forecaster.load(path)


def test_what_the_file_cannot_hold_is_told(tmp_path):
    odd = sales()
    odd["shop"] = pd.Series([complex(1)] * 30 + [complex(2)] * 30, dtype=object)
    with pytest.raises(InputError, match="complex"):
        Forecaster(by="shop").fit(odd).save(tmp_path / "kept.zip")
