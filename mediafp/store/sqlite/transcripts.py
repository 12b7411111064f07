"""Transcripts in a store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mediafp.store.sqlite import custody_log, text_index
from mediafp.store.sqlite.values import replace_surrogates
from mediafp.types.errors import StoreError
from mediafp.types.fingerprints import Fingerprint, pack_fingerprint, unpack_fingerprint
from mediafp.types.transcripts import Transcript, TranscriptSegment

if TYPE_CHECKING:
    from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.transcripts import TranscribedAudio

_BEST_FIRST = "rank DESC, made_at DESC, version"
_DAMAGED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a stored transcript raises where it is none."""


def save_transcription(store: SqliteStore, sha256: str, spoken: TranscribedAudio) -> None:
    """Writes what was heard in a file. Call it inside `writing`."""
    save_audio_id(store, sha256, spoken.audio_sha256)
    if spoken.transcript and spoken.fingerprint:
        save_transcript(store, spoken.audio_sha256, spoken.transcript, spoken.fingerprint, spoken.model_rank)


def save_audio_id(store: SqliteStore, sha256: str, audio: str) -> None:
    """Notes which sound, by its SHA-256, a file's bytes hold; "" for none. Call it inside `writing`."""
    store.db.execute("INSERT OR REPLACE INTO sound VALUES (?, ?)", (sha256, audio))


def find_audio_id(store: SqliteStore, sha256: str) -> str | None:
    """The sound that a file's bytes hold, "" for none; None where nobody has listened."""
    row = store.row("SELECT sound FROM sound WHERE sha256 = ?", (sha256,))
    return row[0] if row else None


def save_transcript(store: SqliteStore, audio: str, transcript: Transcript, words: Fingerprint, rank: int) -> None:
    """Writes a transcript beside those of other models; the one of the highest rank, then the newest, is searched.

    Written again it is no newer. Call it inside `writing`.
    """
    before, version, data = _best_version(store, audio), transcript.version, _dump(transcript)
    kept = store.row("SELECT model, data FROM transcript WHERE sound = ? AND version = ?", (audio, version))
    store.db.execute(
        "INSERT INTO transcript VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sound, version) DO UPDATE SET"
        " model = excluded.model, rank = excluded.rank, data = excluded.data,"
        " words_version = excluded.words_version, words = excluded.words,"
        " made_at = CASE data WHEN excluded.data THEN made_at ELSE excluded.made_at END",
        (
            audio,
            version,
            transcript.model,
            rank,
            data,
            words.version,
            pack_fingerprint(words),
            datetime.now(UTC).isoformat(),
        ),
    )
    if kept != (transcript.model, data):
        told = {"sound": audio, "version": version, "model": transcript.model, "words": transcript_digest(data)}
        custody_log.append(store, "transcribed", told)
    after = _best_version(store, audio)
    if after == version:
        text_index.replace_passages(store.db, audio, "speech", transcript.segments)
    elif after != before and (chosen := best_transcript(store, audio)):
        # This version was the best, and has come back with a lower rank.
        text_index.replace_passages(store.db, audio, "speech", chosen.segments)


def transcript_digest(data: str) -> str:
    """The SHA-256, in hex, of a transcript as it is stored: what the log says of it."""
    return hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()


def load_transcript(store: SqliteStore, audio: str, version: str) -> Transcript | None:
    """What one version heard in a sound; None where it has not listened."""
    row = store.row("SELECT data FROM transcript WHERE sound = ? AND version = ?", (audio, version))
    return _read(audio, row[0]) if row else None


def best_transcript(store: SqliteStore, audio: str) -> Transcript | None:
    """The best model's transcript of a sound; None where there is none."""
    row = store.row(f"SELECT data FROM transcript WHERE sound = ? ORDER BY {_BEST_FIRST} LIMIT 1", (audio,))
    return _read(audio, row[0]) if row else None


