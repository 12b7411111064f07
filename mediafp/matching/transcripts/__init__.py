"""Two transcripts to aligned passages.

In: transcript fingerprints, one row for each word. Out: `Match` with `Segment`s.
Imports: mediafp.matching and mediafp.types.
"""
