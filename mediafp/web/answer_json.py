"""Answers as the JSON objects of docs/formats.md, and as a table."""

from collections.abc import Iterable, Iterator
from typing import Any

from mediafp.report import jsonl
from mediafp.report.names import display_name
from mediafp.types.answers import Answer, Groupings, Use

COLUMNS = (
    "section", "sha256", "file", "account", "platform", "posted_at", "removed_at", "url", "relation", "verdict", "probability",
    "start", "end", "why",
)  # fmt: skip
"""Columns of the table of an answer: a line for each sighting of each use."""


def answer_to_json(answer: Answer) -> jsonl.JsonObject:
    """Return a query result with what is known of the file."""
    known = (
        jsonl.result_to_json(answer.result)
        if answer.result
        else {
            "query": answer.name,
            "sha256": answer.sha256,
            "kind": answer.kind,
            "matches": [],
            "more_matches": 0,
            "near_misses": [],
            "listed": [],
            "warnings": [],
        }
    )
    part = answer.part_of
    return known | {
        "query": answer.name,
        "in_case": answer.in_case,
        "state": answer.state,
        "error": answer.error,
        "asked_at": answer.asked_at,
        "seconds": answer.seconds,
        "hashes": dict(answer.hashes),
        "part_of": {"sha256": part.sha256, "box": list(part.box), "seconds": part.seconds} if part else None,
    }


def groupings_to_json(answer: Answer, groupings: Groupings) -> jsonl.JsonObject:
    """Return the uses of an answer by source image, stretch and words, as SHA-256 of matches of the query result."""
    source = groupings.trace.source
    first = groupings.trace.first_posted
    return {
        "sha256": answer.sha256,
        "state": answer.state,
        "source": source.match.sha256 if source else None,
        "equally_complete": [one.match.sha256 for one in groupings.trace.equally_complete],
        "first_posted": jsonl.sighting_to_json(first) if first else None,
        "perhaps_first": [jsonl.sighting_to_json(seen) for seen in groupings.trace.perhaps_first],
        "handles": [{"best": one.best, "readings": list(one.readings)} for one in groupings.handles],
        "accounts": groupings.accounts,
        "files": len(groupings.files),
        "more_matches": answer.result.more_matches if answer.result else 0,
        "pictures": _names(groupings.pictures),
        "stretches": [
            {"query": list(one.span) if one.span else None, "videos": _names(one.uses)} for one in groupings.footage
        ],
        "words": [
            {"relation": one.relation, "language": one.language, "videos": _names(one.uses)} for one in groupings.words
        ],
        "spoken": [{"language": one.language, "videos": _names(one.uses)} for one in groupings.spoken],
        "doubtful": _names(groupings.doubtful),
        "same_scene": _names(groupings.scenes),
        "near_misses": _names(groupings.near_misses),
    }


def answer_rows(groupings: Groupings) -> Iterator[tuple[Any, ...]]:
    """Yield the lines of the table of an answer."""
    sections: Iterable[tuple[str, Iterable[Use]]] = (
        ("picture", groupings.pictures),
        ("footage", groupings.footage_uses),
        ("words", groupings.words_uses),
        ("doubtful", groupings.doubtful),
        ("same_scene", groupings.scenes),
        ("near_miss", groupings.near_misses),
    )
    for section, uses in sections:
        for use in uses:
            match = use.match
            start = min((one.reference[0] for one in match.segments), default=None)
            end = max((one.reference[1] for one in match.segments), default=None)
            for seen in use.sightings:
                yield (
                    section, match.sha256, display_name(seen.uri), seen.account_label, seen.platform, seen.posted_at,
                    seen.removed_at, seen.url, match.relation, match.verdict, match.probability, start, end, "; ".join(match.why),
                )  # fmt: skip


def _names(uses: Iterable[Use]) -> list[str]:
    return [use.asset.sha256 for use in uses]
