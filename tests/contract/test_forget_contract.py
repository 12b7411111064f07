"""The contract of removing sightings and assets from a store."""

from dataclasses import replace

import numpy as np
import pytest
from ingest_records import done_entry, failed_entry, fingerprint, ingest_record
from sample_matches import sample_match
from transcripts import save_transcribed_asset, spoken_transcript

from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.media import Thumbnail
from mediafp.types.sightings import Sighting

VERSIONS = {"picture": "1", "script": "1"}
BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
PATH = "/dump/a.mp4"


def sha(name: str) -> str:
    return (name * 64)[:64]


def add(store: Store, name: str, path: str | None = None, text: str | None = None) -> None:
    record = ingest_record(name, path)
    with store.writing():
        store.add_record(replace(record, sightings=(replace(record.sightings[0], text=text),)))
        store.write_ledger_entry(done_entry(record))


def read_text(store: Store, name: str, text: str) -> None:
    with store.writing():
        store.save_ocr_result(sha(name), OcrResult(version="1", lines=(TextLine(text=text, box=BOX, confidence=1.0),)))


def compare_all(store: Store, *pairs: str, promise: float = 1.0) -> None:
    kept = [
        KeptMatch(query=sha(a), reference=sha(b), channel="picture", promise=promise, match=sample_match(sha256=sha(b)))
        for a, b in pairs
    ]
    started = store.last_log_entry()[0]
    for pending in store.pending_comparisons(VERSIONS):
        with store.writing():
            chosen = [one for one in kept if pending.sha256 in one.pair]
            store.save_comparison(pending, "1", started, chosen)


def pairs(store: Store) -> list[str]:
    return [one.query[0] + one.reference[0] for one in store.kept_matches()]


def forget(store: Store, name: str, uri: str) -> dict[str, int]:
    with store.writing():
        forgotten = store.forget_sighting(sha(name), uri)
    assert store.erase()
    assert (forgotten.sha256, forgotten.uri) == (sha(name), uri)
    return {kind: count for kind, count in forgotten.removed.items() if count}


def test_the_last_sighting_takes_the_asset_and_everything_made_of_it(store: Store) -> None:
    add(store, "a", text="only here")
    add(store, "b")
    add(store, "c")
    read_text(store, "a", "harbour lights")
    compare_all(store, "ab", "ac", "bc")
    with store.writing():
        store.save_cluster_numbers({sha(name): 1 for name in "abc"}, 1)
    assert forget(store, "a", PATH) == {
        "sightings": 1,
        "assets": 1,
        "fingerprints": 2,
        "thumbnails": 3,
        "ocr_results": 1,
        "passages": 3,
        "matches": 2,
        "post_texts": 1,
        "ledger_entries": 1,
    }
    assert [asset.sha256 for asset in store.assets()] == [sha("b"), sha("c")]
    assert pairs(store) == ["bc"]
    assert store.cluster_numbers() == {sha("b"): 1, sha("c"): 1}
    assert store.find_ledger_entry(PATH, bytes=1000, modified_ns=done_entry(ingest_record()).modified_ns) is None
    assert list(store.search_passages("harbour")) == []
    assert store.ocr_lines(sha("a")) is None
    assert store.thumbnail(sha("a")) is None
    assert store.check_integrity() == []


def test_an_asset_stays_while_it_has_another_sighting(store: Store) -> None:
    add(store, "a", text="posted twice")
    add(store, "b", text="posted twice")
    with store.writing():
        store.save_sightings([Sighting(sha256=sha("a"), uri="/other.mp4", text="posted twice")])
    compare_all(store, "ab")
    assert forget(store, "a", PATH) == {"sightings": 1, "ledger_entries": 1}
    assert store.uris(sha("a")) == ("/other.mp4",)
    assert store.captions(sha("a")) == ["posted twice"]
    assert pairs(store) == ["ab"]
    assert store.check_integrity() == []


def test_assets_seen_at_a_path_are_all_that_it_ever_contained(store: Store) -> None:
    add(store, "b", PATH)
    add(store, "a", PATH)
    assert store.assets_seen_at(PATH) == [sha("a"), sha("b")]
    assert store.assets_seen_at("/elsewhere") == []
    # The ledger entry belongs to the content that the path has now.
    assert "ledger_entries" not in forget(store, "b", PATH)
    assert forget(store, "a", PATH)["ledger_entries"] == 1


def test_the_failure_of_a_path_goes_with_its_sighting(store: Store) -> None:
    add(store, "a")
    with store.writing():
        store.write_ledger_entry(failed_entry(PATH))
    assert forget(store, "a", PATH)["ledger_entries"] == 1
    assert store.failures() == []


