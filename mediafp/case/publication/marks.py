"""The marks of owners in the images of a publication: text in the part of a image that a copy of it lacks."""

from collections.abc import Collection, Iterator
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


def find_marks(store: Store, shown: Collection[str], published: Collection[str]) -> Iterator[OwnerMarks]:
    """Yield the marks of images.

    Of a copy that is not published, only lines that name an account count: others may be captions.

    Args:
        store: The store.
        shown: SHA-256 of the assets whose images are shown.
        published: SHA-256 of all assets of the publication.
    """
    for sha256 in shown:
        text = store.ocr_lines(sha256)
        if text and store.asset_kind(sha256) == "image":
            found = _find_marks_of(store, sha256, text, set(published))
            if found.lines:
                yield found


def _find_marks_of(store: Store, sha256: str, text: tuple[TextLine, ...], published: set[str]) -> OwnerMarks:
    lines: dict[TextLine, None] = {}
    cut: dict[str, None] = {}
    for kept in store.kept_matches(sha256, min_probability=DEFAULT_MIN_PROBABILITY):
        other = kept.reference if kept.query == sha256 else kept.query
        if (
            kept.channel != "picture"
            or not kept.match
            or not kept.match.placement
            or kept.match.verdict == "same_scene"
        ):
            continue
        match = add_text_evidence(seen_from(kept, store.asset(other), store), None, lambda _: text)
        removed = match.placement.removed_text if match.placement else ()
        named = [line for line in removed if other in published or extract_handles([line.text])]
        if named:
            lines |= dict.fromkeys(named)
            cut[other] = None
    return OwnerMarks(sha256=sha256, lines=tuple(lines), cut=tuple(cut))
