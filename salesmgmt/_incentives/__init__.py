"""Wing of the incentives desk: one file a subject; :mod:`salesmgmt.incentives` is its face."""
