"""Two transcripts to aligned passages.

In: transcript fingerprints, one row a word. Out: `Match` with `Segment`s.
Imports: mediafp.matching and mediafp.types.
"""
