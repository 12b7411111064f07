"""Sightings and clues with their passages in the full-text index: titles, texts of posts, accounts and clues."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mediafp.store.sqlite import clues, sightings, text_index
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import replace_surrogates
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SearchSource

ASSET_SOURCES: Final[tuple[SearchSource, ...]] = ("title", "account", "clue")
"""Sources of the passages of an asset that its sightings and clues state."""


def save_sightings(database: Database, stated: Sequence[Sighting]) -> None:
    """Save what is known about a file at its path (`sightings.save_sightings`), and what of it can be searched."""
    before = sightings.sightings_at(database, stated[0].sha256, stated[0].uri)
    changed = sightings.save_sightings(database, stated)
    if changed is None:
        return
    new_texts, unused_texts = changed
    for key in unused_texts:
        text_index.replace_passages(database, key, "post", ())
    for key, text in new_texts.items():
        text_index.replace_passages(database, key, "post", (text_index.UntimedPassage(text),))
    old, new = _texts(before), _texts(stated)
    if any(set(old[source]) - set(new[source]) for source in old):
        index_sightings(database, stated[0].sha256)
        return
    # Thousands of accounts may have posted one asset: no passage of the others is written anew.
    for source, texts in new.items():
        for text in dict.fromkeys(texts):
            text_index.add_passage(database, stated[0].sha256, source, text_index.UntimedPassage(text))


def index_sightings(database: Database, sha256: str) -> None:
    """Bring the passages of titles, accounts and clues of an asset into the state of its sightings and clues."""
    for source, texts in _asset_texts(database, sha256).items():
        _replace(database, sha256, source, texts)


def save_clues(database: Database, sha256: str, uri: str, found: Sequence[Clue]) -> None:
    """Save the clues of a file (`clues.save_clues`), and their values for a search."""
    if clues.save_clues(database, sha256, uri, found):
        index_sightings(database, sha256)


def check_source_passages(database: Database) -> Iterator[str]:
    """Yield the differences between the passages of sightings and clues and what these state."""
    rows = database.execute(
        "SELECT sha256 FROM sighting WHERE coalesce(title, account, account_name, account_id) IS NOT NULL"
        " UNION SELECT sha256 FROM clue"
        " UNION SELECT holder FROM passage WHERE source IN ('title', 'account', 'clue') ORDER BY 1"
    ).fetchall()
    for (sha256,) in rows:
        for source, texts in _asset_texts(database, sha256).items():
            stored = sorted(text for _, _, text in text_index.stored_passages(database, sha256, source))
            if stored != sorted(dict.fromkeys(texts)):
                yield f"the passages of {sha256} ({source}) differ from its sightings or clues"
    for key, text in database.execute("SELECT sha256, text FROM post_text ORDER BY sha256").fetchall():
        if [stored for _, _, stored in text_index.stored_passages(database, key, "post")] != [text]:
            yield f"the passage of the text {key} of a post differs from it"


def _asset_texts(database: Database, sha256: str) -> dict[SearchSource, list[str]]:
    """Return the titles and the accounts of the sightings of an asset, and its clues."""
    clue_texts = [clue.value for clue in clues.clues(database, sha256)]
    return {**_texts(sightings.sightings(database, sha256)), "clue": clue_texts}


def _texts(seen: Iterable[Sighting]) -> dict[SearchSource, list[str]]:
    """Return the titles and the accounts of sightings, as the database contains them."""
    texts: dict[SearchSource, list[str]] = {"title": [], "account": []}
    for sighting in seen:
        account = " · ".join(dict.fromkeys(sighting.names))
        for source, text in (("title", sighting.title), ("account", account)):
            texts[source] += [replace_surrogates(text)] if text else []  # type: ignore[index]
    return texts


def _replace(database: Database, sha256: str, source: SearchSource, texts: Iterable[str]) -> None:
    """Replace the passages of an asset unless they are the same."""
    new = list(dict.fromkeys(texts))
    if sorted(new) != sorted(text for _, _, text in text_index.stored_passages(database, sha256, source)):
        text_index.replace_passages(database, sha256, source, [text_index.UntimedPassage(text) for text in new])
