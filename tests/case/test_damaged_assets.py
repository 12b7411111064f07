"""A damaged value in a store costs its asset alone: every command goes on without it, says so, and verify names it."""

import json
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from mediafp.case.case import Case, open_case
from mediafp.cli.app import app
from mediafp.cli.exit_status import ExitStatus
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.types.arrays import pack_arrays, unpack_arrays
from mediafp.types.file_sounds import FileSound
from mediafp.types.runs import FileOutcome, IngestOptions
from mediafp.types.transcripts import Transcript, TranscriptSegment

COMMANDS = ("cluster", "report", "search", "jsonl", "csv")
QUERIES = ("match", "trace")
"""Commands that need a worker, which takes a second to start."""


@pytest.fixture(scope="module")
def damaged_case(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, np.ndarray]) -> Path:
    """A folder with a case of a photograph, a crop of it, another photograph with text, and a transcript."""
    folder = tmp_path_factory.mktemp("damage")
    (folder / "files").mkdir()
    photo = Image.fromarray(photos["coffee"])
    photo.save(folder / "files" / "photo.png")
    photo.crop((20, 20, 560, 380)).save(folder / "files" / "crop.png")
    # It is not ingested: the indexes are searched for it.
    photo.crop((20, 20, 550, 380)).save(folder / "query.png")
    text = Image.fromarray(photos["temple"])
    ImageDraw.Draw(text).text((40, 40), "SAMPLE TEXT", font_size=48, fill="white")
    text.save(folder / "files" / "text.png")
    with open_case(folder / "case", create=True) as case:
        assert [o.status for o in case.ingest(folder / "files", IngestOptions(jobs=1))] == ["added"] * 3
        sha256 = sha256_of(folder, "photo.png")
        segments = (
            TranscriptSegment(start=0, end=5, language="en", language_probability=0.9, text="sample words of a talk"),
        )
        transcript = Transcript(
            model="m", version="v", duration=9, speech_seconds=5, untranscribed_seconds=0, segments=segments
        )
        with case._store.writing():
            case._store.save_sounds(sha256, (FileSound(audio_sha256="f" * 64),))
            case._store.save_transcript("f" * 64, transcript, fingerprint_transcript("f" * 64, transcript), 1)
    return folder


@pytest.fixture
def folder(damaged_case: Path, tmp_path: Path) -> Path:
    """A copy of the case, to be damaged."""
    shutil.copytree(damaged_case / "case", tmp_path / "case")
    for name in ("files", "query.png"):
        (tmp_path / name).symlink_to(damaged_case / name)
    return tmp_path


def sha256_of(folder: Path, name: str) -> str:
    """Return the SHA-256 of the asset of a file."""
    with closing(sqlite3.connect(folder / "case" / DATABASE_NAME)) as database:
        rows = database.execute("SELECT sha256, uri FROM sighting").fetchall()
    (sha256,) = [sha256 for sha256, uri in rows if uri.endswith(b"/" + name.encode())]
    return str(sha256)


