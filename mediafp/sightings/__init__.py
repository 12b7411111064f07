"""Sidecar files to sightings.

In: names, and a function that opens what lies beside them. Out: sighting fields and warnings.
Imports: types.
"""
