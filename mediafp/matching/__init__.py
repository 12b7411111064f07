"""Candidates to verified matches, and matches to clusters.

In: a query and `References` (fingerprints, nearest-neighbour searches, thumbnails). Out: `Match` and `Clustering`.
Imports: mediafp.types only.
"""
