"""Transcripts in a store, and what is found in them by their words."""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy.typing as npt

from mediafp.errors import StoreError, UsageError
from mediafp.evidence import Hit, Transcript, Utterance
from mediafp.fingerprint import Fingerprint
from mediafp.store.codec import pack, unpack
from mediafp.store.records import Store
from mediafp.text import Token, is_cjk, plain, tokens

TAIL_TOKENS = 16
"""Tokens of the next utterance that are indexed with each: a phrase may be cut between two."""
TAIL_SECONDS = 2.0
"""A later utterance does not go on with the sentence."""


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
    row = store.db.execute("SELECT sound FROM sound WHERE sha256 = ?", (sha256,)).fetchone()
    return row[0] if row else None


def add(store: Store, sound: str, transcript: Transcript, words: Fingerprint, rank: int) -> None:
    """Writes a transcript beside those of other models; the one of the highest rank, then the newest, is searched.

    Call it inside `writing`.
    """
    store.db.execute(
        "INSERT OR REPLACE INTO transcript VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            sound,
            transcript.version,
            transcript.model,
            rank,
            _dump(transcript),
            words.version,
            pack(words.spans, words.vectors, words.quality),
            datetime.now(UTC).isoformat(),
        ),
    )
    chosen = best(store, sound)
    assert chosen is not None, "one was just written"
    if chosen.version == transcript.version:
        _index(store.db, sound, chosen)


def transcript(store: Store, sound: str, version: str) -> Transcript | None:
    """What one version heard in a sound; None where it has not listened."""
    row = store.db.execute("SELECT data FROM transcript WHERE sound = ? AND version = ?", (sound, version)).fetchone()
    return _load(row[0]) if row else None


def best(store: Store, sound: str) -> Transcript | None:
    """The best model's transcript of a sound; None where there is none."""
    row = store.db.execute(
        "SELECT data FROM transcript WHERE sound = ? ORDER BY rank DESC, made_at DESC, version LIMIT 1", (sound,)
    ).fetchone()
    return _load(row[0]) if row else None


def transcript_of(store: Store, sha256: str) -> Transcript | None:
    """The best transcript of an asset; None where there is none, or it holds no sound."""
    sound = sound_of(store, sha256)
    return best(store, sound) if sound else None


def transcribed(store: Store, sha256: str, version: str) -> bool:
    """Whether this version has listened to the file, or the file holds no sound."""
    sound = sound_of(store, sha256)
    if not sound:
        return sound is not None
    return bool(
        store.db.execute("SELECT 1 FROM transcript WHERE sound = ? AND version = ?", (sound, version)).fetchone()
    )


def any_transcript(store: Store) -> bool:
    """Whether the store holds any."""
    return bool(store.db.execute("SELECT 1 FROM transcript LIMIT 1").fetchone())


def scripts(store: Store) -> Iterator[Fingerprint]:
    """The words of every asset's best transcript, by SHA-256."""
    rows = store.db.execute(
        "SELECT s.sha256, t.words_version, t.words FROM sound s JOIN asset a ON a.sha256 = s.sha256 JOIN transcript t"
        " ON t.sound = s.sound AND t.version = (SELECT version FROM transcript WHERE sound = s.sound"
        " ORDER BY rank DESC, made_at DESC, version LIMIT 1) ORDER BY s.sha256"
    )
    for sha256, version, data in rows:
        try:
            arrays: list[npt.NDArray[Any]] = list(unpack(data))
            spans, vectors, quality = arrays
            yield Fingerprint(
                sha256=sha256, type="words", version=version, spans=spans, vectors=vectors, quality=quality
            )
        except ValueError as error:
            raise StoreError(f"the words of {sha256} are damaged ({error}); see: mediafp verify") from error


def search(store: Store, text: str) -> Iterator[Hit]:
    """The passages that hold all words and phrases of a text, best first.

    Words and runs of CJK characters are sought anywhere in a passage, a run as it stands; what is in double quotes is
    one phrase. Raises UsageError for a text without a word.
    """
    phrases = _phrases(text)
    if not phrases:
        raise UsageError("there is no word to search for; name a word, a name or a phrase")
    rows = store.db.execute(
        "SELECT p.id, p.holder, p.source, p.start, p.end, p.text, p.times, n.text, n.end FROM passage_index"
        " JOIN passage p ON p.id = passage_index.rowid LEFT JOIN passage n ON n.id = p.next"
        " WHERE passage_index MATCH ? ORDER BY bm25(passage_index), p.holder, p.start",
        (" AND ".join('"' + " ".join(phrase) + '"' for phrase in phrases),),
    ).fetchall()
    for _, holder, source, start, end, said, times, following, following_end in rows:
        found = _marked(phrases, said, following)
        if found is None:
            continue
        whole, marks, told, beyond = found
        if beyond:
            end = following_end
        elif times:
            spans = json.loads(times)
            start, end = min(spans[n][0] for n in told), max(spans[n][1] for n in told)
        for (sha256,) in store.db.execute(
            "SELECT s.sha256 FROM sound s JOIN asset a ON a.sha256 = s.sha256 WHERE s.sound = ? ORDER BY 1", (holder,)
        ).fetchall():
            yield Hit(
                sha256=sha256,
                uris=store.uris(sha256),
                source=source,
                start=start,
                end=end,
                text=whole,
                marks=marks,
            )


