"""What is said and written, as passages in a store, and what is found in them by their words."""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal, Protocol

from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.schema import PASSAGE_INDEX
from mediafp.store.sqlite.sightings import uris
from mediafp.store.sqlite.values import replace_surrogates
from mediafp.types.errors import StoreError, UsageError
from mediafp.types.media import TimeSpan
from mediafp.types.tokens import Token, index_form, is_cjk, tokenise
from mediafp.types.transcripts import SearchHit

Source = Literal["speech", "picture"]
LOOKAHEAD_TOKENS = 16
"""Tokens of the next utterance that are indexed with each: a phrase may be cut between two."""
TAIL_SECONDS = 2.0
"""A later utterance does not go on with the sentence."""
_INDEX_TABLES = ("data", "idx", "content", "docsize", "config")
"""In which FTS5 keeps an index."""
_HOLDERS = {
    "speech": "SELECT s.sha256 FROM sound s JOIN asset a ON a.sha256 = s.sha256 WHERE s.sound = ? ORDER BY 1",
    "picture": "SELECT sha256 FROM asset WHERE sha256 = ?",
}
"""The assets of a passage's holder: a sound, or a picture."""


class Passage(Protocol):
    """A stretch of text, in presentation seconds; `times` are those of its tokens, where they are known."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def text(self) -> str: ...
    @property
    def token_times(self) -> tuple[TimeSpan, ...]: ...


def replace_passages(database: Database, holder: str, source: Source, said: Sequence[Passage]) -> None:
    """Replaces the passages of a sound or a picture. Call it inside `writing`."""
    database.execute(
        "DELETE FROM passage_index WHERE rowid IN (SELECT id FROM passage WHERE holder = ? AND source = ?)",
        (holder, source),
    )
    database.execute("DELETE FROM passage WHERE holder = ? AND source = ?", (holder, source))
    follower: tuple[int, Passage] | None = None
    for passage in reversed(said):
        goes_on = follower is not None and follower[1].start - passage.end <= TAIL_SECONDS
        number = database.execute(
            "INSERT INTO passage (holder, source, start, end, text, times, next) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                holder,
                source,
                passage.start,
                passage.end,
                replace_surrogates(passage.text),
                json.dumps(passage.token_times) if passage.token_times else None,
                follower[0] if follower and goes_on else None,
            ),
        ).lastrowid
        assert number is not None, "the row was just written"
        words = index_form(replace_surrogates(passage.text)).split()
        if follower and goes_on:
            words += index_form(replace_surrogates(follower[1].text)).split()[:LOOKAHEAD_TOKENS]
        database.execute("INSERT INTO passage_index (rowid, words) VALUES (?, ?)", (number, " ".join(words)))
        follower = number, passage


def search_passages(database: Database, text: str, limit: int | None = None) -> Iterator[SearchHit]:
    """The passages that hold all words and phrases of a text, best first.

    Words and runs of CJK characters are sought anywhere in a passage, a run as it stands, with the numbers in it; what
    is in double quotes is one phrase. Raises UsageError for a text without a word.
    """
    phrases = _phrases(text)
    if not phrases:
        raise UsageError("there is no word to search for; name a word, a name or a phrase")
    return islice(_hits(database, phrases), limit)


def stored_passages(database: Database, holder: str, source: Source) -> list[tuple[float, float, str]]:
    """Start, end and text of a holder's passages, in order."""
    rows = database.execute(
        "SELECT start, end, text FROM passage WHERE holder = ? AND source = ? ORDER BY 1, 2, 3", (holder, source)
    )
    return rows.fetchall()


def check_text_index(database: Database) -> list[str]:
    """What is wrong with the word index; an empty list where it is sound."""
    db = database.connection
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


def _hits(database: Database, phrases: Sequence[Sequence[str]]) -> Iterator[SearchHit]:
    try:
        rows = database.execute(
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
        for (sha256,) in database.rows(_HOLDERS[source], (holder,)):
            yield SearchHit(
                sha256=sha256,
                uris=uris(database, sha256),
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
            found.append([token.text for token in tokenise(part)])
            continue
        run: list[Token] = []
        for token in tokenise(part):
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
    found = tokenise(text)
    return _Text([t.text for t in found], [(t.start, t.end) for t in found])
