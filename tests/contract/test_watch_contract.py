"""The contract of the watch list of a store."""

from dataclasses import replace

import pytest
from ingest_records import BAD_NAME, ingest_record
from transcripts import save_transcribed_asset, spoken_transcript

from mediafp.store import Store
from mediafp.store.watch_interface import StatedAccount
from mediafp.types.decisions import Decision
from mediafp.types.errors import UsageError
from mediafp.types.sightings import Sighting
from mediafp.types.watches import Watch, WatchHit, WatchKind

LONG_AGO = "2020-01-01T00:00:00Z"


def sha(name: str) -> str:
    return (name * 64)[:64]


def add(store: Store, name: str, path: str | None = None, **stated: str) -> None:
    record = ingest_record(name, path)
    with store.writing():
        store.add_record(replace(record, sightings=(replace(record.sightings[0], **stated),)))  # type: ignore[arg-type]


def watch(store: Store, name: str, kind: WatchKind = "asset", value: str = "", checked: int = 0) -> Watch:
    new = Watch(
        name=name, kind=kind, value=value or sha("a"), added_at=LONG_AGO, counted_from=LONG_AGO, checked=checked
    )
    with store.writing():
        store.add_watch(new)
    return new


def hit(name: str, asset: str, path: str | None = None, *, is_news: bool = True) -> WatchHit:
    return WatchHit(watch=name, sha256=sha(asset), uri=path or f"/dump/{asset}.mp4", why="because", is_news=is_news)


def save(store: Store, *hits: WatchHit) -> list[str]:
    with store.writing():
        return [one.uri for one in store.save_watch_hits(hits)]


def test_watches_are_logged_and_have_names_of_their_own(store: Store) -> None:
    second, first = watch(store, "stolen"), watch(store, "海湾", "text", "海湾战争")
    assert store.watches() == [second, first]
    with pytest.raises(UsageError, match="'stolen': there is one of this name"), store.writing():
        store.add_watch(replace(first, name="stolen"))
    with store.writing():
        store.remove_watch("stolen")
    assert store.watches() == [first]
    with pytest.raises(UsageError, match="'stolen': there is none"), store.writing():
        store.remove_watch("stolen")
    logged = [(entry.what, dict(entry.details)) for entry in store.iter_log() if entry.what.startswith("watch")]
    assert logged == [
        ("watch_added", {"name": "stolen", "kind": "asset", "value": sha("a")}),
        ("watch_added", {"name": "海湾", "kind": "text", "value": "海湾战争"}),
        ("watch_removed", {"name": "stolen"}),
    ]


def test_a_hit_is_new_once_for_each_path(store: Store) -> None:
    for name in "ab":
        add(store, name)
    add(store, "b", BAD_NAME)
    watch(store, "w")
    assert save(store, hit("w", "b"), hit("w", "b", BAD_NAME)) == ["/dump/b.mp4", BAD_NAME]
    assert save(store, hit("w", "b"), hit("w", "a")) == ["/dump/a.mp4"]
    unknown = (hit("other", "a"), hit("w", "c"), hit("w", "a", "/nowhere"))
    assert save(store, *unknown) == []
    with store.writing():
        store.remove_watch("w")
    assert store.watch_hits() == []
    assert store.check_integrity() == []


def test_reported_and_older_hits_and_those_in_quarantine_are_not_new(store: Store) -> None:
    for name in "abcd":
        add(store, name)
    for name in ("v", "w"):
        watch(store, name, checked=3)
    save(store, hit("w", "a", is_news=False), hit("w", "b"), hit("w", "c"), hit("v", "d"))
    with store.writing():
        store.mark_hits_reported([hit("w", "b")])
    assert [one.sha256[0] for one in store.watch_hits("w")] == ["a", "b", "c"]
    assert [one.sha256[0] for one in store.watch_hits(only_new=True)] == ["d", "c"]
    counts = [(one.watch.name, one.older_hits, one.hits, one.new_hits) for one in store.watch_summaries()]
    # The watched asset itself is no hit.
    assert counts == [("v", 0, 1, 1), ("w", 0, 2, 1)]
    with store.writing():
        store.quarantine_watch("w", "too common")
    assert [one.sha256[0] for one in store.watch_hits(only_new=True)] == ["d"]
    assert [one.quarantine for one in store.watches()] == [None, "too common"]
    with store.writing():
        store.resume_watch("w", 9)
    resumed = store.watches()[1]
    assert (resumed.quarantine, resumed.checked) == (None, 9) and resumed.counted_from > LONG_AGO


def test_hits_and_added_assets_are_counted_after_a_time(store: Store) -> None:
    for name in "abc":
        add(store, name)
    add(store, "b", "/second.mp4")
    watch(store, "w")
    save(store, hit("w", "b"), hit("w", "b", "/second.mp4"), hit("w", "c"), hit("w", "a", is_news=False))
    assert (store.count_found_since("w", LONG_AGO), store.count_added_since(LONG_AGO)) == (2, 3)
    assert (store.count_found_since("w", "2999"), store.count_added_since("2999")) == (0, 0)


