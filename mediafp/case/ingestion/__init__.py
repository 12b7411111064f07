"""Files to records of the store: listing, scheduling, writing, estimating.

In: paths, an engine and a store. Out: the outcome of each file.
Imports: as the package case.
"""
