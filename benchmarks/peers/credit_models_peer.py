"""optbinning's weights of evidence and logistic regression, on the folds given; one JSON line.

python credit_models_peer.py FOLDER SET SPLITS REPEATS
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd

FILES = {
    "german": ("german_credit_train.parquet", "bad"),
    "taiwan": ("taiwan_default_train.parquet", "default"),
}


def main(folder: str, name: str, splits: str, repeats: str) -> None:
    warnings.filterwarnings("ignore")
    from optbinning import BinningProcess
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import RepeatedStratifiedKFold

    file, target = FILES[name]
    frame = pd.read_parquet(f"{folder}/{file}").drop(columns="row_id")
    y = frame.pop(target).to_numpy().astype(int)
    levels = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]
    folds = RepeatedStratifiedKFold(n_splits=int(splits), n_repeats=int(repeats), random_state=0)
    auc, took = [], []
    for train, test in folds.split(frame, y):
        start = time.process_time()
        bins = BinningProcess(list(frame.columns), categorical_variables=levels)
        bins.fit(frame.iloc[train], y[train])
        model = LogisticRegression(max_iter=1000)
        model.fit(bins.transform(frame.iloc[train]), y[train])
        took.append(time.process_time() - start)
        chance = model.predict_proba(bins.transform(frame.iloc[test]))[:, 1]
        auc.append(roc_auc_score(y[test], chance))
    print(json.dumps({"auc": float(np.mean(auc)), "seconds": float(np.median(took))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
