"""Everything that a publication leaves out of texts and images: names, marks, and the parts that are covered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mediafp.case.publication.content import DraftContent
from mediafp.case.publication.covers import CoverMap, Covers, Polygon, Shown, box_polygon
from mediafp.case.publication.hidden_names import OWNER, HiddenNames, name_accounts
from mediafp.case.publication.marks import OWNER_CLUES
from mediafp.matching.images.handles import extract_handles
from mediafp.types.geometry import intersection_area
from mediafp.types.sightings import Sighting
from mediafp.types.tokens import tokenise

MARK_MARGIN: Final = 0.5
"""Margin around a line of text that is covered, in its own heights. Chosen, not measured."""

MIN_MARK_CHARS: Final = 3
"""Letters and digits of a line of a mark from which it may name its owner. Chosen, not measured: OCR reads one or two in
patterns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Everything that a publication leaves out."""

    names: HiddenNames
    covers: Covers
    letters: Mapping[tuple[str | None, str], str]
    """Letters of accounts, if they replace names."""

    def label(self, sighting: Sighting) -> str | None:
        """Return the text in place of the account of a sighting; None if it is named, or none is known."""
        for name in sighting.names:
            if letter := self.letters.get((sighting.platform, name)):
                return letter
        hidden = [name for name in sighting.names if self.names.find(name)]
        return self.names.replace(hidden[0]) if hidden else None

    def is_covered(self, shown: Shown, polygon: Polygon) -> bool:
        """Return True if a part of a image is covered, if only in part."""
        import numpy as np

        return any(
            intersection_area(np.array(cover), np.array(polygon)) > 0 for cover in self.covers.polygons.get(shown, ())
        )


def find_left_out(content: DraftContent) -> LeftOut:
    """Return what a draft leaves out."""
    redaction = content.draft.redaction
    names = HiddenNames()
    letters: Mapping[tuple[str | None, str], str] = {}
    if redaction.letters:
        letters = name_accounts([*content.iter_sightings(), *_timeline_sightings(content)])
        for (_, name), letter in letters.items():
            names.add(name, letter)
    if redaction.owner:
        for name, replacement in _owner_names(content):
            names.add(name, replacement)
    for name in redaction.hidden:
        names.add(name)
    boxes = [*_user_boxes(content), *(_mark_boxes(content) if redaction.owner else ())]
    covers = CoverMap(content.store, content.assets, {shown.sha256 for shown in content.shown})
    left_out = LeftOut(names=names, covers=covers.carry(boxes), letters=letters)
    # A mark that is covered by hand is not to be read below the image either.
    for marks in content.marks:
        for line in marks.lines:
            if left_out.is_covered(Shown(marks.sha256), line.box):
                for handle in extract_handles([line.text]):
                    names.add(handle)
    if names:
        left_out = LeftOut(names=names, covers=covers.carry([*boxes, *_named_boxes(content, names)]), letters=letters)
    return left_out


def _timeline_sightings(content: DraftContent) -> Iterator[Sighting]:
    """Yield one sighting for each account of the account cards, with all of its names."""
    for card in content.cards:
        for account in card.timeline.accounts if card.timeline else ():
            for name in [account.account, *(each.name for each in account.names)]:
                yield Sighting(
                    sha256="",
                    uri="",
                    platform=account.platform,
                    account=name,
                    account_id=account.account_id,
                    account_name=account.account_name,
                )


def _owner_names(content: DraftContent) -> Iterator[tuple[str, str]]:
    """Yield the names in the marks of owners, and of those who posted the images with the marks.

    An account that posted a image from which the mark was cut away too is not the owner.
    """
    for marks in content.marks:
        # A scrap of a letter in a pattern names nobody.
        if not any(len("".join(t.text for t in tokenise(line.text))) >= MIN_MARK_CHARS for line in marks.lines):
            continue
        takers = {name for sha256 in marks.cut for sighting in content.sightings(sha256) for name in sighting.names}
        for sighting in content.sightings(marks.sha256):
            if not takers.intersection(sighting.names):
                yield from ((name, OWNER) for name in sighting.names)
        yield from ((handle, OWNER) for handle in marks.handles if handle.lstrip("@") not in takers)
        for clue in content.store.clues(marks.sha256):
            if clue.kind in OWNER_CLUES and clue.value not in takers:
                yield clue.value, OWNER


def _user_boxes(content: DraftContent) -> Iterator[tuple[Shown, Polygon]]:
    for box in content.draft.redaction.boxes:
        asset = content.assets.get(box.asset)
        if asset:
            left, right = sorted((box.left, box.right))
            top, bottom = sorted((box.top, box.bottom))
            page = box.page if asset.kind == "image" else 0
            yield Shown(box.asset, page), box_polygon((left, top, right, bottom))


def _mark_boxes(content: DraftContent) -> Iterator[tuple[Shown, Polygon]]:
    """Yield the marks of owners, in the images that show them."""
    for marks in content.marks:
        for line in marks.lines:
            yield Shown(marks.sha256), _with_margin(line.box)


def _named_boxes(content: DraftContent, names: HiddenNames) -> Iterator[tuple[Shown, Polygon]]:
    """Yield the lines of text in all images that contain a hidden name."""
    for sha256 in dict.fromkeys(shown.sha256 for shown in content.shown):
        for line in content.iter_text(sha256):
            if names.find(line.text):
                yield Shown(sha256), _with_margin(line.box)


def _with_margin(box: Polygon) -> Polygon:
    xs, ys = [x for x, _ in box], [y for _, y in box]
    margin = min(max(ys) - min(ys), max(xs) - min(xs)) * MARK_MARGIN
    return box_polygon((min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin))
