"""Two stored assets → their match by what they show, computed without a store.

Imports: matching, fingerprints, ingest (thumbnails), types. It is the only part of the engine that imports matching.
"""
