"""An asset with its transcript in a store, for the tests of transcripts and of the search in them."""

from mediafp.case.case import Case
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.types.media import Asset, Sighting
from mediafp.types.runs import IngestRecord
from mediafp.types.transcripts import Transcript


def keep_spoken(case: Case, sha256: str, name: str, sound: str, transcript: Transcript, rank: int) -> str:
    """Keeps a video that was seen once, under /dump, and what is said in it; gives its SHA-256."""
    with case._store.writing():
        case._store.add_record(
            IngestRecord(
                asset=Asset(sha256=sha256, kind="video", bytes=1),
                sighting=Sighting(sha256=sha256, uri=f"/dump/{name}.mp4"),
            )
        )
        case._store.save_audio_id(sha256, sound)
        case._store.save_transcript(sound, transcript, fingerprint_transcript(sha256, transcript), rank)
    return sha256
