"""The watch list: what later files are compared with, the hits, and the delivery of them.

In: a watch list and what was added to a store. Out: `WatchHit`.
Imports: accounts, ingest, sightings, store, types and the modules of the package case that it uses.
"""
