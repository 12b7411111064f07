"""Transcripts in the database: the audio track of each file, and one row for each track and version."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from mediafp.store.sqlite import comparisons, custody_log, text_index
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS, replace_surrogates, text_sha256
from mediafp.types.contents import MAX_SECONDS, check_transcript
from mediafp.types.fingerprints import Fingerprint, pack_fingerprint, unpack_fingerprint
from mediafp.types.transcripts import TranscribedAudio, Transcript, TranscriptSegment

TRANSCRIPT_TYPE = "words"
"""Fingerprint type of transcripts: their table has a column for its version, and none for its name."""
_BEST_FIRST = "rank DESC, made_at DESC, version"
"""Order of the transcripts of one audio track: by model, then the newest."""


def save_transcription(database: Database, sha256: str, transcribed: TranscribedAudio) -> None:
    """Save a file's audio track, and its transcript if there is one."""
    save_audio_id(database, sha256, transcribed.audio_sha256)
    if transcribed.transcript and transcribed.fingerprint:
        save_transcript(
            database, transcribed.audio_sha256, transcribed.transcript, transcribed.fingerprint, transcribed.model_rank
        )


def save_audio_id(database: Database, sha256: str, audio_sha256: str) -> None:
    """Save which audio track a file contains; "" for none."""
    if find_audio_id(database, sha256) == audio_sha256:
        return
    database.execute("INSERT OR REPLACE INTO sound VALUES (?, ?)", (sha256, audio_sha256))
    comparisons.note_script_change(database, audio_sha256)


def find_audio_id(database: Database, sha256: str) -> str | None:
    """Return the SHA-256 of a file's audio track, "" for none; None if the file was never transcribed."""
    row = database.row("SELECT sound FROM sound WHERE sha256 = ?", (sha256,))
    return row[0] if row else None


