"""Transcripts in a store, and what is found in them by their words."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING

from mediafp.errors import StoreError, UsageError
from mediafp.evidence import Hit, Transcript, Utterance
from mediafp.fingerprint import Fingerprint
from mediafp.store import log
from mediafp.store.codec import clean, pack_fingerprint, unpack_fingerprint
from mediafp.store.schema import PASSAGE_INDEX
from mediafp.store.transaction import snapshot
from mediafp.text import Token, is_cjk, plain, tokens

if TYPE_CHECKING:
    from mediafp.store.records import Store

TAIL_TOKENS = 16
"""Tokens of the next utterance that are indexed with each: a phrase may be cut between two."""
TAIL_SECONDS = 2.0
"""A later utterance does not go on with the sentence."""
_BEST_FIRST = "rank DESC, made_at DESC, version"
_INDEX_TABLES = ("data", "idx", "content", "docsize", "config")
"""In which FTS5 keeps an index."""
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
        _index(store.db, sound, transcript)
    elif after != before and (chosen := best(store, sound)):
        # This version was the best, and has come back with a lower rank.
        _index(store.db, sound, chosen)


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


def search(store: Store, text: str, limit: int | None = None) -> Iterator[Hit]:
    """The passages that hold all words and phrases of a text, best first.

    Words and runs of CJK characters are sought anywhere in a passage, a run as it stands, with the numbers in it; what
    is in double quotes is one phrase. Raises UsageError for a text without a word.
    """
    phrases = _phrases(text)
    if not phrases:
        raise UsageError("there is no word to search for; name a word, a name or a phrase")
    return islice(_hits(store, phrases), limit)


def problems(store: Store) -> list[str]:
    """What is wrong with transcripts and their index; an empty list where all is sound."""
    with snapshot(store.db):
        return [*_index_problems(store.db), *_transcript_problems(store.db)]


def _index_problems(db: sqlite3.Connection) -> list[str]:
    found = [
        f"passage {number} is {fault} the word index"
        for fault, query in (
            ("missing from", "SELECT id FROM passage EXCEPT SELECT id FROM passage_index_content"),
            ("gone, but still in", "SELECT id FROM passage_index_content EXCEPT SELECT id FROM passage"),
        )
        for (number,) in db.execute(query)
    ]
    # FTS5's own check asks for the lock of a writer, so that a copy is checked.
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        copy.execute(PASSAGE_INDEX)
        try:
            for table in (f"passage_index_{name}" for name in _INDEX_TABLES):
                rows = db.execute(f"SELECT * FROM {table}")
                marks = ", ".join("?" * len(rows.description))
                copy.execute(f"DELETE FROM {table}")
                copy.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
            copy.execute("INSERT INTO passage_index (passage_index, rank) VALUES ('integrity-check', 0)")
        except (sqlite3.Error, ValueError) as error:
            # A ValueError: text that is no UTF-8.
            found.append(f"the word index is damaged: {error}")
    return found


def _transcript_problems(db: sqlite3.Connection) -> list[str]:
    found, seen = [], set()
    for sound, version, data, words_version, words in db.execute(
        f"SELECT sound, version, data, words_version, words FROM transcript ORDER BY sound, {_BEST_FIRST}"
    ):
        is_best = sound not in seen
        seen.add(sound)
        try:
            unpack_fingerprint(sound, "words", words_version, words)
            passages = sorted((u.start, u.end, clean(u.text)) for u in _load(data).utterances)
        except _DAMAGED as error:
            found.append(f"transcript {version} of sound {sound} is damaged: {error}")
            continue
        kept = db.execute(
            "SELECT start, end, text FROM passage WHERE holder = ? AND source = 'speech' ORDER BY 1, 2, 3", (sound,)
        ).fetchall()
        if is_best and kept != passages:
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


def _index(db: sqlite3.Connection, sound: str, chosen: Transcript) -> None:
    """Replaces the passages of a sound, an utterance each."""
    db.execute(
        "DELETE FROM passage_index WHERE rowid IN (SELECT id FROM passage WHERE holder = ? AND source = 'speech')",
        (sound,),
    )
    db.execute("DELETE FROM passage WHERE holder = ? AND source = 'speech'", (sound,))
    follower: tuple[int, Utterance] | None = None
    for utterance in reversed(chosen.utterances):
        goes_on = follower is not None and follower[1].start - utterance.end <= TAIL_SECONDS
        number = db.execute(
            "INSERT INTO passage (holder, source, start, end, text, times, next) VALUES (?, 'speech', ?, ?, ?, ?, ?)",
            (
                sound,
                utterance.start,
                utterance.end,
                clean(utterance.text),
                json.dumps(utterance.times) if utterance.times else None,
                follower[0] if follower and goes_on else None,
            ),
        ).lastrowid
        assert number is not None, "the row was just written"
        words = plain(clean(utterance.text)).split()
        if follower and goes_on:
            words += plain(clean(follower[1].text)).split()[:TAIL_TOKENS]
        db.execute("INSERT INTO passage_index (rowid, words) VALUES (?, ?)", (number, " ".join(words)))
        follower = number, utterance


def _hits(store: Store, phrases: Sequence[Sequence[str]]) -> Iterator[Hit]:
    try:
        rows = store.db.execute(
            "SELECT p.holder, p.source, p.start, p.end, p.text, p.times, n.text, n.end FROM passage_index"
            " JOIN passage p ON p.id = passage_index.rowid LEFT JOIN passage n ON n.id = p.next"
            " WHERE passage_index MATCH ? ORDER BY bm25(passage_index), p.holder, p.start, p.id DESC",
            (" AND ".join('"' + " ".join(phrase) + '"' for phrase in phrases),),
        ).fetchall()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"the word index cannot be searched ({error}); see: mediafp verify") from error
    for holder, source, start, end, said, times, following, following_end in rows:
        found = _marked(phrases, said, following)
        if found is None:
            continue
        spans = json.loads(times) if times else []
        if found.beyond:
            end = following_end
        elif len(spans) == found.words:
            start, end = min(spans[n][0] for n in found.told), max(spans[n][1] for n in found.told)
        for (sha256,) in store.rows(
            "SELECT s.sha256 FROM sound s JOIN asset a ON a.sha256 = s.sha256 WHERE s.sound = ? ORDER BY 1", (holder,)
        ):
            yield Hit(
                sha256=sha256,
                uris=store.uris(sha256),
                source=source,
                start=start,
                end=end,
                text=found.text,
                marks=found.marks,
            )


def _phrases(text: str) -> list[list[str]]:
    """What is sought: words, runs of CJK characters, and what stands in double quotes, as tokens each."""
    found: list[list[str]] = []
    parts = re.split('["“”＂]', text)
    for n, part in enumerate(parts):
        # What follows a quote that is never closed is no phrase.
        if n % 2 and n < len(parts) - 1:
            found.append([token.text for token in tokens(part)])
            continue
        run: list[Token] = []
        for token in tokens(part):
            joined = run and run[-1].end == token.start and _runs_on(run[-1]) and _runs_on(token)
            if run and not joined:
                found.append([t.text for t in run])
                run = []
            run.append(token)
        found.append([t.text for t in run])
    return [phrase for phrase in found if phrase]


def _runs_on(token: Token) -> bool:
    """Whether it joins its neighbour in a run; a number does, since 三十五 is one."""
    return is_cjk(token.text) or token.text.isdigit()


@dataclass(frozen=True, slots=True)
class _Text:
    words: list[str]
    places: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The text of a hit, the places of the phrases in it and their tokens; `words`: how many the passage itself has.

    `beyond`: they reach into the passage that follows, and the text is that of both.
    """

    text: str
    marks: tuple[tuple[int, int], ...]
    told: list[int]
    words: int
    beyond: bool


