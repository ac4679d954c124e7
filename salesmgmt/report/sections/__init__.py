"""One file a desk: ``TITLE``, ``NEEDS`` (tables) and ``build(tables, *, as_of, lang)``.

``build`` calls the desk and ``salesmgmt.plots`` and returns a list of ``Text``, ``Table`` and
``Figure`` blocks; it calculates nothing itself.
"""
