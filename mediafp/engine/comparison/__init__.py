"""The comparison of two stored assets by what they show, in a process that needs no store.

In: a pair, and on demand the rows, the frame track and thumbnails of its two assets. Out: their match.
Imports: matching, fingerprints, ingest, types; `engine.blas`.
"""
