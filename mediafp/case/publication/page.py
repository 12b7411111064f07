"""The page and the lists of a draft, from the content of its store without what it leaves out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mediafp.case.publication.content import MAX_FIGURES, CardContent, DraftContent, iter_decisive_pairs
from mediafp.case.publication.covers import count_covered
from mediafp.case.publication.decisions import Decisions
from mediafp.case.publication.evidence import RedactedEvidence
from mediafp.case.publication.redaction import LeftOut, find_left_out
from mediafp.fingerprints.pdq import Pdq
from mediafp.report.page_evidence import PageEvidence
from mediafp.report.page_images import EmbeddedImages, ImagesTooLarge
from mediafp.report.publication_bundle import ListedFile, write_lists
from mediafp.report.publication_page import (
    PageCard,
    PageFile,
    PublicationValues,
    begin_evidence,
    build_account_card,
    build_group_card,
    build_match_card,
    render_publication,
)
from mediafp.types.errors import UsageError
from mediafp.types.media import Asset

MAX_IMAGE_BYTES: Final = 20_000_000
"""Bytes of all images of one page, some 400 of 50,000: a browser still opens the file in a second or two. Chosen, not
measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedDraft:
    """Page of a draft with what lies beside it."""

    html: str
    cards: tuple[PageCard, ...]
    lists: Mapping[str, bytes]
    images: Mapping[str, bytes]
    """The images of the page, by the names of their files."""


@dataclass(kw_only=True)
class PreparedDraft:
    """A draft with what its cards show and what it leaves out, each found once."""

    content: DraftContent
    decisions: Decisions

    @cached_property
    def left_out(self) -> LeftOut:
        """Everything that the draft leaves out."""
        return find_left_out(self.content)

    @cached_property
    def evidence(self) -> RedactedEvidence:
        """Everything that the page shows."""
        return RedactedEvidence(self.content, self.left_out, self.decisions)

    def render(self, sealed_at: str | None) -> RenderedDraft:
        """Return the page, with the place of its seal empty.

        Raises:
            UsageError: Its images are too large together for one file.
        """
        draft = self.content.draft
        images = EmbeddedImages(MAX_IMAGE_BYTES)
        files = [self._list_file(asset) for asset in self.content.assets.values()] if draft.redaction.hashes else []
        lists = write_lists(files) if files else {}
        try:
            evidence = begin_evidence(self.evidence, images)
            cards = tuple(self._build_card(card, evidence) for card in self.content.cards)
        except ImagesTooLarge as error:
            raise UsageError(
                f"cannot write the page: its pictures have more than {MAX_IMAGE_BYTES} bytes; take fewer cards"
            ) from error
        values = PublicationValues(
            title=draft.title,
            words=draft.words,
            by=draft.by,
            cards=cards,
            left_out=self._describe_left_out(),
            files=[_page_file(file) for file in files],
            lists=[(name, hash_bytes(content)) for name, content in lists.items()],
            log=self.content.store.last_log_entry(),
            sealed_at=sealed_at,
        )
        html = render_publication(values, images, hashes=draft.redaction.hashes)
        return RenderedDraft(html=html, cards=cards, lists=lists, images=self.evidence.name_images(images.contents()))

    def _build_card(self, content: CardContent, evidence: PageEvidence) -> PageCard:
        card = content.card
        if content.match:
            result, match = self.evidence.result(content)
            ((a, b),) = iter_decisive_pairs(content)
            return PageCard(
                title=card.title,
                note=card.note,
                match=build_match_card(result, match, evidence),
                reviewed=self.decisions.is_confirmed(a, b),
            )
        if content.cluster:
            group = build_group_card(content.cluster, content.members[:MAX_FIGURES], self.content.names, evidence)
            return PageCard(title=card.title, note=card.note, group=group)
        if content.timeline:
            account = build_account_card(self.evidence.redact_timeline(content.timeline))
            return PageCard(title=card.title, note=card.note, account=account)
        return PageCard(title=card.title, note=card.note)

    def _describe_left_out(self) -> list[str]:
        """Return what the page leaves out, one sentence each."""
        redaction = self.content.draft.redaction
        covered, all_shown = count_covered(self.left_out.covers, self.content.assets), len(self.content.assets)
        which = "the picture or video" if all_shown == 1 else f"{covered} of {all_shown} pictures and videos"
        lines = [f"Parts of {which} are painted over."] if covered else []
        if redaction.owner and self.content.marks:
            lines.append("Names and marks of the owners of pictures are left out.")
        if any(box.source == "face" for box in redaction.boxes):
            lines.append("Faces were found by a detector and painted over; none was compared with another.")
        if redaction.letters:
            lines.append("Accounts are named by letters; the same letter is the same account.")
        lines.append("Names of files, and what files say about themselves, are left out.")
        return lines

    def _list_file(self, asset: Asset) -> ListedFile:
        found = None
        if asset.kind == "image":
            only = {asset.sha256}
            found = next(self.content.store.fingerprints(Pdq.name, Pdq.version, only), None)
        has_hash = found is not None and len(found.vectors)
        return ListedFile(
            name=self.content.names[asset.sha256],
            asset=asset,
            pdq=found.vectors[0].tobytes().hex() if found and has_hash else None,
            pdq_quality=round(float(found.quality[0]) * 100) if found and has_hash else None,
        )


def hash_bytes(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hex."""
    return hashlib.sha256(content).hexdigest()


def _page_file(file: ListedFile) -> PageFile:
    width, height = file.asset.size
    duration = file.asset.properties.get("duration")
    parts = [f"{file.asset.bytes:,} bytes"]
    parts += [f"{width} × {height} pixels"] if width and height else []
    parts += [f"{duration:.1f} s"] if isinstance(duration, (int, float)) and duration else []
    return PageFile(name=file.name, size=", ".join(parts), sha256=file.asset.sha256, pdq=file.pdq)
