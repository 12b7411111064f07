"""An open store with its operations.

In: paths and options. Out: results as typed objects.
Imports: engine, store, matching, report, text, sightings, ingest, fingerprints and types.
"""

from mediafp.case.case import Case, default_store_folder, estimate_ingest, open_case

__all__ = ["Case", "default_store_folder", "estimate_ingest", "open_case"]
