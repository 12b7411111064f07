"""Shared parts of the torture tests: a corpus, commands on a store, the content of a store, surviving processes, output.

Linux only. The other modules of this folder import it; it is not a program.
"""

import argparse
import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from PIL import Image
from typer.testing import CliRunner

from mediafp.cli.app import app
from mediafp.cli.demo.media import CLIPS, PHOTOS, packaged_file
from mediafp.cli.exit_status import ExitStatus
from mediafp.store import open_store
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.types.errors import MediafpError, UsageError

COMMAND_SECONDS = 900.0
"""Wall seconds after which a command counts as hung and is killed. Chosen, not measured."""
GROUP_EXIT_SECONDS = 60.0
"""Wall seconds within which a killed process group has to be gone. Chosen for a busy machine, not measured."""
WORKER_EXIT_SECONDS = 300.0
"""Wall seconds within which workers have to end after their main process was killed: a worker that is still starting
notices it once its models are loaded. Chosen for a busy machine, not measured."""
VOLATILE_FIELDS = frozenset(("id", "run", "seconds"))
"""Fields of an export that may differ between two runs, besides those named *_at."""
SIGHTING_TIMES = frozenset(("posted_at", "captured_at", "removed_at"))
"""Fields named *_at that come from the files, and so may not differ."""
MAX_PRINTED_DIFFERENCES = 4
TRACEBACK = "Traceback (most recent call last)"
PHOTO_SIDE = 320
"""Longer side of the photographs of a generated corpus, in pixels."""

StoreContent = Counter[str]
"""Content of a store as comparable lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedCommand:
    """Output of a command, its exit status (None if it was killed as hung), and the number of processes that survived it."""

    code: int | None
    out: str
    err: str
    survivors: int = 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        """JSON objects that the command printed; a line that a kill cut short is ignored."""
        objects = []
        for line in self.out.splitlines():
            with contextlib.suppress(ValueError):
                objects.append(json.loads(line))
        return objects

    @property
    def acknowledged(self) -> dict[str, str]:
        """SHA-256, by path, of each file that the command reported as stored."""
        return {line["path"]: line["sha256"] for line in self.lines if line.get("sha256")}

    @property
    def summary(self) -> dict[str, Any]:
        """Summary line of an ingest; empty if it was not printed."""
        return next((line for line in reversed(self.lines) if "seen" in line), {})


# Commands -----------------------------------------------------------------------------------------


def mediafp_command(store: Path, *arguments: object) -> list[str]:
    """Return the command line of `mediafp` on a store."""
    return [sys.executable, "-m", "mediafp", "--store", str(store), *map(str, arguments)]


def ingest_command(store: Path, *sources: Path | str, jobs: int = 0, compare: bool = True) -> list[str]:
    """Return the command line of an ingest with JSON output, without transcription and OCR, which take longest."""
    options = ("--json", "--transcribe", "no", "--ocr", "no", *(() if compare else ("--match", "later")))
    return mediafp_command(store, "ingest", *sources, *options, *(["--jobs", jobs] if jobs else []))


def start_command(command: Sequence[str], out: Path, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a command as the leader of its own session; stdout goes to the file `out`, stderr to the file beside it."""
    with out.open("wb") as stdout, stderr_path(out).open("wb") as stderr:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True, **options
        )


def stderr_path(out: Path) -> Path:
    """Return the file for the stderr of a command whose stdout goes to `out`."""
    return out.with_name(out.name + ".err")


def finish_command(process: "subprocess.Popen[bytes]", out: Path, seconds: float = COMMAND_SECONDS) -> CompletedCommand:
    """Wait for a command of `start_command`, and return its output; past its time it is killed with its children."""
    code, survivors = wait_for_exit(process, seconds)
    return CompletedCommand(code=code, out=_read_text(out), err=_read_text(stderr_path(out)), survivors=survivors)


def wait_for_exit(process: "subprocess.Popen[bytes]", seconds: float = COMMAND_SECONDS) -> tuple[int | None, int]:
    """Wait for a command; return its exit status, None if it was killed as hung, and the number of survivors."""
    try:
        code: int | None = process.wait(seconds)
    except subprocess.TimeoutExpired:
        code = None
        kill_command(process)
    except BaseException:
        kill_command(process)
        raise
    return code, kill_survivors(process.pid, GROUP_EXIT_SECONDS)


def wait_for_acknowledgement(process: "subprocess.Popen[bytes]", out: Path, seconds: float = COMMAND_SECONDS) -> None:
    """Wait until an ingest has reported a file as stored, or has ended."""
    # Files that cannot be read are reported at once, those that are stored only when their transaction has ended.
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        if CompletedCommand(code=None, out=_read_text(out), err="").acknowledged:
            return
        time.sleep(0.005)


