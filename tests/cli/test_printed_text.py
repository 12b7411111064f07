"""No text of a file is parsed as markup or controls the terminal, whatever command prints it.

Each command runs on a case whose results hold one hostile text in every field.
"""

import ast
import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hostile_text import hidden_characters, hostile_texts, with_text
from hypothesis import HealthCheck, given, settings
from ingest_records import failed_entry
from rich.console import Console
from sample_matches import sample_match, sample_placement
from typer.testing import CliRunner

import mediafp.cli
from mediafp.case.environment import EnvironmentCheck
from mediafp.case.models import ModelState
from mediafp.case.originals import OriginalCheck
from mediafp.cli import app as program
from mediafp.cli import output
from mediafp.cli.app import app
from mediafp.cli.demo import build
from mediafp.cli.match import print_clues
from mediafp.report.escaping import escape_unprintable
from mediafp.types.accounts import Account, AccountName, SharedMedia
from mediafp.types.clusters import Cluster, Clustering, ClusterMember
from mediafp.types.coshares import Coshare, CoshareGroup, Cosharing, SharedPost
from mediafp.types.errors import MediafpError, UsageError
from mediafp.types.forgetting import Forgotten
from mediafp.types.kept_matches import MatchRecord, UncomparedAssets
from mediafp.types.matches import Clip, QueryResult, Segment, TextLine, Trace, TraceEntry
from mediafp.types.media import Asset
from mediafp.types.runs import AssetRecord, FileOutcome, IntegrityReport
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.timelines import Timeline, TimelineEvent
from mediafp.types.transcripts import FileTranscription, SearchHit, SpeechHint, Transcript, TranscriptSegment
from mediafp.types.video_text import VideoTextLine
from mediafp.types.watches import AddedWatch, CheckedWatches, Watch, WatchHit, WatchSummary

LINE = TextLine(text="t", box=((0.0, 0.0),) * 4, confidence=1.0)
MATCH = sample_match(
    placement=sample_placement(removed_text=(LINE,), handles=("@a",)),
    segments=(
        Segment(channel="picture", query=(0.0, 1.0), reference=(0.0, 1.0), speed=1.0, mirrored=False, score=1.0),
    ),
    why=("reason",),
)
RESULT = QueryResult(
    query="q", sha256="a", kind="image", error=None, matches=(MATCH,), near_misses=(MATCH,), text=(LINE,)
)
FAILED = QueryResult(query="q", sha256=None, kind=None, error="e")
SIGHTING = Sighting(
    sha256="a", uri="u", account="a", platform="p", url="u", title="t", text="t", posted_at="d", source="s"
)
ENTRY = TraceEntry(match=replace(MATCH, sightings=(SIGHTING,)), first_seen="d", extent=1.2)
SEGMENT = TranscriptSegment(start=0, end=1, language="l", language_probability=0.5, text="t", flags=("f",))
TRANSCRIPT = Transcript(
    model="m", version="v", duration=1, speech_seconds=1, untranscribed_seconds=1, segments=(SEGMENT,), warnings=("w",)
)
HINT = SpeechHint(name="n", start=0, end=1, heard="h", reason="r", source="s")
TRANSCRIBED = FileTranscription(
    path=Path("p"), sha256="a", error=None, transcript=TRANSCRIPT, seconds=1, warnings=("w",), hints=(HINT,)
)
UNDECODED = FileTranscription(path=Path("p"), sha256=None, error="e", transcript=None, seconds=1)
ADDED = FileOutcome(path="p", sha256="a", status="added", warnings=("w",), watches=("w",))
UNREAD = FileOutcome(path="p", sha256=None, status="failed", kind="k", message="m")
CLUSTER = Cluster(
    id="c",
    kind="image",
    representative="a",
    weakest_link=0.9,
    members=(ClusterMember(sha256="a", uris=("u",)),),
    edges=(),
    was=("w",),
)
SCREEN_LINE = VideoTextLine(text="t", start=0, end=1, box=LINE.box, confidence=1)
RECORD = AssetRecord(
    asset=Asset(sha256="a", kind="image", bytes=1, properties={"format": "f"}),
    sightings=(SIGHTING,),
    clues=(),
    fingerprints=(("t", "v"),),
    warnings=("w",),
    transcript=TRANSCRIPT,
    text=(LINE,),
    video_text=(SCREEN_LINE,),
)
MATCH_RECORD = MatchRecord(
    a="a", b="b", query="a", channel="picture", match=MATCH, a_sightings=(SIGHTING,), b_sightings=(SIGHTING,)
)

