"""AutoETS of every node and its reconciliations, in the peers' environment: scaled errors."""

from __future__ import annotations

import sys
import warnings

import numpy as np
from hierarchicalforecast.methods import MinTrace
from statsforecast.models import AutoETS

warnings.simplefilter("ignore")


def main() -> None:
    given = np.load(sys.argv[1])
    S, past, later, m = given["S"], given["past"].T, given["later"].T, int(given["season"])
    ahead, fitted = np.empty_like(later), np.empty_like(past)
    for i, y in enumerate(past):
        model = AutoETS(season_length=m).fit(y)
        ahead[i] = model.predict(later.shape[1])["mean"]
        fitted[i] = model.predict_in_sample()["fitted"]
    scale = np.abs(past[:, m:] - past[:, :-m]).mean(axis=1)

    def mase(f: np.ndarray) -> float:
        known = scale > 0
        return float((np.abs(f - later).mean(axis=1)[known] / scale[known]).mean())

    base = mase(ahead)
    words = [f"AutoETS {base:.3f}"]
    for method in ("ols", "wls_struct", "wls_var", "mint_shrink"):
        made = MinTrace(method).fit_predict(
            S=S, y_hat=ahead, y_insample=past, y_hat_insample=fitted
        )["mean"]
        words.append(f"{method} {mase(made) / base - 1:+.1%}")
    print(", ".join(words))


if __name__ == "__main__":
    main()
