"""Geometry of the drawings of the pages; templates write them as SVG.

In: matches, time lines. Out: coordinates.
Imports: types and output formats.
"""
