"""A publication as one HTML page that needs no network, no script and nothing beside it."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from mediafp.report.account_lanes import draw_account_lanes
from mediafp.report.cards import MatchCard, build_card
from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.html import PAPER_FORM, stream_template
from mediafp.report.names import published_line
from mediafp.report.page_evidence import PageEvidence
from mediafp.report.page_images import EmbeddedImages
from mediafp.types.clusters import Cluster
from mediafp.types.matches import Match, QueryResult
from mediafp.types.timelines import Timeline

NO_SEAL: Final = "0" * 64
"""Text in place of the seal of a page while the seal is computed."""
_SEAL: Final = re.compile(rb'<code id="seal">([0-9a-f]{64})</code>')
_LIST_HASH: Final = re.compile(rb'<code class="list-hash">([0-9a-f]{64})</code>')


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigure:
    """One member of a group as the template draws it."""

    image: Markup
    name: str
    lines: tuple[Markup, ...]
    more: int
    """Sightings that are not listed."""
    warnings: tuple[str, ...]
    """Warnings of its analysis, such as that a part was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedGroupCard:
    """One group as the template draws it."""

    kind: str
    size: int
    weakest_link: float | None
    """Probability of the weakest link; None for a group that decisions alone join."""
    relations: Sequence[tuple[str, int]]
    members: Sequence[GroupFigure]
    more: int
    """Members without a image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account of an account card as the template draws it."""

    name: str
    platform: str | None
    posts: int
    first: str | None
    last: str | None
    removed: str | None
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAccountCard:
    """One account, with the others of its line, as the template draws it."""

    statement: str
    lanes: Markup
    rows: Sequence[AccountRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCard:
    """One card of the page; without any of the three, what it showed is gone."""

    title: str
    note: str
    match: MatchCard | None = None
    reviewed: bool = False
    """True if a person confirmed the match."""
    group: PublishedGroupCard | None = None
    account: PublishedAccountCard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """One row of the list of files on the page."""

    name: str
    size: str
    sha256: str
    pdq: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationValues:
    """Everything that the page of a publication shows."""

    title: str
    words: tuple[str, ...]
    by: str
    cards: Sequence[PageCard]
    left_out: Sequence[str]
    """Statements of what the page leaves out, one sentence each."""
    files: Sequence[PageFile]
    """Empty to print no hash."""
    lists: Sequence[tuple[str, str]]
    """Names of the lists beside the page, with their SHA-256."""
    log: tuple[int, str]
    """Number and hash of the last entry of the custody log."""
    sealed_at: str | None
    """None for a preview."""


def build_match_card(result: QueryResult, match: Match, evidence: PageEvidence) -> MatchCard:
    """Return a match as the evidence page draws it, without the words of that page's filter."""
    return replace(build_card(result, match, evidence, {}, {}), words="")


def build_group_card(
    cluster: Cluster, members: Sequence[str], names: Mapping[str, str], evidence: PageEvidence
) -> PublishedGroupCard:
    """Prepare a group for the template.

    Args:
        cluster: The group.
        members: SHA-256 of the members whose images are shown.
        names: Name of each member on the page.
        evidence: The evidence of the page.
    """
    relations = Counter(edge.relation.replace("_", " ") for edge in cluster.edges)
    figures = []
    for sha256 in members:
        lines = evidence.sighting_lines(sha256)
        more = len(evidence.sightings(sha256)) - len(lines)
        image = evidence.image(sha256, label=names[sha256])
        warnings = evidence.warnings(sha256)
        figures.append(GroupFigure(image=image, name=names[sha256], lines=lines, more=more, warnings=warnings))
    return PublishedGroupCard(
        kind=cluster.kind,
        size=len(cluster.members),
        weakest_link=cluster.weakest_link if cluster.weakest_pair else None,
        relations=relations.most_common(),
        members=figures,
        more=len(cluster.members) - len(figures),
    )


def build_account_card(timeline: Timeline) -> PublishedAccountCard:
    """Prepare the time line of an account, and of the others of its line, for the template."""
    accounts = timeline.accounts
    removed = sum(account.removed_at is not None for account in accounts)
    statement = f"{len(accounts)} accounts used the same media one after another" if len(accounts) > 1 else "1 account"
    if removed:
        # Whether the accounts themselves were is not known.
        statement += f"; posts of {'it' if len(accounts) == 1 else f'{removed} of them'} were removed"
    return PublishedAccountCard(
        statement=f"{statement}.",
        lanes=Markup(draw_account_lanes(timeline)),
        rows=[
            AccountRow(
                name=account.account or account.key,
                platform=account.platform,
                posts=account.posts,
                first=account.began_at,
                last=account.last_posted_at or account.last_captured_at,
                removed=account.removed_at,
                because=account.iteration_because,
            )
            for account in accounts
        ],
    )


def begin_evidence(source: EvidenceSource, images: EmbeddedImages) -> PageEvidence:
    """Return the evidence of the page of a publication."""
    return PageEvidence(source, images, paths=False, describe=published_line)


def render_publication(values: PublicationValues, images: EmbeddedImages, *, hashes: bool) -> str:
    """Return the page, with `NO_SEAL` in place of its seal."""
    shown = {name: getattr(values, name) for name in PublicationValues.__dataclass_fields__}
    parts = stream_template("publication.html.j2", images=images, form=PAPER_FORM, seal=NO_SEAL, hashes=hashes, **shown)
    return "".join(parts)


def seal_page(page: bytes) -> tuple[bytes, str]:
    """Return a page with its seal in place of `NO_SEAL`, and the seal."""
    seal = hashlib.sha256(page).hexdigest()
    return _SEAL.sub(f'<code id="seal">{seal}</code>'.encode(), page), seal


def check_page(page: bytes) -> tuple[str | None, list[str]]:
    """Return the seal that a page states, None without one, and what is wrong with it, one sentence each."""
    seals = _SEAL.findall(page)
    if len(seals) != 1:
        return None, ["the page states no seal" if not seals else "the page states several seals"]
    unsealed = _SEAL.sub(f'<code id="seal">{NO_SEAL}</code>'.encode(), page)
    stated = seals[0].decode()
    if hashlib.sha256(unsealed).hexdigest() != stated:
        return stated, ["the page was changed after it was sealed"]
    return stated, []


def stated_list_hashes(page: bytes) -> list[str]:
    """Return the SHA-256 of the lists that a page states, in their order."""
    return [found.decode() for found in _LIST_HASH.findall(page)]