def test_further_paths_of_found_assets_are_returned_for_assets_and_hashes_alone(store: Store) -> None:
    for name in "ab":
        add(store, name)
    watch(store, "asset")
    watch(store, "words", "text", "words")
    save(store, hit("asset", "b"), hit("words", "b"))
    assert store.repeated_hits() == []
    add(store, "b", "/again.mp4")
    (repeated,) = store.repeated_hits()
    assert (repeated.watch, repeated.uri, repeated.is_news) == ("asset", "/again.mp4", True)
    assert [one.watch for one in store.found_watches(sha("b"))] == ["asset", "words"]
    with store.writing():
        store.quarantine_watch("asset", "too common")
    assert store.repeated_hits() == []


def test_hits_of_a_rejected_match_are_in_no_result_until_it_is_taken_back(store: Store) -> None:
    for name in "abc":
        add(store, name)
    watch(store, "w", value=sha("b"))
    watch(store, "words", "text", "words")
    save(store, hit("w", "a"), hit("w", "c"), hit("words", "a"))
    rejected = Decision(
        subject="match", a=sha("a"), b=sha("b"), decision="reject", note="", decided_by="me", decided_at="2026"
    )
    with store.writing():
        store.save_decision(rejected)
    add(store, "a", "/again.mp4")
    assert {(one.watch, one.sha256[0]) for one in store.watch_hits()} == {("w", "c"), ("words", "a")}
    assert [one.watch for one in store.found_watches(sha("a"))] == ["words"]
    assert store.repeated_hits() == [] and store.count_found_since("w", LONG_AGO) == 1
    assert [one.hits for one in store.watch_summaries()] == [1, 1]
    with store.writing():
        store.take_back_decision(rejected, "me")
    assert len(store.watch_hits()) == 3 and [one.uri for one in store.repeated_hits()] == ["/again.mp4"]


def test_a_forgotten_path_takes_its_hits_and_a_moved_one_keeps_them(store: Store) -> None:
    add(store, "b")
    add(store, "b", "/again.mp4")
    watch(store, "w")
    save(store, hit("w", "b"), hit("w", "b", "/again.mp4"))
    with store.writing():
        store.move_sightings(sha("b"), "/again.mp4", "/moved.mp4")
    assert [one.uri for one in store.watch_hits()] == ["/dump/b.mp4", "/moved.mp4"]
    with store.writing():
        assert store.forget_sighting(sha("b"), "/moved.mp4").removed["watch_hits"] == 1
    assert [one.uri for one in store.watch_hits()] == ["/dump/b.mp4"]
    with store.writing():
        store.forget_sighting(sha("b"), "/dump/b.mp4")
    assert store.watch_hits() == []
    assert store.check_integrity() == []


def test_assets_change_when_they_are_added_or_transcribed(store: Store) -> None:
    add(store, "a")
    before = store.last_log_entry()[0]
    add(store, "b")
    assert [one[:2] for one in store.changed_assets(before)] == [(sha("b"), "picture"), (sha("b"), "voice")]
    assert [one.sha256 for one in store.changed_assets(0, {sha("a")})] == [sha("a")] * 2
    before = store.last_log_entry()[0]
    save_transcribed_asset(store, sha("a"), "a", "5" * 64, spoken_transcript("good morning"), 1)
    assert [one[:2] for one in store.changed_assets(before)] == [(sha("a"), "script")]
    watch(store, "w")
    with store.writing():
        store.save_checked(["w"], 7)
        store.save_checked(["w"], 5)
    assert store.watches()[0].checked == 7


def test_accounts_of_sightings_are_listed_with_their_files(store: Store) -> None:
    add(store, "a", platform="twitter", account="somebody")
    add(store, "b", platform="twitter", account="somebody")
    with store.writing():
        store.save_sightings([Sighting(sha256=sha("a"), uri="/x.mp4", account_id="7")])
        store.save_sightings([Sighting(sha256=sha("a"), uri="/y.mp4", title="without an account")])
    number, name = StatedAccount(None, None, "7"), StatedAccount("twitter", "somebody", None)
    assert list(store.stated_accounts()) == [number, name]
    assert store.sighted_files(name) == [(sha("a"), "/dump/a.mp4"), (sha("b"), "/dump/b.mp4")]
    assert store.sighted_files(number) == [(sha("a"), "/x.mp4")]


def test_a_search_of_some_assets_finds_their_speech_posts_and_titles(store: Store) -> None:
    save_transcribed_asset(store, sha("a"), "a", "5" * 64, spoken_transcript("good morning"), 1)
    save_transcribed_asset(store, sha("b"), "b", "5" * 64, spoken_transcript("good morning"), 1)
    add(store, "c", text="good morning")
    add(store, "d", title="good morning")
    for name in "abcd":
        assert [found.sha256 for found in store.search_passages("good morning", assets={sha(name)})] == [sha(name)]
    assert len(list(store.search_passages("good morning", sources=["speech"], assets=set(map(sha, "abc"))))) == 2
    assert list(store.search_passages("good morning", assets={sha("e")})) == []
