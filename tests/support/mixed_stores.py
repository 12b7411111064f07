"""Stores to which the files of a small set of media are added in any order, without decoding them again."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from mixed_media import HANDLE_LINE, MixedMedia
from transcript_samples import FREE, FREE_MISHEARD, NIGHT, NIGHT_MISHEARD

from mediafp.case.comparison.pair import compare_pair
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.references import StoredReferences
from mediafp.engine.comparison.sides import StoredSides
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.matching.images.text_evidence import TextLines
from mediafp.matching.promise import Promise
from mediafp.store import Store
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.file_sounds import FileSound
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import OcrResult
from mediafp.types.media import Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.transcripts import Transcript, TranscriptSegment

SCRIPTS = {"long": NIGHT, "part": NIGHT_MISHEARD, "backwards": FREE, "mirrored": FREE_MISHEARD}
"""Text spoken in each video: the misheard texts share most words with the other one."""
COMPARED = "SELECT a, b, channel, promise, a_is_query, relation, verdict, probability, coverage_a, coverage_b, evidence"
Row = tuple[object, ...]
Event = tuple[str, str]
"""Addition to a store, `record`, `text` or `script`, and the name of the file."""


@dataclass
class Ingested:
    """Everything that one ingest of a set of files wrote, by the names of the files."""

    media: MixedMedia
    records: dict[str, IngestRecord]
    compared: dict[object, KeptMatch] = field(default_factory=dict)
    """Results of pairs that were compared already."""
    counts: Counter[object] = field(default_factory=Counter)
    """Number of times that each of these pairs was to be compared."""

    @property
    def events(self) -> list[Event]:
        """Everything that may be added in an order of its own."""
        return [
            *(("record", name) for name in self.records),
            *(("script", name) for name in SCRIPTS),
            ("text", "bar"),
            ("text", "without-bar"),
        ]

    def compare_once(
        self,
        a: str,
        b: str,
        promise: Promise,
        sides: StoredSides[StoredReferences],
        text: Callable[[str], TextLines | None],
    ) -> KeptMatch:
        """Return the result of `compare_pair`, which is computed once in all stores."""
        # Of all that it depends on: a pair that is compared with other rows or other text is another one.
        rows = promise.rows if a < b else promise.rows[::-1]
        key = min(a, b), max(a, b), promise.value, rows, text(min(a, b)), text(max(a, b))
        self.counts[key] += 1
        if key not in self.compared:
            self.compared[key] = compare_pair(a, b, promise, sides, text)
        return self.compared[key]

    def apply(self, store: Store, event: Event) -> None:
        """Add something to a store."""
        what, name = event
        record = self.records[name]
        sha256 = record.asset.sha256
        if what == "record":
            store.add_record(record)
        elif what == "script":
            segment = TranscriptSegment(start=1, end=11, language="zh", language_probability=0.9, text=SCRIPTS[name])
            transcript = Transcript(
                model="m", version="1", duration=12, speech_seconds=10, untranscribed_seconds=0, segments=(segment,)
            )
            store.save_sounds(sha256, (FileSound(audio_sha256=f"audio of {name}"),))
            store.save_transcript(f"audio of {name}", transcript, fingerprint_transcript(sha256, transcript), 1)
        else:
            store.save_ocr_result(sha256, OcrResult(version="1", lines=(HANDLE_LINE,) if name == "bar" else ()))


def read_record(store: SqliteStore, sha256: str) -> IngestRecord:
    """Return what an ingest wrote of an asset."""
    thumbnails = store.database.rows("SELECT position, seconds, jpeg FROM thumbnail WHERE sha256 = ?", (sha256,))
    return IngestRecord(
        asset=store.asset(sha256),
        sightings=(store.sightings(sha256)[0],),
        fingerprints=tuple(
            fingerprint
            for type, version in store.fingerprint_types(sha256)
            for fingerprint in store.fingerprints(type, version, [sha256])
        ),
        thumbnails=tuple(
            Thumbnail(position=position, seconds=seconds, jpeg=jpeg) for position, seconds, jpeg in thumbnails
        ),
    )


def kept_rows(store: SqliteStore) -> list[Row]:
    """Return the kept matches with all but the time of keeping."""
    assert store.pending_comparisons(comparison_versions()) == []
    return list(store.database.rows(f"{COMPARED}, version FROM kept_match ORDER BY a, b, channel"))


def open_references(store: Store) -> Callable[[], StoredReferences]:
    """Return a function that returns the references of a store, as a case does."""
    opened: list[StoredReferences] = []

    def references() -> StoredReferences:
        if not opened or not opened[0].update():
            opened[:] = [StoredReferences(store, decode_thumbnail)]
        return opened[0]

    return references