ACCOUNT = Account(
    key="k", platform="p", account="a", account_id="i", account_name="n",
    names=(AccountName(name="n", first_at="d", last_at="d"), AccountName(name="a", first_at="d", last_at="d")),
    first_posted_at="d", last_posted_at="d", first_captured_at="d", last_captured_at="d", removed_at="d",
    posts=1, captures=1, removals=1, assets=1, shared_with=(SharedMedia(account="b", assets=1),),
    iteration=1, iteration_of="k", iteration_because=("r",), gap_days=1,
)  # fmt: skip
EVENT = TimelineEvent(
    at="d", event="posted", account="a", account_key="k", platform="p", sha256="a", uri="u", url="l", post_id="i",
    role="repost", iteration=1, gap_days=31,
)  # fmt: skip
COSHARING = Cosharing(
    window=60, pairs=(Coshare(a="a", b="b", shared=2, median_gap=1, expected=0, p_value=0, q_value=0, group=1),),
    groups=(CoshareGroup(number=1, accounts=("a", "b"), items=2, median_gap=1),),
    posts=(
        SharedPost(
            object_id="o", account_id="a", account_id_y="b", content_id="c", content_id_y="d",
            timestamp_share=1, timestamp_share_y=2, time_delta=1,
        ),
    ),
    accounts=2, inexact=0, popular=0,
)  # fmt: skip
WATCH = Watch(name="n", kind="text", value="v", added_at="d", counted_from="d", checked=1, quarantine="q")
HIT = WatchHit(
    watch="n",
    sha256="a",
    uri="u",
    why="w",
    relation="copy",
    verdict="copy",
    probability=0.9,
    found_at="d",
    reported_at="d",
)


