"""Files to transcripts, out of the store where it has them already."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediafp import pipeline
from mediafp.errors import MediaError, NoMedia
from mediafp.evidence import Hint, Transcript
from mediafp.ingest.sound import read_sound
from mediafp.ingest.walk import sha256_of
from mediafp.pipeline import see
from mediafp.reading.speech import SpeechOptions, transcriber
from mediafp.reading.tells import Tell, hints
from mediafp.store import transcripts
from mediafp.store.records import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """What is said in one file; `transcript` is None where it holds no sound or `error` says why it could not be read."""

    path: str
    sha256: str | None
    error: str | None
    transcript: Transcript | None
    seconds: float
    warnings: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    is_media: bool = True


def transcribe(
    store: Store,
    path: Path,
    speech: SpeechOptions,
    tells: Sequence[Tell],
    *,
    step: Callable[[float], object] = lambda share: None,
) -> Transcription:
    """What is said in a file, kept in the store: the same sound is never listened to twice. Raises ModelError."""
    name, started = os.fspath(path), time.monotonic()
    try:
        sha256, _ = sha256_of(path)
        spoken, warnings = _spoken(store, sha256, path, speech, step)
    except MediaError as error:
        seconds = round(time.monotonic() - started, 3)
        return Transcription(
            path=name,
            sha256=None,
            error=str(error),
            transcript=None,
            seconds=seconds,
            is_media=not isinstance(error, NoMedia),
        )
    captions = [text for sighting in store.sightings(sha256) for text in sighting.captions]
    if not captions:
        captions = see(path, sha256)[0].captions
    return Transcription(
        path=name,
        sha256=sha256,
        error=None,
        transcript=spoken,
        seconds=round(time.monotonic() - started, 3),
        warnings=tuple(warnings),
        hints=tuple(hints(spoken, tells, captions)) if spoken else (),
    )


def _spoken(
    store: Store, sha256: str, path: Path, speech: SpeechOptions, step: Callable[[float], object]
) -> tuple[Transcript | None, list[str]]:
    version = transcriber(speech).version
    known = transcripts.sound_of(store, sha256)
    if known is not None and transcripts.transcribed(store, sha256, version):
        return (transcripts.transcript(store, known, version) if known else None), []
    sound, warnings = read_sound(path)
    found = transcripts.transcript(store, sound.sha256, version) if sound else None
    if sound and found:
        # Another file with the same sound was listened to.
        with store.writing():
            transcripts.hear(store, sha256, sound.sha256)
        return found, warnings
    spoken = pipeline.listen(sound, speech, step=step)
    with store.writing():
        transcripts.keep(store, sha256, spoken)
    return spoken.transcript, warnings
