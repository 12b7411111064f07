"""What the torture tests share: files to take in, commands on a store, what a store holds, and what still runs.

Linux only. Each test imports it as its neighbour; it is no program.
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
"""Wall seconds after which a command is given up and killed: nothing here may hang."""
GONE_SECONDS, NOTICE_SECONDS = 60.0, 300.0
"""Wall seconds in which a group that was killed has to be gone, and in which the workers of a program that was killed
alone are: one that was still being started notices once it has loaded its models. A busy machine takes long."""
VOLATILE = frozenset(("id", "run", "seconds"))
SIGHTED = frozenset(("posted_at", "captured_at", "removed_at"))
"""Of the fields named *_at, those that come from the files and so may not differ between two runs."""
SHOWN = 4
TRACEBACK = "Traceback (most recent call last)"
PHOTO_SIDE = 320

Held = Counter[str]
"""What a store holds, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended; `code` is None where it had to be killed, `left` the processes that outlived it."""

    code: int | None
    out: str
    err: str
    left: int = 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON objects that it printed; a line that a kill cut is none."""
        found = []
        for line in self.out.splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    @property
    def acknowledged(self) -> dict[str, str]:
        """The SHA-256 of each file that it said is in the store, by path."""
        return {line["path"]: line["sha256"] for line in self.lines if line.get("sha256")}

    @property
    def summary(self) -> dict[str, Any]:
        """Its last line, where it got there."""
        return next((line for line in reversed(self.lines) if "seen" in line), {})


# Commands -----------------------------------------------------------------------------------------


def command(store: Path, *words: object) -> list[str]:
    """The command line of `mediafp` on a store."""
    return [sys.executable, "-m", "mediafp", "--store", str(store), *map(str, words)]


def ingest(store: Path, *what: Path | str, jobs: int = 0) -> list[str]:
    """The command line of an ingest of files and folders, in JSON, without listening or reading text, which take longest."""
    words = ("--json", "--transcribe", "no", "--text", "no")
    return command(store, "ingest", *what, *words, *(["--jobs", jobs] if jobs else []))


def start(words: Sequence[str], out: Path, **options: Any) -> "subprocess.Popen[bytes]":
    """A command underway, the leader of its session; what it prints goes to the file `out` and to one beside it."""
    with out.open("wb") as printed, told_of(out).open("wb") as told:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=printed, stderr=told, start_new_session=True, **options
        )


def told_of(out: Path) -> Path:
    """Where the messages of a command go whose output goes to `out`."""
    return out.with_name(out.name + ".told")


def end(process: "subprocess.Popen[bytes]", out: Path, seconds: float = COMMAND_SECONDS) -> Ended:
    """How a command ended that `start` began; past its time it is killed with all that it started."""
    code, left = ended_with(process, seconds)
    return Ended(code=code, out=_text(out), err=_text(told_of(out)), left=left)


def ended_with(process: "subprocess.Popen[bytes]", seconds: float = COMMAND_SECONDS) -> tuple[int | None, int]:
    """A command's exit status, None where it had to be killed, and how many processes outlived it."""
    try:
        code: int | None = process.wait(seconds)
    except subprocess.TimeoutExpired:
        code = None
        kill(process)
    except BaseException:
        kill(process)
        raise
    return code, gone(process.pid, GONE_SECONDS)


def wait_for_output(process: "subprocess.Popen[bytes]", out: Path, seconds: float = COMMAND_SECONDS) -> None:
    """Returns once a command has printed something, or has ended."""
    until = time.monotonic() + seconds
    while process.poll() is None and not out.stat().st_size and time.monotonic() < until:
        time.sleep(0.005)


def run(words: Sequence[str], out: Path, **options: Any) -> Ended:
    """How a command ended."""
    return end(start(words, out, **options), out)


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "surrogateescape")


def kill(process: "subprocess.Popen[bytes]", *, alone: bool = False) -> int:
    """SIGKILL of a command's group, or of it alone; how many processes outlive it for too long, which are then killed."""
    if process.poll() is None:  # else its number may be another's by now
        if alone:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return gone(process.pid, NOTICE_SECONDS if alone else GONE_SECONDS)


