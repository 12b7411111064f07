"""Transcripts in the database, one row for each sound and version; the times are those of the sound."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from mediafp.store.sqlite import custody_log, text_index
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.text_index import BEST_FIRST
from mediafp.store.sqlite.values import DAMAGE_ERRORS, replace_surrogates, text_sha256
from mediafp.types.contents import MAX_SECONDS, check_transcript
from mediafp.types.fingerprints import Fingerprint, pack_fingerprint, unpack_fingerprint
from mediafp.types.transcripts import Transcript, TranscriptSegment

TRANSCRIPT_TYPE = "words"
"""Fingerprint type of transcripts: their table has a column for its version, and none for its name."""


def write_transcript(
    database: Database, audio_sha256: str, transcript: Transcript, fingerprint: Fingerprint, rank: int
) -> bool:
    """Save a transcript and its fingerprint beside those of other models, log it, and index the best one.

    Saving an unchanged transcript again does not make it newer.

    Returns:
        True if the best transcript of the sound is another one now.
    """
    version, data = transcript.version, _encode(transcript)
    best_before = _best_version(database, audio_sha256)
    stored = database.row(
        "SELECT model, data, has_file_times FROM transcript WHERE sound = ? AND version = ?", (audio_sha256, version)
    )
    has_changed = stored != (transcript.model, data, 0)
    database.execute(
        "INSERT INTO transcript (sound, version, model, rank, data, words_version, words, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sound, version) DO UPDATE SET"
        " model = excluded.model, rank = excluded.rank, data = excluded.data,"
        " words_version = excluded.words_version, words = excluded.words, has_file_times = 0,"
        " made_at = CASE data WHEN excluded.data THEN made_at ELSE excluded.made_at END",
        (
            audio_sha256,
            version,
            transcript.model,
            rank,
            data,
            fingerprint.version,
            pack_fingerprint(fingerprint),
            datetime.now(UTC).isoformat(),
        ),
    )
    if has_changed:
        details = {
            "sound": audio_sha256,
            "version": version,
            "model": transcript.model,
            "words": text_sha256(data),
        }
        custody_log.append(database, "transcribed", details)
    best_after = _best_version(database, audio_sha256)
    if best_after == version:
        text_index.replace_passages(database, audio_sha256, "speech", transcript.segments)
    elif best_after != best_before:
        # This version was the best one, and its rank has fallen.
        best = _stored_best(database, audio_sha256)
        if best and (newly_best := read_transcript(database, audio_sha256, best[0])):
            text_index.replace_passages(database, audio_sha256, "speech", newly_best.segments)
    return best_after != best_before or (best_after == version and has_changed)


def load_transcript(database: Database, audio_sha256: str, version: str) -> Transcript | None:
    """Return the transcript of a sound, given its SHA-256, by one version, or None if there is none with its times."""
    row = database.row(
        "SELECT CAST(data AS BLOB) FROM transcript WHERE sound = ? AND version = ? AND NOT has_file_times",
        (audio_sha256, version),
    )
    return read_transcript(database, audio_sha256, row[0]) if row else None


def best_transcript(database: Database, audio_sha256: str) -> Transcript | None:
    """Return the best transcript of a sound, given its SHA-256, or None if there is none with its times."""
    row = _stored_best(database, audio_sha256)
    return read_transcript(database, audio_sha256, row[0]) if row and not row[1] else None


def has_transcripts(database: Database) -> bool:
    """Return True if the store contains a transcript."""
    return database.row("SELECT 1 FROM transcript LIMIT 1") is not None


def check_transcripts(database: Database) -> Iterator[str]:
    """Yield the problems of the transcripts and of their passages."""
    checked = set()
    for audio_sha256, version, data, words_version, words in database.execute(
        f"SELECT sound, version, data, words_version, words FROM transcript ORDER BY sound, {BEST_FIRST}"
    ):
        is_best = audio_sha256 not in checked
        checked.add(audio_sha256)
        try:
            check_row_times(unpack_fingerprint(audio_sha256, TRANSCRIPT_TYPE, words_version, words))
            passages = sorted((s.start, s.end, replace_surrogates(s.text)) for s in _decode(data).segments)
        except DAMAGE_ERRORS as error:
            yield f"transcript {version} of audio {audio_sha256} is damaged: {error}"
            continue
        if is_best and text_index.stored_passages(database, audio_sha256, "speech") != passages:
            yield f"the passages of audio {audio_sha256} differ from its best transcript, {version}"
    for holder in text_index.stray_holders(database, "speech", "SELECT sound FROM transcript"):
        yield f"audio {holder} has passages and no transcript"


def _best_version(database: Database, audio_sha256: str) -> str | None:
    row = database.row(f"SELECT version FROM transcript WHERE sound = ? ORDER BY {BEST_FIRST} LIMIT 1", (audio_sha256,))
    return row[0] if row else None


def _stored_best(database: Database, audio_sha256: str) -> tuple[bytes, int] | None:
    """Return the JSON of the best transcript of a sound, and 1 if its times are those of a file."""
    row: tuple[bytes, int] | None = database.row(
        f"SELECT CAST(data AS BLOB), has_file_times FROM transcript WHERE sound = ? ORDER BY {BEST_FIRST} LIMIT 1",
        (audio_sha256,),
    )
    return row


def read_transcript(database: Database, sha256: str, data: bytes) -> Transcript | None:
    """Return a stored transcript; None, and a report of the damage to the sound or file `sha256`, if it is damaged."""
    try:
        return _decode(data)
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its transcript is damaged ({error})")
        return None


def check_row_times(fingerprint: Fingerprint) -> None:
    """Check the spans and the quality of a transcript fingerprint. Raises ValueError."""
    if not ((abs(fingerprint.spans) <= MAX_SECONDS).all() and ((abs(fingerprint.quality - 0.5) <= 0.5).all())):
        raise ValueError("times or qualities out of range")


def _encode(transcript: Transcript) -> str:
    """Return a transcript as JSON under the stored keys, some of which are older than the names of the fields."""
    fields = asdict(transcript)
    del fields["warnings"]
    segments = fields.pop("segments")
    for segment in segments:
        segment["times"] = segment.pop("token_times")
    return json.dumps({**fields, "utterances": segments}, ensure_ascii=True)


def _decode(data: str | bytes) -> Transcript:
    fields = json.loads(data)
    segments = tuple(_decode_segment(stored) for stored in fields.pop("utterances"))
    transcript = Transcript(**{**fields, "segments": segments})
    check_transcript(transcript)
    return transcript


def _decode_segment(stored: dict[str, Any]) -> TranscriptSegment:
    times = tuple((start, end) for start, end in stored.pop("times"))
    # Transcripts of older versions have no probabilities.
    probabilities = tuple(stored.pop("token_probabilities", ()))
    return TranscriptSegment(
        **{**stored, "flags": tuple(stored["flags"]), "token_times": times, "token_probabilities": probabilities}
    )