def problems(store: Store) -> list[str]:
    """What is wrong with transcripts and their index; an empty list where all is sound."""
    found = []
    try:
        store.db.execute("INSERT INTO passage_index (passage_index, rank) VALUES ('integrity-check', 0)")
        passages = store.db.execute("SELECT count(*) FROM passage").fetchone()[0]
        indexed = store.db.execute("SELECT count(*) FROM passage_index").fetchone()[0]
        if passages != indexed:
            found.append(f"the word index holds {indexed} of {passages} passages")
    except sqlite3.DatabaseError as error:
        found.append(f"the word index is damaged: {error}")
    for sound, version, data, words in store.db.execute(
        "SELECT sound, version, data, words FROM transcript ORDER BY 1, 2"
    ):
        try:
            _load(data)
            unpack(words)
        except (ValueError, TypeError, KeyError) as error:
            found.append(f"transcript {version} of sound {sound} is damaged: {error}")
    for (sound,) in store.db.execute("SELECT DISTINCT sound FROM transcript ORDER BY 1").fetchall():
        try:
            chosen = best(store, sound)
        except (ValueError, TypeError, KeyError):
            continue
        kept = store.db.execute("SELECT count(*) FROM passage WHERE holder = ?", (sound,)).fetchone()[0]
        if chosen and len(chosen.utterances) != kept:
            found.append(f"sound {sound} has {kept} passages for {len(chosen.utterances)} utterances")
    return found


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
                _clean(utterance.text),
                json.dumps(utterance.times) if utterance.times else None,
                follower[0] if follower and goes_on else None,
            ),
        ).lastrowid
        assert number is not None, "the row was just written"
        words = plain(_clean(utterance.text)).split()
        if follower and goes_on:
            words += plain(_clean(follower[1].text)).split()[:TAIL_TOKENS]
        db.execute("INSERT INTO passage_index (rowid, words) VALUES (?, ?)", (number, " ".join(words)))
        follower = number, utterance


def _phrases(text: str) -> list[list[str]]:
    """What is sought: words, runs of CJK characters, and what stands in double quotes, as tokens each."""
    found: list[list[str]] = []
    for n, part in enumerate(re.split(r'["“”]', text)):
        if n % 2:
            found.append([token.text for token in tokens(part)])
            continue
        run: list[Token] = []
        for token in tokens(part):
            joined = run and run[-1].end == token.start and is_cjk(run[-1].text) and is_cjk(token.text)
            if run and not joined:
                found.append([t.text for t in run])
                run = []
            run.append(token)
        found.append([t.text for t in run])
    return [phrase for phrase in found if phrase]


@dataclass(frozen=True, slots=True)
class _Text:
    words: list[str]
    places: list[tuple[int, int]]


def _marked(
    phrases: Sequence[Sequence[str]], said: str, following: str | None
) -> tuple[str, tuple[tuple[int, int], ...], list[int], bool] | None:
    """The text, the places of the phrases in it, their tokens, and whether they reach into what follows.

    None where all lie in what follows alone: that passage is a hit of its own.
    """
    own = _tokenised(said)
    both = said
    text = own
    if following is not None:
        both = f"{said} {following}"
        after = _tokenised(following)
        text = _Text(
            own.words + after.words, own.places + [(a + len(said) + 1, b + len(said) + 1) for a, b in after.places]
        )
    places: list[range] = []
    for phrase in phrases:
        for n in range(len(text.words) - len(phrase) + 1):
            if text.words[n : n + len(phrase)] == list(phrase):
                places.append(range(n, n + len(phrase)))
    inside = [place for place in places if place.stop <= len(own.words)]
    if all(any([text.words[n] for n in place] == list(phrase) for place in inside) for phrase in phrases):
        places, beyond = inside, False
    else:
        beyond = True
        if not any(place.start < len(own.words) for place in places):
            return None
    told = sorted({n for place in places for n in place})
    marks = tuple(sorted({(text.places[p.start][0], text.places[p.stop - 1][1]) for p in places}))
    return (both if beyond else said), marks, told, beyond


def _tokenised(text: str) -> _Text:
    found = tokens(text)
    return _Text([t.text for t in found], [(t.start, t.end) for t in found])


def _clean(text: str) -> str:
    """SQLite holds no lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def _dump(transcript: Transcript) -> str:
    return json.dumps(asdict(transcript), ensure_ascii=True)


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