def save_transcript(
    database: Database, audio_sha256: str, transcript: Transcript, fingerprint: Fingerprint, rank: int
) -> None:
    """Save a transcript and its fingerprint beside those of other models, log it, and index the best one.

    Saving an unchanged transcript again does not make it newer.
    """
    version, data = transcript.version, _encode(transcript)
    best_before = _best_version(database, audio_sha256)
    stored = database.row("SELECT model, data FROM transcript WHERE sound = ? AND version = ?", (audio_sha256, version))
    database.execute(
        "INSERT INTO transcript VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sound, version) DO UPDATE SET"
        " model = excluded.model, rank = excluded.rank, data = excluded.data,"
        " words_version = excluded.words_version, words = excluded.words,"
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
    if stored != (transcript.model, data):
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
    elif best_after != best_before and (best := best_transcript(database, audio_sha256)):
        # This version was the best one, and its rank has fallen.
        text_index.replace_passages(database, audio_sha256, "speech", best.segments)
    if best_after != best_before or (best_after == version and stored != (transcript.model, data)):
        comparisons.note_script_change(database, audio_sha256)


def load_transcript(database: Database, audio_sha256: str, version: str) -> Transcript | None:
    """Return the transcript of an audio track, given its SHA-256, by one version, or None."""
    row = database.row(
        "SELECT CAST(data AS BLOB) FROM transcript WHERE sound = ? AND version = ?", (audio_sha256, version)
    )
    return _read(database, audio_sha256, row[0]) if row else None


def best_transcript(database: Database, audio_sha256: str) -> Transcript | None:
    """Return the best transcript of an audio track, given its SHA-256, or None."""
    return _best_transcript(database, audio_sha256, audio_sha256)


def find_transcript(database: Database, sha256: str) -> Transcript | None:
    """Return the best transcript of a file, given its SHA-256, or None if it has no transcript or no audio."""
    audio_sha256 = find_audio_id(database, sha256)
    return _best_transcript(database, audio_sha256, sha256) if audio_sha256 else None


def is_transcribed(database: Database, sha256: str, version: str) -> bool:
    """Return True if this version has transcribed the file, or the file contains no audio."""
    audio_sha256 = find_audio_id(database, sha256)
    if not audio_sha256:
        return audio_sha256 is not None
    row = database.row("SELECT 1 FROM transcript WHERE sound = ? AND version = ?", (audio_sha256, version))
    return row is not None


def has_transcripts(database: Database) -> bool:
    """Return True if the store contains a transcript."""
    return database.row("SELECT 1 FROM transcript LIMIT 1") is not None


def transcript_fingerprints(database: Database) -> Iterator[Fingerprint]:
    """Yield the fingerprint of every asset's best transcript, by SHA-256, without damaged ones."""
    rows = database.rows(
        "SELECT s.sha256, t.words_version, t.words FROM sound s JOIN asset a ON a.sha256 = s.sha256 JOIN transcript t"
        " ON t.sound = s.sound AND t.version = (SELECT version FROM transcript WHERE sound = s.sound"
        f" ORDER BY {_BEST_FIRST} LIMIT 1) ORDER BY s.sha256"
    )
    for sha256, version, data in rows:
        try:
            fingerprint = unpack_fingerprint(sha256, TRANSCRIPT_TYPE, version, data)
            _check_times(fingerprint)
        except DAMAGE_ERRORS as error:
            database.on_damage(sha256, f"its transcript fingerprint is damaged ({error})")
        else:
            yield fingerprint


def check_transcripts(database: Database) -> Iterator[str]:
    """Yield the problems of the transcripts and of their passages."""
    checked = set()
    for audio_sha256, version, data, words_version, words in database.execute(
        f"SELECT sound, version, data, words_version, words FROM transcript ORDER BY sound, {_BEST_FIRST}"
    ):
        is_best = audio_sha256 not in checked
        checked.add(audio_sha256)
        try:
            _check_times(unpack_fingerprint(audio_sha256, TRANSCRIPT_TYPE, words_version, words))
            passages = sorted((s.start, s.end, replace_surrogates(s.text)) for s in _decode(data).segments)
        except DAMAGE_ERRORS as error:
            yield f"transcript {version} of audio {audio_sha256} is damaged: {error}"
            continue
        if is_best and text_index.stored_passages(database, audio_sha256, "speech") != passages:
            yield f"the passages of audio {audio_sha256} differ from its best transcript, {version}"
    for (holder,) in database.execute(
        "SELECT DISTINCT holder FROM passage WHERE source = 'speech'"
        " AND holder NOT IN (SELECT sound FROM transcript) ORDER BY 1"
    ):
        yield f"audio {holder} has passages and no transcript"


def _best_version(database: Database, audio_sha256: str) -> str | None:
    row = database.row(
        f"SELECT version FROM transcript WHERE sound = ? ORDER BY {_BEST_FIRST} LIMIT 1", (audio_sha256,)
    )
    return row[0] if row else None


def _best_transcript(database: Database, audio_sha256: str, sha256: str) -> Transcript | None:
    """Return the best transcript of an audio track; damage is reported for `sha256`, the track or a file with it."""
    row = database.row(
        f"SELECT CAST(data AS BLOB) FROM transcript WHERE sound = ? ORDER BY {_BEST_FIRST} LIMIT 1", (audio_sha256,)
    )
    return _read(database, sha256, row[0]) if row else None


def _read(database: Database, sha256: str, data: bytes) -> Transcript | None:
    try:
        return _decode(data)
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its transcript is damaged ({error})")
        return None


def _check_times(fingerprint: Fingerprint) -> None:
    """Check the spans and the quality of a transcript fingerprint. Raises ValueError."""
    if not ((abs(fingerprint.spans) <= MAX_SECONDS).all() and ((abs(fingerprint.quality - 0.5) <= 0.5).all())):
        raise ValueError("times or qualities out of range")


def _encode(transcript: Transcript) -> str:
    """Return a transcript as JSON under the stored keys, some of which are older than the names of the fields."""
    fields = asdict(transcript)
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
