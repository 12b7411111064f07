"""The answer about an asset of the store divides its kept matches as `match` does."""

from pathlib import Path

from linked_stores import linked_store

from mediafp.case import open_case


def test_improbable_kept_matches_of_an_asset_are_near_misses(tmp_path: Path) -> None:
    """They were among the matches, so that the API stated more of them than the command."""
    a, b, c = (name * 64 for name in "abc")
    linked_store(tmp_path / "store", "abc", {"ab": 0.99, "ac": 0.2}).close()
    with open_case(tmp_path / "store") as case:
        answers = case.answers(case.saved_queries())
        answer = answers.find(a)
        assert answer is not None and answer.result is not None
        assert [match.sha256 for match in answer.result.matches] == [a, b]
        assert [match.sha256 for match in answer.result.near_misses] == [c] and answer.result.more_matches == 0
        assert [use.asset.sha256 for use in answers.group(answer).near_misses] == [c]
        assert not answers.group(answer, 0.1).near_misses
