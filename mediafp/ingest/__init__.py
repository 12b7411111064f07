"""Paths to open files, and open files to frames and audio.

In: paths. Out: decoded media, with every limit applied.
Imports: types.
"""
