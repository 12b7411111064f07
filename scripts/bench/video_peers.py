"""Comparison of mediafp with similar tools on sets of edited videos: recall without false pair, per edit, and speed.

    .venv/bin/python scripts/bench/video_peers.py NAME=SET... --environments DIR [--tools NAME...] [--results FILE.json]
        [--plot FILE.png]

A SET has refs/, queries/ and truth.json, whose `queries` maps the name of each query to a list of what it shares with
references, empty if that is nothing: {"edit": NAME, "reference": NAME, "segments": [{"channel": "picture" or "voice", ...}]};
further keys are not read. The script prints two Markdown tables for docs/measurements.md. *Found, no false pair* is the share
of the true pairs whose score is above that of every false pair of the whole set. The peers compare no audio, so pairs that share
audio alone are neither true nor false, and mediafp runs without OCR and transcription, but with its fingerprints of audio.

*× realtime* is seconds of media per CPU second on one core, over references and queries of all sets: fingerprints,
comparison and start-up. `--results` keeps what the peers returned for each NAME, so that the next run measures mediafp only.

A peer runs in a virtual environment of its own below DIR, which is made once; a peer that cannot be installed is skipped with
a message. vpdq has no wheel: it is built with CMake, pkg-config and the development files of FFmpeg's libraries (on Debian:
libavdevice-dev, libavfilter-dev). `--plot` needs matplotlib, a package of the extra `demo`.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
from peers import markdown_table, micro_average_precision
from peers_tools import ScoredPair
from video_peers_tools import REQUIREMENTS, Pair, VideoResult, VideoTool, make_tools

SCRIPT = "`scripts/bench/video_peers.py`"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSet:
    """Set of videos: its pairs that share frames, with their edit, and the pairs that share audio alone."""

    folder: Path
    edits: dict[Pair, str]
    audio_pairs: set[Pair]
    seconds: float


def media_seconds(file: Path) -> float:
    """Return the duration of a file; 0 for an image."""
    with av.open(str(file)) as container:
        return (container.duration or 0) / av.time_base


def read_set(folder: Path) -> VideoSet:
    """Return the truth of a set."""
    edits: dict[Pair, str] = {}
    audio_pairs = set()
    for query, shared in json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"].items():
        for one in shared:
            pair = query, one["reference"]
            if any(segment["channel"] == "picture" for segment in one["segments"]):
                edits[pair] = one["edit"]
            else:
                audio_pairs.add(pair)
    seconds = sum(media_seconds(file) for part in ("refs", "queries") for file in (folder / part).iterdir())
    return VideoSet(folder=folder, edits=edits, audio_pairs=audio_pairs - edits.keys(), seconds=seconds)


def find_false_pairs(tested: VideoSet, result: VideoResult) -> list[Pair]:
    """Return the false pairs of a tool."""
    return [pair for pair in result.scores if pair not in tested.edits and pair not in tested.audio_pairs]


def find_recalled(tested: VideoSet, result: VideoResult) -> set[Pair]:
    """Return the true pairs whose score is above that of every false pair."""
    highest = max((result.scores[pair] for pair in find_false_pairs(tested, result)), default=float("-inf"))
    return {pair for pair in tested.edits if result.scores.get(pair, float("-inf")) > highest}


def recall_by_edit(tested: VideoSet, result: VideoResult) -> dict[str, float]:
    """Return the share of the true pairs of each edit that are found without false pair."""
    found = Counter(tested.edits[pair] for pair in find_recalled(tested, result))
    return {edit: found[edit] / count for edit, count in sorted(Counter(tested.edits.values()).items())}


def format_share(share: float) -> str:
    """Return a share with three digits and without a leading zero."""
    return f"{share:.3f}".removeprefix("0")


def overall_table(sets: dict[str, VideoSet], results: dict[VideoTool, dict[str, VideoResult]]) -> str:
    """Return a table with a row per tool."""

    def cells(tested: VideoSet, result: VideoResult) -> Iterable[str]:
        reported = len(result.reported & tested.edits.keys()) / len(tested.edits)
        false = len(result.reported.intersection(find_false_pairs(tested, result)))
        ranked = (
            ScoredPair(pair[0], score, pair in tested.edits)
            for pair, score in result.scores.items()
            if pair not in tested.audio_pairs
        )
        yield format_share(len(find_recalled(tested, result)) / len(tested.edits))
        yield format_share(micro_average_precision(ranked, len(tested.edits)))
        yield f"{format_share(reported)} / {false}"

    rows = []
    for tool, found in results.items():
        speed = sum(tested.seconds for tested in sets.values()) / sum(result.cpu_seconds for result in found.values())
        measured = [cell for name, tested in sets.items() for cell in cells(tested, found[name])]
        rows.append([tool.name, *measured, f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}", SCRIPT])
    figures = ("found, no false pair", "µAP", "reported true / false")
    head = [f"{name}: {figure}" for name in sets for figure in figures]
    return markdown_table(["tool", *head, "× realtime", "script"], rows)


def edit_table(sets: dict[str, VideoSet], results: dict[VideoTool, dict[str, VideoResult]]) -> str:
    """Return a table of the recall without false pair, with a row per set and edit and a column per tool."""
    rows = []
    for name, tested in sets.items():
        columns = [recall_by_edit(tested, found[name]) for found in results.values()]
        for edit, count in sorted(Counter(tested.edits.values()).items()):
            rows.append([name, edit, str(count), *(format_share(column[edit]) for column in columns), SCRIPT])
    return markdown_table(["set", "edit", "pairs", *(tool.name for tool in results), "script"], rows)


def run_tool(tool: VideoTool, sets: dict[str, VideoSet]) -> dict[str, VideoResult]:
    """Return the result of a tool on each set, and print how many files it could not read.

    Raises:
        RuntimeError: If the tool cannot be installed or fails.
    """
    results = {}
    for name, tested in sets.items():
        results[name] = tool.run(tested.folder)
        if failures := results[name].failures:
            file, reason = next(iter(failures.items()))
            print(f"{tool.name} on {name}: no fingerprint of {len(failures)} files: {file}: {reason}", file=sys.stderr)
    return results


def main() -> None:
    """Run the tools on each set and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="NAME=SET")
    parser.add_argument("--environments", type=Path, required=True, metavar="DIR", help="folder of the peers")
    parser.add_argument("--tools", nargs="+", choices=[*REQUIREMENTS, "mediafp"], help="run only these tools")
    parser.add_argument("--results", type=Path, metavar="FILE.json", help="keep the results of the peers here")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="plot the recall of each edit")
    options = parser.parse_args()
    if not all("=" in one for one in options.sets):
        parser.error("a set is NAME=SET")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the children inherit it: decoders start one thread
    sets = {name: read_set(Path(folder)) for name, _, folder in (one.partition("=") for one in options.sets)}
    kept = json.loads(options.results.read_text()) if options.results and options.results.exists() else {}
    results: dict[VideoTool, dict[str, VideoResult]] = {}
    for tool in make_tools(options.environments):
        if options.tools and tool.name not in options.tools:
            continue
        if sets.keys() <= kept.get(tool.name, {}).keys():
            results[tool] = {name: VideoResult.from_json(kept[tool.name][name]) for name in sets}
            continue
        try:
            results[tool] = run_tool(tool, sets)
        except RuntimeError as error:
            print(f"skipped {tool.name}: {error}", file=sys.stderr)
            continue
        if options.results and tool.name in REQUIREMENTS:
            kept[tool.name] = {name: result.to_json() for name, result in results[tool].items()}
            options.results.write_text(json.dumps(kept), encoding="utf-8")
    print(overall_table(sets, results), edit_table(sets, results), sep="\n\n", flush=True)
    if options.plot:
        from peers_plot import plot_recalls

        recalls = {
            name: {tool.name: recall_by_edit(tested, found[name]) for tool, found in results.items()}
            for name, tested in sets.items()
        }
        plot_recalls(recalls, options.plot)


if __name__ == "__main__":
    main()
