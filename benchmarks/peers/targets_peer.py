"""Iterative proportional fitting by ipfn; run by benchmarks/targets.py with the peers' Python.

Reads an ``.npz`` with ``seed`` and ``axes``/``total`` of each margin, prints CPU seconds and the
largest miss of a margin as JSON.
"""

import json
import sys
import time

import numpy as np
from ipfn import ipfn

given = np.load(sys.argv[1])
seed = given["seed"]
margins = [(list(given[f"axes{k}"]), given[f"total{k}"]) for k in range(int(given["count"]))]
took = []
for _ in range(3):
    table = seed.copy()
    start = time.process_time()
    fit = ipfn.ipfn(table, [m[1] for m in margins], [m[0] for m in margins]).iteration()
    took.append(time.process_time() - start)
miss = max(
    float(np.abs(fit.sum(axis=tuple(a for a in range(seed.ndim) if a not in axes)) - total).max())
    for axes, total in margins
)
print(json.dumps({"seconds": sorted(took)[1], "miss": miss}))
