"""Contract of `Store` for assets, the ledger, the custody log, transactions and threads."""

import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from ingest_records import BAD_NAME, done_entry, failed_entry, ingest_record

from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Thumbnail
from mediafp.types.runs import LedgerEntry
from mediafp.types.shared_clues import SharedClue
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment

A = "a" * 64


def state(store: Store) -> tuple[object, ...]:
    """Return everything that a write can change."""
    assets = store.assets()
    return (
        assets,
        [store.sightings(asset.sha256) for asset in assets],
        [store.fingerprint_types(asset.sha256) for asset in assets],
        [store.row_thumbnail(asset.sha256, 0) for asset in assets],
        store.failures(),
        store.last_log_entry(),
    )


# Assets -------------------------------------------------------------------------------------------


def test_empty_store_has_no_problems(store: Store) -> None:
    assert store.check_integrity() == [] and store.count_assets() == 0


@pytest.mark.parametrize("path", ["/dump/a.mp4", BAD_NAME, "-leading '\" %_.mp4"])
def test_add_record_stores_the_record_unchanged(store: Store, open_any: Callable[..., Store], path: str) -> None:
    record = ingest_record("a", path)
    with store.writing():
        assert store.add_record(record)
    store.close()
    with open_any(store.folder) as reopened:
        sha256 = record.asset.sha256
        assert reopened.assets() == [record.asset] == [reopened.asset(sha256)]
        assert reopened.sightings(sha256) == [record.sightings[0]] and reopened.uris(sha256) == (path,)
        assert reopened.warnings(sha256) == ["2 packets are damaged"]
        assert reopened.count_assets() == 1
        assert reopened.fingerprint_types(sha256) == [("pdq", "1"), ("sscd_distilled", "1")]
        for expected in record.fingerprints:
            (stored,) = reopened.fingerprints(expected.type, expected.version)
            assert (stored.sha256, stored.type, stored.version) == (sha256, expected.type, expected.version)
            for name in ("spans", "vectors", "quality"):
                before, after = getattr(expected, name), getattr(stored, name)
                assert before.dtype == after.dtype and before.shape == after.shape
                assert before.tobytes() == after.tobytes() and not after.flags.writeable
        thumbnails = [reopened.row_thumbnail(sha256, t.position) for t in record.thumbnails]
        assert thumbnails == [t.jpeg for t in record.thumbnails]
        assert reopened.row_thumbnail(sha256, 3) is None
        assert reopened.check_integrity() == []


