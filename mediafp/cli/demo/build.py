"""The demo case: its files are made and ingested, and its matches printed."""

import csv
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mediafp.case import Case, open_case
from mediafp.cli.accounts import print_lines
from mediafp.cli.demo.edits import AVATARS, WEIBO_NAME, image_steps, video_steps, voice_steps
from mediafp.cli.output import print_line
from mediafp.report.account_lanes import draw_account_lanes
from mediafp.report.subtitles import to_text
from mediafp.types.errors import UsageError
from mediafp.types.matches import QueryResult, Trace, format_probability
from mediafp.types.runs import AnalysisOptions, IngestOptions, SpeechOptions
from mediafp.types.timestamps import format_time

if TYPE_CHECKING:
    from rich.progress import Progress

COLUMNS: Final = ("file", "platform", "account", "account_id", "posted_at", "removed_at", "title")
"""Columns of the tables of sightings."""
SIGHTINGS: Final = {
    "originals": ((WEIBO_NAME, "weibo", "", "", "2021-05-03T08:12:00Z", "", ""),),
    "seen": (
        (
            AVATARS[0],
            "twitter",
            "truth_daily_news",
            "1000000001",
            "2024-02-11T21:40:00Z",
            "2024-02-19",
            "profile picture",
        ),
        ("screenshot.png", "twitter", "truth_daily_news", "1000000001", "2024-02-14T06:05:00Z", "", ""),
        (
            AVATARS[1],
            "twitter",
            "daily_truth_voice",
            "1000000002",
            "2024-03-02T09:15:00Z",
            "2024-03-10",
            "profile picture",
        ),
        ("red_headline.jpg", "twitter", "daily_truth_voice", "1000000002", "2024-03-05T17:30:00Z", "2024-03-10", ""),
        (AVATARS[2], "twitter", "harbour_truth", "1000000003", "2024-04-15T11:00:00Z", "", "profile picture"),
        ("mirrored_crop.jpg", "twitter", "harbour_voice", "1000000003", "2024-05-01T20:45:00Z", "", ""),
    ),
}
"""Rows of the tables by folder: a persona with three accounts, the last of which is renamed. Of the original only the name of
its file states who uploaded it."""
MARKER_FILE: Final = "made-by-mediafp-demo.txt"
"""File that marks a folder as a demo case, whose content `demo` may delete."""
TRANSCRIBED: Final = ("narrated", "voice_over")
"""Stems of the videos with speech."""


def run_demo(folder: Path, bar: "Progress", *, sandboxed: bool = True) -> None:
    """Make the demo case in a folder, and print its matches and the paths of its pages.

    Raises:
        UsageError: The folder contains other files, or a package that the demo needs is missing.
    """
    originals, seen = _make_files(folder, bar)
    files = [path for place in (originals, seen) for path in sorted(place.iterdir()) if path.suffix != ".csv"]
    queries = [path for path in files if path.parent == seen]
    page, trace_page, drawing = folder / "evidence.html", folder / "trace.html", folder / "timeline.svg"
    with open_case(folder / "store", create=True, sandboxed=sandboxed) as case:
        task = bar.add_task("ingesting", total=len(files))
        failed = 0
        for outcome in case.ingest([originals, seen], IngestOptions(analysis=AnalysisOptions(speech=SpeechOptions()))):
            failed += outcome.status == "failed"
            bar.advance(task)
        task = bar.add_task("searching", total=len(queries))
        _print_heading("Where was each file seen before?")
        for result in case.match(queries):
            bar.advance(task)
            _print_result(result)
        _print_heading("Whose photograph was it?")
        for trace in case.trace([seen / "persona_avatar.jpg"], report_path=trace_page):
            _print_trace(trace)
        _print_heading("Which accounts came again?")
        print_lines(case.accounts())
        drawing.write_text(draw_account_lanes(case.timeline()), encoding="utf-8")
        case.report(page, clips=False)
        clustering = case.cluster()
        _print_heading("Clusters of near-duplicates")
        for cluster in clustering.clusters:
            print_line(f"  {cluster.id}: " + ", ".join(_name(member.uris[0]) for member in cluster.members))
        _print_heading("Transcripts")
        _print_transcripts(case, folder)
    print_line()
    print_line(f"{len(files)} files ingested, {failed} failed; store: {folder / 'store'}")
    print_line("evidence page: ", (str(page.resolve()), "bold"))
    print_line("trace of the persona's avatar: ", (str(trace_page.resolve()), "bold"))
    print_line("time line of the accounts: ", (str(drawing.resolve()), "bold"))
    program = Path(sys.executable).with_name("mediafp")
    command = shlex.join([os.path.relpath(program), "--store", str(folder / "store"), "serve", "--open"])
    print_line("to work with the case in the browser: ", (command, "bold"))


