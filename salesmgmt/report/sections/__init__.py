"""One file a desk: ``TITLE``, ``NEEDS`` (tables), ``build(tables, *, as_of, lang)``, and where it
tells of one table or another ``ANY`` (tables of which one must be there).

``build`` calls the desk and ``salesmgmt.plots`` and returns a list of ``Text``, ``Table`` and
``Figure`` blocks; it calculates nothing itself.
"""
