"""Stored assets to kept matches: which pairs are promising, the comparison of each, the scheduling.

In: the assets of a store that were not compared yet. Out: `KeptMatch`.
Imports: fingerprints, matching, store, types and the modules of the package case that it uses.
"""
