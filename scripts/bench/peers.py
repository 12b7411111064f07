"""Comparison of mediafp with similar tools on sets of edited images: recall without false match, per edit, speed, size.

    .venv/bin/python scripts/bench/peers.py SET... [--tools NAME...] [--imagededup PYTHON] [--plot FILE.png]

A SET has refs/, queries/ and truth.json, whose `queries` maps the name of a query to {"reference": NAME or null, "edit":
NAME}. The script prints two Markdown tables per set. *Found, no false match* is the share of the queries whose reference
scores above every false pair of the whole set; a tie with a false pair does not count.

A tool that ranks returns the ten nearest references of each query. PDQ queries use all eight dihedral hashes, the other
hashes the mirrored one too. `immaculate` only returns groups: all its pairs have one score, so a single false pair leaves no
query found without false match (the column of its own threshold shows what it finds); its groups also chain, so one edit may
find its reference through another. imagededup depends on torch and runs in an interpreter of its own; its CNN downloads
weights at its first run, and is skipped with a message if that fails. Speed is measured on the references with decoding, for
`immaculate` on all images with its start-up.

`--plot` needs matplotlib, a package of the extra `demo`.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from peers_tools import ScoredPair, Tool, ToolResult, make_tools


def highest_false_score(pairs: Iterable[ScoredPair]) -> float:
    """Return the score of the best false pair."""
    return max((pair.score for pair in pairs if not pair.is_true), default=-np.inf)


def micro_average_precision(pairs: Iterable[ScoredPair], total: int) -> float:
    """Return the area under precision and recall over all pairs; ties are ranked with false pairs first."""
    hits, area = 0, 0.0
    for rank, pair in enumerate(sorted(pairs, key=lambda pair: (-pair.score, pair.is_true)), 1):
        if pair.is_true:
            hits += 1
            area += hits / rank
    return area / total


def markdown_table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def overall_table(results: dict[Tool, ToolResult], total: int) -> str:
    """Return a table with a row per tool: recall, speed and size."""

    def row(tool: Tool, result: ToolResult) -> list[str]:
        pairs, highest_false = result.pairs, highest_false_score(result.pairs)
        false = sum(not pair.is_true and pair.score >= tool.threshold for pair in pairs)
        recall = sum(pair.is_true and pair.score >= tool.threshold for pair in pairs) / total
        return [
            tool.name,
            f"{sum(pair.is_true and pair.score > highest_false for pair in pairs) / total:.3f}",
            f"{micro_average_precision(pairs, total):.3f}",
            f"{false:,} (found {recall:.3f})",
            f"{result.images_per_second:,.0f}" if result.images_per_second >= 10 else f"{result.images_per_second:.1f}",
            "–" if result.bytes_per_image is None else f"{result.bytes_per_image:,.0f}",
        ]

    head = [
        "tool",
        "found, no false match",
        "µAP",
        "false at its own threshold",
        "images per second",
        "bytes per image",
    ]
    return markdown_table(head, (row(*item) for item in results.items()))


def recall_by_edit(result: ToolResult, edits: dict[str, set[str]]) -> dict[str, float]:
    """Return the share of the queries of each edit that score above every false pair of the set."""
    highest_false = highest_false_score(result.pairs)
    recalled = {pair.query for pair in result.pairs if pair.is_true and pair.score > highest_false}
    return {edit: len(recalled & queries) / len(queries) for edit, queries in edits.items()}


def edit_table(results: dict[Tool, ToolResult], edits: dict[str, set[str]]) -> str:
    """Return a table of the recall without false match, with a row per edit and a column per tool."""
    columns = [recall_by_edit(result, edits) for result in results.values()]
    rows = (
        [edit, str(len(queries)), *(f"{column[edit]:.2f}" for column in columns)] for edit, queries in edits.items()
    )
    return markdown_table(["edit", "queries", *(tool.name for tool in results)], rows)


def main() -> None:
    """Run the tools on each set and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, nargs="+", metavar="SET")
    names = " ".join(make_tools(Path()))
    parser.add_argument("--tools", nargs="+", metavar="NAME", help=f"run only these of {names}")
    parser.add_argument("--imagededup", type=Path, metavar="PYTHON", help="an interpreter that can import imagededup")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="plot the recall of each edit")
    options = parser.parse_args()
    tools = make_tools(options.imagededup)
    selected = options.tools or list(tools)
    if missing := set(selected) - set(tools):
        parser.error(f"no such tool, or one that needs --imagededup: {' '.join(sorted(missing))}")
    if not (options.tools or options.imagededup):
        print("skipped imagededup: it needs --imagededup PYTHON", file=sys.stderr)
    recalls: dict[str, dict[str, dict[str, float]]] = {}
    for folder in options.set:
        queries = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
        truth: dict[str, str | None] = {query: entry["reference"] for query, entry in queries.items()}
        edits: dict[str, set[str]] = {}
        for query, entry in queries.items():
            if entry["reference"] is not None:
                edits.setdefault(entry["edit"], set()).add(query)
        results: dict[Tool, ToolResult] = {}
        for name in selected:
            try:
                results[tools[name]] = tools[name].run(folder, truth)
            except RuntimeError as error:
                print(f"skipped {name} on {folder.name}: {error}", file=sys.stderr)
        total = sum(map(len, edits.values()))
        print(f"### {folder.name}: {len(truth):,} queries, {total:,} of them edits of a reference\n")
        print(overall_table(results, total), edit_table(results, edits), sep="\n\n", end="\n\n", flush=True)
        recalls[folder.name] = {tool.name: recall_by_edit(result, edits) for tool, result in results.items()}
    if options.plot:
        from peers_plot import plot_recalls

        plot_recalls(recalls, options.plot)


if __name__ == "__main__":
    main()
