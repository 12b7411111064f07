"""A stored asset with a transcript, for tests of transcripts and of their full-text search."""

from ingest_records import fingerprint

from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.store import Store
from mediafp.types.file_sounds import FileSound
from mediafp.types.media import Asset
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import TranscribedAudio, Transcript, TranscriptSegment


def save_transcribed_asset(store: Store, sha256: str, name: str, audio: str, transcript: Transcript, rank: int) -> str:
    """Save a video without frames, with one sighting under /dump and a transcript; return its SHA-256."""
    with store.writing():
        store.add_record(
            IngestRecord(
                asset=Asset(sha256=sha256, kind="video", bytes=1),
                sightings=(Sighting(sha256=sha256, uri=f"/dump/{name}.mp4"),),
                fingerprints=(fingerprint(sha256, rows=0),),
            )
        )
        store.save_sounds(sha256, (FileSound(audio_sha256=audio),))
        store.save_transcript(audio, transcript, fingerprint_transcript(sha256, transcript), rank)
    return sha256


def spoken_transcript(text: str) -> Transcript:
    """Return the transcript of five seconds in English."""
    segment = TranscriptSegment(start=0, end=5, language="en", language_probability=0.9, text=text)
    return Transcript(
        model="m", version="v1", duration=5, speech_seconds=5, untranscribed_seconds=0, segments=(segment,)
    )


def silent_transcript(version: str = "v1", duration: float = 1.0) -> Transcript:
    """Return the transcript of a sound without speech."""
    return Transcript(
        model="m", version=version, duration=duration, speech_seconds=0, untranscribed_seconds=0, segments=()
    )


def transcribed_audio(audio_sha256: str, transcript: Transcript) -> TranscribedAudio:
    """Return the transcript of a sound as the engine does."""
    return TranscribedAudio(
        audio_sha256=audio_sha256,
        transcript=transcript,
        fingerprint=fingerprint_transcript(audio_sha256, transcript),
        model_rank=1,
    )
