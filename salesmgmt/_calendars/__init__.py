"""The subjects behind :mod:`salesmgmt.calendars`."""
