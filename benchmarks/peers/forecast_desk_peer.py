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
    method = MinTraceSparse(method="wls_struct")
    start = time.process_time()
    method.fit(S=summing, y_hat=base)
    method.predict(S=summing, y_hat=base)
    print(time.process_time() - start)


if __name__ == "__main__":
    main(sys.argv[1])