def gone(session: int, seconds: float) -> int:
    """How many processes of a session are still there after so many seconds; they are killed."""
    until = time.monotonic() + seconds
    while (left := alive(session)) and time.monotonic() < until:
        time.sleep(0.02)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(left)


def alive(session: int) -> list[int]:
    """The processes of a session that are not dead: whoever started them, and whether or not that one still lives."""
    found = []
    for name in (one.name for one in Path("/proc").iterdir() if one.name.isdigit()):
        with contextlib.suppress(OSError):
            state, _, _, its = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()[:4]
            if int(its) == session and state not in "ZX":
                found.append(int(name))
    return found


# What a store holds -------------------------------------------------------------------------------


def begun(store: Path) -> bool:
    """Whether there is a store: a file that was made, and to which nothing was written yet, is none."""
    file = store / DATABASE_NAME
    return any(one.is_file() and one.stat().st_size for one in (file, file.with_name(DATABASE_NAME + "-wal")))


def ask(store: Path, *words: str) -> Ended:
    """How a command ended that ran within this process, without the second that it takes to start one."""
    done = CliRunner().invoke(app, ["--store", str(store), *words])
    if isinstance(done.exception, SystemExit | None):
        return Ended(code=done.exit_code, out=done.stdout, err=done.stderr)
    # As the program ends in that case.
    code = ExitStatus.COULD_NOT_RUN if isinstance(done.exception, UsageError) else 1
    return Ended(code=code, out=done.stdout, err=f"{done.stderr}{done.exception!r}")


def verified(store: Path) -> bool:
    """Whether `verify` finds a store sound; one that was not begun is."""
    return not begun(store) or ask(store, "verify").code == 0


def exported(store: Path) -> list[dict[str, Any]]:
    """The rows of `export jsonl`; none where there is no store yet."""
    return ask(store, "export", "jsonl").lines if begun(store) else []


def held(store: Path) -> Held:
    """What a store holds: the rows of its export without what may differ, the digest of each content, what failed."""
    found = Counter(json.dumps(_steady(row), sort_keys=True) for row in exported(store))
    try:
        with open_store(store) as kept:
            found.update(f"content {asset.sha256} {kept.content_hash(asset.sha256)}" for asset in kept.assets())
            found.update(f"failed {entry.kind} {entry.path!a}" for entry in kept.failures())
    except MediafpError as error:
        found[f"the store cannot be read: {error}"] += 1
    return found


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        kept = (name for name in value if name not in VOLATILE and (name in SIGHTED or not name.endswith("_at")))
        return {name: _steady(value[name]) for name in kept}
    return [_steady(one) for one in value] if isinstance(value, list) else value


def differing(one: Held, other: Held) -> int:
    """How many lines only one of two stores has."""
    return (one - other).total() + (other - one).total()


def unlike(one: Held, other: Held) -> list[str]:
    """A few of those lines."""
    return sorted((one - other) + (other - one))[:SHOWN]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """An ingest that nothing was in the way of: how it ended, its wall seconds, and its store."""

    what: Path
    code: int
    acknowledged: dict[str, str]
    first: float
    """Until its first acknowledgement."""
    seconds: float
    held: Held
    bytes: int
    """Of its store."""


def undisturbed(place: Path, what: Path) -> Usual:
    """What comes of an ingest into a new folder where nothing is in the way; ends the program where that is no measure."""
    place.mkdir()
    store, out = place / "store", place / "out"
    began = time.monotonic()
    process = start(ingest(store, what), out)
    wait_for_output(process, out)
    first = time.monotonic() - began
    ended = end(process, out)
    seconds = time.monotonic() - began
    if ended.code not in (0, 3) or not ended.acknowledged:
        sys.exit(f"the undisturbed ingest of {what.name!r} ended with {ended.code}: {ended.err}")
    return Usual(
        what=what,
        code=ended.code,
        acknowledged=ended.acknowledged,
        first=first,
        seconds=seconds,
        held=held(store),
        bytes=sum(path.stat().st_size for path in store.iterdir()),
    )


# Files to take in ---------------------------------------------------------------------------------


