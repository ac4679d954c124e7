"""The rooms behind :mod:`salesmgmt.forecast`, one file a subject."""
