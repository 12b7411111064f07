"""Contract of `Store` for the custody log."""

import hashlib
import json
from dataclasses import replace

import pytest
from ingest_records import BAD_NAME, ingest_record

from mediafp.store import Store
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment

A = "a" * 64


def entries(store: Store) -> list[tuple[str, dict[str, object]]]:
    """Return kind and details of each entry, without the content hashes and the digests of rows."""
    return [
        (entry.what, {name: value for name, value in entry.details.items() if name != "content"})
        for entry in store.iter_log()
        if entry.what != "rows"
    ]


def test_empty_log_has_a_first_hash(store: Store) -> None:
    assert store.last_log_entry() == (0, "0" * 64) and list(store.iter_log()) == []


def test_log_entries_are_in_order_and_contain_the_previous_hash(store: Store) -> None:
    details = [{"path": BAD_NAME, "n": 1}, {"options": {"b": [1.5, None], "a": True}}, {}]
    with store.writing():
        for n, entry_details in enumerate(details):
            store.append_log("ingest" if n else "other", entry_details)
    before = "0" * 64
    for n, entry in enumerate(store.iter_log()):
        whole = json.dumps([n + 1, entry.at, entry.what, details[n], before], sort_keys=True, separators=(",", ":"))
        before = hashlib.sha256(whole.encode("ascii")).hexdigest()
        assert (entry.n, entry.details, entry.hash) == (n + 1, details[n], before)
        assert entry.at.endswith("Z")
    assert store.last_log_entry() == (3, before)
    assert [entry.n for entry in store.iter_log("ingest")] == [2, 3]
    assert [entry.n for entry in store.iter_log(after=1)] == [2, 3]
    assert [entry.n for entry in store.iter_log("ingest", after=2)] == [3] and not list(store.iter_log(after=3))
    assert store.check_integrity() == []


def test_undone_write_is_not_logged(store: Store) -> None:
    with store.writing():
        for name in "ab":
            store.add_record(ingest_record(name))
    before = store.last_log_entry()
    with pytest.raises(KeyboardInterrupt), store.writing():
        store.add_record(ingest_record("c"))
        raise KeyboardInterrupt
    assert store.last_log_entry() == before and store.check_integrity() == []


def test_new_asset_and_its_sightings_are_logged(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a", BAD_NAME))
        store.add_record(ingest_record("a", BAD_NAME))
        store.save_sightings([Sighting(sha256=A, uri="/plain")])
        store.save_sightings([Sighting(sha256=A, uri=BAD_NAME, account="other", views=7)])
        store.save_sightings([Sighting(sha256=A, uri=BAD_NAME)])
    fields = {"account": "某人", "posted_at": "2024-05-01T00:00:00Z", "views": 7, "source": "x"}
    assert entries(store) == [
        ("added", {"sha256": A, "bytes": 1000, "kind": "video", "uri": BAD_NAME}),
        ("sighted", {"sha256": A, "uri": BAD_NAME, "sightings": [fields]}),
        ("seen", {"sha256": A, "uri": "/plain"}),
        ("sighted", {"sha256": A, "uri": BAD_NAME, "sightings": [{"account": "other", "views": 7}]}),
    ]
    assert store.check_integrity() == []


def test_newer_analysis_is_logged(store: Store) -> None:
    record = ingest_record("a")
    with store.writing():
        store.add_record(record)
        store.add_record(replace(record, fingerprints=tuple(replace(f, version="2") for f in record.fingerprints)))
    assert entries(store)[2:] == [("refreshed", {"sha256": A})]
    contents = [entry.details["content"] for entry in store.iter_log() if "content" in entry.details]
    assert len(set(contents)) == 2 and store.check_integrity() == []


def test_transcript_is_logged_if_it_is_new_or_changed(store: Store) -> None:
    words: Fingerprint = replace(ingest_record("a").fingerprints[0], type="words")
    for text in ("早", "早", "晚"):
        segment = TranscriptSegment(start=0, end=1, language="zh", language_probability=1, text=text)
        transcript = Transcript(
            model="m", version="v", duration=2, speech_seconds=1, untranscribed_seconds=0, segments=(segment,)
        )
        with store.writing():
            store.save_transcript("sound", transcript, words, 1)
    logged = list(store.iter_log("transcribed"))
    assert [{**entry.details, "words": ""} for entry in logged] == [
        {"sound": "sound", "version": "v", "model": "m", "words": ""}
    ] * 2
    assert logged[0].details["words"] != logged[1].details["words"] and store.check_integrity() == []
