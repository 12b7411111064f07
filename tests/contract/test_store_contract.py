"""Contract of `Store` for assets, their rows, sightings and clues."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from ingest_records import BAD_NAME, ingest_record, state

from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.media import Thumbnail
from mediafp.types.shared_clues import SharedClue
from mediafp.types.sightings import Clue, Sighting

A = "a" * 64


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


def test_store_with_several_sightings_of_many_paths_is_sound(store: Store) -> None:
    """Whatever the order in which the database reads them: texts come by their own order."""
    with store.writing():
        store.add_record(ingest_record("a"))
        for number in range(20):
            stated = [Sighting(sha256=A, uri=f"/{number}", text=f"{number * part % 7} of {part}") for part in range(3)]
            store.save_sightings(stated)
    assert store.check_integrity() == []
