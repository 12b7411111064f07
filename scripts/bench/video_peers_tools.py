"""Tools that video_peers.py compares: the scored pairs that each returns for a set, and its CPU seconds."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import imageio_ffmpeg

REQUIREMENTS = {
    "vpdq": ("vpdq==0.2.5", "numpy==2.5.5"),
    "videohash2": (
        "videohash2==3.2.2",
        "imagedominantcolour==1.0.2",
        "ImageHash==4.3.2",
        "numpy==2.5.5",
        "pillow==13.0.0",
        "PyWavelets==1.10.0",
        "scipy==1.18.1",
        "yt-dlp==2026.10.26",
    ),
    "provena-audit": ("provena-audit==0.2.0", "av==19.0.2", "fsspec==2026.9.0", "numpy==2.5.5", "pdqhash==0.2.8"),
}
"""Packages of each peer, which are all that its environment contains."""
ADAPTERS = Path(__file__).with_name("video_peers_adapters.py")
MAX_MATCHES = 1000
"""Matches per query that mediafp lists: more than a set has references."""
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment variables that keep numerical libraries to one thread."""
EXIT_CODES = (0, 1, 3)
"""Exit codes of mediafp that mean a complete run: something found, nothing found, and some files failed."""

type Pair = tuple[str, str]
"""Names of a query and of a reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoResult:
    """Best score of each pair (query, reference), pairs that the tool reports by itself, and files without fingerprint."""

    scores: dict[Pair, float]
    reported: set[Pair]
    failures: dict[str, str]
    cpu_seconds: float

    @classmethod
    def from_pairs(
        cls, pairs: Iterable[tuple[str, str, float, bool]], failures: dict[str, str], cpu_seconds: float
    ) -> Self:
        """Return the result of a tool that may return a pair several times.

        Args:
            pairs: Query, reference, score, and True if the tool reports the pair.
            failures: Reason for each file without fingerprint.
            cpu_seconds: Cost of the run.
        """
        scores: dict[Pair, float] = {}
        reported = set()
        for query, reference, score, is_reported in pairs:
            pair = query, reference
            scores[pair] = max(score, scores.get(pair, score))
            if is_reported:
                reported.add(pair)
        return cls(scores=scores, reported=reported, failures=failures, cpu_seconds=cpu_seconds)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return a result that `to_json` returned."""
        return cls.from_pairs(**kept)

    def to_json(self) -> dict[str, Any]:
        """Return the arguments of `from_pairs`."""
        pairs = [(*pair, score, pair in self.reported) for pair, score in self.scores.items()]
        return {"pairs": pairs, "failures": self.failures, "cpu_seconds": self.cpu_seconds}


@dataclass(frozen=True, slots=True)
class VideoTool:
    """Name of a tool, and the function that runs it on the folder of a set."""

    name: str
    run: Callable[[Path], VideoResult]


def run_measured(
    command: list[str], environment: dict[str, str], exit_codes: tuple[int, ...] = (0,)
) -> tuple[str, float]:
    """Return what a command prints, and the CPU seconds of the process and its children.

    Raises:
        RuntimeError: If the exit code is another one; the last line of its messages.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=messages)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        messages.seek(0)
        if process.returncode not in exit_codes:
            lines = messages.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"{shlex.join(command[:3])} failed: {lines[-1] if lines else process.returncode}")
        return output.read().decode(), usage.ru_utime + usage.ru_stime


def prepare_environment(folder: Path, name: str) -> Path:
    """Return the interpreter of a peer, whose environment is made if it lacks one of the required versions.

    Raises:
        RuntimeError: If a package cannot be installed; the last message of pip.
    """
    python, installed = folder / name / "bin" / "python", folder / name / "installed.txt"
    required = "\n".join(REQUIREMENTS[name])
    if not installed.exists() or installed.read_text(encoding="utf-8") != required:
        run_measured([sys.executable, "-m", "venv", str(folder / name)], {})
        try:
            run_measured([str(python), "-m", "pip", "install", "--no-deps", *REQUIREMENTS[name]], {})
        except RuntimeError as error:
            raise RuntimeError(f"cannot install '{REQUIREMENTS[name][0]}': {error}; see --help") from error
        installed.write_text(required, encoding="utf-8")
    return python


def run_peer(environments: Path, name: str, folder: Path) -> VideoResult:
    """Return the result of a peer.

    Raises:
        RuntimeError: If the peer cannot be installed or fails.
    """
    python = prepare_environment(environments, name)
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
        out = Path(scratch) / "pairs.json"
        environment = THREADS | {"PATH": f"{scratch}:{os.environ['PATH']}"}
        command = [str(python), str(ADAPTERS), name, str(folder.absolute()), str(out)]
        _, cpu_seconds = run_measured(command, environment)
        found = json.loads(out.read_text(encoding="utf-8"))
    return VideoResult.from_pairs(found["pairs"], found["failures"], cpu_seconds)


def run_mediafp(folder: Path) -> VideoResult:
    """Return the result of `mediafp ingest` and `mediafp match`; matches of audio or of one scene are no pairs.

    Raises:
        RuntimeError: If mediafp cannot run.
    """
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", "mediafp", "--store", store]
        options = ["--ocr", "no", "--transcribe", "no"]
        _, ingested = run_measured(
            [*command, "ingest", str(folder / "refs"), *options, "--jobs", "1"], THREADS, EXIT_CODES
        )
        options += ["--min-probability", "0", "--top", str(MAX_MATCHES), "--json"]
        printed, matched = run_measured([*command, "match", str(folder / "queries"), *options], THREADS, EXIT_CODES)
    failures, pairs = {}, []
    for line in printed.splitlines():
        result = json.loads(line)
        query = Path(result["query"]).name
        if result["error"]:
            failures[query] = str(result["error"])
        for match in result["matches"] or ():
            if match["relation"] in ("same_voice", "same_script") or match["verdict"] == "same_scene":
                continue
            is_reported = match["verdict"] == "copy" and match["probability"] >= 0.5
            pairs += [(query, Path(uri).name, match["probability"], is_reported) for uri in match["uris"]]
    return VideoResult.from_pairs(pairs, failures, ingested + matched)


def make_tools(environments: Path) -> list[VideoTool]:
    """Return the peers, whose environments are below a folder, and mediafp."""
    peers = [VideoTool(name, partial(run_peer, environments, name)) for name in REQUIREMENTS]
    return [*peers, VideoTool("mediafp", run_mediafp)]
