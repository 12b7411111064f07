"""The demo case: its files are made and ingested, and its matches printed."""

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mediafp.case import Case, open_case
from mediafp.cli.demo.edits import HANDLE, image_steps, video_steps, voice_steps
from mediafp.cli.output import print_line
from mediafp.report.subtitles import to_text
from mediafp.types.errors import UsageError
from mediafp.types.matches import QueryResult, Trace
from mediafp.types.runs import AnalysisOptions, IngestOptions, SpeechOptions
from mediafp.types.timestamps import format_time

if TYPE_CHECKING:
    from rich.progress import Progress

SIGHTINGS: Final = {
    "originals": (("weibo_photo.jpg", HANDLE, "weibo", "2021-05-03T08:12:00Z"),),
    "seen": (
        ("persona_avatar.jpg", "truth_daily_news", "twitter", "2024-02-11T21:40:00Z"),
        ("screenshot.png", "truth_daily_news", "twitter", "2024-02-14T06:05:00Z"),
    ),
}
"""File, account, platform and time of posting, by folder."""
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
    page, trace_page = folder / "evidence.html", folder / "trace.html"
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
            csv.writer(table).writerows((("file", "account", "platform", "posted_at"), *sightings))
    return originals, seen


def _print_result(result: QueryResult) -> None:
    print_line("  ", (_name(result.query), "bold"))
    for match in result.matches:
        colour = "green" if match.verdict == "copy" else "yellow"
        names = ", ".join(_name(uri) for uri in match.uris)
        print_line("    ", (match.verdict, colour), f" {match.probability:.3f} {match.relation:15} {names}")
    if not result.matches:
        print_line("    nothing found")


def _print_trace(trace: Trace) -> None:
    for entry in trace.entries:
        sighting = entry.match.sightings[0]
        source = ", source" if entry is trace.source else ""
        account = sighting.account or ""
        print_line(f"  {entry.first_seen}  {account} on {sighting.platform}: {_name(sighting.uri)}{source}")
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
