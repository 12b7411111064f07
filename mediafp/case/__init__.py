"""An open store with its operations.

In: paths and options. Out: results as typed objects.
Imports: engine, store, matching, report, text, sightings, ingest, fingerprints and types.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mediafp.case.case import Case, default_store_folder, estimate_ingest, open_case
    from mediafp.case.environment import EnvironmentCheck, check_environment
    from mediafp.case.ingestion.estimate import IngestEstimate
    from mediafp.case.models import check_speech_model, list_cached_speech_models, list_model_files, load_hotwords
    from mediafp.case.originals import OriginalCheck

__all__ = [
    "Case",
    "EnvironmentCheck",
    "IngestEstimate",
    "OriginalCheck",
    "check_environment",
    "check_speech_model",
    "default_store_folder",
    "estimate_ingest",
    "list_cached_speech_models",
    "list_model_files",
    "load_hotwords",
    "open_case",
]
_MODULES = {
    "Case": "case",
    "EnvironmentCheck": "environment",
    "IngestEstimate": "ingestion.estimate",
    "OriginalCheck": "originals",
    "check_environment": "environment",
    "check_speech_model": "models",
    "default_store_folder": "case",
    "estimate_ingest": "case",
    "list_cached_speech_models": "models",
    "list_model_files": "models",
    "load_hotwords": "models",
    "open_case": "case",
}


def __getattr__(name: str) -> Any:
    # Modules load when one of their names is used first: a command that reads the store alone needs no model library.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
