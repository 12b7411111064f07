"""Groups split, merged and moved by a person, each act taken back as one, and what waits for a decision."""

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest
from ingest_records import add_records
from linked_stores import image_record, keep, link, linked_store

from mediafp import Case, DecisionConflict, UsageError

LINKS = {
    **{a + b: 0.99 for a, b in combinations("abcd", 2)},
    **{a + b: 0.95 for a, b in combinations("789", 2)},
    "bc": 0.97,
}
"""Two groups, `abcd` and `789`, beside the lone image `5`."""


def no_engine() -> None:
    pytest.fail("a file was analysed")


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with Case(linked_store(tmp_path / "store", "abcd5789", LINKS), no_engine) as opened:  # type: ignore[arg-type]
        yield opened


def groups(case: Case) -> dict[str, str]:
    """Return the members of each cluster by its id, as letters."""
    return {one.id: "".join(own.sha256[0] for own in one.members) for one in case.cluster().clusters}


def sha(names: str) -> list[str]:
    return [name * 64 for name in names]


def test_split_makes_the_chosen_members_a_group_and_its_undoing_the_very_same_groups(case: Case) -> None:
    before = groups(case)
    assert before == {"c1": "abcd", "c2": "789"}
    made = case.split_group("c1", sha("bd"), note="other caption")
    assert sorted(groups(case).values()) == ["789", "ac", "bd"] and groups(case)["c1"] == "ac"
    assert len({one.act for one in made}) == 1 and len(made) == 3
    # As many decisions as members, less one.
    case.undo_act(made[0].act)
    assert case.decisions() == []
    assert groups(case) == before
    assert case.verify().problems and not any("decision" in problem for problem in case.verify().problems)


def test_lone_member_is_taken_out(case: Case) -> None:
    groups(case)
    case.split_group("c2", sha("7"))
    assert groups(case) == {"c1": "abcd", "c2": "89"}


def test_merge_joins_two_groups_and_those_that_were_split(case: Case) -> None:
    before = groups(case)
    act = case.merge_groups("c1", "c2")[0].act
    assert groups(case) == {"c1": "789abcd"}
    case.undo_act(act)
    assert groups(case) == before
    case.split_group("c1", sha("bd"))
    first, second = (name for name, members in groups(case).items() if len(members) == 2)
    case.merge_groups(first, second)
    assert groups(case) == before


def test_member_is_moved_between_groups_and_a_lone_file_into_one(case: Case) -> None:
    before = groups(case)
    moved = case.move_member("a" * 64, "c2")
    assert groups(case) == {"c1": "bcd", "c2": "789a"}
    added = case.move_member("/dump/5.jpg", "c1")
    assert groups(case) == {"c1": "5bcd", "c2": "789a"}
    for act in (added, moved):
        case.undo_act(act[0].act)
    assert groups(case) == before


def test_later_files_join_the_part_that_they_resemble_most(case: Case) -> None:
    groups(case)
    case.split_group("c1", sha("bd"))
    store = case._store
    add_records(store, image_record("e"))
    keep(store, link("e", "b", 0.99), link("e", "d", 0.99), link("e", "a", 0.9), link("e", "c", 0.9))
    assert sorted(groups(case).values()) == ["789", "ac", "bde"]


def test_rejected_group_or_match_parts_two_files_by_the_least_probable_edges(case: Case) -> None:
    groups(case)
    for subject in ("group", "match"):
        case.decide("reject", *sha("bc"), subject=subject)  # type: ignore[arg-type]
        parts = sorted(members for members in groups(case).values() if members != "789")
        assert not any({"b", "c"} <= set(members) for members in parts) and len(parts) <= 2
        case.undo_decision(*sha("bc"), subject)  # type: ignore[arg-type]
    assert groups(case) == {"c1": "abcd", "c2": "789"}