def run(folder: Path, name: str) -> tuple[int, str, str]:
    """Return the exit status of a command, its output and its messages."""
    arguments = {
        "report": ["report", str(folder / "page.html")],
        "match": ["match", str(folder / "query.png"), "--json", "--ocr", "no"],
        "trace": ["trace", str(folder / "query.png"), "--ocr", "no", "--report", str(folder / "trace.html")],
        "search": ["search", "sample"],
        "jsonl": ["export", "jsonl"],
        "csv": ["export", "csv"],
        "verify": ["verify", "--no-originals"],
    }.get(name, [name])
    result = CliRunner().invoke(app, ["--store", str(folder / "case"), *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


Damage = Callable[[sqlite3.Connection, str], None]
"""Function that damages the asset of a SHA-256."""


def fingerprint(change: str, type: str = "sscd_distilled") -> Damage:
    """Return the damage of a fingerprint of the photograph: NaN, twice the length, or as many rows again."""

    def damage(database: sqlite3.Connection, sha256: str) -> None:
        where = "WHERE sha256 = ? AND type = ?"
        (data,) = database.execute(f"SELECT data FROM fingerprint {where}", (sha256, type)).fetchone()
        spans, vectors, quality = (array.copy() for array in unpack_arrays(data))
        if change == "NaN":
            vectors[0, 0] = np.nan  # type: ignore[index]
        elif change == "length":
            vectors = (vectors * 2).astype(np.float16)  # type: ignore[operator]
        elif change == "rows":
            spans, vectors, quality = (np.repeat(array, 2, axis=0) for array in (spans, vectors, quality))
        elif change == "no rows":
            spans, vectors, quality = (array[:0] for array in (spans, vectors, quality))
        elif change == "spans":
            spans = np.array([[0.0, 1e308]])
        packed = pack_arrays(spans, vectors, quality)
        database.execute(f"UPDATE fingerprint SET data = ? {where}", (packed, sha256, type))

    return damage


def execute(statement: str, *values: object) -> Damage:
    """Return the damage by one statement, in which :sha256 is the photograph."""

    def damage(database: sqlite3.Connection, sha256: str) -> None:
        named = {"sha256": sha256, **{f"v{n}": value for n, value in enumerate(values)}}
        assert database.execute(statement, named).rowcount

    return damage


def claim(width: int, height: int) -> Damage:
    """Return the damage of a thumbnail whose header states another size."""

    def damage(database: sqlite3.Connection, sha256: str) -> None:
        (jpeg,) = database.execute("SELECT jpeg FROM thumbnail WHERE sha256 = ?", (sha256,)).fetchone()
        frame = jpeg.index(b"\xff\xc0")
        forged = jpeg[: frame + 5] + struct.pack(">HH", height, width) + jpeg[frame + 9 :]
        database.execute("UPDATE thumbnail SET jpeg = ? WHERE sha256 = ?", (forged, sha256))

    return damage


PROPERTIES = "UPDATE asset SET properties = :v0 WHERE sha256 = :sha256"
DATA = "UPDATE fingerprint SET data = :v0 WHERE sha256 = :sha256 AND type = :v1"
JPEG = "UPDATE thumbnail SET jpeg = :v0 WHERE sha256 = :sha256"
TRANSCRIPT = "UPDATE transcript SET data = replace(data, :v0, :v1)"
DAMAGES = {
    "properties that are no JSON": execute(PROPERTIES, "{"),
    "properties that are a list": execute(PROPERTIES, "[]"),
    "properties that are not UTF-8": execute("UPDATE asset SET properties = CAST(x'7bff7d' AS TEXT) WHERE sha256 = :sha256"),
    "no width": execute(PROPERTIES, '{"format": "png", "height": 400}'),
    "a width of 0": execute(PROPERTIES, '{"width": 0, "height": 400}'),
    "a width in words": execute(PROPERTIES, '{"width": "wide", "height": 400}'),
    "a width of 1e306": execute(PROPERTIES, '{"width": 1e306, "height": 400}'),
    "NaN as a property": execute(PROPERTIES, '{"width": 600, "height": 400, "other": NaN}'),
    "warnings that are a number": execute("UPDATE asset SET warnings = '7' WHERE sha256 = :sha256"),
    "embeddings that are no arrays": execute(DATA, b"\0", "sscd_distilled"),
    "no embeddings": execute("DELETE FROM fingerprint WHERE sha256 = :sha256 AND type = 'sscd_distilled'"),
    "NaN in embeddings": fingerprint("NaN"),
    "embeddings of twice the length": fingerprint("length"),
    "embeddings of another number": fingerprint("rows"),
    "embeddings without rows": fingerprint("no rows"),
    "a span of 1e308": fingerprint("spans"),
    "hashes that are no arrays": execute(DATA, b"", "pdq"),
    "hashes of another number": fingerprint("rows", "pdq"),
    "NaN in crops": fingerprint("NaN", "sscd_distilled_crops"),
    "a thumbnail of start and end": execute(JPEG, b"\xff\xd8\xff\xd9"),
    "an empty thumbnail": execute(JPEG, b""),
    "a thumbnail of 30,000 x 30,000": claim(30_000, 30_000),
    "a thumbnail of no pixels": claim(0, 12),
    "a transcript that is no JSON": execute("UPDATE transcript SET data = '{'"),
    "a transcript at 1e306": execute(TRANSCRIPT, '"start": 0', '"start": 1e306'),
    "a transcript with a number as text": execute(TRANSCRIPT, '"sample words of a talk"', "7"),
    "a passage at infinity": execute("UPDATE passage SET end = 9e999"),
    "a passage that is not UTF-8": execute("UPDATE passage SET text = CAST(x'73616d706c65ff' AS TEXT)"),
    "times of a passage": execute("UPDATE passage SET times = '[1]'"),
    "no sighting": execute("DELETE FROM sighting WHERE sha256 = :sha256"),
}  # fmt: skip


QUERIED = (
    "no width",
    "a width of 0",
    "no embeddings",
    "NaN in embeddings",
    "embeddings of another number",
    "NaN in crops",
    "a thumbnail of start and end",
    "a thumbnail of 30,000 x 30,000",
    "a transcript at 1e306",
    "no sighting",
)
"""Damages that a query may meet too."""


def damage(folder: Path, name: str) -> str:
    """Damage the photograph of a case, and return its SHA-256."""
    sha256 = sha256_of(folder, "photo.png")
    with closing(sqlite3.connect(folder / "case" / DATABASE_NAME)) as database, database:
        DAMAGES[name](database, sha256)  # type: ignore[operator]
    return sha256


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_costs_one_asset_and_is_named(folder: Path, name: str) -> None:
    sha256 = damage(folder, name)
    commands = (*COMMANDS, *QUERIES) if name in QUERIED else COMMANDS
    results = {command: run(folder, command) for command in commands}
    for status, _, _ in results.values():
        assert status in (ExitStatus.DONE, ExitStatus.NOTHING_FOUND, ExitStatus.SOME_FAILED)
    warned = {command: result for command, result in results.items() if "warning skipped " in result[2]}
    assert warned and all(warned[command][0] == ExitStatus.SOME_FAILED for command in warned if command != "search")
    # For search, the exit status states whether something was found.
    assert (results["search"][0] == ExitStatus.NOTHING_FOUND) == (results["search"][1] == "nothing found\n")
    for _, _, messages in warned.values():
        lines = [line for line in messages.splitlines() if line.startswith("warning skipped ")]
        assert len(lines) == len(set(lines)) and all(line.endswith("; see: mediafp verify") for line in lines)
        assert sha256 in messages or "f" * 64 in messages or "passage" in messages
    if name == "no sighting":
        assert all(f"skipped {sha256}: it has no sighting; see: mediafp verify" in line[2] for line in warned.values())
    if name in QUERIED:
        matches = json.loads(results["match"][1])["matches"]
        assert any(match["uris"][0].endswith("crop.png") for match in matches), "the others are found"
    assert len(results["jsonl"][1].splitlines()) >= 2
    status, problems, _ = run(folder, "verify")
    assert status == ExitStatus.COULD_NOT_RUN and len(problems.splitlines()) > 1


def test_ingest_beside_a_damaged_asset_warns_and_succeeds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest_files = Case.ingest

    def ingest_beside_damage(case: Case, *arguments: Any, **options: Any) -> Iterator[FileOutcome]:
        case._store.on_damage("f" * 64, "its transcript is damaged")
        return ingest_files(case, *arguments, **options)

    monkeypatch.setattr(Case, "ingest", ingest_beside_damage)
    Image.effect_noise((300, 300), 90).convert("RGB").save(folder / "new.png")
    quiet = ("--transcribe", "no", "--ocr", "no", "--crops", "no")
    ingest = CliRunner().invoke(
        app, ["--store", str(folder / "case"), "ingest", str(folder / "new.png"), "--json", *quiet]
    )
    added, summary = map(json.loads, ingest.stdout.splitlines())
    assert added["status"] == "added" and summary["errors"] == []
    assert "warning skipped " in ingest.stderr and ingest.exit_code == ExitStatus.DONE


def test_search_whose_only_hit_is_damaged_finds_nothing(folder: Path) -> None:
    damage(folder, "a passage that is not UTF-8")
    result = CliRunner().invoke(app, ["--store", str(folder / "case"), "search", "words"])
    assert result.exit_code == ExitStatus.NOTHING_FOUND and "warning skipped " in result.stderr


@pytest.mark.parametrize("name", QUERIED)
def test_ingest_goes_on_over_a_damaged_asset(folder: Path, name: str) -> None:
    damage(folder, name)
    (folder / "more").mkdir()
    Image.new("RGB", (60, 40), "red").save(folder / "more" / "new.png")
    arguments = ["ingest", str(folder / "files"), str(folder / "more"), "--json", "--jobs", "1"]
    result = CliRunner().invoke(app, ["--store", str(folder / "case"), *arguments])
    statuses = [json.loads(line).get("status") for line in result.stdout.splitlines()]
    assert sorted(filter(None, statuses)) == ["added", "known", "known", "known"], result.stderr


def test_sound_case_gives_no_warning(folder: Path) -> None:
    for command in (*COMMANDS, *QUERIES):
        status, _, messages = run(folder, command)
        assert status == ExitStatus.DONE and "skipped" not in messages, command
    assert run(folder, "verify")[0] == ExitStatus.DONE


def test_case_lists_what_is_damaged(folder: Path) -> None:
    sha256 = damage(folder, "a width of 0")
    seen = []
    with open_case(folder / "case", on_damage=lambda *damaged: seen.append(damaged)) as case:
        assert len(list(case.kept_matches())) == len(list(case.kept_matches())) == 0
        assert list(case.damaged) == [sha256] and seen == [(sha256, case.damaged[sha256])]
