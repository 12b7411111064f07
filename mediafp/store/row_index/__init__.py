"""The nearest-neighbour index over the rows of one fingerprint type, in files that are mapped into memory.

In: fingerprints. Out: the nearest rows of query rows.
Imports: types, and the protocols of `store.index_interface`.
"""