def _print_heading(heading: str) -> None:
    print_line()
    print_line((heading, "bold"))


def _make_files(folder: Path, bar: "Progress") -> tuple[Path, Path]:
    """Write the files of the demo, and return the folders of the originals and of the edits."""
    originals, seen = folder / "originals", folder / "seen"
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / MARKER_FILE).is_file():
            raise UsageError(f"cannot make the demo in '{folder}': it contains other files; name a new folder")
        for name in ("originals", "seen", "store"):
            shutil.rmtree(folder / name, ignore_errors=True)
        originals.mkdir(parents=True)
        (folder / MARKER_FILE).write_text(
            "Made by mediafp demo, which deletes originals/, seen/ and store/ when it runs again.\n"
        )
        seen.mkdir()
    except OSError as error:
        raise UsageError(f"cannot make the demo in '{folder}': {error.strerror}; name a new folder") from error
    steps = [*image_steps(originals, seen), *video_steps(originals, seen), *voice_steps(folder, originals, seen)]
    task = bar.add_task("making files", total=len(steps))
    for step in steps:
        step()
        bar.advance(task)
    for name, sightings in SIGHTINGS.items():
        with (folder / name / "sightings.csv").open("w", encoding="utf-8", newline="") as table:
            csv.writer(table).writerows((COLUMNS, *sightings))
    return originals, seen


def _print_result(result: QueryResult) -> None:
    print_line("  ", (_name(result.query), "bold"))
    for match in result.matches:
        colour = "green" if match.verdict == "copy" else "yellow"
        names = ", ".join(_name(uri) for uri in match.uris)
        print_line(
            "    ", (match.verdict, colour), f" {format_probability(match.probability)} {match.relation:15} {names}"
        )
    if not result.matches:
        print_line("    nothing found")


def _print_trace(trace: Trace) -> None:
    for entry in trace.entries:
        sighting = entry.match.sightings[0]
        source = ", source" if entry is trace.source else ""
        account = sighting.account_label or "unknown account"
        print_line(f"  {entry.first_seen}  {account} on {sighting.platform}: {_name(sighting.uri)}{source}")
        for clue in entry.match.clues:
            if clue.kind in ("weibo_uid", "account_url"):
                print_line(f"    its {clue.source} states: ", (f"{clue.kind.replace('_', ' ')} {clue.value}", "bold"))
        placement = entry.match.placement
        if placement and placement.handles:
            print_line("    cropped off since: ", (", ".join(placement.handles), "bold red"))


def _print_transcripts(case: Case, folder: Path) -> None:
    videos = [path for path in sorted(folder.glob("*/*.mp4")) if path.stem in TRANSCRIBED]
    for result in case.transcribe(videos):
        print_line("  ", (result.path.name, "bold"))
        for line in to_text(result.transcript).split("\n") if result.transcript else []:
            print_line(f"    {line}")
        for hint in result.hints:
            print_line("    ", ("hint", "cyan"), f" {format_time(hint.start)}: {hint.heard!r}: {hint.name}")
    print_line("  search for ", ("newspapers", "bold"), ":")
    for hit in case.search("newspapers"):
        print_line(f"    {_name(hit.uris[0])} {format_time(hit.start)}  {hit.text}")


def _name(uri: str) -> str:
    return Path(uri).name
