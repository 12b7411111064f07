"""The sounds of each file in the database, and its transcript, which joins those of its sounds on the clock of the file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from mediafp.store.sqlite import comparisons, transcripts
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.text_index import BEST_FIRST
from mediafp.store.sqlite.transcripts import TRANSCRIPT_TYPE
from mediafp.store.sqlite.values import DAMAGE_ERRORS
from mediafp.types.contents import check_time
from mediafp.types.errors import StoreError
from mediafp.types.file_sounds import FileSound, TranscribedFile, find_repeats, join_transcripts, sound_key
from mediafp.types.fingerprints import Fingerprint, SoundRows, unpack_fingerprint
from mediafp.types.media import MAX_TRACK_NUMBER
from mediafp.types.transcripts import Transcript

SOUND_COLUMNS = "s.position, s.sound, s.start, s.track, s.channel"
"""Columns from which `_to_sound` makes a sound."""
_WITH_BEST = (
    "JOIN transcript t ON t.sound = s.sound AND t.version ="
    f" (SELECT version FROM transcript WHERE sound = s.sound ORDER BY {BEST_FIRST} LIMIT 1)"
)
"""Join of a sound with its best transcript."""


def save_sounds(database: Database, sha256: str, stated: Sequence[FileSound]) -> None:
    """Save the sounds of a file, that which players play first; none if it has no audio."""
    if sounds(database, sha256) == tuple(stated):
        return
    database.execute("DELETE FROM sound WHERE sha256 = ?", (sha256,))
    for position, sound in enumerate(stated or (FileSound(audio_sha256=""),)):
        database.execute(
            "INSERT INTO sound (sha256, position, track, channel, start, sound) VALUES (?, ?, ?, ?, ?, ?)",
            (sha256, position, sound.track, sound.channel, sound.start, sound.audio_sha256),
        )
    _note_file_change(database, sha256)


def sounds(database: Database, sha256: str) -> tuple[FileSound, ...] | None:
    """Return the sounds of a file, that which players play first, () for none.

    None if the file was never transcribed, or by an older version alone, which did not note all of its sounds.
    """
    rows = list(database.rows(f"SELECT {SOUND_COLUMNS} FROM sound s WHERE s.sha256 = ? ORDER BY 1", (sha256,)))
    try:
        found = tuple(_to_sound(*row) for row in rows)
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its audio tracks are damaged ({error})")
        return None
    if not found or not found[0].audio_sha256:
        return () if found else None
    return None if any(start is None for _, _, start, *_ in rows) else found


def _to_sound(position: int, audio_sha256: str, start: float | None, track: int, channel: int | None) -> FileSound:
    """Return a sound from the columns of its row. Raises ValueError for values that none has."""
    start = start or 0.0
    check_time(start, "the start of the audio")
    if not 0 <= track <= MAX_TRACK_NUMBER or (channel is not None and channel < 0) or (position and not audio_sha256):
        raise ValueError(f"channel {channel} of track {track} of audio {audio_sha256!r}")
    return FileSound(audio_sha256=audio_sha256, start=start, track=track, channel=channel)


def save_transcription(database: Database, sha256: str, transcribed: TranscribedFile) -> None:
    """Save the sounds of a file, and the transcripts that were made of them."""
    save_sounds(database, sha256, transcribed.sounds)
    for one in transcribed.made:
        save_transcript(database, one.audio_sha256, one.transcript, one.fingerprint, one.model_rank)


def save_transcript(
    database: Database, audio_sha256: str, transcript: Transcript, fingerprint: Fingerprint, rank: int
) -> None:
    """Save a transcript of a sound, as `transcripts.write_transcript` does, and note which files have another one now."""
    if transcripts.write_transcript(database, audio_sha256, transcript, fingerprint, rank):
        note_change(database, audio_sha256)


def note_change(database: Database, audio_sha256: str) -> None:
    """Note that a sound has another best transcript, or none any more."""
    holders = database.execute("SELECT DISTINCT sha256 FROM sound WHERE sound = ? ORDER BY 1", (audio_sha256,))
    for (sha256,) in holders.fetchall():
        _note_file_change(database, sha256)


def _note_file_change(database: Database, sha256: str) -> None:
    """Find the sounds of a file anew that repeat others, and note that its transcript has changed."""
    for position, repeats, stated in _repeats(database, sha256):
        if repeats != stated:
            database.execute(
                "UPDATE sound SET repeats = ? WHERE sha256 = ? AND position = ?", (repeats, sha256, position)
            )
    comparisons.note_script_change(database, sha256)


def _repeats(database: Database, sha256: str) -> list[tuple[int, int | None, int | None]]:
    """Return the position of each sound of a file, and that of the sound that it repeats, as found now and as stored."""
    rows = list(database.rows("SELECT position, repeats FROM sound WHERE sha256 = ? ORDER BY 1", (sha256,)))
    found: dict[int, int] = {}
    if len(rows) > 1:
        stored = database.rows(
            f"SELECT s.sha256, {SOUND_COLUMNS}, t.has_file_times, t.words_version, t.words FROM sound s {_WITH_BEST}"
            " WHERE s.sha256 = ? ORDER BY s.position",
            (sha256,),
        )
        read = [(row[1], part[1]) for row in list(stored) if (part := _read_rows(database, *row))]
        repeats = find_repeats([words for _, words in read])
        found = {
            position: read[other][0] for (position, _), other in zip(read, repeats, strict=True) if other is not None
        }
    return [(position, found.get(position), stated) for position, stated in rows]


def find_transcript(database: Database, sha256: str) -> Transcript | None:
    """Return the best transcripts of the sounds of a file joined, or None if it has no transcript or no audio."""
    stored = _transcribed(database, sha256)
    if not stored:
        return None
    numbers = {position: number for number, (position, *_) in enumerate(stored)}
    joined = join_transcripts(
        [(sound, transcript) for _, sound, transcript, _ in stored],
        # Of a damaged transcript nothing is repeated.
        [numbers.get(repeats) if repeats is not None else None for *_, repeats in stored],
    )
    unheard = [
        f"skipped the speech of {sound.name}: it is not transcribed"
        for position, sound in enumerate(sounds(database, sha256) or ())
        if position not in numbers
    ]
    return replace(joined, warnings=(*joined.warnings, *unheard)) if unheard else joined


def _transcribed(database: Database, sha256: str) -> list[tuple[int, FileSound, Transcript, int | None]]:
    """Return position, sound and best transcript of each sound of a file that has one, and what it repeats."""
    rows = database.rows(
        f"SELECT {SOUND_COLUMNS}, s.repeats, t.has_file_times, CAST(t.data AS BLOB) FROM sound s {_WITH_BEST}"
        " WHERE s.sha256 = ? ORDER BY 1",
        (sha256,),
    )
    found = []
    for *columns, repeats, has_file_times, data in list(rows):
        try:
            sound = _to_sound(*columns)
        except DAMAGE_ERRORS as error:
            database.on_damage(sha256, f"its audio tracks are damaged ({error})")
            continue
        if transcript := transcripts.read_transcript(database, sha256, data):
            found.append((columns[0], replace(sound, start=0.0) if has_file_times else sound, transcript, repeats))
    return found


def is_transcribed(database: Database, sha256: str, version: str) -> bool:
    """Return True if this version has transcribed all sounds of the file, or it contains no audio."""
    row = database.row(
        "SELECT count(*), sum(s.sound = '' OR s.start IS NOT NULL AND EXISTS (SELECT 1 FROM transcript t"
        " WHERE t.sound = s.sound AND t.version = ? AND NOT t.has_file_times)) FROM sound s WHERE s.sha256 = ?",
        (version, sha256),
    )
    return row is not None and row[0] > 0 and row[0] == row[1]


def transcript_fingerprints(database: Database) -> Iterator[Fingerprint]:
    """Yield the fingerprint of every asset's best transcripts, by SHA-256, without damaged ones."""
    rows = database.rows(
        f"SELECT s.sha256, {SOUND_COLUMNS}, t.has_file_times, t.words_version, t.words FROM sound s"
        f" JOIN asset a ON a.sha256 = s.sha256 {_WITH_BEST} WHERE s.repeats IS NULL ORDER BY s.sha256, s.track, s.channel"
    )
    for sha256, of_file in groupby(rows, key=lambda row: str(row[0])):
        parts = [part for row in of_file if (part := _read_rows(database, *row))]
        if parts:
            yield _join_rows(sha256, parts)


