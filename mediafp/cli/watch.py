"""The commands `watch add`, `watch list`, `watch check`, `watch resume` and `watch remove`."""

from typing import Annotated

import typer

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import (
    JsonOption,
    StoreOption,
    TranscribeMode,
    UnsafeOption,
    open_selected_case,
    speech_options,
)
from mediafp.cli.output import print_json, print_line, print_message, print_warning, progress_bar
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.matches import format_probability
from mediafp.types.runs import AnalysisOptions, IngestOptions
from mediafp.types.watches import AddedWatch, CheckedWatches, Watch, WatchHit, WatchKind, WatchSummary

watch_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Watch for a file, words, an account or a list of hashes in later files.",
)
MAX_OLDER_LINES = 10
"""Files of the store that `watch add` lists; the others are counted. Chosen, not measured."""

NameArgument = Annotated[str, typer.Argument(help="Name of the watch.", show_default=False)]


@watch_app.command("add")
def add_watch(
    value: Annotated[
        str,
        typer.Argument(
            metavar="PATH|TEXT|ACCOUNT|HASHES",
            help="A file, a SHA-256, words, @handle, platform:handle, a URL, or a list.",
            show_default=False,
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the watch.", show_default=False)] = None,
    kind: Annotated[
        WatchKind | None, typer.Option(help="What it is, if its form leads to another kind.", show_default=False)
    ] = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch for a file, words, an account or a list of hashes from now on.

    A file that the store does not contain is ingested. Words are found as by search, and in titles and posts.
    """
    with open_selected_case(store, create=True, unsafe=unsafe) as case:
        speech = speech_options(TranscribeMode.AUTO, DEFAULT_MODEL, None)
        options = IngestOptions(analysis=AnalysisOptions(speech=speech))
        added = case.add_watch(value, name, kind, options)
    if as_json:
        print_json(jsonl.added_watch_to_json(added))
    else:
        _print_added(added)


@watch_app.command("list")
def list_watches(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the watches with the number of their hits."""
    with open_selected_case(store) as case:
        summaries = case.watches()
    if not summaries and not as_json:
        print_line("nothing is watched")
    for summary in summaries:
        if as_json:
            print_json(jsonl.watch_summary_to_json(summary))
        else:
            _print_summary(summary)


@watch_app.command("check")
def check_watches(
    show_all: Annotated[bool, typer.Option("--all", help="Print the hits that were printed before too.")] = False,
    command: Annotated[
        str | None,
        typer.Option(help="Run this once with the hits as JSON Lines on its input; no shell.", show_default=False),
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(help="POST the hits to this http address of this machine.", show_default=False)
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the files that came since the last check and hit a watch.

    Exit status: 0 for hits, 1 for none. Without --command and --webhook nothing is sent anywhere.
    """
    from mediafp.case import open_deliveries

    deliver = open_deliveries(command, webhook)
    with open_selected_case(store) as case:
        with progress_bar() as bar:
            print_quarantined(case.check_watches(comparison_progress(bar)).quarantined)
        new = case.watch_hits(only_new=True)
        hits = case.watch_hits() if show_all else new
        for hit in hits:
            if as_json:
                print_json(jsonl.watch_hit_to_json(hit))
            else:
                _print_hit(hit)
        problems = deliver(new) if new else []
        for problem in problems:
            print_warning(f"{problem}; the next check tries again")
        if not problems:
            case.mark_hits_seen(new)
    if not any(hit.is_news for hit in hits):
        if not as_json:
            print_line("no new hits")
        raise typer.Exit(ExitStatus.NOTHING_FOUND)


@watch_app.command("resume")
def resume_watch(name: NameArgument, store: StoreOption = None) -> None:
    """Take a watch out of quarantine; what came meanwhile is no news."""
    with open_selected_case(store) as case:
        case.resume_watch(name)
    print_line(("watching again", "green"), f" {name}")


@watch_app.command("remove")
def remove_watch(name: NameArgument, store: StoreOption = None) -> None:
    """Remove a watch and its hits; a watched file stays in the store."""
    with open_selected_case(store) as case:
        case.remove_watch(name)
    print_line(("removed", "yellow"), f" {name}")


def _print_added(added: AddedWatch) -> None:
    watch = added.watch
    print_line(("watching", "green"), f" {watch.name} ({_describe(watch)})")
    if added.is_ingested:
        print_line("  the file was not in the store, and was ingested", style="dim")
    if watch.quarantine:
        print_quarantined((watch,))
    files = len({hit.uri for hit in added.older_hits})
    print_line(f"  already in the case: {count_of(files, 'file')}", style="dim")
    for hit in added.older_hits[:MAX_OLDER_LINES]:
        print_line(f"  {hit.uri}  {_reason(hit)}", style="dim")
    if len(added.older_hits) > MAX_OLDER_LINES:
        print_line(f"  and {len(added.older_hits) - MAX_OLDER_LINES} more", style="dim")


def _print_summary(summary: WatchSummary) -> None:
    watch = summary.watch
    counts = f"{count_of(summary.hits, 'hit')}, {summary.new_hits} new, {summary.older_hits} older"
    print_line((watch.name, "bold"), f"  {_describe(watch)}  {counts}")
    for problem in filter(None, (summary.problem, watch.quarantine and f"in quarantine: {watch.quarantine}")):
        print_line(f"  {problem}", style="yellow")


def _print_hit(hit: WatchHit) -> None:
    print_line((hit.watch, "bold"), f"  {hit.uri}  {_reason(hit)}", "" if hit.is_news else " (no news)")


def _reason(hit: WatchHit) -> str:
    """Return the first reason of a hit, with the verdict if there is one."""
    verdict = (
        f"{hit.verdict} {format_probability(hit.probability, 2)}: "
        if hit.verdict and hit.probability is not None
        else ""
    )
    return verdict + (hit.why.partition("; ")[0] if hit.verdict else hit.why)


def _describe(watch: Watch) -> str:
    return f"{watch.kind} {watch.value}"


def print_watched(checked: CheckedWatches) -> None:
    """Print new hits to standard error, as they are found while files are ingested."""
    for hit in checked.hits:
        print_message(("watch", "magenta"), f" {hit.watch}: {hit.uri}: {_reason(hit)}")
    print_quarantined(checked.quarantined)


def print_quarantined(watches: tuple[Watch, ...]) -> None:
    """Print which watches are in quarantine now, and why."""
    for watch in watches:
        print_warning(f"quarantined the watch {watch.name!r}: {watch.quarantine}; to go on: mediafp watch resume NAME")