def corpus(args: argparse.Namespace, work: Path) -> Path:
    """The folder that was named, else a dump that is made of media that packages ship."""
    if args.corpus:
        return Path(args.corpus).resolve()
    make_dump(work / "dump", args.photos)
    return work / "dump"


def make_dump(folder: Path, photos: int, seed: int = 0) -> None:
    """Writes so many photographs, clips, and what else a dump holds: twins, damage, sidecars, archives, odd names."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    names = list(PHOTOS)
    made = [photo(names[n % len(names)], rng) for n in range(photos + 3)]
    for number, data in enumerate(made[:photos]):
        (folder / f"{number:03}.jpg").write_bytes(data)
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    for name, where in CLIPS.items():
        scaled = ("-t", "2", "-vf", "scale=160:-2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
        words = [ffmpeg, "-loglevel", "error", "-i", str(packaged_file(*where)), *scaled, str(folder / f"{name}.mp4")]
        subprocess.run(words, stdin=subprocess.DEVNULL, check=True, timeout=COMMAND_SECONDS)
    (folder / "twins").mkdir()
    for number in range(min(4, photos)):
        (folder / "twins" / f"of {number}.jpg").write_bytes(made[number])
    said = {"uploader": "@sample", "extractor_key": "Youtube", "timestamp": 1_600_000_000, "title": "a clip"}
    (folder / "bunny.info.json").write_text(json.dumps(said))
    (folder / "cut.jpg").write_bytes(made[0][:60])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("words\n")
    for number, odd in enumerate((b"-i.jpg", b"a\nb.jpg", b"\xff\xfe.jpg", "微博 截图.jpg".encode())):
        (folder / os.fsdecode(odd)).write_bytes(made[number % len(made)] + b"%d" % number)
    inside = {"a/one.jpg": made[-3], "a/one.jpg.json": b'{"category": "weibo"}', "cut.jpg": made[-2][:60]}
    with zipfile.ZipFile(folder / "dump.zip", "w") as packed:
        for entry, data in inside.items():
            packed.writestr(entry, data)
    with tarfile.open(folder / "dump.tar.gz", "w:gz") as tape:
        for entry, data in {"two.jpg": made[-2], "b/three.jpg": made[-1]}.items():
            header = tarfile.TarInfo(entry)
            header.size = len(data)
            tape.addfile(header, io.BytesIO(data))


def photo(name: str, rng: random.Random) -> bytes:
    """A JPEG of part of a shipped photograph."""
    with Image.open(packaged_file(*PHOTOS[name])) as opened:
        image = opened.convert("RGB")
    left, top = rng.randrange(image.width // 4), rng.randrange(image.height // 4)
    part = image.crop((left, top, left + image.width * 3 // 4, top + image.height * 3 // 4))
    part.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    out = io.BytesIO()
    part.save(out, "JPEG", quality=rng.randrange(70, 95))
    return out.getvalue()


# What is said -------------------------------------------------------------------------------------


def parser(doc: str) -> argparse.ArgumentParser:
    """A parser of options that shows a script's docstring as it is."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def corpus_parser(doc: str, photos: int) -> argparse.ArgumentParser:
    """The same, with the options that `corpus` reads."""
    made = parser(doc)
    made.add_argument("--corpus", type=Path)
    made.add_argument("--photos", type=int, default=photos)
    return made


def counted[T](items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items, one after another; says meanwhile how many are done, and how long the others will take."""
    began = said = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - said >= 1 or number == total:
            said, left = now, (now - began) / number * (total - number)
            print(f"{what} {number} of {total}, {left:.0f} s left", file=sys.stderr, flush=True)


def say(name: object, *, ok: bool, **figures: object) -> bool:
    """Prints the line of a trial; whether it fell short."""
    told = "  ".join(f"{figure} {value}" for figure, value in figures.items())
    print(f"{name!s:>4} {'ok' if ok else 'SHORT':5}  {told}", flush=True)
    return not ok


def finish(short: int, **figures: object) -> int:
    """Prints the summary; the exit status, 1 where anything fell short."""
    print(json.dumps({**figures, "short": short}), flush=True)
    return int(bool(short))
