"""Forecast a parquet of series (unique_id, ds, y) with statsforecast; printed as one JSON line.

    python forecast_peer.py TRAIN.parquet SEASON HORIZON MODELS OUT.parquet [LEVEL]

With LEVEL the ends of that interval are written, too, as NAME-lo and NAME-hi.

Runs in an environment of its own (benchmarks/peers/forecast.txt).
"""

import json
import sys
import time

import numpy as np
import pandas as pd
from statsforecast import StatsForecast
from statsforecast import models as sf


def main() -> None:
    source, season, horizon, names, out, *level = sys.argv[1:]
    season, horizon = int(season), int(horizon)
    options = {"level": [int(x) for x in level]} if level else {}
    frame = pd.read_parquet(source)
    made = {
        "ets": sf.AutoETS(season_length=season),
        "ces": sf.AutoCES(season_length=season),
        "arima": sf.AutoARIMA(season_length=season),
        "theta": sf.Theta(season_length=season),
        "dot": sf.DynamicOptimizedTheta(season_length=season),
        "snaive": sf.SeasonalNaive(season_length=season),
        "imapa": sf.IMAPA(),
        "tsb": sf.TSB(alpha_d=0.1, alpha_p=0.1),
        "mstl": sf.MSTL(season_length=season),
    }
    result, cost = None, {}
    for name in names.split(","):
        engine = StatsForecast(models=[made[name]], freq=1, n_jobs=1, fallback_model=sf.Naive())
        start = time.process_time()
        found = engine.forecast(df=frame, h=horizon, **options).reset_index(drop=True)
        cost[name] = time.process_time() - start
        columns = [c for c in found.columns if c not in ("unique_id", "ds")]
        ends = {f"-{side}-": f"{name}-{side}" for side in ("lo", "hi")}
        own = {c: next((to for end, to in ends.items() if end in c), name) for c in columns}
        found = found.rename(columns=own)
        new = {c: found[c].to_numpy() for c in own.values()}
        result = found if result is None else result.assign(**new)
    result.to_parquet(out)
    print(
        json.dumps(
            {"cpu": cost, "series": int(frame["unique_id"].nunique()), "numpy": np.__version__}
        )
    )


if __name__ == "__main__":
    main()