def find_transcript(store: SqliteStore, sha256: str) -> Transcript | None:
    """The best transcript of an asset; None where there is none, or it holds no sound."""
    audio = find_audio_id(store, sha256)
    return best_transcript(store, audio) if audio else None


def is_transcribed(store: SqliteStore, sha256: str, version: str) -> bool:
    """Whether this version has listened to the file, or the file holds no sound."""
    audio = find_audio_id(store, sha256)
    if not audio:
        return audio is not None
    return store.row("SELECT 1 FROM transcript WHERE sound = ? AND version = ?", (audio, version)) is not None


def has_transcripts(store: SqliteStore) -> bool:
    """Whether the store holds any."""
    return store.row("SELECT 1 FROM transcript LIMIT 1") is not None


def transcript_fingerprints(store: SqliteStore) -> Iterator[Fingerprint]:
    """The words of every asset's best transcript, by SHA-256."""
    rows = store.rows(
        "SELECT s.sha256, t.words_version, t.words FROM sound s JOIN asset a ON a.sha256 = s.sha256 JOIN transcript t"
        " ON t.sound = s.sound AND t.version = (SELECT version FROM transcript WHERE sound = s.sound"
        f" ORDER BY {_BEST_FIRST} LIMIT 1) ORDER BY s.sha256"
    )
    for sha256, version, data in rows:
        try:
            yield unpack_fingerprint(sha256, "words", version, data)
        except ValueError as error:
            raise StoreError(f"the words of {sha256} are damaged ({error}); see: mediafp verify") from error


def check_transcripts(store: SqliteStore) -> list[str]:
    """What is wrong with transcripts and their passages; an empty list where all is sound."""
    db = store.db
    found, seen = [], set()
    for audio, version, data, words_version, words in db.execute(
        f"SELECT sound, version, data, words_version, words FROM transcript ORDER BY sound, {_BEST_FIRST}"
    ):
        is_best = audio not in seen
        seen.add(audio)
        try:
            unpack_fingerprint(audio, "words", words_version, words)
            told = sorted((u.start, u.end, replace_surrogates(u.text)) for u in _load(data).segments)
        except _DAMAGED as error:
            found.append(f"transcript {version} of sound {audio} is damaged: {error}")
            continue
        if is_best and text_index.stored_passages(db, audio, "speech") != told:
            found.append(f"the passages of sound {audio} are not those of its best transcript, {version}")
    for (holder,) in db.execute(
        "SELECT DISTINCT holder FROM passage WHERE source = 'speech'"
        " AND holder NOT IN (SELECT sound FROM transcript) ORDER BY 1"
    ):
        found.append(f"sound {holder} has passages and no transcript")
    return found


def _best_version(store: SqliteStore, audio: str) -> str | None:
    row = store.row(f"SELECT version FROM transcript WHERE sound = ? ORDER BY {_BEST_FIRST} LIMIT 1", (audio,))
    return row[0] if row else None


def _dump(transcript: Transcript) -> str:
    """Return a transcript as JSON under the stored keys, which are older than the names of the fields."""
    fields = asdict(transcript)
    segments = fields.pop("segments")
    for segment in segments:
        segment["times"] = segment.pop("token_times")
    return json.dumps({**fields, "utterances": segments}, ensure_ascii=True)


def _read(audio: str, data: str) -> Transcript:
    try:
        return _load(data)
    except _DAMAGED as error:
        raise StoreError(f"a transcript of sound {audio} is damaged ({error}); see: mediafp verify") from error


def _load(data: str) -> Transcript:
    fields = json.loads(data)
    segments = tuple(_load_segment(stored) for stored in fields.pop("utterances"))
    return Transcript(**{**fields, "segments": segments})


def _load_segment(stored: dict[str, Any]) -> TranscriptSegment:
    times = tuple((start, end) for start, end in stored.pop("times"))
    return TranscriptSegment(**{**stored, "flags": tuple(stored["flags"]), "token_times": times})