def test_later_decision_on_a_pair_counts_for_its_group(case: Case) -> None:
    groups(case)
    case.decide("reject", *sha("bc"))
    case.decide("confirm", *sha("bc"), subject="group")
    assert groups(case)["c1"] == "abcd"
    case.decide("reject", *sha("bc"))
    assert "abcd" not in groups(case).values()


def test_acts_name_what_is_wrong_and_leave_other_persons_decisions(case: Case) -> None:
    groups(case)
    wrong: list[Callable[[], object]] = [
        lambda: case.split_group("c9", sha("a")),
        lambda: case.split_group("c1", sha("abcd")),
        lambda: case.split_group("c1", []),
        lambda: case.split_group("c1", sha("7")),
        lambda: case.merge_groups("c1", "c1"),
        lambda: case.move_member("a" * 64, "c1"),
        lambda: case.undo_act("no act"),
        lambda: case.undo_act(""),
    ]
    for act in wrong:
        with pytest.raises(UsageError, match=r"^cannot "):
            act()
    case.decide("reject", *sha("7a"), subject="group", decided_by="Zoe")
    with pytest.raises(DecisionConflict, match="Zoe") as raised:
        case.merge_groups("c1", "c2")
    assert raised.value.standing and raised.value.standing.decided_by == "Zoe"
    case.merge_groups("c1", "c2", replace_others=True)
    assert groups(case) == {"c1": "789abcd"}


def test_act_whose_decision_was_replaced_is_not_undone_over_it(case: Case) -> None:
    groups(case)
    made = case.merge_groups("c1", "c2")
    case.decide("unsure", made[0].a, made[0].b, subject="group")
    with pytest.raises(DecisionConflict, match="left open"):
        case.undo_act(made[0].act)
    case.undo_decision(made[0].a, made[0].b, "group")
    case.undo_act(made[0].act)
    assert groups(case) == {"c1": "abcd", "c2": "789"}


def test_weakest_link_is_the_pair_without_which_the_group_falls_apart(tmp_path: Path) -> None:
    with Case(linked_store(tmp_path / "s", "abc", {"ab": 0.9, "bc": 0.85, "ac": 0.8}), no_engine) as case:  # type: ignore[arg-type]
        (cluster,) = case.cluster().clusters
        assert (cluster.weakest_link, cluster.weakest_pair) == (0.85, ("b" * 64, "c" * 64))
        case.decide("confirm", *sha("bc"), subject="group")
        (cluster,) = case.cluster().clusters
        assert (cluster.weakest_link, cluster.weakest_pair) == (0.9, ("a" * 64, "b" * 64))


def test_queue_has_doubts_and_weak_links_until_they_are_decided(tmp_path: Path) -> None:
    links = {"ab": 0.99, "bc": 0.88, "78": 0.97, "c7": 0.52, "56": 0.7}
    with Case(linked_store(tmp_path / "s", "abc5678", links), no_engine) as case:  # type: ignore[arg-type]
        clustering = case.cluster()
        queue = case.review_queue(clustering=clustering)
        first, *_ = queue.items
        assert (first.subject, first.a, first.b) == ("match", "7" * 64, "c" * 64)
        assert first.match and first.match.probability == 0.52 and any("may join" in why for why in first.why)
        assert {(one.subject, one.a[0] + one.b[0]) for one in queue.items} == {
            ("match", "7c"), ("match", "56"), ("match", "bc"),
        }  # fmt: skip
        # The weak link of `abc` is a doubtful match too: one question.
        assert next(one for one in queue.items if one.a[0] == "b").cluster == "c1"
        assert (queue.matches, queue.groups) == (3, 0)
        assert case.review_queue(clustering=clustering, subject="group").items == ()
        for item in queue.items:
            case.decide("unsure", item.a, item.b)
        assert case.review_queue(clustering=clustering).items == ()
        assert len(case.review_queue(0).items) == 0
        with pytest.raises(UsageError):
            case.review_queue(-1)
