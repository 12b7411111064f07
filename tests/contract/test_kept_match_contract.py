"""The contract of the kept matches of a store."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ingest_records import ingest_record
from sample_matches import sample_match, sample_placement
from transcripts import save_transcribed_asset

from mediafp.store import Store
from mediafp.types.kept_matches import Channel, KeptMatch, PairFailure, PendingComparison
from mediafp.types.matches import Change, OcrResult, TextLine
from mediafp.types.transcripts import Transcript

VERSIONS: dict[Channel, str] = {"picture": "1", "voice": "1", "script": "1"}
TRANSCRIPT = Transcript(model="m", version="1", duration=1, speech_seconds=0, untranscribed_seconds=0, segments=())
LINE = TextLine(text="x", box=((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)), confidence=1.0)


def add(store: Store, *names: str) -> None:
    with store.writing():
        for name in names:
            store.add_record(ingest_record(name))


def kept(query: str, reference: str, promise: float = 1.0, probability: float = 0.9) -> KeptMatch:
    placement = sample_placement(removed_text=(LINE,), handles=("@x",))
    match = sample_match(sha256=reference * 64, placement=placement, probability=probability, why=("r",))
    return KeptMatch(
        query=query * 64,
        reference=reference * 64,
        channel="picture",
        promise=promise,
        match=match if probability else None,
    )


def compare(
    store: Store, name: str, matches: Sequence[KeptMatch], version: str = "1", channel: Channel = "picture"
) -> None:
    pending = next(p for p in store.pending_comparisons({channel: version}) if p.sha256 == name * 64)
    started = store.last_log_entry()[0]
    with store.writing():
        store.save_comparison(pending, version, started, matches)


def pairs(store: Store, name: str | None = None) -> list[tuple[str, str]]:
    return [(one.query[0], one.reference[0]) for one in store.kept_matches(name and name * 64)]


def pending(store: Store) -> list[str]:
    """Assets to be compared by another channel than their audio, which changes with the file alone."""
    versions = {channel: version for channel, version in VERSIONS.items() if channel != "voice"}
    return [one.sha256[0] for one in store.pending_comparisons(versions)]


def test_a_new_asset_is_pending_until_it_is_compared(store: Store) -> None:
    add(store, "a", "b")
    assert pending(store) == ["a", "b"]
    compare(store, "a", [])
    # A video is compared by its frames and by its audio.
    assert pending(store) == ["b"] and not store.is_compared("a" * 64, VERSIONS)
    compare(store, "a", [], channel="voice")
    assert store.is_compared("a" * 64, VERSIONS)
    assert not store.is_compared("b" * 64, VERSIONS)
    assert not store.is_compared("c" * 64, VERSIONS)


def test_both_directions_are_one_row_with_all_its_evidence(store: Store) -> None:
    add(store, "a", "b")
    written = kept("b", "a")
    compare(store, "a", [written])
    compare(store, "b", [written])
    (read,) = store.kept_matches()
    assert read.query == "b" * 64
    assert read.match is not None
    assert written.match is not None
    assert read.match.placement == written.match.placement
    assert read.match.segments == written.match.segments
    assert read.match.why == written.match.why
    assert read.match.coverage == written.match.coverage
    assert read.match.uris == store.uris("a" * 64)
    assert pairs(store, "a") == pairs(store, "b") == pairs(store)


def test_a_pair_without_a_match_is_not_compared_again_and_not_shown(store: Store) -> None:
    add(store, "a", "b")
    compare(store, "a", [kept("a", "b", probability=0)])
    assert pairs(store) == []
    assert list(store.kept_edges(0.0)) == []


def test_changes_of_a_copy_are_kept(store: Store) -> None:
    add(store, "a", "b")
    box = ((1.0, 2.0), (5.5, 2.0), (5.5, 4.0), (1.0, 4.0))
    changes = (
        Change(box=box, what="changed", kind="text", before="旧", after="new"),
        Change(box=box, what="added", kind="overlay"),
    )
    match = sample_match(sha256="a" * 64, changes=changes)
    compare(store, "a", [KeptMatch(query="b" * 64, reference="a" * 64, channel="picture", promise=1.0, match=match)])
    (read,) = store.kept_matches("a" * 64)
    assert read.match and read.match.changes == changes


def test_edges_name_the_relation_from_the_smaller_sha256(store: Store) -> None:
    add(store, "a", "b")
    match = sample_match(sha256="a" * 64, relation="contains", coverage=(0.25, 1.0))
    compare(store, "a", [KeptMatch(query="b" * 64, reference="a" * 64, channel="picture", promise=1.0, match=match)])
    (edge,) = store.kept_edges(0.5)
    assert (edge.a[0], edge.b[0], edge.relation) == ("a", "b", "contained_in")
    assert (edge.coverage_a, edge.coverage_b) == (1.0, 0.25)


def test_edges_between_some_assets_are_read_alone(store: Store) -> None:
    add(store, "a", "b", "c")
    compare(store, "a", [kept("a", "b"), kept("a", "c")])
    compare(store, "b", [kept("b", "c")])
    assert [(edge.a[0], edge.b[0]) for edge in store.kept_edges(0.5, ["c" * 64, "b" * 64])] == [("b", "c")]
    assert list(store.kept_edges(0.5, [])) == [] and len(list(store.kept_edges(0.5))) == 3


def test_new_text_in_an_image_makes_it_pending_and_deletes_its_matches(store: Store) -> None:
    add(store, "a", "b", "c")
    compare(store, "a", [kept("a", "b"), kept("a", "c")])
    compare(store, "b", [kept("b", "c")])
    compare(store, "c", [])
    with store.writing():
        store.save_ocr_result("a" * 64, OcrResult(version="1", lines=()))
    assert pending(store) == []
    with store.writing():
        store.save_ocr_result("a" * 64, OcrResult(version="1", lines=(LINE,)))
    assert pending(store) == ["a"]
    assert pairs(store) == [("b", "c")]


def test_another_version_makes_all_pending_and_replaces_the_rows_of_each_compared_asset(store: Store) -> None:
    add(store, "a", "b", "c")
    compare(store, "a", [kept("a", "b"), kept("a", "c")])
    compare(store, "b", [kept("b", "c")])
    compare(store, "a", [kept("a", "c", probability=0.7)], version="2")
    assert [(one.query[0], one.reference[0], one.match.probability) for one in store.kept_matches() if one.match] == [
        ("a", "c", 0.7),
        ("b", "c", 0.9),
    ]


def test_a_change_during_a_comparison_leaves_the_asset_pending(store: Store) -> None:
    add(store, "a", "b")
    begun = store.pending_comparisons({"picture": "1"})
    started = store.last_log_entry()[0]
    with store.writing():
        store.save_ocr_result("a" * 64, OcrResult(version="1", lines=(LINE,)))
    with store.writing():
        for one in begun:
            store.save_comparison(one, "1", started, [kept("a", "b")])
    # The text of a may change the pair, whichever of the two was compared.
    assert pending(store) == ["a"]
    assert pairs(store) == []


@pytest.mark.parametrize("reverse", [False, True])
def test_of_many_partners_the_most_promising_are_kept_in_any_order(
    store: Store, reverse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediafp.types.kept_matches.MAX_PARTNERS", 2)
    names = "abcdef"
    add(store, *names)
    distance = {(a, b): names.index(b) - names.index(a) for a in names for b in names if a < b}
    all_pairs = [kept(*pair, promise=1.25 - steps / 10) for pair, steps in distance.items()]
    for name in reversed(names) if reverse else names:
        compare(store, name, [one for one in all_pairs if name * 64 in one.pair])
    # Pairs of up to two steps are promising. Each asset keeps its two best, and those that rank it among theirs.
    assert pairs(store) == [("a", "b"), ("a", "c"), ("b", "c"), ("c", "d"), ("d", "e"), ("d", "f"), ("e", "f")]
    limits = store.partner_limits([name * 64 for name in names], "picture", "1")
    assert limits["a" * 64] == pytest.approx(1.05)


def test_clusters_keep_their_numbers(store: Store) -> None:
    add(store, "a", "b", "c")
    assert (store.cluster_numbers(), store.last_cluster_number()) == ({}, 0)
    for numbers, last in (({"a" * 64: 1, "b" * 64: 1}, 1), ({"b" * 64: 2, "c" * 64: 2}, 2)):
        with store.writing():
            store.save_cluster_numbers(numbers, last)
        assert (store.cluster_numbers(), store.last_cluster_number()) == (numbers, last)


def test_a_store_with_kept_matches_is_sound(store: Store) -> None:
    add(store, "a", "b", "c")
    compare(store, "a", [kept("a", "b"), kept("a", "c", probability=0)])
    with store.writing():
        store.save_cluster_numbers({"a" * 64: 1, "b" * 64: 1}, 1)
    assert store.check_integrity() == []


def test_pending_comparisons_state_kind_and_channel(store: Store) -> None:
    add(store, "a")
    picture, voice = store.pending_comparisons(VERSIONS)
    assert picture == PendingComparison("a" * 64, "video", "picture", picture.revision)
    assert voice == PendingComparison("a" * 64, "video", "voice", voice.revision)


def test_uncompared_assets_are_counted_once_and_outdated_ones_apart(store: Store) -> None:
    versions = {"picture": "2", "script": "1"}
    add(store, "a", "b", "c")
    assert store.count_uncompared(versions) == (3, 0)
    compare(store, "a", [])
    compare(store, "b", [])
    assert store.count_uncompared(versions) == (3, 2)
    compare(store, "b", [], version="2")
    assert store.count_uncompared(versions) == (2, 1)
    save_transcribed_asset(store, "c" * 64, "c", "track", TRANSCRIPT, 1)
    assert store.count_uncompared(versions) == (2, 1)
    assert len(store.pending_comparisons(versions)) == 3


def test_kept_copies_are_the_edges_of_the_verdict_copy(store: Store) -> None:
    add(store, "a", "b", "c")
    possible = kept("c", "a")
    assert possible.match is not None
    compare(store, "a", [kept("b", "a"), replace(possible, match=replace(possible.match, verdict="possible"))])
    assert [(edge.a[0], edge.b[0]) for edge in store.kept_edges(0.5)] == [("a", "b"), ("a", "c")]
    assert [edge for edge in store.kept_edges(0.5) if edge.b[0] == "b"] == list(store.kept_copies())


def test_new_matches_are_probable_ones_kept_after_a_time_the_surest_pair_first(store: Store) -> None:
    add(store, "a", "b", "c", "d")
    found = [kept("a", "b", probability=0.6), kept("a", "c", probability=0.9), kept("a", "d", probability=0.3)]
    compare(store, "a", found)
    every = store.new_matches("", 10)
    assert every.total == 2
    assert [(a[0], b[0], channel) for a, b, channel in every.surest] == [("a", "c", "picture"), ("a", "b", "picture")]
    assert len(store.new_matches("", 1).surest) == 1
    assert every.last_at is not None and store.new_matches(every.last_at, 10) == (0, None, ())


def lost(query: str, reference: str) -> KeptMatch:
    return replace(kept(query, reference, probability=0), failure=PairFailure("oom", "no memory"))


def test_a_lost_pair_is_listed_until_it_is_compared(store: Store) -> None:
    add(store, "a", "b", "c")
    compare(store, "a", [lost("b", "a"), kept("c", "a")])
    compare(store, "b", [])
    assert pairs(store) == [("c", "a")] and pending(store) == ["c"]
    assert store.lost_pairs() == store.lost_pairs("a" * 64) == store.lost_pairs("b" * 64) == [lost("b", "a")]
    assert store.lost_pairs("c" * 64) == []
    assert store.check_integrity() == []
    started = store.last_log_entry()[0]
    with store.writing():
        store.save_pairs("1", started, [kept("b", "a")])
    assert pairs(store) == [("b", "a"), ("c", "a")] and store.lost_pairs() == []
    with store.writing():
        # Another run has lost it meanwhile.
        store.save_pairs("1", started, [lost("b", "a")])
    assert pairs(store) == [("b", "a"), ("c", "a")] and store.lost_pairs() == []


def test_a_lost_pair_stays_lost_if_an_asset_changes(store: Store) -> None:
    """Else the process of the caller would compare a file that has ended workers."""
    add(store, "a", "b")
    compare(store, "a", [lost("a", "b")])
    compare(store, "b", [lost("a", "b")])
    started = store.last_log_entry()[0]
    with store.writing():
        store.save_ocr_result("b" * 64, OcrResult(version="1", lines=(LINE,)))
    assert store.lost_pairs() == [lost("a", "b")] and pending(store) == ["b"]
    with store.writing():
        # This result is of the older state.
        store.save_pairs("1", started, [kept("a", "b")])
    assert pairs(store) == [] and store.lost_pairs() == [lost("a", "b")]
    # Its partners are others now, and those of another version too.
    compare(store, "b", [])
    compare(store, "b", [], version="2")
    assert store.lost_pairs() == [lost("a", "b")]
    with store.writing():
        store.save_pairs("2", store.last_log_entry()[0], [kept("a", "b")])
    assert pairs(store) == [("a", "b")] and store.lost_pairs() == []


def test_a_pair_that_is_lost_while_an_asset_changes_is_saved(store: Store) -> None:
    add(store, "a", "b")
    begun = store.pending_comparisons({"picture": "1"})[0]
    started = store.last_log_entry()[0]
    with store.writing():
        for name in "ab":
            store.save_ocr_result(name * 64, OcrResult(version="1", lines=(LINE,)))
    with store.writing():
        store.save_comparison(begun, "1", started, [lost("a", "b")])
    assert store.lost_pairs() == [lost("a", "b")] and pending(store) == ["a", "b"]
    with store.writing():
        store.forget_sighting("b" * 64, "/dump/b.mp4")
        store.save_comparison(begun, "1", started, [lost("a", "b")])
    assert store.lost_pairs() == [] and store.suspects() == {"a" * 64}


def test_a_file_that_was_lost_with_one_that_is_lost_or_forgotten_is_a_suspect(store: Store) -> None:
    add(store, "a", "b", "c", "d")
    compare(store, "a", [lost("b", "a"), lost("a", "c"), kept("a", "d")])
    assert store.suspects() == {"a" * 64, "b" * 64, "c" * 64}
    with store.writing():
        store.save_pairs("1", store.last_log_entry()[0], [kept("a", "c")])
    assert store.suspects() == {"a" * 64, "b" * 64}
    with store.writing():
        # Which of the two has ended the workers is unknown.
        store.forget_sighting("a" * 64, "/dump/a.mp4")
    assert store.suspects() == {"b" * 64} and store.lost_pairs() == [] and store.check_integrity() == []
    with store.writing():
        store.forget_sighting("b" * 64, "/dump/b.mp4")
    assert store.suspects() == set() and store.check_integrity() == []
    # Saved by a run that has lost the pair before.
    compare(store, "c", [lost("b", "c")])
    assert store.suspects() == {"c" * 64} and store.lost_pairs() == []


def test_a_lost_pair_stays_lost_among_many_partners(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediafp.types.kept_matches.MAX_PARTNERS", 1)
    monkeypatch.setattr("mediafp.types.kept_matches.MAX_PARTNERS_IN_ANY_CASE", 1)
    add(store, "a", "b", "c", "d")
    unpromising = replace(lost("a", "b"), promise=0.1)
    compare(store, "a", [unpromising, kept("a", "c", promise=0.2), kept("a", "d")])
    compare(store, "b", [kept("b", "d", promise=0.5)])
    compare(store, "c", [kept("c", "d")])
    assert pairs(store) == [("a", "d"), ("b", "d"), ("c", "d")] and store.lost_pairs() == [unpromising]


def test_an_asset_of_which_a_part_was_searched_is_compared_and_listed(store: Store) -> None:
    add(store, "a", "b")
    (one,) = (p for p in store.pending_comparisons({"picture": "1"}) if p.sha256 == "a" * 64)
    with store.writing():
        store.save_comparison(one, "1", store.last_log_entry()[0], [kept("a", "b")], is_partial=True)
    compare(store, "a", [], channel="voice")
    assert pairs(store) == [("a", "b")] and pending(store) == ["b"] and store.is_compared("a" * 64, VERSIONS)
    assert store.partial_comparisons(VERSIONS) == [one] and store.count_partly_compared(VERSIONS) == 1
    assert store.is_partly_compared("a" * 64, VERSIONS) and not store.is_partly_compared("b" * 64, VERSIONS)
    assert store.count_uncompared(VERSIONS).assets == 1
    newer: dict[Channel, str] = {**VERSIONS, "picture": "2"}
    assert "a" * 64 in {p.sha256 for p in store.pending_comparisons(newer)}
    assert store.count_uncompared(newer).outdated == 1 and store.partial_comparisons(newer) == []
    with store.writing():
        store.save_comparison(one, "1", store.last_log_entry()[0], [kept("a", "b")])
    assert store.partial_comparisons(VERSIONS) == [] and not store.is_partly_compared("a" * 64, VERSIONS)
    assert store.check_integrity() == []
