"""The full-text index in the database: the passages of all texts of a store, and the search in them."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Any, Protocol

from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.indexed_words import indexed_words
from mediafp.store.sqlite.migrations import PASSAGE_INDEX
from mediafp.store.sqlite.phrases import match_phrases, split_phrases
from mediafp.store.sqlite.sightings import uris
from mediafp.store.sqlite.values import DAMAGE_ERRORS, replace_surrogates
from mediafp.types.contents import MAX_SECONDS, check_time
from mediafp.types.errors import StoreError, UsageError
from mediafp.types.media import TimeSpan
from mediafp.types.transcripts import SearchHit, SearchSource

MAX_PAUSE_SECONDS = 2.0
"""Pause, seconds, up to which the next transcript segment continues the sentence. Chosen, not measured."""
BEST_FIRST = "rank DESC, made_at DESC, version"
"""Order of the transcripts of one sound: by model, then the newest. The passages are those of the first one."""
_INDEX_TABLES = ("data", "idx", "content", "docsize", "config")
"""Suffixes of the tables in which FTS5 keeps an index."""
_ASSET_QUERIES = {
    # Of an older version, the times of the best transcript are those of a file.
    "speech": (
        "SELECT s.sha256, CASE (SELECT has_file_times FROM transcript WHERE sound = s.sound"
        f" ORDER BY {BEST_FIRST} LIMIT 1) WHEN 1 THEN 0.0 ELSE coalesce(s.start, 0.0) END, s.track, s.channel"
        " FROM sound s JOIN asset a ON a.sha256 = s.sha256 WHERE s.sound = ? AND s.repeats IS NULL"
        " ORDER BY s.sha256, s.position"
    ),
    "post": "SELECT DISTINCT sha256, 0.0, NULL, NULL FROM sighting WHERE text_sha256 = ? ORDER BY 1",
}
"""Queries for the assets of a passage's holder, which is a sound or the text of a post, each with the seconds at which the
times of the passage begin in it, and with the track and the channel."""
_ASSET_QUERY = "SELECT sha256, 0.0, NULL, NULL FROM asset WHERE sha256 = ?"
"""Query for the asset of a passage whose holder is the asset itself."""


class Passage(Protocol):
    """A text with its time span, in presentation seconds, those of speech from the first sample of the sound."""

    @property
    def start(self) -> float:
        """Start of the time span."""
        ...

    @property
    def end(self) -> float:
        """End of the time span."""
        ...

    @property
    def text(self) -> str:
        """The text."""
        ...

    @property
    def token_times(self) -> tuple[TimeSpan, ...]:
        """Time spans of the tokens; empty if they are unknown."""
        ...


@dataclass(frozen=True, slots=True)
class UntimedPassage:
    """A text without times, such as all lines of an image or the title of a post. Implements `Passage`."""

    text: str
    start: float = 0.0
    end: float = 0.0
    token_times: tuple[TimeSpan, ...] = ()


def replace_passages(database: Database, holder: str, source: SearchSource, passages: Sequence[Passage]) -> None:
    """Replace the passages of an asset, a sound or the text of a post, whose SHA-256 is `holder`."""
    database.execute(
        "DELETE FROM passage_index WHERE rowid IN (SELECT id FROM passage WHERE holder = ? AND source = ?)",
        (holder, source),
    )
    database.execute("DELETE FROM passage WHERE holder = ? AND source = ?", (holder, source))
    following: tuple[int, Passage] | None = None
    for passage in reversed(passages):
        if following and following[1].start - passage.end > MAX_PAUSE_SECONDS:
            following = None
        row_id = _insert_passage(database, holder, source, passage, following)
        following = row_id, passage


def _insert_passage(
    database: Database, holder: str, source: SearchSource, passage: Passage, following: tuple[int, Passage] | None
) -> int:
    """Insert a passage with its words, and return its number; `following` is the one that continues it."""
    row_id = database.execute(
        "INSERT INTO passage (holder, source, start, end, text, times, next) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            holder,
            source,
            passage.start,
            passage.end,
            replace_surrogates(passage.text),
            json.dumps(passage.token_times) if passage.token_times else None,
            following[0] if following else None,
        ),
    ).lastrowid
    assert row_id is not None, "the row was just inserted"
    words = indexed_words(replace_surrogates(passage.text), following[1].text if following else None)
    database.execute("INSERT INTO passage_index (rowid, words) VALUES (?, ?)", (row_id, words))
    return row_id


def add_passage(database: Database, holder: str, source: SearchSource, passage: Passage) -> None:
    """Add a passage that no other one continues, unless the holder has one with this text."""
    text = replace_surrogates(passage.text)
    query = "SELECT 1 FROM passage WHERE holder = ? AND source = ? AND text = ?"
    if database.execute(query, (holder, source, text)).fetchone() is None:
        _insert_passage(database, holder, source, passage, None)


def stored_passages(database: Database, holder: str, source: SearchSource) -> list[tuple[float, float, str]]:
    """Return start, end and text of the passages of a holder, in order."""
    rows = database.execute(
        "SELECT start, end, text FROM passage WHERE holder = ? AND source = ? ORDER BY 1, 2, 3", (holder, source)
    )
    return rows.fetchall()


def stray_holders(database: Database, source: SearchSource, known: str) -> list[str]:
    """Return the holders of passages of a source that a query of all known holders does not return, in order."""
    rows = database.execute(
        f"SELECT DISTINCT holder FROM passage WHERE source = ? AND holder NOT IN ({known}) ORDER BY 1", (source,)
    )
    return [holder for (holder,) in rows]


def search_passages(
    database: Database,
    text: str,
    limit: int | None = None,
    sources: Collection[SearchSource] | None = None,
    assets: Collection[str] | None = None,
) -> Iterator[SearchHit]:
    """Yield the passages that contain every word and phrase of a text, best first: of all sources, or of those given.

    With `assets`, only the passages of these assets are searched.

    Raises:
        UsageError: The text contains no word.
        StoreError: The full-text index is damaged.
    """
    phrases = split_phrases(text)
    if not phrases:
        raise UsageError(f"cannot search for {text[:40]!r}: it contains no word; name a word, a name or a phrase")
    if assets is None:
        return islice(_iter_hits(database, phrases, sources), limit)
    hits = _iter_hits(database, phrases, sources, _holders(database, assets))
    return islice((hit for hit in hits if hit.sha256 in assets), limit)


def check_text_index(database: Database) -> Iterator[str]:
    """Yield the problems of the full-text index."""
    for problem, query in (
        ("is missing from the full-text index", "SELECT id FROM passage EXCEPT SELECT id FROM passage_index_content"),
        (
            "is gone, but still in the full-text index",
            "SELECT id FROM passage_index_content EXCEPT SELECT id FROM passage",
        ),
    ):
        for (row_id,) in database.execute(query):
            yield f"passage {row_id} {problem}"
    for row_id, times in database.execute("SELECT id, CAST(times AS BLOB) FROM passage WHERE times IS NOT NULL"):
        try:
            _decode_times(times)
        except DAMAGE_ERRORS as error:
            yield f"the times of passage {row_id} are damaged: {error}"
    # FTS5 locks a database for writing when it checks an index, so that a copy is checked.
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        copy.execute(PASSAGE_INDEX)
        try:
            for table in (f"passage_index_{name}" for name in _INDEX_TABLES):
                rows = database.execute(f"SELECT * FROM {table}")
                placeholders = ", ".join("?" * len(rows.description))
                copy.execute(f"DELETE FROM {table}")
                copy.executemany(f"INSERT INTO {table} VALUES ({placeholders})", rows)
            copy.execute("INSERT INTO passage_index (passage_index, rank) VALUES ('integrity-check', 0)")
            yield from _check_index_copy(copy)
        except (sqlite3.Error, ValueError) as error:
            # A ValueError is raised for text that is not UTF-8.
            yield f"the full-text index is damaged: {error}"


def _check_index_copy(copy: sqlite3.Connection) -> Iterator[str]:
    """Yield the differences between the settings and the words of an index and those that a search uses and finds."""
    with closing(sqlite3.connect(":memory:")) as new:
        new.execute(PASSAGE_INDEX)
        settings = [index.execute("SELECT k, v FROM passage_index_config").fetchall() for index in (copy, new)]
    if settings[0] != settings[1]:
        yield f"the full-text index has other settings: {settings[0]}"
    # FTS5's own check reads all words in their order; a search looks up a word, for which it needs further tables.
    copy.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab (main, passage_index, row)")
    for word, passages in copy.execute("SELECT term, doc FROM vocabulary").fetchall():
        quoted = '"' + word.replace('"', '""') + '"'
        (found,) = copy.execute("SELECT count(*) FROM passage_index WHERE passage_index MATCH ?", (quoted,)).fetchone()
        if found != passages:
            yield f"the full-text index is damaged: a search for {word!r} finds {found} passages of {passages}"


def _holders(database: Database, assets: Collection[str]) -> str:
    """Return the holders of the passages of assets, as a JSON array."""
    chosen = json.dumps(sorted(assets))
    rows = database.rows(
        "SELECT value FROM json_each(?) UNION SELECT sound FROM sound WHERE sha256 IN (SELECT value FROM json_each(?))"
        " UNION SELECT text_sha256 FROM sighting"
        " WHERE text_sha256 IS NOT NULL AND sha256 IN (SELECT value FROM json_each(?))",
        (chosen, chosen, chosen),
    )
    return json.dumps([holder for (holder,) in rows])


def _iter_hits(
    database: Database,
    phrases: Sequence[Sequence[str]],
    sources: Collection[SearchSource] | None,
    holders: str | None = None,
) -> Iterator[SearchHit]:
    """Yield the passages with all phrases, best first; `holders` is a JSON array of those whose passages are searched."""
    # Of many assets, titles and names of accounts are the same.
    match_once = cache(partial(match_phrases, phrases))
    for row in _find_passages(database, phrases, holders):
        holder, source, start, end, stored_text, times, stored_next, next_end = row
        if sources is not None and source not in sources:
            continue
        try:
            text, next_text = stored_text.decode(), stored_next.decode() if stored_next is not None else None
            token_times = _decode_times(times)
            for seconds in (start, end, *(() if next_end is None else (next_end,))):
                check_time(seconds, "a time")
        except DAMAGE_ERRORS as error:
            database.on_damage(holder, f"a passage of its text is damaged ({error})")
            continue
        match = match_once(text, next_text)
        if match is None:
            continue
        if len(token_times) == match.passage_tokens:
            spoken = [token_times[number] for number in match.tokens if number < match.passage_tokens]
            start, end = min(span[0] for span in spoken), max(span[1] for span in spoken)
        if match.crosses_end:
            end = next_end
        # As a list: an open query would keep the thread from writing between two hits.
        for sha256, at, track, channel in list(database.rows(_ASSET_QUERIES.get(source, _ASSET_QUERY), (holder,))):
            paths = uris(database, sha256)
            if not paths or not abs(at) <= MAX_SECONDS:
                database.on_damage(sha256, "it has no sighting" if not paths else "its audio tracks are damaged")
                continue
            yield SearchHit(
                sha256=sha256,
                uris=paths,
                source=source,
                start=round(start + at, 3) if at else start,
                end=round(end + at, 3) if at else end,
                text=match.text,
                marks=match.marks,
                track=track,
                channel=channel,
            )


def _find_passages(
    database: Database, phrases: Sequence[Sequence[str]], holders: str | None
) -> Sequence[tuple[Any, ...]]:
    """Return the rows of passages with all phrases, each with that behind it, best first; arguments as for `_iter_hits`."""
    query, chosen = " AND ".join('"' + " ".join(phrase) + '"' for phrase in phrases), ""
    values: tuple[object, ...] = (query,)
    if holders is not None:
        of_holders = "FROM passage WHERE holder IN (SELECT value FROM json_each(?))"
        first, last = database.row(f"SELECT min(id), max(id) {of_holders}", (holders,)) or (None, None)
        # The passages of new assets are the last ones: of a common word FTS5 reads nothing before them.
        chosen = " AND passage_index.rowid BETWEEN ? AND ? AND p.holder IN (SELECT value FROM json_each(?))"
        values = (query, first, last, holders)
    try:
        return database.execute(
            "SELECT p.holder, p.source, p.start, p.end, CAST(p.text AS BLOB), CAST(p.times AS BLOB),"
            " CAST(n.text AS BLOB), n.end FROM passage_index"
            " JOIN passage p ON p.id = passage_index.rowid LEFT JOIN passage n ON n.id = p.next"
            f" WHERE passage_index MATCH ?{chosen} ORDER BY bm25(passage_index), p.holder, p.start, p.id DESC",
            values,
        ).fetchall()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"cannot search the full-text index: {error}; see: mediafp verify", kind="damaged") from error


def _decode_times(times: bytes | None) -> list[TimeSpan]:
    spans = [(start, end) for start, end in json.loads(times)] if times else []
    for seconds in (time for span in spans for time in span):
        check_time(seconds, "a time")
    return spans
