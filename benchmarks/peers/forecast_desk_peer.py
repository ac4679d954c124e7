"""hierarchicalforecast's sparse WLS at the shape of M5, in the peers' environment: CPU seconds."""

from __future__ import annotations

import sys
import time

import numpy as np
from hierarchicalforecast.methods import MinTraceSparse
from scipy import sparse


def main(path: str) -> None:
    held = np.load(path)
    nodes, leaves = int(held["nodes"]), int(held["leaves"])
    summing = sparse.csr_matrix(
        (np.ones(len(held["rows"])), (held["rows"], held["columns"])), shape=(nodes, leaves)
    )
    base = held["base"]
    for non_negative in (False, True)[: int(sys.argv[2])]:
        method = MinTraceSparse(method="wls_struct", nonnegative=non_negative)
        start = time.process_time()
        method.fit(S=summing, y_hat=base)
        made = np.asarray(method.predict(S=summing, y_hat=base)["mean"])
        spent = time.process_time() - start
        print(spent, float(np.abs(summing @ made[nodes - leaves :] - made).max()), made.min())


if __name__ == "__main__":
    main(sys.argv[1])
