"""A script that is read in another language is kept, and found by a query; one language loads no encoder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mixed_stores import kept_rows, open_references
from translated_samples import FACTORY_EN, FACTORY_ES, FACTORY_YUE, FACTORY_ZH, MINE_EN, transcript

from mediafp.case import sentence_indexes
from mediafp.case.aligned_lines import align_lines
from mediafp.case.clusters import load_segments
from mediafp.case.comparison.run import run_comparisons
from mediafp.case.comparison.scripts import compare_scripts, find_script_partners
from mediafp.case.matching import add_scripts
from mediafp.fingerprints import sentence_encoder
from mediafp.fingerprints.registry import SEARCH_TYPE, fingerprint_type
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.report.jsonl import edge_to_json, match_to_json
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.clusters import Edge
from mediafp.types.file_sounds import FileSound
from mediafp.types.fingerprint_types import no_rows
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript

ZH, EN, MINE, YUE = (letter * 64 for letter in "abcd")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store", create=True) as store:
        yield store


def save(store: SqliteStore, sha256: str, spoken: Transcript) -> None:
    """Save a video without frames, with a transcript."""
    fingerprints = tuple(
        Fingerprint(sha256=sha256, type=name, version=declared.version, **no_rows(declared)._asdict())
        for name in (SEARCH_TYPE, "pdq")
        for declared in (fingerprint_type(name),)
    )
    asset = Asset(sha256=sha256, kind="video", bytes=1, properties={"duration": spoken.duration})
    sighting = Sighting(sha256=sha256, uri=f"/dump/{sha256[:4]}.mp4")
    with store.writing():
        store.add_record(IngestRecord(asset=asset, sightings=(sighting,), fingerprints=fingerprints))
        store.save_sounds(sha256, (FileSound(audio_sha256=f"audio {sha256}"),))
        store.save_transcript(f"audio {sha256}", spoken, fingerprint_transcript(sha256, spoken), 1)


def test_a_translated_script_is_kept_with_its_evidence(store: SqliteStore) -> None:
    save(store, ZH, transcript(FACTORY_ZH, "zh", start=3.0))
    save(store, EN, transcript(FACTORY_EN, "en"))
    save(store, MINE, transcript(MINE_EN, "en"))
    list(run_comparisons(store, open_references(store), jobs=2))
    (kept,) = store.kept_matches()
    assert kept.pair == (ZH, EN) and kept.channel == "script" and kept.match
    assert kept.match.translated and kept.match.relation == "same_script" and kept.match.probability > 0.8
    assert kept.match.segments[0].query[0] >= 3.0
    assert match_to_json(kept.match)["translated"] is True
    # A script joins no videos to one cluster; the edges between members have its segments.
    (segments,) = load_segments(store, [(ZH, EN, "same_script")])
    edge = Edge(a=ZH, b=EN, relation="same_script", probability=0.9, coverage=(1.0, 1.0), segments=segments)
    assert edge_to_json(edge)["translated"] is True


def test_the_order_of_comparing_changes_nothing(store: SqliteStore, tmp_path: Path) -> None:
    spoken = {ZH: transcript(FACTORY_ZH, "zh"), EN: transcript(FACTORY_EN, "en"), YUE: transcript(FACTORY_YUE, "yue")}
    with SqliteStore(tmp_path / "other", create=True) as other:
        for sha256 in spoken:
            save(store, sha256, spoken[sha256])
        list(run_comparisons(store, open_references(store), jobs=2))
        references = open_references(other)
        for sha256 in reversed(spoken):
            # One by one: the first of them is alone in its language.
            save(other, sha256, spoken[sha256])
            list(run_comparisons(other, references, jobs=1))
        for a, b in zip(kept_rows(store), kept_rows(other), strict=True):
            assert a == b
        relations = {(kept.pair, kept.match.translated) for kept in store.kept_matches() if kept.match}
    assert {((ZH, EN), True), ((EN, YUE), True)} <= relations


def test_a_store_in_one_language_embeds_nothing(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_encoder, "_load_encoder", lambda: pytest.fail("the encoder was loaded"))
    save(store, ZH, transcript(FACTORY_ZH, "zh"))
    save(store, YUE, transcript(FACTORY_YUE, "yue"))
    references = open_references(store)
    list(run_comparisons(store, references, jobs=1))
    query = transcript(FACTORY_ZH[:3], "zh")
    found = add_scripts([], fingerprint_transcript("q" * 64, query), query, references())
    assert all(not match.translated for match in found) and found


def test_a_query_in_another_language_finds_the_script(store: SqliteStore) -> None:
    save(store, ZH, transcript(FACTORY_ZH, "zh"))
    save(store, YUE, transcript(FACTORY_YUE[:2], "yue"))
    references = open_references(store)
    list(run_comparisons(store, references, jobs=1))
    for lines, language in ((FACTORY_EN, "en"), (FACTORY_ES, "es")):
        query = transcript(lines, language)
        found = add_scripts([], fingerprint_transcript("q" * 64, query), query, references())
        assert found[0].sha256 == ZH and found[0].translated and found[0].probability > 0.8


def test_indexes_are_saved_and_a_replaced_transcript_has_other_rows(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediafp.store.row_index.index.SAVE_ROWS", 1)
    save(store, ZH, transcript(FACTORY_ZH, "zh"))
    save(store, EN, transcript(FACTORY_EN, "en"))
    references = open_references(store)()
    assert references.sentences.find_candidates(ZH) == [EN]
    with monkeypatch.context() as saved:
        saved.setattr(sentence_indexes.SentenceIndexes, "_add", lambda *args, **kwargs: pytest.fail("added anew"))
        opened = open_references(store)()
        assert opened.sentences.find_candidates(EN) == [ZH]
    newer = transcript(MINE_EN, "en")
    with store.writing():
        store.save_transcript(f"audio {EN}", newer, fingerprint_transcript(EN, newer), 1)
    assert open_references(store)().sentences.find_candidates(ZH) == []


def test_translated_lines_are_beside_each_other() -> None:
    said = align_lines(transcript(FACTORY_ZH, "zh"), transcript(FACTORY_EN, "en"), translated=True)
    paired = [line for line in said.lines if line.query and line.reference]
    assert said.translated and said.words == 0 and paired
    assert any("实验室" in one.text for line in paired for one in line.query)
    for line in paired:
        if any("实验室" in one.text for one in line.query):
            assert any("laboratory" in one.text for one in line.reference)


def test_a_transcript_that_is_newer_than_the_index_of_words_is_left_to_its_own_comparison(store: SqliteStore) -> None:
    save(store, ZH, transcript(FACTORY_ZH, "zh"))
    save(store, MINE, transcript(MINE_EN, "en"))
    references = open_references(store)
    before = references().transcripts
    save(store, EN, transcript(FACTORY_EN, "en"))
    current = references()
    assert EN not in [partner.sha256 for partner in find_script_partners(ZH, before, current)]
    (partner, *_) = find_script_partners(ZH, current.transcripts, current)
    assert partner.sha256 == EN and compare_scripts(ZH, partner, current.transcripts, current).match
