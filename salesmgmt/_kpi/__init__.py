"""Wing of the KPI desk: one file a subject; :mod:`salesmgmt.kpi` is its face."""
