"""Find where an image, a video or a voice-over was used before, with evidence.

`mediafp.open(folder)` returns a case, which has a method for each command.
"""

import os

from mediafp.types.search_paths import drop_current_folder

# Before every import of a module that Python has not loaded at its start.
drop_current_folder()

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from mediafp.types.version import __version__  # noqa: E402

if TYPE_CHECKING:
    from mediafp.case import Case, check_environment, estimate_ingest, list_model_files
    from mediafp.case import open_case as open
    from mediafp.types.accounts import Account, AccountName, SharedMedia
    from mediafp.types.clusters import Cluster, Clustering, ClusterMember, Edge
    from mediafp.types.coshares import Coshare, CoshareGroup, Cosharing, SharedPost
    from mediafp.types.decisions import DecidedMatch, Decision, DecisionConflict, DecisionEvent
    from mediafp.types.errors import (
        CorruptMedia,
        FailedChecks,
        MediaError,
        MediafpError,
        ModelError,
        NotMedia,
        OutdatedDraft,
        SandboxError,
        StoreError,
        TooLargeMedia,
        UnreadableMedia,
        UnsupportedMedia,
        UsageError,
        WorkerLost,
    )
    from mediafp.types.exchange import AssetHashes, CaseSeal, ExchangedMatch, ExchangeRecord
    from mediafp.types.forgetting import Forgotten
    from mediafp.types.hashes import HashImport, HashList, ListedHit
    from mediafp.types.kept_matches import KeptMatch, LostPair, MatchRecord, UncomparedAssets
    from mediafp.types.matches import Clip, Match, Placement, QueryResult, Segment, TextLine, Trace, TraceEntry
    from mediafp.types.media import Asset
    from mediafp.types.publications import (
        CoveredBox,
        Draft,
        DraftCheck,
        DraftImage,
        PublicationCheck,
        PublishedAccount,
        PublishedGroup,
        PublishedMatch,
        Redaction,
        SavedDraft,
        SealedPublication,
    )
    from mediafp.types.recalibration import FamilyFit, FitErrors
    from mediafp.types.reviews import ReviewItem, ReviewQueue
    from mediafp.types.runs import (
        AnalysisOptions,
        AssetRecord,
        FileOutcome,
        IngestOptions,
        IntegrityReport,
        LedgerEntry,
        SpeechOptions,
    )
    from mediafp.types.shared_clues import SharedClue
    from mediafp.types.sightings import Clue, Sighting
    from mediafp.types.timelines import Timeline, TimelineEvent
    from mediafp.types.transcripts import FileTranscription, SearchHit, SpeechHint, Transcript, TranscriptSegment
    from mediafp.types.video_text import VideoTextLine
    from mediafp.types.watches import AddedWatch, CheckedWatches, Watch, WatchHit, WatchSummary

# ONNX Runtime sends telemetry from the moment it is loaded, and no data may leave this machine: set before any import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = [
    "Account",
    "AccountName",
    "AddedWatch",
    "AnalysisOptions",
    "Asset",
    "AssetHashes",
    "AssetRecord",
    "Case",
    "CaseSeal",
    "CheckedWatches",
    "Clip",
    "Clue",
    "Cluster",
    "ClusterMember",
    "Clustering",
    "CorruptMedia",
    "Coshare",
    "CoshareGroup",
    "Cosharing",
    "CoveredBox",
    "DecidedMatch",
    "Decision",
    "DecisionConflict",
    "DecisionEvent",
    "Draft",
    "DraftCheck",
    "DraftImage",
    "Edge",
    "ExchangeRecord",
    "ExchangedMatch",
    "FailedChecks",
    "FamilyFit",
    "FileOutcome",
    "FileTranscription",
    "FitErrors",
    "Forgotten",
    "HashImport",
    "HashList",
    "IngestOptions",
    "IntegrityReport",
    "KeptMatch",
    "LedgerEntry",
    "ListedHit",
    "LostPair",
    "Match",
    "MatchRecord",
    "MediaError",
    "MediafpError",
    "ModelError",
    "NotMedia",
    "OutdatedDraft",
    "Placement",
    "PublicationCheck",
    "PublishedAccount",
    "PublishedGroup",
    "PublishedMatch",
    "QueryResult",
    "Redaction",
    "ReviewItem",
    "ReviewQueue",
    "SandboxError",
    "SavedDraft",
    "SealedPublication",
    "SearchHit",
    "Segment",
    "SharedClue",
    "SharedMedia",
    "SharedPost",
    "Sighting",
    "SpeechHint",
    "SpeechOptions",
    "StoreError",
    "TextLine",
    "Timeline",
    "TimelineEvent",
    "TooLargeMedia",
    "Trace",
    "TraceEntry",
    "Transcript",
    "TranscriptSegment",
    "UncomparedAssets",
    "UnreadableMedia",
    "UnsupportedMedia",
    "UsageError",
    "VideoTextLine",
    "Watch",
    "WatchHit",
    "WatchSummary",
    "WorkerLost",
    "__version__",
    "check_environment",
    "estimate_ingest",
    "list_model_files",
    "open",
]
_CASE_NAMES = {
    "Case": "Case",
    "check_environment": "check_environment",
    "estimate_ingest": "estimate_ingest",
    "list_model_files": "list_model_files",
    "open": "open_case",
}
"""Names of the package `mediafp.case`; all others are types and errors of `mediafp.types`."""
_TYPE_MODULES = (
    "errors",
    "matches",
    "media",
    "runs",
    "clusters",
    "accounts",
    "timelines",
    "coshares",
    "sightings",
    "transcripts",
    "forgetting",
    "exchange",
    "hashes",
    "decisions",
    "reviews",
    "recalibration",
    "kept_matches",
    "video_text",
    "shared_clues",
    "publications",
    "watches",
)


def __getattr__(name: str) -> Any:
    # Loaded with the first use: `import mediafp`, which every worker does, stays light.
    if name in _CASE_NAMES:
        return getattr(import_module("mediafp.case"), _CASE_NAMES[name])
    if name in __all__:
        for module in _TYPE_MODULES:
            if hasattr(loaded := import_module(f"mediafp.types.{module}"), name):
                return getattr(loaded, name)
    raise AttributeError(f"module 'mediafp' has no attribute {name!r}")
