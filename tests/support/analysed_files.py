"""Files that are analysed once in this process: added to stores, and asked about, without decoding them again."""

from collections.abc import Iterable
from pathlib import Path

from mixed_stores import open_references

from mediafp.case.ingestion.commit import build_ingest_record
from mediafp.case.known_query import known_matches
from mediafp.case.matching import add_texts, match_content
from mediafp.engine.analysis import analyse_file
from mediafp.ingest.files import file_sha256, open_file
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.matches import Match
from mediafp.types.runs import FileAnalysis
from mediafp.types.sightings import Sighting


def analyse(path: Path) -> FileAnalysis:
    """Return the analysis of a file with its reference crops."""
    with open_file(path) as file:
        analysis = analyse_file(file, file_sha256(file), reference_crops=True)
    assert analysis is not None
    return analysis


def add_analysed(store: SqliteStore, analyses: dict[str, FileAnalysis], *names: str) -> None:
    """Add some of the files to a store, seen at `/dump/NAME`."""
    with store.writing():
        for name in names:
            sighting = Sighting(sha256=analyses[name].asset.sha256, uri=f"/dump/{name}")
            store.add_record(build_ingest_record(analyses[name], [sighting]))


def search_matches(store: SqliteStore, query: FileAnalysis) -> list[Match]:
    """Return the matches of a query that is not in the store."""
    references = open_references(store)()
    return add_texts(match_content(references, query), store, references, query, ocr_lines=lambda match: None)


def kept_matches(store: SqliteStore, query: FileAnalysis) -> list[Match]:
    """Return the kept matches of an asset."""
    matches = known_matches(store, query.asset, speech=False, ocr_lines=lambda match: None)
    return [match for match in matches if match.sha256 != query.asset.sha256]


def by_name(matches: Iterable[Match]) -> dict[str, Match]:
    """Return matches by the name of the reference."""
    return {Path(match.uris[0]).name: match for match in matches}