def _marked(phrases: Sequence[Sequence[str]], said: str, following: str | None) -> _Found | None:
    """Where the phrases stand in a passage, or in it and what follows; None where that is no hit of its own."""
    own = _tokenised(said)
    places = [_places(phrase, own.words) for phrase in phrases]
    if all(places):
        return _found(said, own, places, len(own.words), beyond=False)
    if following is None:
        # FTS5 takes no notice of a few characters that are tokens here, as ・.
        return None
    border, after = len(own.words), _tokenised(following)
    shift = len(said) + 1
    both = _Text(own.words + after.words, own.places + [(a + shift, b + shift) for a, b in after.places])
    places = [_places(phrase, both.words) for phrase in phrases]
    cut = any(place.start < border < place.stop for place in chain(*places))
    alone = all(any(place.start >= border for place in found) for found in places)
    if not all(places) or (alone and not cut):
        # What follows is a hit by itself.
        return None
    return _found(f"{said} {following}", both, places, border, beyond=True)


def _found(text: str, read: _Text, places: Sequence[Sequence[range]], words: int, *, beyond: bool) -> _Found:
    told = list(chain(*places))
    return _Found(
        text=text,
        marks=tuple(sorted({(read.places[place.start][0], read.places[place.stop - 1][1]) for place in told})),
        told=sorted({n for place in told for n in place}),
        words=words,
        beyond=beyond,
    )


def _places(phrase: Sequence[str], words: Sequence[str]) -> list[range]:
    size = len(phrase)
    return [
        range(n, n + size)
        for n, word in enumerate(words)
        if word == phrase[0] and list(words[n : n + size]) == list(phrase)
    ]


def _tokenised(text: str) -> _Text:
    found = tokens(text)
    return _Text([t.text for t in found], [(t.start, t.end) for t in found])


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
