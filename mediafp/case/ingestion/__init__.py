"""Files to records of the store: listing, scheduling, writing, estimating.

In: paths, an engine and a store. Out: the outcome of each file.
Imports: engine, ingest, sightings, store, text, types and the modules of the package case that it uses.
"""
