"""The contract of the decisions in a store: what stands, what was replaced, and which kept matches are left out."""

import json
from dataclasses import replace

import pytest
from ingest_records import add_records
from linked_stores import image_record, keep, link

from mediafp.store import Store
from mediafp.types.decisions import DecidedMatch, Decision
from mediafp.types.recalibration import Recalibration

A, B, C = (name * 64 for name in "abc")
REJECTED = Decision(
    subject="match",
    a=A,
    b=B,
    decision="reject",
    note="另一场景 \u202e",
    decided_by="an analyst",
    decided_at="2026-01-01T00:00:00.000001Z",
    evidence=(DecidedMatch(relation="copy", verdict="possible", probability=0.6),),
)
CONFIRMED = replace(REJECTED, decision="confirm", decided_at="2026-01-02T00:00:00.000001Z", before=REJECTED)


def save(store: Store, *decisions: Decision) -> None:
    for decision in decisions:
        with store.writing():
            store.save_decision(decision)


@pytest.fixture
def linked(store: Store) -> Store:
    """A store of three images that all match."""
    add_records(store, *map(image_record, "abc"))
    keep(store, link("a", "b"), link("c", "a", 0.6), link("b", "c", 0.2))
    return store


def read_pairs(store: Store) -> list[set[tuple[str, str]]]:
    """Return the pairs that each way of reading kept matches gives."""
    return [
        {one.pair for one in store.kept_matches()},
        {one.pair for name in (A, B) for one in store.kept_matches(name)},
        {(edge.a, edge.b) for edge in store.kept_edges(0.1)},
        {(edge.a, edge.b) for edge in store.kept_edges(0.1, [A, B, C])},
    ]


def test_decision_is_read_as_it_was_saved(store: Store) -> None:
    save(store, CONFIRMED)
    assert store.find_decision("match", A, B) == CONFIRMED
    assert store.decisions() == store.decisions("match") == [CONFIRMED]
    assert store.decisions("group") == [] and store.find_decision("group", A, B) is None
    assert store.match_decisions() == store.match_decisions(A) == store.match_decisions(B) == {(A, B): CONFIRMED}
    assert store.match_decisions(C) == {}


def test_one_decision_stands_on_a_subject_and_pair(store: Store) -> None:
    group = replace(REJECTED, subject="group", act="split c1")
    save(store, REJECTED, group, CONFIRMED)
    assert store.decisions() == [group, CONFIRMED]
    assert store.decisions(act="split c1") == [group]


def test_what_was_taken_back_gives_way_to_what_it_replaced(store: Store) -> None:
    save(store, REJECTED, CONFIRMED)
    for standing, left in ((CONFIRMED, REJECTED), (REJECTED, None)):
        with store.writing():
            store.take_back_decision(standing, "another")
        assert store.find_decision("match", A, B) == left
    events = [(event.what, event.decision, event.by) for event in store.decision_history()]
    assert events == [
        ("decided", REJECTED, "an analyst"),
        ("decided", CONFIRMED, "an analyst"),
        ("undecided", CONFIRMED, "another"),
        ("decided", REJECTED, "another"),
        ("undecided", REJECTED, "another"),
    ]
    assert not [problem for problem in store.check_integrity() if "decision" in problem or "log" in problem]


def test_rejected_match_is_in_nothing_that_is_read(linked: Store) -> None:
    before = read_pairs(linked)
    assert all((A, B) in pairs for pairs in before)
    counted = sum(linked.kept_queries(0.1).values())
    save(linked, REJECTED)
    assert read_pairs(linked) == [pairs - {(A, B)} for pairs in before]
    assert sum(linked.kept_queries(0.1).values()) == counted - 1
    assert linked.new_matches("", 9).surest == ((A, C, "picture"),)
    assert list(linked.kept_copies()) == [] and linked.kept_pair(A, B) == []
    # What it was is still known to those who fit probabilities.
    assert [one.probability for one in linked.kept_verdicts(A, B)] == [0.95]
    with linked.writing():
        linked.take_back_decision(REJECTED, "x")
    assert read_pairs(linked) == before


def test_other_decided_matches_state_the_decision(linked: Store) -> None:
    unsure = replace(REJECTED, decision="unsure")
    save(linked, unsure)
    stated = {one.pair: one.match.decision for one in linked.kept_matches() if one.match}
    assert stated == {(A, B): unsure, (A, C): None, (B, C): None}
    assert [one.match and one.match.decision for one in linked.kept_pair(A, B)] == [unsure]


def test_decision_holds_when_the_files_are_forgotten_and_come_again(linked: Store) -> None:
    save(linked, REJECTED)
    with linked.writing():
        linked.forget_sighting(A, "/dump/a.jpg")
        linked.forget_sighting(B, "/dump/b.jpg")
    assert linked.find_decision("match", A, B) == REJECTED
    add_records(linked, image_record("a"), image_record("b"))
    keep(linked, link("b", "a"))
    assert [one.pair for one in linked.kept_matches()] == []
    assert linked.kept_verdicts(A, B)


def test_doubtful_matches_are_those_that_no_person_has_decided_on(linked: Store) -> None:
    assert [(one.a, one.b, one.probability) for one in linked.doubtful_matches(9)] == [(A, C, 0.6), (B, C, 0.2)]
    assert linked.count_doubtful() == 2 and len(linked.doubtful_matches(1)) == 1
    save(linked, replace(REJECTED, b=C, decision="unsure"))
    assert [(one.a, one.b) for one in linked.doubtful_matches(9)] == [(B, C)]
    assert linked.count_doubtful() == 1


def test_doubtful_match_states_cut_names_and_other_certainty(store: Store) -> None:
    add_records(store, *map(image_record, "ab"))
    named = link("a", "b", 0.6)
    assert named.match and named.match.placement
    placement = replace(named.match.placement, handles=("@x",))
    keep(store, replace(named, match=replace(named.match, placement=placement)))
    (one,) = store.doubtful_matches(9)
    assert one.has_handles and not one.is_sure_otherwise


def test_maps_of_probabilities_replace_those_before(store: Store) -> None:
    first = Recalibration(family="images", slope=0.5, intercept=-1, decisions=200, fitted_at="t", version="1")
    with store.writing():
        store.save_recalibrations([first, replace(first, family="sounds")], {"images": {"before": 1}})
    with store.writing():
        store.save_recalibrations([replace(first, slope=2.0)], {})
    assert store.recalibrations() == [replace(first, slope=2.0)]
    (entry, _) = store.iter_log("recalibrated")
    assert json.loads(json.dumps(entry.details)) == {
        "families": ["images", "sounds"],
        "errors": {"images": {"before": 1}},
    }
