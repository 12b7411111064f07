"""Transcripts in a store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mediafp.errors import StoreError
from mediafp.evidence import Transcript, Utterance
from mediafp.fingerprint import Fingerprint
from mediafp.store import log, passages
from mediafp.store.codec import clean, pack_fingerprint, unpack_fingerprint

if TYPE_CHECKING:
    from mediafp.store.records import Store

_BEST_FIRST = "rank DESC, made_at DESC, version"
_DAMAGED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a stored transcript raises where it is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What was heard in one file: its sound's SHA-256 ("" for none), the transcript and its words, the model's rank."""

    sound: str
    transcript: Transcript | None = None
    words: Fingerprint | None = None
    rank: int = 0
    warnings: tuple[str, ...] = ()


def keep(store: Store, sha256: str, spoken: Spoken) -> None:
    """Writes what was heard in a file. Call it inside `writing`."""
    hear(store, sha256, spoken.sound)
    if spoken.transcript and spoken.words:
        add(store, spoken.sound, spoken.transcript, spoken.words, spoken.rank)


def hear(store: Store, sha256: str, sound: str) -> None:
    """Notes which sound, by its SHA-256, a file's bytes hold; "" for none. Call it inside `writing`."""
    store.db.execute("INSERT OR REPLACE INTO sound VALUES (?, ?)", (sha256, sound))


def sound_of(store: Store, sha256: str) -> str | None:
    """The sound that a file's bytes hold, "" for none; None where nobody has listened."""
    row = store.row("SELECT sound FROM sound WHERE sha256 = ?", (sha256,))
    return row[0] if row else None


def add(store: Store, sound: str, transcript: Transcript, words: Fingerprint, rank: int) -> None:
    """Writes a transcript beside those of other models; the one of the highest rank, then the newest, is searched.

    Written again it is no newer. Call it inside `writing`.
    """
    before, version, data = _best_version(store, sound), transcript.version, _dump(transcript)
    kept = store.row("SELECT model, data FROM transcript WHERE sound = ? AND version = ?", (sound, version))
    store.db.execute(
        "INSERT INTO transcript VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sound, version) DO UPDATE SET"
        " model = excluded.model, rank = excluded.rank, data = excluded.data,"
        " words_version = excluded.words_version, words = excluded.words,"
        " made_at = CASE data WHEN excluded.data THEN made_at ELSE excluded.made_at END",
        (
            sound,
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
        told = {"sound": sound, "version": version, "model": transcript.model, "words": words_digest(data)}
        log.append(store, "transcribed", told)
    after = _best_version(store, sound)
    if after == version:
        passages.replace(store.db, sound, "speech", transcript.utterances)
    elif after != before and (chosen := best(store, sound)):
        # This version was the best, and has come back with a lower rank.
        passages.replace(store.db, sound, "speech", chosen.utterances)


def words_digest(data: str) -> str:
    """The SHA-256, in hex, of a transcript as it is stored: what the log says of it."""
    return hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()


def transcript(store: Store, sound: str, version: str) -> Transcript | None:
    """What one version heard in a sound; None where it has not listened."""
    row = store.row("SELECT data FROM transcript WHERE sound = ? AND version = ?", (sound, version))
    return _read(sound, row[0]) if row else None


def best(store: Store, sound: str) -> Transcript | None:
    """The best model's transcript of a sound; None where there is none."""
    row = store.row(f"SELECT data FROM transcript WHERE sound = ? ORDER BY {_BEST_FIRST} LIMIT 1", (sound,))
    return _read(sound, row[0]) if row else None


def transcript_of(store: Store, sha256: str) -> Transcript | None:
    """The best transcript of an asset; None where there is none, or it holds no sound."""
    sound = sound_of(store, sha256)
    return best(store, sound) if sound else None


def transcribed(store: Store, sha256: str, version: str) -> bool:
    """Whether this version has listened to the file, or the file holds no sound."""
    sound = sound_of(store, sha256)
    if not sound:
        return sound is not None
    return store.row("SELECT 1 FROM transcript WHERE sound = ? AND version = ?", (sound, version)) is not None


def any_transcript(store: Store) -> bool:
    """Whether the store holds any."""
    return store.row("SELECT 1 FROM transcript LIMIT 1") is not None


def scripts(store: Store) -> Iterator[Fingerprint]:
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


def problems(store: Store) -> list[str]:
    """What is wrong with transcripts and their passages; an empty list where all is sound."""
    db = store.db
    found, seen = [], set()
    for sound, version, data, words_version, words in db.execute(
        f"SELECT sound, version, data, words_version, words FROM transcript ORDER BY sound, {_BEST_FIRST}"
    ):
        is_best = sound not in seen
        seen.add(sound)
        try:
            unpack_fingerprint(sound, "words", words_version, words)
            told = sorted((u.start, u.end, clean(u.text)) for u in _load(data).utterances)
        except _DAMAGED as error:
            found.append(f"transcript {version} of sound {sound} is damaged: {error}")
            continue
        if is_best and passages.kept(db, sound, "speech") != told:
            found.append(f"the passages of sound {sound} are not those of its best transcript, {version}")
    for (holder,) in db.execute(
        "SELECT DISTINCT holder FROM passage WHERE source = 'speech'"
        " AND holder NOT IN (SELECT sound FROM transcript) ORDER BY 1"
    ):
        found.append(f"sound {holder} has passages and no transcript")
    return found


def _best_version(store: Store, sound: str) -> str | None:
    row = store.row(f"SELECT version FROM transcript WHERE sound = ? ORDER BY {_BEST_FIRST} LIMIT 1", (sound,))
    return row[0] if row else None


def _dump(transcript: Transcript) -> str:
    return json.dumps(asdict(transcript), ensure_ascii=True)


def _read(sound: str, data: str) -> Transcript:
    try:
        return _load(data)
    except _DAMAGED as error:
        raise StoreError(f"a transcript of sound {sound} is damaged ({error}); see: mediafp verify") from error


def _load(data: str) -> Transcript:
    fields = json.loads(data)
    utterances = fields.pop("utterances")
    return Transcript(
        **fields,
        utterances=tuple(
            Utterance(
                **{
                    **utterance,
                    "flags": tuple(utterance["flags"]),
                    "times": tuple((start, end) for start, end in utterance["times"]),
                }
            )
            for utterance in utterances
        ),
    )