class HostileCase:
    """A case whose results hold one text in every field."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __enter__(self) -> "HostileCase":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _fill(self, *values: Any) -> Iterator[Any]:
        """Yield results with the text in every field, but for the statuses, by which the program decides."""
        for value in values:
            filled = with_text(value, self.text)
            kept = {name: getattr(value, name) for name in ("status", "state") if hasattr(value, name)}
            for name, original in kept.items():
                object.__setattr__(filled, name, original)
            yield filled

    def count_files(self, *_: object) -> int:
        return 1

    def count_assets(self) -> int:
        return 1

    def count_uncompared(self) -> UncomparedAssets:
        return UncomparedAssets(1, 1)

    def lost_pairs(self, exclude: object = ()) -> list[Any]:
        return []

    def has_transcripts(self) -> bool:
        return False

    def match(self, *_: object, **__: object) -> Iterator[Any]:
        return self._fill(RESULT, FAILED)

    def trace(self, *_: object, **__: object) -> Iterator[Any]:
        return self._fill(Trace(result=RESULT, entries=(ENTRY,), source=ENTRY))

    def search(self, *_: object) -> Iterator[Any]:
        half = len(self.text) // 2
        hit = SearchHit(
            sha256="a", uris=("u",), source="speech", start=0, end=1, text="t", marks=((0, half), (1, half + 2))
        )
        return self._fill(hit)

    def failures(self) -> list[Any]:
        return list(self._fill(failed_entry("p")))

    def verify(self) -> Any:
        report = IntegrityReport(problems=("p",), assets=0, log_entries=0, last_log_hash="")
        return next(self._fill(report))

    def transcribe(self, *_: object, **__: object) -> Iterator[Any]:
        return self._fill(TRANSCRIBED, UNDECODED)

    def ingest(self, *_: object, on_watched: Callable[[Any], object], **__: object) -> Iterator[Any]:
        on_watched(self.check_watches())
        return self._fill(ADDED, UNREAD)

    def add_watch(self, *_: object) -> Any:
        return next(self._fill(AddedWatch(watch=WATCH, older_hits=(HIT,))))

    def watches(self) -> list[Any]:
        return list(self._fill(WatchSummary(watch=WATCH, older_hits=1, hits=1, new_hits=1, problem="p")))

    def check_watches(self, *_: object) -> Any:
        return next(self._fill(CheckedWatches(hits=(HIT,), quarantined=(WATCH,))))

    def watch_hits(self, **_: object) -> list[Any]:
        return list(self._fill(HIT))

    def mark_hits_seen(self, hits: list[Any]) -> None:
        assert hits

    def cluster(self, *_: object) -> Any:
        return next(self._fill(Clustering(clusters=(CLUSTER,), unclustered=0)))

    def accounts(self, *_: object) -> list[Any]:
        return list(self._fill(ACCOUNT, replace(ACCOUNT, iteration=2)))

    def timeline(self, *_: object) -> Any:
        return next(self._fill(Timeline(events=(EVENT,), accounts=(ACCOUNT, ACCOUNT), undated=1)))

    def coshare(self, *_: object) -> Any:
        return next(self._fill(COSHARING))

    def forget(self, *_: object) -> list[Any]:
        return list(self._fill(Forgotten(sha256="a", uri="u", removed={"assets": 1})))

    def export_matches(self, *_: object) -> Iterator[Any]:
        return self._fill(MATCH_RECORD)

    def report(self, *_: object, **__: object) -> list[Any]:
        cut = Clip(pair=("a", "b"), path=Path("clip.mp4"), message="")
        return list(self._fill(cut, Clip(pair=("a", "b"), path=None, message="m")))

    def export_records(self) -> Iterator[Any]:
        return self._fill(RECORD)


class SoundHostileCase(HostileCase):
    """One whose store is sound, and whose originals have changed."""

    def verify(self) -> Any:
        return IntegrityReport(problems=(), assets=1, log_entries=1, last_log_hash="0")

    def check_originals(self) -> Iterator[Any]:
        return self._fill(OriginalCheck(uri="u", sha256="a", state="changed"))


COMMANDS = {
    "match": ("match", "x"),
    "trace": ("trace", "x"),
    "search": ("search", "x"),
    "errors": ("errors",),
    "verify": ("verify",),
    "cluster": ("cluster",),
    "accounts": ("accounts",),
    "timeline": ("timeline",),
    "coshare": ("coshare", "--all"),
    "forget": ("forget", "x"),
    "transcribe": ("transcribe", "x"),
    "ingest": ("ingest", "x", "--transcribe", "no"),
    "watch add": ("watch", "add", "x"),
    "watch list": ("watch", "list"),
    "watch check": ("watch", "check"),
    "report": ("report", "page.html", "--clips"),
    "models list": ("models", "list"),
    "models verify": ("models", "verify"),
    "doctor": ("doctor",),
}
JSON_COMMANDS = ("match", "trace", "search", "errors", "verify", "cluster", "accounts", "timeline", "coshare", "forget",
                 "transcribe", "ingest", "watch add", "watch list", "watch check")  # fmt: skip
TABLES = ("models list", "doctor")
"""Commands whose tables break a text into lines."""
FEW = settings(
    derandomize=True, deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@contextmanager
def hostile_results(text: str, case: type[HostileCase] = HostileCase) -> Iterator[None]:
    """Let every command get its results from a hostile case."""
    state = ModelState(name="n", version="v", licence="l", state="missing", sha256="s", source="s")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mediafp.case.open_case", lambda *_, **__: case(text))
        patch.setattr("mediafp.case.check_speech_model", lambda *_: None)
        patch.setattr("mediafp.case.list_model_files", lambda: [with_text(state, text)])
        checks = [EnvironmentCheck(name=text, ok=ok, detail=text) for ok in (True, False)]
        patch.setattr("mediafp.case.check_environment", lambda: iter(checks))
        yield


def run(text: str, *arguments: str, case: type[HostileCase] = HostileCase) -> tuple[str, str]:
    """Return what a command prints to standard output and standard error; it must end with an exit status."""
    with hostile_results(text, case):
        done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.stdout, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
@FEW
@given(text=hostile_texts(min_size=1))
def test_commands_print_any_text_as_it_is(name: str, text: str) -> None:
    printed = "".join(run(text, *COMMANDS[name]))
    assert not hidden_characters(printed, allowed="\n")
    if name not in TABLES and name != "search":
        assert escape_unprintable(text) in printed


@FEW
@given(text=hostile_texts(min_size=1))
def test_verify_prints_changed_originals_as_they_are(text: str) -> None:
    printed, _ = run(text, "verify", case=SoundHostileCase)
    assert f"changed since it was ingested {escape_unprintable(text)}\n" in printed


@FEW
@given(text=hostile_texts(min_size=1))
def test_search_prints_the_whole_passage(text: str) -> None:
    """The marks of the words that were found cut the passage into pieces; an emoji may be cut too."""
    printed, _ = run(text, "search", "x")
    passage = printed.partition("  00:00.0–00:01.0  ")[2].removesuffix("\n")
    assert not hidden_characters(printed, allowed="\n")
    assert re.sub(r"\\(u200d|ufe0f|U000e010.)", "", passage) == re.sub(
        r"\\(u200d|ufe0f|U000e010.)|[\u200d\ufe0f\U000e0101]", "", escape_unprintable(text.replace("\n", " / "))
    )


@pytest.mark.parametrize("name", JSON_COMMANDS)
@FEW
@given(text=hostile_texts(min_size=1))
def test_json_keeps_any_text_exactly(name: str, text: str) -> None:
    printed, _ = run(text, *COMMANDS[name], "--json")
    assert not hidden_characters(printed, allowed="\n")
    lines = [json.loads(line) for line in printed.split("\n") if line]
    assert lines and text in set(_texts(lines))


@FEW
@given(text=hostile_texts(min_size=1))
def test_exports_contain_no_hidden_character(text: str) -> None:
    (line,) = run(text, "export", "jsonl")[0].splitlines()
    assert json.loads(line)["sightings"][0]["account"] == text and not hidden_characters(line)
    (line,) = run(text, "export", "matches")[0].splitlines()
    assert json.loads(line)["b_sightings"][0]["account"] == text and not hidden_characters(line)
    for arguments in (("export", "csv"), ("errors", "--csv"), ("export", "matches", "--csv"), ("export", "coshare")):
        table = run(text, *arguments)[0].removeprefix("\ufeff")
        assert not hidden_characters(table, allowed="\t\r\n")
        assert len(list(csv.reader(io.StringIO(table)))) == 2


@pytest.mark.parametrize("format", ["srt", "vtt", "text"])
@FEW
@given(text=hostile_texts(min_size=1))
def test_subtitles_contain_no_hidden_character(format: str, text: str) -> None:
    printed, _ = run(text, "transcribe", "x", "--format", format)
    assert not hidden_characters(printed, allowed="\n")


@FEW
@given(text=hostile_texts(min_size=1))
def test_a_terminal_gets_no_escape_sequence_but_styles(text: str) -> None:
    """With colours, the only control sequences are those that select a style."""
    files = {name: io.StringIO() for name in ("out", "err")}
    with pytest.MonkeyPatch.context() as patch:
        for name, file in files.items():
            console = getattr(output, name)
            patch.setattr(console, "_file", file)
            patch.setattr(console, "_force_terminal", True)
            patch.setattr(
                console, "_color_system", Console(color_system="truecolor", force_terminal=True)._color_system
            )
        for arguments in COMMANDS.values():
            run(text, *arguments)
        with output.progress_bar() as bar:
            bar.add_task(escape_unprintable(text))
    printed = "".join(file.getvalue() for file in files.values())
    assert "\x1b[31m" in printed
    # The progress bar moves the cursor and hides it.
    left = re.sub(r"\x1b\[(\d*(;\d+)*m|\?25[hl]|\d*[AK])|\r", "", printed)
    assert not hidden_characters(left, allowed="\n")


@FEW
@given(text=hostile_texts(min_size=1))
def test_errors_and_log_messages_are_printed_as_they_are(text: str) -> None:
    for error in (UsageError(text), MediafpError(text), KeyError(text)):

        def fail(error: Exception = error, **_: object) -> None:
            raise error

        with pytest.MonkeyPatch.context() as patch, output.err.capture() as captured:
            patch.setattr(program, "app", fail)
            with pytest.raises(SystemExit):
                program.main()
        printed = captured.get()
        assert not hidden_characters(printed, allowed="\n")
        assert isinstance(error, KeyError) or printed == f"mediafp: {escape_unprintable(text)}\n"
    output.enable_logging(1)
    try:
        with output.err.capture() as captured:
            logging.getLogger("mediafp.test").warning("%s", text)
    finally:
        output.enable_logging(0)
    assert captured.get().endswith(f"mediafp.test: {escape_unprintable(text)}\n")


@FEW
@given(text=hostile_texts(min_size=1).filter(lambda text: "\0" not in text))
def test_arguments_are_quoted_in_errors_without_hidden_characters(text: str) -> None:
    for arguments in ((text,), ("--" + text,), ("verify", text), ("match", "x", "--top", text), ("errors", "-" + text)):
        assert not hidden_characters("".join(run("x", *arguments)), allowed="\n")


@FEW
@given(text=hostile_texts(min_size=1))
def test_demo_prints_any_text_as_it_is(text: str) -> None:
    case: Any = HostileCase(text)
    printers: list[Callable[[], None]] = [
        lambda: build._print_result(next(case.match())),
        lambda: build._print_trace(next(case.trace())),
        lambda: build._print_transcripts(case, Path("/nowhere")),
    ]
    with output.out.capture() as captured:
        for print_part in printers:
            print_part()
    assert not hidden_characters(captured.get(), allowed="\n")


def test_three_backslashes_end_no_search() -> None:
    printed, _ = run("\\\\\\hello", "search", "hello")
    assert printed == "\\\\\\hello  00:00.0–00:01.0  \\\\\\hello\n"


def test_only_the_output_module_prints() -> None:
    """A command that printed by itself could forget to escape; only JSON and CSV, which escape, are written directly."""
    for file in Path(mediafp.cli.__file__).parent.rglob("*.py"):
        names = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        assert "escape_markup" not in names and "Text.from_markup" not in names, file
        if file.name != "output.py":
            assert not names & {"out.print", "err.print", "Console", "Table"}, file
        assert "print" not in names or file.name == "app.py", file


def test_consoles_parse_no_markup() -> None:
    for console in (output.out, output.err):
        assert console._markup is False and console._emoji is False and console._highlight is False


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def test_clues_that_are_not_printed_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    clues = [Clue(kind="post_id", value=str(number), source="file name", trust="high") for number in range(8)]
    print_clues("the query", clues)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "clue of the query: post id 0 (file name, trust: high)"
    assert len(lines) == 7 and lines[6].strip() == "and 2 more clues: see --json"
