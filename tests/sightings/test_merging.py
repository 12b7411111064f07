"""Statements about one sighting complete each other, and those that disagree are kept apart."""

import pytest

from mediafp.sightings.merging import Statement, join_statements
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues
from mediafp.types.sightings import SightingFields


def join(*sources: list[FieldValues]) -> tuple[tuple[SightingFields, ...], list[str]]:
    warnings = SidecarWarnings()
    statements = [
        Statement(source=f"f{number}: n{number}", name=f"n{number}", sightings=fields)
        for number, fields in enumerate(sources)
    ]
    return join_statements(statements, warnings), warnings.texts()


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ({"account": "A", "views": 1}, {"account": "a", "views": 2, "title": "t"}, {"account": "A", "views": 1, "title": "t"}),
        ({"posted_at": "2020-01-31"}, {"posted_at": "2020-01-31T10:00:00Z"}, {"posted_at": "2020-01-31T10:00:00Z"}),
        ({"posted_at": "2020-01-31T18:00:00"}, {"posted_at": "2020-01-31T10:00:00Z"}, {"posted_at": "2020-01-31T10:00:00Z"}),
        ({"posted_at": "2020-01-31T18:00"}, {"posted_at": "2020-01-31T10:00:58Z"}, {"posted_at": "2020-01-31T10:00:58Z"}),
        (
            {"platform": "instagram", "post_id": "CKzXyZ12345"}, {"platform": "instagram", "post_id": "2500446836911472185"},
            {"platform": "instagram", "post_id": "CKzXyZ12345"},
        ),
        ({"account": "Name"}, {"account": "handle", "account_name": "Name"}, {"account": "handle", "account_name": "Name"}),
        ({"account": "a"}, {"title": "t"}, {"account": "a", "title": "t"}),
        (
            {"platform": "weibo", "post_id": "JabcdEFGH"}, {"platform": "weibo", "post_id": "4567890123456789"},
            {"platform": "weibo", "post_id": "JabcdEFGH"},
        ),
    ],
)  # fmt: skip
def test_statements_that_agree_complete_each_other(one: FieldValues, other: FieldValues, joined: FieldValues) -> None:
    assert join([one], [other]) == ((SightingFields(**joined, source="f0: n0 + f1: n1"),), [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("account", "a", "b"), ("account_id", "1", "2"), ("post_id", "1", "2"), ("platform", "twitter", "weibo"),
        ("posted_at", "2020-01-31", "2020-02-01"), ("posted_at", "2020-01-31T10:00:00Z", "2020-01-31T18:00:00Z"),
        ("posted_at", "2020-01-31T10:07:00", "2020-01-31T18:00:00Z"), ("posted_at", "2020-02-01", "2020-01-31T09:00:00Z"),
    ],
)  # fmt: skip
def test_statements_that_disagree_are_both_kept_with_a_warning(field: str, one: str, other: str) -> None:
    sightings, (warning,) = join([{field: one}], [{field: other}])
    assert [getattr(sighting, field) for sighting in sightings] == [one, other]
    assert warning == f"two sidecars disagree: 'n0' and 'n1' state another {field}; both sightings are kept"


def test_number_and_code_of_two_posts_disagree() -> None:
    one: FieldValues = {"platform": "instagram", "account": "a", "post_id": "CKzXyZ12345"}
    assert len(join([one], [one | {"post_id": "2500446836911472186"}])[0]) == 2


def test_repost_and_original_are_completed_each_by_its_own_statement() -> None:
    repost: FieldValues = {"account": "a", "role": "repost"}
    original: FieldValues = {"account": "b", "role": "original"}
    sightings, warnings = join([{"account": "B", "title": "t"}], [repost, original])
    assert [(one.account, one.role, one.title) for one in sightings] == [("B", "original", "t"), ("a", "repost", None)]
    assert warnings == []


def test_equal_rows_are_one_sighting() -> None:
    assert len(join([{"account": "a"}, {"account": "a"}, {"account": "a", "views": 1}])[0]) == 2
