"""The line of an account states what its sightings do."""

from dataclasses import replace

import pytest

from mediafp.accounts.summaries import summarise_accounts
from mediafp.cli.accounts import _print_account, print_lines
from mediafp.types.sightings import Sighting


@pytest.mark.parametrize(
    ("removed", "stated"),
    [
        ((None, "2021-05-05"), "2 posts, 2020-01-01 to 2020-01-02; 1 removal, 2021-05-05; 2 files"),
        (
            ("2021-05-05", "2021-05-06"),
            "2 posts, 2020-01-01 to 2020-01-02; 2 removals, the last 2021-05-06; 2 files",
        ),
        ((None, None), "2 posts, 2020-01-01 to 2020-01-02; 2 files"),
    ],
)
def test_removal_of_a_post_is_not_stated_of_the_account(
    capsys: pytest.CaptureFixture[str], removed: tuple[str | None, ...], stated: str
) -> None:
    posts = [
        Sighting(sha256=str(day), uri=f"/{day}", account="a", posted_at=f"2020-01-0{day}", removed_at=at)
        for day, at in enumerate(removed, 1)
    ]
    (account,) = summarise_accounts(posts, {}).accounts.values()
    _print_account(account)
    assert capsys.readouterr().out.splitlines()[1].strip() == stated


def test_line_of_accounts_states_their_last_removals(capsys: pytest.CaptureFixture[str]) -> None:
    posts = [
        Sighting(sha256=name, uri=f"/{name}", account=name, posted_at=f"{year}-01-01", removed_at=removed)
        for name, year, removed in (("a", 2020, "2020-05-05"), ("b", 2021, None))
    ]
    found = summarise_accounts(posts, {}).accounts.values()
    print_lines([replace(one, iteration=number, iteration_of="a") for number, one in enumerate(found, 1)])
    first, second = capsys.readouterr().out.splitlines()[2:]
    assert first.endswith("2020-01-01 to its last removal 2020-05-05")
    assert second.endswith("2021-01-01 to last seen 2021-01-01")
