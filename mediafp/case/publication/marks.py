"""The marks of owners in the images of a publication: text in the part of a image that a copy of it lacks."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from mediafp.case.joined_matches import seen_from
from mediafp.matching.images.handles import extract_handles
from mediafp.matching.images.text_evidence import add_text_evidence
from mediafp.store import Store
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.matches import TextLine

OWNER_CLUES: Final = ("weibo_uid", "account", "account_id")
"""Kinds of clues that name the account which a image came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerMarks:
    """The marks of one image."""

    sha256: str
    lines: tuple[TextLine, ...]
    """Lines of text that a copy lacks, at least one."""
    cut: tuple[str, ...]
    """SHA-256 of the copies that lack one of them."""

    @property
    def handles(self) -> tuple[str, ...]:
        """Names of accounts in the marks."""
        return extract_handles(line.text for line in self.lines)


def find_cuts(store: Store, sha256: str) -> tuple[tuple[str, TextLine], ...]:
    """Return each line of text of an image that a copy of it lacks, with the SHA-256 of the copy."""
    text = store.ocr_lines(sha256)
    if not text or store.asset_kind(sha256) != "image":
        return ()
    found: list[tuple[str, TextLine]] = []
    for kept in store.kept_matches(sha256, min_probability=DEFAULT_MIN_PROBABILITY):
        other = kept.reference if kept.query == sha256 else kept.query
        if kept.channel == "picture" and kept.match and kept.match.placement and kept.match.verdict != "same_scene":
            match = add_text_evidence(seen_from(kept, store.asset(other), store), None, lambda _: text)
            found += [(other, line) for line in (match.placement.removed_text if match.placement else ())]
    return tuple(found)


def choose_marks(sha256: str, cuts: Iterable[tuple[str, TextLine]], published: Collection[str]) -> OwnerMarks | None:
    """Return the marks of an image; None if it has none.

    Of a copy that is not published, only lines that name an account count: others may be captions.

    Args:
        sha256: The image.
        cuts: Its lines that copies lack, each with the copy.
        published: SHA-256 of all assets of the publication.
    """
    chosen = [(other, line) for other, line in cuts if other in published or extract_handles([line.text])]
    if not chosen:
        return None
    return OwnerMarks(
        sha256=sha256,
        lines=tuple(dict.fromkeys(line for _, line in chosen)),
        cut=tuple(dict.fromkeys(other for other, _ in chosen)),
    )
