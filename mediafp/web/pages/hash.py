"""A question by a hash alone: what of the case is near to it, and which lists contain it."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from fastapi import Query

from mediafp.report import jsonl
from mediafp.report.names import display_name
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.errors import StoreError, UsageError
from mediafp.types.hashes import HASH_BYTES, HashAlgorithm, parse_hash
from mediafp.types.matches import Match, QueryResult
from mediafp.web.asking import Asking
from mediafp.web.site import Site
from mediafp.web.views import View

MAX_HASH_CHARS: Final = 200
"""Characters of a hash in an address: more than any has. Chosen, not measured."""
LISTED_FILES: Final = 100
"""Files that a page lists for one hash. Chosen, not measured."""
BY_DIGITS: Final[Mapping[int, Sequence[HashAlgorithm]]] = {64: ("sha256", "pdq"), 16: ("phash", "dhash")}
"""Algorithms whose hashes have so many hexadecimal digits."""
_DIGITS: Final = re.compile(r"(?:0x)?([0-9a-f]+)", re.IGNORECASE)
_STATED_BITS: Final = re.compile(r"(\d+) of \d+ bits")
HashText = Annotated[str, Query(max_length=MAX_HASH_CHARS)]


def add_hash(site: Site, asking: Asking) -> None:
    """Add the page, and the same in the API."""

    def ask(h: HashText = "", weaker: Annotated[bool, Query(alias="all")] = False) -> View:
        text, problem = h.strip(), ""
        results: list[tuple[HashAlgorithm, QueryResult]] = []
        try:
            results = [(parse_hash(one)[0], site.case.match_hash(one, top=LISTED_FILES)) for one in readings(text)]
        except StoreError:
            raise
        except UsageError as error:
            problem = str(error)
        shown = [(algorithm, result, _rows(site, result, weaker)) for algorithm, result in results]
        found = {match.sha256 for _, result in results for match in result.matches}
        return View(
            template="hash.html.j2",
            values={
                "text": text,
                "problem": problem,
                "results": shown,
                # Of the files that are not listed, how many are near by both readings is not known.
                "found": max(len(found), *(len(one.matches) + one.more_matches for _, one in results), 0),
                "found_as": next((algorithm for algorithm, result in results if result.matches), ""),
                "listed_as": next((algorithm for algorithm, result in results if result.listed), ""),
                "listed": sum(len(result.listed) for _, result in results),
                "weaker": weaker,
                "more": sum(len(result.near_misses) for _, result in results),
                "read_as": [algorithm for algorithm, _ in results],
                "asked": next(
                    (one.sha256 for _, one in results if one.sha256 and site.queries.state(one.sha256)), None
                ),
            },
            json=lambda: (jsonl.result_to_json(result) for _, result in results),
            columns=("hash", "sha256", "file", "relation", "probability", "why"),
            rows=lambda: (
                (
                    result.query,
                    match.sha256,
                    _name(site, match),
                    match.relation,
                    match.probability,
                    "; ".join(match.why),
                )
                for _, result in results
                for match in result.matches
            ),
            status=400 if problem and text else 200,
        )

    def match_hash(
        hash: Annotated[str, Query(max_length=MAX_HASH_CHARS)],
        top: Annotated[int, Query(ge=0, le=1_000)] = LISTED_FILES,
        min_probability: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)] = DEFAULT_MIN_PROBABILITY,
    ) -> jsonl.JsonObject:
        """Return the assets whose hash is near to `pdq:HEX`, `phash:HEX`, `dhash:HEX` or `sha256:HEX`, and its lists."""
        return jsonl.result_to_json(site.case.match_hash(hash, top=top, min_probability=min_probability))

    site.add_view("/hash", ask)
    site.add_api("/match", match_hash)


def readings(text: str) -> list[str]:
    """Return the hashes that a text may be, as `pdq:HEX`: digits alone may be a hash of each algorithm of their length.

    Raises:
        UsageError: It is none.
    """
    if not text:
        return []
    digits = _DIGITS.fullmatch(text)
    if digits is None:
        parse_hash(text)
        return [text]
    algorithms = BY_DIGITS.get(len(digits[1]))
    if algorithms is None:
        lengths = " or ".join(str(2 * size) for size in sorted(set(HASH_BYTES.values())))
        raise UsageError(
            f"cannot search {text[:80]!r}: a hash has {lengths} hexadecimal digits, and this one {len(digits[1])};"
            " check that it is whole"
        )
    return [f"{algorithm}:{digits[1].lower()}" for algorithm in algorithms]


def _rows(site: Site, result: QueryResult, weaker: bool) -> list[dict[str, object]]:
    """Return the files of a result as the page lists them."""
    return [
        {
            "match": match,
            "name": _name(site, match),
            "seen": match.sightings[0] if match.sightings else None,
            "distance": _distance(match),
        }
        for match in (*result.matches, *(result.near_misses if weaker else ()))
    ]


def _name(site: Site, match: Match) -> str:
    seen = next((one for one in match.sightings if one.title), None)
    if seen and seen.title:
        return seen.title
    return site.file_name(match.uris[0]) if match.uris else display_name(match.sha256[:12])


def _distance(match: Match) -> int:
    """Return the bits by which the hash of a match differs, 0 for equal bytes."""
    found = _STATED_BITS.match(match.why[0]) if match.why else None
    return int(found[1]) if found else 0
