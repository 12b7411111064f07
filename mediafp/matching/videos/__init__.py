"""Two videos, or a video and an image, to matching segments.

In: fingerprint rows with time spans. Out: `Match` with `Segment`s.
Imports: mediafp.matching and mediafp.types.
"""
