"""The funnel desk's wing: one file a subject; ``salesmgmt.funnel`` hands the names on."""