def test_add_record_stores_a_record_without_rows(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a", rows=0))
    (stored,) = store.fingerprints("pdq", "1")
    assert stored.vectors.shape == (0, 32) and stored.spans.shape == (0, 2)
    assert store.thumbnail(stored.sha256) is None
    assert store.check_integrity() == []


def test_fingerprints_returns_one_version_alone(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
        record = ingest_record("b")
        store.add_record(replace(record, fingerprints=(replace(record.fingerprints[0], version="2"),)))
    assert store.versions("pdq") == {"1", "2"} and store.versions("none") == set()
    assert [f.sha256[0] for f in store.fingerprints("pdq", "2")] == ["b"]
    assert [f.sha256[0] for f in store.fingerprints("pdq", "1")] == ["a"]


def test_fingerprints_of_some_assets_are_in_the_same_order(store: Store) -> None:
    with store.writing():
        for name in "acb":
            store.add_record(ingest_record(name))
    chosen = ["c" * 64, "a" * 64, "f" * 64]
    assert [f.sha256[0] for f in store.fingerprints("pdq", "1", chosen)] == ["a", "c"]
    assert [f.sha256[0] for f in store.fingerprints("pdq", "1")] == ["a", "b", "c"]
    assert list(store.fingerprints("pdq", "1", ())) == [] == list(store.fingerprints("pdq", "2", chosen))


def test_has_fingerprints_needs_every_type_in_its_version(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    assert store.has_fingerprints(A, {}) and store.has_fingerprints(A, {"pdq": "1", "sscd_distilled": "1"})
    for versions in ({"pdq": "2"}, {"pdq": "1", "words": "1"}):
        assert not store.has_fingerprints(A, versions)
    assert not store.has_fingerprints("b" * 64, {})


def test_newer_analysis_replaces_rows_and_leaves_older_versions(store: Store) -> None:
    first, longer = ingest_record("a"), ingest_record("a", "/dump/other.mp4", rows=5)
    newer = replace(
        longer,
        asset=replace(longer.asset, properties={"format": "mkv"}),
        fingerprints=(longer.fingerprints[0], replace(longer.fingerprints[1], version="2")),
        warnings=("anew",),
    )
    with store.writing():
        assert store.add_record(first)
        assert not store.add_record(newer)
    assert store.fingerprint_types(A) == [("pdq", "1"), ("sscd_distilled", "1"), ("sscd_distilled", "2")]
    rows = [len(f.vectors) for type, version in store.fingerprint_types(A) for f in store.fingerprints(type, version)]
    assert rows == [5, 3, 5], "rows of the same version are replaced, rows of the older version stay"
    assert store.row_thumbnail(A, 4) is not None
    assert store.asset(A).properties == {"format": "mkv"} and store.warnings(A) == ["anew"]
    assert store.uris(A) == ("/dump/a.mp4", "/dump/other.mp4")
    assert store.check_integrity() == []


def test_repeated_analysis_changes_nothing(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    before = state(store)
    record = ingest_record("a")
    with store.writing():
        assert not store.add_record(replace(record, warnings=("other",), fingerprints=record.fingerprints[:1]))
    assert state(store) == before


def test_thumbnail_returns_the_frame_shown_at_a_time(store: Store) -> None:
    thumbnails = tuple(Thumbnail(position=n, seconds=4.0 * n, jpeg=b"%d" % n) for n in range(3))
    record = replace(ingest_record("a"), thumbnails=thumbnails)
    with store.writing():
        store.add_record(record)
    times = {None: b"0", 0.0: b"0", 3.9: b"0", 4.0: b"1", 7.9: b"1", 8.0: b"2", 500.0: b"2"}
    assert {time: store.thumbnail(record.asset.sha256, time) for time in times} == times
    assert store.find_thumbnail(record.asset.sha256, 7.9) == thumbnails[1], "with its own time"
    assert store.find_thumbnail("0" * 64, 7.9) is None


def test_equal_bytes_at_two_paths_are_one_asset_with_two_sightings(store: Store) -> None:
    with store.writing():
        assert store.add_record(ingest_record("a", "/dump/first.mp4"))
        assert not store.add_record(ingest_record("a", "/dump/second.mp4"))
        assert not store.add_record(ingest_record("a", "/dump/second.mp4"))
    assert store.count_assets() == 1
    assert sorted(store.uris(A)) == ["/dump/first.mp4", "/dump/second.mp4"]
    assert len(list(store.fingerprints("pdq", "1"))) == 1


def test_sighting_is_that_of_one_path_and_equal_texts_are_one_object(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
        for number in range(3):
            store.save_sightings([Sighting(sha256=A, uri=f"/{number}", text="x" * 999)])
    assert store.sightings_at(A, "/1") == [Sighting(sha256=A, uri="/1", text="x" * 999)]
    assert not store.sightings_at(A, "/9") and not store.sightings_at("f" * 64, "/1")
    assert len({id(sighting.text) for sighting in store.sightings(A) if sighting.text}) == 1


def test_all_sightings_and_clues_are_those_of_the_assets(store: Store) -> None:
    with store.writing():
        for name in "ba":
            store.add_record(ingest_record(name))
            stated = Sighting(
                sha256=name * 64, uri=BAD_NAME, text=f"text of {name}", account_id="1", role="repost", source="x"
            )
            store.save_sightings([stated, replace(stated, text=None, role="original")])
            clue = Clue(kind="editor_project", value="P", source="MP4", trust="high")
            store.save_clues(name * 64, "", [clue, replace(clue, kind="time", value="2020")])
            store.save_clues(name * 64, BAD_NAME, [clue])
    both = ["a" * 64, "b" * 64]
    listed = list(store.iter_sightings())
    assert sorted(listed, key=repr) == sorted((seen for sha256 in both for seen in store.sightings(sha256)), key=repr)
    assert [seen.sha256 for seen in listed] == sorted(seen.sha256 for seen in listed)
    assert list(store.iter_clues(["editor_project", "none"])) == [(sha256, "editor_project", "P") for sha256 in both]
    assert not list(store.iter_clues([]))


def test_sightings_are_sorted_by_date_with_undated_ones_last(store: Store) -> None:
    times = {"c": "2024-05-02T00:00:00Z", "b": None, "a": None, "d": "2019-01-01T00:00:00Z"}
    with store.writing():
        store.add_record(ingest_record("a", "/first"))
        for uri, posted in times.items():
            store.save_sightings([Sighting(sha256=A, uri=uri, posted_at=posted)])
    assert store.uris(A) == ("d", "/first", "c", "a", "b")


def test_later_sightings_of_a_path_replace_the_earlier_ones_unless_they_state_nothing(store: Store) -> None:
    repost, original = (
        Sighting(sha256=A, uri="/dump/a.mp4", account=account, posted_at=f"{year}-05", role=role, text="one text")
        for account, year, role in (("b", 2021, "repost"), ("c", 2020, "original"))
    )
    with store.writing():
        store.add_record(ingest_record("a"))
        store.save_sightings([repost, original])
    assert store.sightings(A) == [original, repost] and store.sightings_at(A, "/dump/a.mp4") == [repost, original]
    assert store.uris(A) == ("/dump/a.mp4",)
    with store.writing():
        store.save_sightings([Sighting(sha256=A, uri="/dump/a.mp4")])
    assert store.sightings_at(A, "/dump/a.mp4") == [repost, original]
    with store.writing():
        store.save_sightings([replace(repost, account="corrected", text="another")])
    assert store.sightings(A) == [replace(repost, account="corrected", text="another")]
    assert store.check_integrity() == []


def test_clues_are_kept_for_the_content_and_for_each_name_and_replaced_there(store: Store) -> None:
    device, time, post = (
        Clue(kind=kind, value="v", source=source, trust="low")
        for kind, source in (("device", "EXIF"), ("time", "file name"), ("post_id", "file name"))
    )
    with store.writing():
        store.add_record(replace(ingest_record("a"), clues=(device,)))
        store.save_clues(A, "/dump/a.mp4", [time, post])
        store.save_clues(A, "/elsewhere", [post])
    assert store.clues(A) == [device, time, post]
    with store.writing():
        store.save_clues(A, "/dump/a.mp4", [])
    assert store.clues(A) == [device, post] and store.clues("f" * 64) == []
    assert store.check_integrity() == []


def test_shared_clues_name_the_other_assets_of_an_account_or_project_alone(store: Store) -> None:
    def clue(kind: str, value: str) -> Clue:
        return Clue(kind=kind, value=value, source="EXIF", trust="high")

    project, uid, device = clue("editor_project", "p1"), clue("weibo_uid", "1669879400"), clue("device", "iPhone 12")
    with store.writing():
        store.add_record(replace(ingest_record("a"), clues=(project, device)))
        store.add_record(replace(ingest_record("b"), clues=(project, device, clue("weibo_uid", "1"))))
        store.add_record(replace(ingest_record("c"), clues=(project, uid)))
        store.save_clues(A, "/dump/a.mp4", [uid, uid])
    b, c = "b" * 64, "c" * 64
    assert store.shared_clues(A) == [
        SharedClue(kind="editor_project", value="p1", others=(b, c)),
        SharedClue(kind="weibo_uid", value="1669879400", others=(c,)),
    ]
    assert store.shared_clues(b) == [SharedClue(kind="editor_project", value="p1", others=(A, c))]
    assert store.shared_clues("f" * 64) == []
    assert store.clues_at(A, "/dump/a.mp4") == [uid, uid] and store.clues_at(A, "") == [project, device]


def test_save_sightings_stores_hostile_text_as_text(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
        store.save_sightings([Sighting(sha256=A, uri="u", title="a\ud800b\x00c", account="'; DROP TABLE asset; --")])
    hostile = next(sighting for sighting in store.sightings(A) if sighting.uri == "u")
    assert hostile.account == "'; DROP TABLE asset; --" and hostile.title is not None
    assert hostile.title.startswith("a") and hostile.title.endswith("b\x00c")
    assert store.check_integrity() == []


def test_captions_are_the_titles_and_texts_of_all_sightings(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
        store.save_sightings([Sighting(sha256=A, uri="u", title="a title", text="a text")])
        store.save_sightings([Sighting(sha256=A, uri="v", text="another")])
    assert store.captions(A) == ["a title", "a text", "another"]


def test_asset_kind_is_that_of_the_record(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    assert store.asset_kind(A) == "video"
    with pytest.raises(StoreError, match="ingest its file"):
        store.asset_kind("f" * 64)


def test_error_for_a_missing_asset_names_it(store: Store) -> None:
    with pytest.raises(StoreError, match="f" * 64):
        store.asset("f" * 64)
    assert store.sightings("f" * 64) == [] and store.warnings("f" * 64) == []


def test_content_hash_depends_on_fingerprints_and_thumbnails_alone(store: Store) -> None:
    record = ingest_record("a")
    with store.writing():
        store.add_record(record)
        store.add_record(ingest_record("b", rows=2))
    before = store.content_hash(A)
    (logged,) = [entry for entry in store.iter_log("added") if entry.details["sha256"] == A]
    assert logged.details["content"] == before != store.content_hash("b" * 64)
    with store.writing():
        store.save_sightings([Sighting(sha256=A, uri="u")])
    assert store.content_hash(A) == before
    with store.writing():
        store.add_record(replace(record, fingerprints=(replace(record.fingerprints[0], version="2"),)))
    assert store.content_hash(A) != before


# The ledger ---------------------------------------------------------------------------------------


def write(store: Store, *entries: LedgerEntry) -> None:
    with store.writing():
        for entry in entries:
            store.write_ledger_entry(entry)


def skipped(path: str) -> LedgerEntry:
    return LedgerEntry(path=path, bytes=0, modified_ns=-5, version="v", state="skipped")


@pytest.fixture
def store_with_asset(store: Store) -> Store:
    """A store that contains one asset, whose path is not in the ledger."""
    with store.writing():
        store.add_record(ingest_record("a", BAD_NAME))
    return store


@pytest.mark.parametrize(
    "entry",
    [
        done_entry(ingest_record("a", BAD_NAME), version="版本 2"),
        skipped("-leading '\" %_.txt"),
        failed_entry(BAD_NAME, "timeout", attempts=7),
        replace(failed_entry("/huge"), bytes=1 << 50, modified_ns=(1 << 63) - 1, message="of 3 lines\n\nand 汉字"),
    ],
    ids=lambda entry: entry.state,
)
def test_write_ledger_entry_stores_the_entry_unchanged(
    store_with_asset: Store, open_any: Callable[..., Store], entry: LedgerEntry
) -> None:
    write(store_with_asset, entry)
    store_with_asset.close()
    with open_any(store_with_asset.folder) as reopened:
        assert reopened.find_ledger_entry(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns) == entry
        assert reopened.failures() == ([entry] if entry.state == "failed" else [])
        assert reopened.check_integrity() == []


def test_find_ledger_entry_ignores_a_changed_file(store_with_asset: Store) -> None:
    entry, find = done_entry(ingest_record("a", BAD_NAME)), store_with_asset.find_ledger_entry
    write(store_with_asset, entry)
    assert find(entry.path, bytes=entry.bytes + 1, modified_ns=entry.modified_ns) is None
    assert find(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns + 1) is None
    assert find("/other", bytes=entry.bytes, modified_ns=entry.modified_ns) is None


def test_path_has_one_ledger_entry_the_last_one(store_with_asset: Store) -> None:
    store = store_with_asset
    write(
        store,
        failed_entry(BAD_NAME),
        failed_entry(BAD_NAME, "crash", attempts=2),
        failed_entry("/z"),
        failed_entry("/b"),
    )
    assert store.failures() == [failed_entry("/b"), failed_entry(BAD_NAME, "crash", attempts=2), failed_entry("/z")]
    write(store, done_entry(ingest_record("a", BAD_NAME)), skipped("/b"))
    assert [entry.path for entry in store.failures()] == ["/z"]


def test_clear_failure_removes_a_failed_entry_alone(store_with_asset: Store) -> None:
    store = store_with_asset
    write(store, failed_entry("/z"), done_entry(ingest_record("a", BAD_NAME)))
    with store.writing():
        store.clear_failure("/z")
        store.clear_failure(BAD_NAME)
    assert store.failures() == []
    entry = done_entry(ingest_record("a", BAD_NAME))
    assert store.find_ledger_entry(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns) == entry
    assert [entry.details for entry in store.iter_log("mended")] == [{"path": "/z"}, {"path": BAD_NAME}]


def test_write_ledger_entry_stores_a_hostile_message_as_text(store: Store) -> None:
    write(store, replace(failed_entry(BAD_NAME), message=f"{BAD_NAME} is\ud800\x00cut"))
    (entry,) = store.failures()
    assert entry.path == BAD_NAME and entry.message is not None and entry.message.endswith("is?\x00cut")
    assert store.check_integrity() == []


@pytest.mark.parametrize(
    "invalid",
    [
        replace(done_entry(ingest_record("a")), sha256=None),
        replace(done_entry(ingest_record("a")), sha256="f" * 64),
        replace(skipped("/s"), sha256=A),
        replace(failed_entry("/f"), sha256=A),
        replace(failed_entry("/f"), message=None),
        replace(failed_entry("/f"), kind=None),
        replace(skipped("/s"), kind="corrupt"),
        replace(skipped("/s"), message="m"),
        replace(done_entry(ingest_record("a")), message="m"),
    ],
    ids=lambda entry: f"{entry.state} {entry.sha256 and entry.sha256[0]} {entry.kind} {entry.message}",
)
def test_write_ledger_entry_rejects_contradictory_fields(store_with_asset: Store, invalid: LedgerEntry) -> None:
    with pytest.raises(StoreError, match="cannot write the store"):
        write(store_with_asset, invalid)
    assert store_with_asset.failures() == []


def test_failure_is_logged_if_it_is_new_or_of_another_kind(store_with_asset: Store) -> None:
    store = store_with_asset
    write(store, failed_entry(BAD_NAME), failed_entry(BAD_NAME, attempts=2))
    write(store, failed_entry(BAD_NAME, "crash"), skipped(BAD_NAME), failed_entry(BAD_NAME, "crash"), skipped("/s"))
    logged = [entry.details for entry in store.iter_log("failed")]
    assert logged == [{"path": BAD_NAME, "kind": kind} for kind in ("corrupt", "crash", "crash")]


def test_check_integrity_finds_an_ingested_path_without_a_sighting(store_with_asset: Store) -> None:
    write(store_with_asset, done_entry(ingest_record("a", BAD_NAME)))
    assert store_with_asset.check_integrity() == []
    write(store_with_asset, done_entry(ingest_record("a", "/elsewhere")))
    (problem,) = store_with_asset.check_integrity()
    assert "'/elsewhere'" in problem and A in problem


# The custody log ----------------------------------------------------------------------------------


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


# Transactions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_interrupted_write_is_undone_as_a_whole(store: Store, error: type[BaseException]) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
        store.write_ledger_entry(failed_entry("/dump/b.mp4"))
    before = state(store)
    with pytest.raises(error), store.writing():
        store.add_record(ingest_record("b"))
        store.write_ledger_entry(failed_entry("/dump/c.mp4"))
        store.save_sightings([Sighting(sha256=A, uri="elsewhere")])
        assert store.count_assets() == 2
        raise error
    assert state(store) == before
    with store.writing():
        assert store.add_record(ingest_record("b")), "the next write succeeds"


def test_rejected_write_raises_store_error_and_is_undone(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot write the store"), store.writing():
        store.add_record(ingest_record("a"))
        store.save_sightings([Sighting(sha256="f" * 64, uri="of no asset")])
    assert store.count_assets() == 0


def test_started_iteration_returns_the_state_at_its_start(store: Store, open_any: Callable[..., Store]) -> None:
    with store.writing():
        for name in "ac":
            store.add_record(ingest_record(name))
    with open_any(store.folder) as reader:
        reading = reader.fingerprints("pdq", "1")
        assert next(reading).sha256[0] == "a"
        with store.writing():
            store.add_record(ingest_record("b"))
        assert [f.sha256[0] for f in reading] == ["c"]
        assert [f.sha256[0] for f in reader.fingerprints("pdq", "1")] == ["a", "b", "c"]


# Threads ------------------------------------------------------------------------------------------


def test_other_thread_reads_the_state_before_an_open_write(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    with ThreadPoolExecutor(1) as other:
        with store.writing():
            store.add_record(ingest_record("b"))
            assert store.count_assets() == 2
            assert other.submit(store.count_assets).result() == 1
        assert other.submit(store.count_assets).result() == 2


def test_threads_read_whole_writes_while_one_writes(store: Store) -> None:
    """Each write adds an asset with its fingerprints, sighting and thumbnails; a reader gets all of them or none."""
    writes, partial, reads = 40, [], []
    finished = threading.Event()

    def read_until_finished() -> None:
        while not finished.is_set():
            entries = [entry.details["sha256"] for entry in store.iter_log("added")]
            fingerprints = [f.sha256 for f in store.fingerprints("pdq", "1")]
            # Later reads of a thread return the same state or a newer one.
            if fingerprints[: len(entries)] != entries or len(store.assets()) < len(fingerprints):
                partial.append((entries, fingerprints))
            for sha256 in fingerprints[-1:]:
                if len(store.uris(sha256)) != 1 or store.row_thumbnail(sha256, 2) is None:
                    partial.append(sha256)
            reads.append(len(fingerprints))

    readers = [threading.Thread(target=read_until_finished) for _ in range(4)]
    for reader in readers:
        reader.start()
    for n in range(writes):
        record, sha256 = ingest_record("a", f"/dump/{n}.mp4"), f"{n:064d}"
        with store.writing():
            store.add_record(
                replace(
                    record,
                    asset=replace(record.asset, sha256=sha256),
                    sightings=(replace(record.sightings[0], sha256=sha256),),
                    fingerprints=tuple(replace(f, sha256=sha256) for f in record.fingerprints),
                )
            )
    finished.set()
    for reader in readers:
        reader.join()
    assert partial == [] and len(reads) >= len(readers)
    assert store.count_assets() == writes and store.check_integrity() == []


def test_threads_write_one_after_another(store: Store) -> None:
    """No write is lost, and the entries of one write are consecutive."""
    threads, turns = 6, 15

    def write_turns(thread: int) -> None:
        for turn in range(turns):
            with store.writing():
                for part in range(3):
                    store.append_log("turn", {"thread": thread, "turn": turn, "part": part})

    with ThreadPoolExecutor(threads) as pool:
        for writer in [pool.submit(write_turns, n) for n in range(threads)]:
            writer.result()
    logged = [tuple(entry.details.values()) for entry in store.iter_log("turn")]
    assert len(logged) == 3 * threads * turns
    assert all(len({entry[1:] for entry in logged[n : n + 3]}) == 1 for n in range(0, len(logged), 3))
    assert store.check_integrity() == []


def test_iterator_can_be_finished_by_another_thread(store: Store) -> None:
    with store.writing():
        for name in "abc":
            store.add_record(ingest_record(name))
    iterator = store.fingerprints("pdq", "1")
    next(iterator)
    with ThreadPoolExecutor(1) as other:
        assert [f.sha256[0] for f in other.submit(list, iterator).result()] == ["b", "c"]


def test_close_closes_the_store_for_all_threads(store: Store) -> None:
    with ThreadPoolExecutor(1) as other:
        assert other.submit(store.count_assets).result() == 0
        store.close()
        for read in (store.count_assets, lambda: other.submit(store.count_assets).result()):
            with pytest.raises(StoreError, match="closed"):
                read()


def test_store_with_several_sightings_of_many_paths_is_sound(store: Store) -> None:
    """Whatever the order in which the database reads them: texts come by their own order."""
    with store.writing():
        store.add_record(ingest_record("a"))
        for number in range(20):
            stated = [Sighting(sha256=A, uri=f"/{number}", text=f"{number * part % 7} of {part}") for part in range(3)]
            store.save_sightings(stated)
    assert store.check_integrity() == []
