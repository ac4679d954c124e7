"""The segmentation desk's wing: one file a subject; :mod:`salesmgmt.segmentation` is its face."""
