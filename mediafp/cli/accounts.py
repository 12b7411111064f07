"""The command `accounts`."""

from collections.abc import Sequence

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, progress_bar
from mediafp.report import jsonl
from mediafp.types.accounts import Account
from mediafp.types.counted_nouns import count_of

MAX_SHOWN_SHARERS = 5
"""Accounts with the same media that are named with an account; the JSON lists more. Chosen, not measured."""

MIN_SHOWN_ITERATIONS = 2
"""Accounts of one line among those that are listed from which the line is printed: a file may be that of one account only."""


def accounts(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the accounts, what they share, and which follow one another.

    Files that were not compared yet are compared first.
    """
    with open_selected_case(store) as case, progress_bar() as bar:
        found = case.accounts(comparison_progress(bar, case))
    if as_json:
        for account in found:
            print_json(jsonl.account_to_json(account))
        return
    for account in found:
        _print_account(account)
    print_lines(found)
    print_line()
    print_line(count_of(len(found), "account"))


def print_lines(found: Sequence[Account]) -> None:
    """Print each line of iterations: its accounts with their lifespans, and the gaps between them."""
    lines: dict[str, list[Account]] = {}
    for account in found:
        if account.iteration_of:
            lines.setdefault(account.iteration_of, []).append(account)
    for first, members in lines.items():
        if len(members) < MIN_SHOWN_ITERATIONS:
            continue
        reasons = dict.fromkeys(reason for account in members for reason in account.iteration_because)
        print_line()
        print_line(
            ("same media, later account", "bold"), f": {len(members)} iterations from {first} on ({', '.join(reasons)})"
        )
        for account in sorted(members, key=lambda one: one.iteration or 0):
            if account.gap_days is not None:
                print_line(f"       {describe_gap(account.gap_days)}", style="dim")
            end = f"its last removal {account.removed_at}" if account.removed_at else f"last seen {account.ended_at}"
            print_line(
                f"  {account.iteration:>3}. ", (account.key, "bold"), _names(account), f"  {account.began_at} to {end}"
            )


def describe_gap(days: int) -> str:
    """Return the days between two accounts in words."""
    if days < 0:
        return "begins before the last one ends"
    return f"{count_of(days, 'day')} later"


def _names(account: Account) -> str:
    """Return platform and earlier handles in brackets."""
    earlier = [name.name for name in account.names[:-1]]
    parts = [*filter(None, (account.platform,)), *([f"earlier {', '.join(earlier)}"] if earlier else [])]
    return f" ({'; '.join(parts)})" if parts else ""


def _print_account(account: Account) -> None:
    name = account.account or account.account_name or account.key
    shown = f", id {account.account_id}" if account.account_id else ""
    displayed = account.account_name if account.account_name != name else None
    print_line((name, "bold"), f"{_names(account)}{shown}{f', {displayed}' if displayed else ''}")
    parts = [_count(account.posts, "post", account.first_posted_at, account.last_posted_at)]
    parts += [_count(account.captures, "capture", account.first_captured_at, account.last_captured_at)]
    # Some of its posts were removed: whether the account was is not known.
    last = account.removed_at
    when = f"the last {last}" if last and account.removals > 1 else last
    parts += [_count(account.removals, "removal", when, when)]
    parts += [_count(account.assets, "file", None, None)]
    print_line(f"    {'; '.join(filter(None, parts))}")
    if account.shared_with:
        shared = [f"{other.account} ({other.assets})" for other in account.shared_with[:MAX_SHOWN_SHARERS]]
        if more := len(account.shared_with) + account.more_shared_with - len(shared):
            shared.append(f"{more} more")
        print_line(f"    same media as {', '.join(shared)}")


def _count(number: int, noun: str, first: str | None, last: str | None) -> str:
    """Return a number of things and when they were, "" for none."""
    times = "" if first is None else f", {first}" if first == last else f", {first} to {last}"
    return f"{count_of(number, noun)}{times}" if number else ""