def test_a_transcript_goes_with_the_last_asset_of_its_audio_track(store: Store) -> None:
    for name in "ab":
        save_transcribed_asset(store, sha(name), name, "track", spoken_transcript("bright lights"), 1)
    (first,), (second,) = store.uris(sha("a")), store.uris(sha("b"))
    assert "transcripts" not in forget(store, "a", first)
    assert [hit.sha256 for hit in store.search_passages("lights")] == [sha("b")]
    removed = forget(store, "b", second)
    assert (removed["transcripts"], removed["passages"]) == (1, 1)
    assert store.best_transcript("track") is None
    assert store.sounds(sha("b")) is None
    assert list(store.search_passages("lights")) == []
    assert store.check_integrity() == []


def test_a_forgotten_asset_can_be_added_again(store: Store) -> None:
    for name in "ab":
        add(store, name)
        read_text(store, name, "harbour lights")
    save_transcribed_asset(store, sha("c"), "c", "track", spoken_transcript("bright lights"), 1)
    compare_all(store, "ab")
    forget(store, "a", PATH)
    (uri,) = store.uris(sha("c"))
    forget(store, "c", uri)
    add(store, "a")
    read_text(store, "a", "harbour lights")
    save_transcribed_asset(store, sha("c"), "c", "track", spoken_transcript("bright lights"), 1)
    assert sha("a") in {one.sha256 for one in store.pending_comparisons(VERSIONS)}
    compare_all(store, "ab")
    assert pairs(store) == ["ab"]
    assert len(list(store.search_passages("lights"))) == 3
    assert store.check_integrity() == []


def test_the_partners_of_a_forgotten_asset_are_compared_anew_and_keep_their_matches(store: Store) -> None:
    for name in "abcd":
        add(store, name)
    compare_all(store, "ab", "bc")
    assert store.pending_comparisons(VERSIONS) == []
    forget(store, "a", PATH)
    assert [one.sha256 for one in store.pending_comparisons(VERSIONS, only_changed=True)] == [sha("b")]
    assert pairs(store) == ["bc"]
    compare_all(store, "bc")
    assert pairs(store) == ["bc"]


def test_the_custody_log_states_what_was_forgotten(store: Store) -> None:
    add(store, "a")
    removed = forget(store, "a", PATH)
    (entry,) = store.iter_log("forgotten")
    assert entry.details["sha256"] == sha("a")
    assert entry.details["uri"] == PATH
    assert {kind: count for kind, count in entry.details["removed"].items() if count} == removed


def test_an_unknown_sighting_is_refused_and_nothing_is_removed(store: Store) -> None:
    add(store, "a")
    for name, uri in (("b", PATH), ("a", "/elsewhere")):
        with pytest.raises(StoreError, match="no such sighting"), store.writing():
            store.forget_sighting(sha(name), uri)
    assert store.uris(sha("a")) == (PATH,)


def test_no_file_of_a_store_contains_what_was_forgotten(store: Store) -> None:
    rng = np.random.default_rng(3)
    names = [f"{n:02x}" for n in range(12)]
    images = {name: encode_thumbnail(rng.integers(0, 256, (32, 32, 3), np.uint8), 32) for name in names}
    hashes = {name: fingerprint(sha(name), seed=n) for n, name in enumerate(names)}
    for name in names:
        record = ingest_record(name)
        record = replace(
            record,
            sightings=(replace(record.sightings[0], text=f"post-{name}-text"),),
            fingerprints=(hashes[name], record.fingerprints[1]),
            thumbnails=(Thumbnail(position=0, seconds=0.0, jpeg=images[name]), *record.thumbnails[1:]),
        )
        with store.writing():
            store.add_record(record)
        read_text(store, name, f"word-{name}-text")
    save_transcribed_asset(store, sha("ff"), "ff", "track", spoken_transcript("spoken text"), 1)
    kept, forgotten = names[:5], names[5:]
    for name in forgotten:
        forget(store, name, f"/dump/{name}.mp4")
    forget(store, "ff", "/dump/ff.mp4")
    content = b"".join(file.read_bytes() for file in sorted(store.folder.rglob("*")) if file.is_file())
    for name in names:
        traces = (
            images[name][-64:],
            hashes[name].vectors.tobytes()[:64],
            *(f"{kind}-{name}-text".encode() for kind in ("post", "word")),
        )
        assert [trace in content for trace in traces] == [name in kept] * len(traces)
    assert b"spoken" not in content
    assert store.check_integrity() == []
