"""An asset with its transcript in a store, for the tests of transcripts and of the search in them."""

from mediafp.case import Case
from mediafp.evidence import Transcript
from mediafp.fingerprints.words import words_fingerprint
from mediafp.media import Asset, Sighting
from mediafp.store import transcripts
from mediafp.store.records import Intake


def keep_spoken(case: Case, sha256: str, name: str, sound: str, transcript: Transcript, rank: int) -> str:
    """Keeps a video that was seen once, under /dump, and what is said in it; gives its SHA-256."""
    with case.store.writing():
        case.store.add(
            Intake(
                asset=Asset(sha256=sha256, kind="video", bytes=1),
                sighting=Sighting(sha256=sha256, uri=f"/dump/{name}.mp4"),
            )
        )
        transcripts.hear(case.store, sha256, sound)
        transcripts.add(case.store, sound, transcript, words_fingerprint(sha256, transcript), rank)
    return sha256
