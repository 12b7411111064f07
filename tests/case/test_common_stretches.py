"""What dozens of videos share is stated by `why`, comes last among equals, and joins no cluster."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from ingest_records import ingest_record
from sample_matches import sample_match

from mediafp.case.clusters import cluster_store
from mediafp.case.common_stretches import mark_matches
from mediafp.case.exports import iter_match_records
from mediafp.case.kept_results import KeptResults
from mediafp.case.known_query import known_matches
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.kept_matches import Channel, KeptMatch
from mediafp.types.matches import Match, Relation, Segment

type Video = Sequence[tuple[str, float, float]]
"""Stretches of footage that a video shows one after the other: a name, and the seconds of that footage."""

INTRO = ("intro", 0.0, 4.0)


def sha256(name: str) -> str:
    return ingest_record(name).asset.sha256


def timed(video: Video) -> Iterator[tuple[str, float, float, float]]:
    """Yield the name of each stretch, its seconds in the footage, and the time in the video at which it starts."""
    time = 0.0
    for name, start, end in video:
        yield name, start, end, time
        time += end - start


def match_of(query: Video, reference: Video, name: str) -> Match | None:
    """Return the match of two videos by the footage that both show, None if they share none."""
    spans = []
    for footage, start, end, time in timed(query):
        for other, other_start, other_end, other_time in timed(reference):
            first, last = max(start, other_start), min(end, other_end)
            if footage == other and first < last:
                own, shown = time + first - start, other_time + first - other_start
                spans.append(((own, own + last - first), (shown, shown + last - first)))
    if not spans:
        return None
    seconds = sum(own[1] - own[0] for own, _ in spans)
    coverage = tuple(seconds / sum(end - start for _, start, end in video) for video in (query, reference))
    whole = [share >= 0.7 for share in coverage]
    relation: Relation = "same_video" if all(whole) else "contained_in" if whole[0] else "contains"
    return sample_match(
        sha256=sha256(name),
        uris=(f"{name}.mp4",),
        kind="video",
        relation=relation if any(whole) else "shares_footage",
        probability=0.97,
        coverage=coverage,
        segments=tuple(
            Segment(channel="picture", query=own, reference=other, speed=1.0, mirrored=False, score=0.9)
            for own, other in spans
        ),
        why=("the frames agree",),
    )


def heard(match: Match | None) -> Match | None:
    """Return a match as one of the sound of two audio files."""
    return match and replace(
        match, relation="same_voice", segments=tuple(replace(segment, channel="voice") for segment in match.segments)
    )


def fill(folder: Path, videos: dict[str, Video], seed: int = 0, channel: Channel = "picture") -> SqliteStore:
    """Return a store of some videos, or audio files, with their kept matches, which came in some order."""
    rng = random.Random(seed)
    store = SqliteStore(folder, create=True)
    # What is tested does not depend on the disk.
    store.database.connection.execute("PRAGMA synchronous=OFF")
    names = rng.sample(sorted(videos), len(videos))
    with store.writing():
        for name in names:
            record = ingest_record(name)
            if channel == "voice":
                record = replace(record, asset=replace(record.asset, properties={"format": "wav", "duration": 20.0}))
            store.add_record(record)
    kept: list[KeptMatch] = []
    for pair in combinations(names, 2):
        # The query of a row is the one that shows less, whichever came first.
        query, reference = sorted(pair, key=lambda name: (sum(end - start for _, start, end in videos[name]), name))
        match = match_of(videos[query], videos[reference], reference)
        kept.append(
            KeptMatch(
                query=sha256(query),
                reference=sha256(reference),
                channel=channel,
                promise=1.0,
                match=match if channel == "picture" else heard(match),
            )
        )
    with store.writing():
        for pending in store.pending_comparisons({channel: "1"}):
            own = [one for one in kept if pending.sha256 in one.pair]
            store.save_comparison(pending, "1", store.last_log_entry()[0], own)
    return store


def body(name: str, end: float = 16.0) -> tuple[str, float, float]:
    return name, 0.0, end


CHANNEL: dict[str, Video] = {f"{n:02x}": (INTRO, body(f"body {n}")) for n in range(14)}
"""Videos of one channel, which begin with its intro."""
REUPLOADS: dict[str, Video] = {
    "a1": (INTRO, body("body 0")),
    "a2": (INTRO, body("body 0", 11.0)),
    "a3": (INTRO, ("body 0", 1.0, 14.0), body("end card", 2.0)),
}
"""Uploads of the first of them: one is whole, one lacks the end, one has another end."""
SHORT: dict[str, Video] = {"b1": (INTRO, body("trailer 1", 1.3)), "b2": (INTRO, body("trailer 2", 1.3))}
"""Videos of which three quarters are the intro."""

WHOLE: dict[str, Video] = {f"e{n}": (INTRO, body("short", 0.55), body(f"end {n}", 0.45)) for n in range(2)}
"""Uploads of one short video, the same but for a half second at the end."""
VIDEOS = CHANNEL | REUPLOADS | SHORT | WHOLE


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    with fill(tmp_path_factory.mktemp("channel") / "store", VIDEOS) as filled:
        yield filled


def clusters(store: SqliteStore) -> list[set[str]]:
    return [{member.sha256[:2] for member in cluster.members} for cluster in cluster_store(store).clusters]


def known(store: SqliteStore, name: str) -> dict[str, Match]:
    asset = store.asset(sha256(name))
    found = known_matches(store, asset, speech=False, ocr_lines=lambda _: None)
    return {match.sha256[:2]: match for match in mark_matches(found, asset.sha256, store)}


def test_videos_with_one_intro_are_no_cluster_and_reuploads_are_one(store: SqliteStore) -> None:
    assert clusters(store) == [{"00", *REUPLOADS}, {*WHOLE}]


def test_why_states_the_intro_and_that_nothing_else_matches(store: SqliteStore) -> None:
    matches = known(store, "05")
    assert matches["06"].why == (
        "the frames agree",
        "the first 4.0 s of the query are shared with 19 other videos of the store, and nothing else matches",
    )
    assert matches["06"].is_common
    reupload = known(store, "a2")["a3"]
    assert not reupload.is_common
    assert reupload.why[-1] == "the first 4.0 s of the query are shared with 19 other videos of the store"


def test_of_equally_probable_matches_those_by_the_intro_alone_come_last(store: SqliteStore) -> None:
    names = list(known(store, "00"))
    assert names[0] == "00" and set(names[1:4]) == set(REUPLOADS) and len(names) == len(VIDEOS)


def test_a_file_outside_of_the_store_gets_the_reasons_of_a_known_one(store: SqliteStore) -> None:
    video = (body("ident", 3.0), INTRO, body("new", 9.0))
    found = [match_of(video, other, name) for name, other in VIDEOS.items()]
    matches = mark_matches([match for match in found if match], "c" * 64, store)
    assert {match.why[-1] for match in matches} == {
        "4.0 s of the query, from 3.0 s on, are shared with 20 other videos of the store, and nothing else matches"
    }


def test_the_report_and_the_exports_state_it_from_the_query_of_each_row(store: SqliteStore) -> None:
    results = KeptResults(store)
    reported = {(result.sha256, match.sha256): match for result in results for match in result.matches}
    records = list(iter_match_records(store))
    assert len(records) == len(reported) == sum(range(len(VIDEOS)))
    for record in records:
        (reference,) = {record.a, record.b} - {record.query}
        reason = record.match.why[-1]
        assert "shared with 19 other videos" in reason
        assert reported[record.query, reference].is_common == record.match.is_common


UPLOADS: dict[str, Video] = {f"{n:02x}": (body("cut", 20.0),) for n in range(14)}
QUOTES: dict[str, Video] = {
    f"d{n}": (body(f"talk {n}", 1.5), ("cut", 4.0, 9.0), body(f"more {n}", 0.5)) for n in range(2)
}
"""Videos that show a stretch of a cut."""
ENDS: dict[str, Video] = {f"c{n:x}": (body("cut", 16.0), body(f"end {n}", 5.0)) for n in range(12)}
"""The same cut with ends of their own."""


def test_a_cut_is_not_common_because_it_was_uploaded_many_times(tmp_path: Path) -> None:
    with fill(tmp_path / "store", UPLOADS | QUOTES) as store:
        records = list(iter_match_records(store))
        assert {record.match.why for record in records} == {("the frames agree",)} and len(records) == 120


def test_a_cut_that_many_publish_with_ends_of_their_own_stays_one_cluster(tmp_path: Path) -> None:
    with fill(tmp_path / "store", UPLOADS | QUOTES | ENDS) as store:
        assert clusters(store) == [UPLOADS.keys() | ENDS.keys(), set(QUOTES)]
        match = known(store, "00")["01"]
        assert "the first 16.0 s of the query are shared with 24 other videos of the store" in match.why
        assert not match.is_common


def test_a_jingle_is_stated_and_joins_no_audio_files(tmp_path: Path) -> None:
    with fill(tmp_path / "store", VIDEOS, channel="voice") as store:
        assert clusters(store) == [{"00", *REUPLOADS}, {*WHOLE}]
        reason = "the first 4.0 s of the sound of the query are shared with 19 other videos of the store"
        assert known(store, "05")["06"].why[-1] == f"{reason}, and nothing else matches"


def test_a_match_with_footage_or_sound_of_its_own_is_not_common(store: SqliteStore) -> None:
    video = (INTRO, body("new", 5.0), ("intro", 0.0, 4.0))
    found = [match for name, other in CHANNEL.items() if (match := match_of(video, other, name))]
    own_sound = Segment(channel="voice", query=(6.0, 8.0), reference=(9.0, 11.0), speed=1.0, mirrored=False, score=0.9)
    found[0] = replace(found[0], segments=(*found[0].segments, own_sound))
    *others, last = mark_matches(found, "c" * 64, store)[::-1]
    reason = "8.0 s of the query, in 2 stretches, are shared with 13 other videos of the store"
    assert last.why[-1] == reason and not last.is_common and last.sha256 == found[0].sha256
    assert {match.why[-1] for match in others} == {f"{reason}, and nothing else matches"}


def test_the_order_of_ingestion_changes_neither_reasons_nor_clusters(store: SqliteStore, tmp_path: Path) -> None:
    with fill(tmp_path / "other", VIDEOS, seed=3) as other:
        for one, same in zip(iter_match_records(store), iter_match_records(other), strict=True):
            assert replace(one, a_sightings=(), b_sightings=()) == replace(same, a_sightings=(), b_sightings=())
        assert clusters(store) == clusters(other)
