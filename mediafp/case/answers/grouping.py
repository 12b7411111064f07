"""The matches of one query as uses: by source image, by footage, by words; and those that are not counted."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

from mediafp.accounts.identities import identify_accounts
from mediafp.case.answers.changes import change_share, list_changes
from mediafp.matching.disjoint_sets import DisjointSets
from mediafp.types.answers import Spoken, Stretch, Use, UseOrder, Words
from mediafp.types.instants import time_key
from mediafp.types.matches import Match, by_probability
from mediafp.types.media import Asset, TimeSpan
from mediafp.types.sightings import Standing
from mediafp.types.written_words import Quotation

MIN_STRETCH_OVERLAP: Final = 0.7
"""Share of both stretches together that two stretches of a query have in common if they are listed as one: a short excerpt
and the whole video are two. Chosen, not measured."""
Section = Literal["pictures", "footage", "words"]


class Uses:
    """The uses of a query, each file once in a section: the strongest of its matches.

    `pictures`, `footage` and `words` have the certain ones from a probability on; `doubtful`, `scenes` and `near_misses`
    the others, each file once, by falling probability.
    """

    def __init__(
        self,
        query_sha256: str,
        matches: Iterable[Match],
        assets: Mapping[str, Asset],
        min_probability: float,
    ) -> None:
        """Sort matches into sections.

        Args:
            query_sha256: The query.
            matches: All of its matches, near misses among them.
            assets: The references by SHA-256; matches of others are omitted.
            min_probability: Probability below which a match is a near miss.
        """
        self.pictures: list[Use] = []
        self.footage: list[Use] = []
        self.words: list[Use] = []
        self.doubtful: list[Use] = []
        self.scenes: list[Use] = []
        self.near_misses: list[Use] = []
        counted: set[tuple[Section, str]] = set()
        seen: set[str] = set()
        known = sorted((match for match in matches if match.sha256 in assets), key=by_probability)
        for match in known:
            if is_certain(match, min_probability):
                section = section_of(match)
                if (section, match.sha256) not in counted:
                    counted.add((section, match.sha256))
                    getattr(self, section).append(self._use(match, assets, query_sha256))
        files = {sha256 for _, sha256 in counted}
        for match in known:
            # A file that is counted is not in doubt for another of its relations.
            if match.sha256 in files or match.sha256 in seen:
                continue
            seen.add(match.sha256)
            use = self._use(match, assets, query_sha256)
            if match.verdict == "same_scene" and match.decision is None:
                self.scenes.append(use)
            elif match.probability >= min_probability or match.decision:
                self.doubtful.append(use)
            else:
                self.near_misses.append(use)

    def _use(self, match: Match, assets: Mapping[str, Asset], query_sha256: str) -> Use:
        is_query = match.sha256 == query_sha256
        asset = assets[match.sha256]
        return Use(
            match=match, asset=asset, is_query=is_query, changes=list_changes(match, asset, is_identical=is_query)
        )

    @property
    def counted(self) -> list[Use]:
        """The certain ones; a video with the footage and the words is among them twice."""
        return [*self.pictures, *self.footage, *self.words]


def is_certain(match: Match, min_probability: float) -> bool:
    """Return True if a match is counted: a copy of this probability, or one that a person confirmed; none that was left open."""
    if match.decision:
        return match.decision.decision == "confirm"
    return match.verdict == "copy" and match.probability >= min_probability


def section_of(match: Match) -> Section:
    """Return the section of an answer in which a match is listed."""
    if match.kind == "image":
        return "pictures"
    if match.relation in ("same_voice", "same_script"):
        return "words"
    channels = {one.channel for one in match.segments}
    # Audio files are videos without frames.
    return "words" if channels == {"voice"} else "footage"


def group_stretches(uses: Sequence[Use]) -> tuple[Stretch, ...]:
    """Return videos by the stretch of the query that they show, the earliest stretch first.

    Each video is in the stretch of its longest one. Longer ones come first, and the others join the first stretch whose
    first one they overlap with.
    """
    spans = {use.asset.sha256: _longest_span(use.match) for use in uses}
    leaders: list[TimeSpan] = []
    members: defaultdict[TimeSpan, list[Use]] = defaultdict(list)
    for use in sorted(uses, key=lambda use: _by_length(spans[use.asset.sha256], use.asset.sha256)):
        span = spans[use.asset.sha256]
        leader = next((one for one in leaders if _overlap(one, span) >= MIN_STRETCH_OVERLAP), None)
        if leader is None:
            leaders.append(leader := span)
        members[leader].append(use)
    return tuple(Stretch(span=span, uses=tuple(members[span])) for span in sorted(members))


def group_footage(uses: Sequence[Use], edges: Iterable[tuple[str, str]]) -> tuple[Stretch, ...]:
    """Return videos that show an image by the footage that they share with each other, the largest group first.

    Args:
        uses: The videos.
        edges: Pairs of them that share footage.
    """
    groups = join_linked((use.asset.sha256 for use in uses), edges)
    by_asset = {use.asset.sha256: use for use in uses}
    stretches = [Stretch(span=None, uses=tuple(by_asset[sha256] for sha256 in group)) for group in groups]
    return tuple(sorted(stretches, key=lambda one: (-len(one.uses), one.uses[0].asset.sha256)))


def join_linked(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the names in groups that edges join, each group and all groups in the order of the names."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    sets = DisjointSets(len(places))
    for a, b in edges:
        if a in places and b in places:
            sets.unite(places[a], places[b])
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for name, place in places.items():
        groups[sets.find(place)].append(name)
    return list(groups.values())


def group_words(uses: Sequence[Use], language_of: Callable[[Use], str | None]) -> tuple[Words, ...]:
    """Return videos by what they have in common with the speech of the query and by language: recordings first."""
    groups: defaultdict[tuple[bool, str], list[Use]] = defaultdict(list)
    for use in uses:
        groups[use.match.relation == "same_script", language_of(use) or ""].append(use)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))
    return tuple(
        Words(
            relation="same_script" if is_script else "same_voice",
            language=language or None,
            uses=tuple(members),
        )
        for (is_script, language), members in ordered
    )


def group_spoken(
    uses: Sequence[Use], quotations: Mapping[str, tuple[str, Quotation]], edges: Iterable[tuple[str, str]]
) -> tuple[Spoken, ...]:
    """Return videos by the words that are spoken over them, the most frequent ones first.

    Args:
        uses: The videos.
        quotations: Language and words of those that were transcribed and have speech, by SHA-256.
        edges: Pairs of them with the same words.
    """
    by_asset = {use.asset.sha256: use for use in uses if use.asset.sha256 in quotations}
    groups = join_linked(by_asset, edges)
    spoken = [
        Spoken(
            language=quotations[group[0]][0],
            text=quotations[group[0]][1],
            uses=tuple(by_asset[sha256] for sha256 in group),
        )
        for group in groups
    ]
    return tuple(sorted(spoken, key=lambda one: (-len(one.uses), one.uses[0].asset.sha256)))


def order_uses(uses: Iterable[Use], order: UseOrder) -> list[Use]:
    """Return uses in an order; equal ones by their SHA-256."""

    def key(use: Use) -> tuple[object, ...]:
        match order:
            case "oldest":
                return (use.first_at is None, time_key(use.first_at or ""))
            case "biggest":
                width, height = use.asset.size
                return (-width * height,)
            case "changed":
                return (-change_share(use.match),)
            case "surest":
                return (-use.match.probability, -use.match.score)

    return sorted(uses, key=lambda use: (*key(use), use.asset.sha256))


def count_standings(uses: Iterable[Use]) -> dict[Standing, int]:
    """Return the number of files by the state of their posts."""
    counts: dict[Standing, int] = {"removed": 0, "partly_removed": 0, "posted": 0, "unknown": 0}
    for use in {use.asset.sha256: use for use in uses}.values():
        counts[use.standing] += 1
    return counts


def count_accounts(uses: Iterable[Use]) -> int:
    """Return the number of accounts that the sightings of uses name."""
    sightings = [seen for use in {use.asset.sha256: use for use in uses}.values() for seen in use.sightings]
    return len({identity for identity in identify_accounts(sightings) if identity})


def _longest_span(match: Match) -> TimeSpan:
    """Return the longest stretch of the query that a match shows, of its frames where it has any."""
    spans = [one.query for one in match.segments if one.query and one.channel == "picture"]
    spans = spans or [one.query for one in match.segments if one.query]
    return max(spans, key=lambda span: (span[1] - span[0], -span[0]), default=(0.0, 0.0))


def _by_length(span: TimeSpan, sha256: str) -> tuple[float, float, str]:
    return span[0] - span[1], span[0], sha256


def _overlap(a: TimeSpan, b: TimeSpan) -> float:
    """Return the share of two spans together that both have in common."""
    common = min(a[1], b[1]) - max(a[0], b[0])
    whole = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, common) / whole if whole > 0 else 1.0
