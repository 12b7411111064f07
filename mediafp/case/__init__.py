"""An open store with its operations.

In: paths and options. Out: results as typed objects.
Imports: every package but cli.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mediafp.case.case import Case, open_case
    from mediafp.case.environment import EnvironmentCheck, check_environment
    from mediafp.case.ingestion.estimate import IngestEstimate, estimate_ingest
    from mediafp.case.models import ModelState, check_speech_model, list_model_files, load_hotwords
    from mediafp.case.originals import OriginalCheck
    from mediafp.case.publication.publishing import verify_publication
    from mediafp.case.sources import Paths, Queries, Query
    from mediafp.case.store_folder import default_store_folder
    from mediafp.case.watching.delivery import open_deliveries

__all__ = [
    "Case",
    "EnvironmentCheck",
    "IngestEstimate",
    "ModelState",
    "OriginalCheck",
    "Paths",
    "Queries",
    "Query",
    "check_environment",
    "check_speech_model",
    "default_store_folder",
    "estimate_ingest",
    "list_model_files",
    "load_hotwords",
    "open_case",
    "open_deliveries",
    "verify_publication",
]
_MODULES = {
    "case": ("Case", "open_case"),
    "environment": ("EnvironmentCheck", "check_environment"),
    "ingestion.estimate": ("IngestEstimate", "estimate_ingest"),
    "models": ("ModelState", "check_speech_model", "list_model_files", "load_hotwords"),
    "originals": ("OriginalCheck",),
    "publication.publishing": ("verify_publication",),
    "sources": ("Paths", "Queries", "Query"),
    "store_folder": ("default_store_folder",),
    "watching.delivery": ("open_deliveries",),
}


def __getattr__(name: str) -> Any:
    # A module loads with the first use of one of its names: a command that only reads the store loads no model library.
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
