"""Records of the store, built from an analysed file."""

from collections.abc import Sequence

from mediafp.ingest.files import OpenFile
from mediafp.sightings.sidecars import read_sidecars
from mediafp.types.errors import MediaError, UnreadableMedia, WorkerLost
from mediafp.types.media import SiblingOpener, Sighting
from mediafp.types.runs import FileAnalysis, IngestRecord


def build_ingest_record(
    reading: FileAnalysis, sighting: Sighting, sidecar_warnings: Sequence[str] = ()
) -> IngestRecord:
    """All that a file that was read adds to a store."""
    return IngestRecord(
        asset=reading.asset,
        sighting=sighting,
        fingerprints=reading.fingerprints,
        thumbnails=reading.thumbnails,
        warnings=reading.warnings,
        sidecar_warnings=tuple(sidecar_warnings),
    )


def build_sighting(uri: str, name: str, sha256: str, beside: SiblingOpener) -> tuple[Sighting, list[str]]:
    """The sighting of a file with what its sidecars say, and warnings about them."""
    fields, warnings = read_sidecars(name, beside)
    told = {field: getattr(fields, field) for field in fields.__dataclass_fields__}
    return Sighting(sha256=sha256, uri=uri, **told), warnings


def _unchanged(opened: OpenFile) -> None:
    """Nothing; raises UnreadableMedia where a file was written to meanwhile: what was read may be half of each."""
    if opened.has_changed():
        raise UnreadableMedia(f"{opened.name!r} was changed while it was read; run this again")


def _same(error: MediaError, message: str) -> MediaError:
    """The same error with another message."""
    if isinstance(error, WorkerLost):
        return WorkerLost(error.kind, message, attempts=error.attempts, final=error.final)
    return type(error)(message)
