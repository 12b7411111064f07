"""Two transcripts to aligned passages.

In: rows of words. Out: matches.
Imports: matching and types.
"""
