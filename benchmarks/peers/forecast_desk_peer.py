"""hierarchicalforecast's sparse WLS at the shape of M5, in the peers' environment: CPU seconds."""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from hierarchicalforecast.core import HierarchicalReconciliation
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
    out = method.fit_predict(S=summing, y_hat=base, idx_bottom=np.arange(nodes - leaves, nodes))
    print(time.process_time() - start, float(np.asarray(out["mean"]).sum()))


if __name__ == "__main__":
    assert HierarchicalReconciliation is not None
    assert pd.__version__
    main(sys.argv[1])
