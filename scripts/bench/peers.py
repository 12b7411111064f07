"""mediafp against its peers on sets of edited pictures: what is found with no false match, by edit too; speed; size.

    .venv/bin/python scripts/bench/peers.py SET... [--tools NAME...] [--imagededup PYTHON] [--plot FILE.png]

A SET holds refs/, queries/ and truth.json, whose `queries` maps a query's name to {"reference": NAME or null, "edit":
NAME}. Prints two Markdown tables a set. *Found with no false match* is the share of the queries whose reference scores
above every wrong pair of the whole set; a tie with a wrong one does not count.

A tool that ranks is asked for the ten nearest references of each query. PDQ answers in every dihedral form, the other
hashes mirrored too. `immaculate` only says what belongs together: all its pairs score the same, so that a single wrong
one among them leaves nothing found without a false match (what was found with it stands in the column of its own
threshold); and its groups chain, so that one edit may find its reference by way of another. imagededup needs torch, so
it runs in an interpreter of its own; its CNN fetches weights when it is first run, and is left out with a note where it
cannot. Speed is that of the references with decoding, of `immaculate` that of all pictures and its start-up.

`--plot` needs matplotlib, which the extra `demo` brings.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from peers_tools import Answer, Pair, Tool, tools


def ceiling(pairs: Iterable[Pair]) -> float:
    """The score of the best wrong pair."""
    return max((pair.score for pair in pairs if not pair.true), default=-np.inf)


def micro_ap(pairs: Iterable[Pair], total: int) -> float:
    """Area under precision and recall over all pairs; ties are counted against the tool."""
    hits, area = 0, 0.0
    for rank, pair in enumerate(sorted(pairs, key=lambda pair: (-pair.score, pair.true)), 1):
        if pair.true:
            hits += 1
            area += hits / rank
    return area / total


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def overall(answers: dict[Tool, Answer], total: int) -> str:
    """A row a tool: what is found, how fast, how large."""

    def row(tool: Tool, answer: Answer) -> list[str]:
        pairs, bar = answer.pairs, ceiling(answer.pairs)
        false = sum(not pair.true and pair.score >= tool.threshold for pair in pairs)
        found = sum(pair.true and pair.score >= tool.threshold for pair in pairs) / total
        return [
            tool.name,
            f"{sum(pair.true and pair.score > bar for pair in pairs) / total:.3f}",
            f"{micro_ap(pairs, total):.3f}",
            f"{false:,} (found {found:.3f})",
            f"{answer.rate:,.0f}" if answer.rate >= 10 else f"{answer.rate:.1f}",
            "–" if answer.size is None else f"{answer.size:,.0f}",
        ]

    head = [
        "tool",
        "found, no false match",
        "µAP",
        "false at its own threshold",
        "pictures a second",
        "bytes a picture",
    ]
    return table(head, (row(*item) for item in answers.items()))


def recalls(answer: Answer, edits: dict[str, set[str]]) -> dict[str, float]:
    """Share of each edit's queries found above every wrong pair of the set."""
    bar = ceiling(answer.pairs)
    found = {pair.query for pair in answer.pairs if pair.true and pair.score > bar}
    return {edit: len(found & queries) / len(queries) for edit, queries in edits.items()}


def by_edit(answers: dict[Tool, Answer], edits: dict[str, set[str]]) -> str:
    """A row an edit, a column a tool: found with no false match."""
    columns = [recalls(answer, edits) for answer in answers.values()]
    rows = (
        [edit, str(len(queries)), *(f"{column[edit]:.2f}" for column in columns)] for edit, queries in edits.items()
    )
    return table(["edit", "queries", *(tool.name for tool in answers)], rows)


def main() -> None:
    """Runs the tools and prints the tables of each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, nargs="+", metavar="SET")
    parser.add_argument("--tools", nargs="+", metavar="NAME", help=f"some of {' '.join(tools(Path()))}; default: all")
    parser.add_argument("--imagededup", type=Path, metavar="PYTHON", help="an interpreter that can import imagededup")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw what is found of each edit")
    options = parser.parse_args()
    offered = tools(options.imagededup)
    chosen = options.tools or list(offered)
    if missing := set(chosen) - set(offered):
        parser.error(f"no such tool, or one that needs --imagededup: {' '.join(sorted(missing))}")
    if not (options.tools or options.imagededup):
        print("imagededup is left out: no --imagededup PYTHON", file=sys.stderr)
    drawn: dict[str, dict[str, dict[str, float]]] = {}
    for folder in options.set:
        facts = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
        truth: dict[str, str | None] = {query: fact["reference"] for query, fact in facts.items()}
        edits: dict[str, set[str]] = {}
        for query, fact in facts.items():
            if fact["reference"] is not None:
                edits.setdefault(fact["edit"], set()).add(query)
        answers: dict[Tool, Answer] = {}
        for key in chosen:
            try:
                answers[offered[key]] = offered[key].run(folder, truth)
            except RuntimeError as reason:
                print(f"{folder.name}: {key} is left out: {reason}", file=sys.stderr)
        total = sum(map(len, edits.values()))
        print(f"### {folder.name}: {len(truth):,} queries, {total:,} of them edits of a reference\n")
        print(overall(answers, total), by_edit(answers, edits), sep="\n\n", end="\n\n", flush=True)
        drawn[folder.name] = {tool.name: recalls(answer, edits) for tool, answer in answers.items()}
    if options.plot:
        from peers_plot import draw

        draw(drawn, options.plot)


if __name__ == "__main__":
    main()
