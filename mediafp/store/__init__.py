"""Everything that is kept of a case, and the search indexes over it.

In: ingest records, transcripts, OCR results. Out: the same, by SHA-256.
Imports: types.
"""
