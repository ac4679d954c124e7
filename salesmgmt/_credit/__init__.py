"""The receivables and credit desk: one subject a file; ``salesmgmt.credit`` is its face."""