def _read_rows(database: Database, sha256: str, *row: Any) -> tuple[FileSound, Fingerprint] | None:
    """Return a sound with its rows on the clock of the file; None, and a report of the damage, if they are damaged."""
    *columns, has_file_times, version, data = row
    try:
        sound = _to_sound(*columns)
        rows = unpack_fingerprint(sha256, TRANSCRIPT_TYPE, version, data)
        transcripts.check_row_times(rows)
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its transcript fingerprint is damaged ({error})")
        return None
    return sound, rows if has_file_times or not sound.start else replace(rows, spans=rows.spans + sound.start)


def _join_rows(sha256: str, parts: Sequence[tuple[FileSound, Fingerprint]]) -> Fingerprint:
    """Return the rows of the sounds of a file one after the other."""
    # A command that compares no transcripts does not load it.
    import numpy as np

    if len(parts) == 1 and parts[0][0].key == sound_key(0, None):
        return parts[0][1]
    return Fingerprint(
        sha256=sha256,
        type=TRANSCRIPT_TYPE,
        # Rows of two versions cannot be compared: such a fingerprint is made anew from the transcript.
        version=", ".join(sorted({rows.version for _, rows in parts})),
        spans=np.concatenate([rows.spans for _, rows in parts]),
        vectors=np.concatenate([rows.vectors for _, rows in parts]),
        quality=np.concatenate([rows.quality for _, rows in parts]),
        sounds=tuple(
            SoundRows(track=sound.track, channel=sound.channel, rows=len(rows.vectors))
            for sound, rows in parts
            if len(rows.vectors)
        ),
    )


def check_sounds(database: Database) -> Iterator[str]:
    """Yield the problems of the sounds of files, and of what is stored of those that repeat others."""
    files = database.execute("SELECT DISTINCT sha256 FROM sound ORDER BY 1").fetchall()
    for (sha256,) in files:
        try:
            sounds(database, sha256)
            is_current = all(repeats == stated for _, repeats, stated in _repeats(database, sha256))
        except StoreError as error:
            yield str(error)
        else:
            if not is_current:
                yield f"the audio tracks of {sha256} that repeat the words of others are not those that are stored"
