"""Publications of a case: drafts, what they cover and leave out, the checks on them, the seal.

In: the assets, sightings, matches and clusters of a store, and a `Draft`. Out: pages, bundles and `DraftCheck`.
Imports: report, store, types and the modules of the package case that it uses.
"""
