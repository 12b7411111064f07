"""Two videos, or an image and a video, to matching segments.

In: rows with time spans. Out: matches.
Imports: matching and types.
"""