def run_command(command: Sequence[str], out: Path, **options: Any) -> CompletedCommand:
    """Run a command to its end and return its output."""
    return finish_command(start_command(command, out, **options), out)


def _read_text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "surrogateescape")


def kill_command(process: "subprocess.Popen[bytes]", *, main_only: bool = False) -> int:
    """Send SIGKILL to the process group of a command, or to its main process only; return the number of survivors.

    Processes that survive for too long are killed too.
    """
    if process.poll() is None:  # otherwise the process id may belong to another process by now
        if main_only:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return kill_survivors(process.pid, WORKER_EXIT_SECONDS if main_only else GROUP_EXIT_SECONDS)


def kill_survivors(session: int, seconds: float) -> int:
    """Wait until all processes of a session are gone; kill those that remain after so many seconds and return how many."""
    deadline = time.monotonic() + seconds
    while (survivors := session_processes(session)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in survivors:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(survivors)


def session_processes(session: int) -> list[int]:
    """Return the ids of the processes of a session that are neither dead nor zombies."""
    pids = []
    for name in (entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
            state, _, _, process_session = fields[:4]
            if int(process_session) == session and state not in "ZX":
                pids.append(int(name))
    return pids


# Content of a store -------------------------------------------------------------------------------


def has_store(folder: Path) -> bool:
    """Return True if a folder contains a store to which something was written."""
    file = folder / DATABASE_NAME
    return any(path.is_file() and path.stat().st_size for path in (file, file.with_name(DATABASE_NAME + "-wal")))


def run_in_process(store: Path, *arguments: str) -> CompletedCommand:
    """Run a `mediafp` command within this process, which saves the time to start one, and return its output."""
    result = CliRunner().invoke(app, ["--store", str(store), *arguments])
    if isinstance(result.exception, SystemExit | None):
        return CompletedCommand(code=result.exit_code, out=result.stdout, err=result.stderr)
    # The exit status of the program for this exception.
    code = ExitStatus.COULD_NOT_RUN if isinstance(result.exception, UsageError) else 1
    return CompletedCommand(code=code, out=result.stdout, err=f"{result.stderr}{result.exception!r}")


def is_sound(store: Path) -> bool:
    """Return True if `mediafp verify` reports no problem, or if there is no store."""
    return not has_store(store) or run_in_process(store, "verify").code == 0


def export_rows(store: Path) -> list[dict[str, Any]]:
    """Return the rows of `mediafp export jsonl`; empty if there is no store."""
    return run_in_process(store, "export", "jsonl").lines if has_store(store) else []


def store_content(store: Path) -> StoreContent:
    """Return the export of a store without volatile fields, the content hash of each asset, and the failed files."""
    content = Counter(json.dumps(_drop_volatile(row), sort_keys=True) for row in export_rows(store))
    try:
        with open_store(store) as opened:
            content.update(f"content {asset.sha256} {opened.content_hash(asset.sha256)}" for asset in opened.assets())
            content.update(f"failed {entry.kind} {entry.path!a}" for entry in opened.failures())
    except MediafpError as error:
        content[f"the store cannot be read: {error}"] += 1
    return content


def _drop_volatile(value: Any) -> Any:
    """Return a JSON value without the fields that may differ between two runs."""
    if isinstance(value, dict):
        names = (n for n in value if n not in VOLATILE_FIELDS and (n in SIGHTING_TIMES or not n.endswith("_at")))
        return {name: _drop_volatile(value[name]) for name in names}
    return [_drop_volatile(item) for item in value] if isinstance(value, list) else value


def count_differences(first: StoreContent, second: StoreContent) -> int:
    """Return the number of lines that only one of two stores has."""
    return (first - second).total() + (second - first).total()


def sample_differences(first: StoreContent, second: StoreContent) -> list[str]:
    """Return a few of the lines that only one of two stores has."""
    return sorted((first - second) + (second - first))[:MAX_PRINTED_DIFFERENCES]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndisturbedIngest:
    """Result of an ingest without interference, with which disturbed ingests of the same source are compared."""

    source: Path
    code: int
    acknowledged: dict[str, str]
    first_seconds: float
    """Wall seconds until the first acknowledged file."""
    seconds: float
    content: StoreContent
    store_bytes: int


def ingest_undisturbed(folder: Path, source: Path, *, compare: bool = True) -> UndisturbedIngest:
    """Ingest a source into a new folder without interference; exit the program if that fails."""
    folder.mkdir()
    store, out = folder / "store", folder / "out"
    start = time.monotonic()
    process = start_command(ingest_command(store, source, compare=compare), out)
    wait_for_acknowledgement(process, out)
    first_seconds = time.monotonic() - start
    completed = finish_command(process, out)
    seconds = time.monotonic() - start
    if completed.code not in (0, 3) or not completed.acknowledged:
        sys.exit(f"the undisturbed ingest of {source.name!r} ended with {completed.code}: {completed.err}")
    return UndisturbedIngest(
        source=source,
        code=completed.code,
        acknowledged=completed.acknowledged,
        first_seconds=first_seconds,
        seconds=seconds,
        content=store_content(store),
        store_bytes=sum(path.stat().st_size for path in store.iterdir()),
    )


# Files to ingest ----------------------------------------------------------------------------------


def corpus_folder(args: argparse.Namespace, work: Path) -> Path:
    """Return the folder of `--corpus`, or a folder with media from installed packages."""
    if args.corpus:
        return Path(args.corpus).resolve()
    make_corpus(work / "corpus", args.photos)
    return work / "corpus"


def make_corpus(folder: Path, photos: int, seed: int = 0) -> None:
    """Write photographs, clips, duplicates, damaged files, sidecars, archives and odd names, as real folders have them."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    names = list(PHOTOS)
    jpegs = [make_photo(names[n % len(names)], rng) for n in range(photos + 3)]
    for number, data in enumerate(jpegs[:photos]):
        (folder / f"{number:03}.jpg").write_bytes(data)
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    for name, location in CLIPS.items():
        encoding = ("-t", "2", "-vf", "scale=160:-2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
        source, target = str(packaged_file(*location)), str(folder / f"{name}.mp4")
        command = [ffmpeg, "-loglevel", "error", "-i", source, *encoding, target]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=COMMAND_SECONDS)
    (folder / "duplicates").mkdir()
    for number in range(min(4, photos)):
        (folder / "duplicates" / f"of {number}.jpg").write_bytes(jpegs[number])
    sidecar = {"uploader": "@sample", "extractor_key": "Youtube", "timestamp": 1_600_000_000, "title": "a clip"}
    (folder / "bunny.info.json").write_text(json.dumps(sidecar))
    (folder / "cut.jpg").write_bytes(jpegs[0][:60])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("words\n")
    for number, odd_name in enumerate((b"-i.jpg", b"a\nb.jpg", b"\xff\xfe.jpg", "微博 截图.jpg".encode())):
        (folder / os.fsdecode(odd_name)).write_bytes(jpegs[number % len(jpegs)] + b"%d" % number)
    members = {"a/one.jpg": jpegs[-3], "a/one.jpg.json": b'{"category": "weibo"}', "cut.jpg": jpegs[-2][:60]}
    with zipfile.ZipFile(folder / "photos.zip", "w") as zip_file:
        for name, data in members.items():
            zip_file.writestr(name, data)
    with tarfile.open(folder / "photos.tar.gz", "w:gz") as tar_file:
        for name, data in {"two.jpg": jpegs[-2], "b/three.jpg": jpegs[-1]}.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar_file.addfile(header, io.BytesIO(data))


def make_photo(name: str, rng: random.Random) -> bytes:
    """Return a JPEG of a random crop of a photograph from an installed package."""
    with Image.open(packaged_file(*PHOTOS[name])) as opened:
        image = opened.convert("RGB")
    left, top = rng.randrange(image.width // 4), rng.randrange(image.height // 4)
    cropped = image.crop((left, top, left + image.width * 3 // 4, top + image.height * 3 // 4))
    cropped.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    out = io.BytesIO()
    cropped.save(out, "JPEG", quality=rng.randrange(70, 95))
    return out.getvalue()


# Options and output -------------------------------------------------------------------------------


def make_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser whose help shows a docstring unchanged."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def make_corpus_parser(description: str, photos: int) -> argparse.ArgumentParser:
    """Return a parser with the options that `corpus_folder` reads."""
    parser = make_parser(description)
    parser.add_argument("--corpus", type=Path, help="a folder to ingest instead of a generated one")
    parser.add_argument("--photos", type=int, default=photos, help="photographs of the generated folder")
    return parser


def show_progress[T](items: Iterable[T], total: int, name: str) -> Iterator[T]:
    """Yield the items; print to stderr how many are done and the estimated remaining time."""
    start = last_print = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last_print >= 1 or number == total:
            last_print, remaining = now, (now - start) / number * (total - number)
            print(f"{name} {number} of {total}, {remaining:.0f} s left", file=sys.stderr, flush=True)


def print_trial(name: object, *, ok: bool, **figures: object) -> bool:
    """Print the line of a trial; return True if it failed."""
    text = "  ".join(f"{figure} {value}" for figure, value in figures.items())
    print(f"{name!s:>4} {'ok' if ok else 'FAILED':6}  {text}", flush=True)
    return not ok


def print_summary(failures: int, **figures: object) -> int:
    """Print the summary as JSON; return the exit status, 1 if any trial failed."""
    print(json.dumps({**figures, "failures": failures}), flush=True)
    return int(bool(failures))
