"""Publications: drafts that a person edits, the checks on them, and the sealed pages made of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from mediafp.types.errors import UsageError
from mediafp.types.matches import Point, Relation
from mediafp.types.media import Kind

type BoxSource = Literal["user", "face"]
"""Origin of a box: drawn by the user, or found by the face detector."""
type CheckName = Literal[
    "cards",
    "match",
    "decision",
    "sightings",
    "original",
    "picture",
    "placement",
    "covers",
    "text",
    "names",
    "machine",
    "loads",
]
"""Name of a check on a draft; `CHECK_TITLES` states what each requires."""
CHECK_TITLES: Final[dict[CheckName, str]] = {
    "cards": "there is a title, and at least one card",
    "match": "every card still holds",
    "decision": "no card rests on an undecided or a rejected match",
    "sightings": "the sightings that are known",
    "original": "every original still has its SHA-256",
    "picture": "every picture can be shown",
    "placement": "every match is drawn",
    "covers": "what is covered in one picture is covered in the others that show it",
    "text": "the text in every picture was read, so that hidden names are found in it",
    "names": "no hidden name is left in a text",
    "machine": "no path, user or host of this machine",
    "loads": "no script, no address that is loaded, no metadata in pictures",
}
"""The requirement of each check, in the order in which checks are shown."""


class PublishedMatch(msgspec.Struct, frozen=True, kw_only=True, tag="match"):
    """Card with one match of two assets."""

    query: str
    """SHA-256."""
    reference: str
    """SHA-256."""
    relation: Relation
    """Relation from the query to the reference."""
    title: str = ""
    """Heading of the card; "" for none."""
    note: str = ""
    """Words of the author below the heading."""


class PublishedGroup(msgspec.Struct, frozen=True, kw_only=True, tag="group"):
    """Card with the members of one cluster."""

    cluster: str
    title: str = ""
    note: str = ""


class PublishedAccount(msgspec.Struct, frozen=True, kw_only=True, tag="account"):
    """Card with the time line of one account, and of the others of its line of iterations."""

    account: str
    """Key of the account in the store."""
    title: str = ""
    note: str = ""


type PublishedCard = PublishedMatch | PublishedGroup | PublishedAccount


class CoveredBox(msgspec.Struct, frozen=True, kw_only=True):
    """Upright rectangle that is covered in the image of an asset; in a video, in all of its frames.

    The box is in pixels of the asset, or of the page of an image with row `page`. Placements carry it to the other images
    that show the same.
    """

    asset: str
    """SHA-256."""
    left: float
    top: float
    right: float
    bottom: float
    page: int = 0
    source: BoxSource = "user"


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """Choice of what a publication leaves out; paths, file names, clues and metadata never appear."""

    owner: bool = True
    """Cover the marks that were cut away from images, and leave out the names in them and of those who posted them."""
    letters: bool = False
    """Write account A, account B instead of names of accounts, and leave out addresses of posts."""
    hashes: bool = True
    """Print the hashes of the files, and list them beside the page."""
    hidden: tuple[str, ...] = ()
    """Further names and words that must not appear, in either Chinese script."""
    boxes: tuple[CoveredBox, ...] = ()
    looked_at: tuple[str, ...] = ()
    """SHA-256 of assets in whose images the user found nothing more to cover, though no placement or no reading of their
    text says so."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """Publication that is being edited."""

    title: str = ""
    words: tuple[str, ...] = ()
    """Plain paragraphs: what it shows, and what it does not."""
    by: str = ""
    cards: tuple[PublishedCard, ...] = ()
    redaction: Redaction = Redaction()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedDraft:
    """Draft as it is saved."""

    id: str
    revision: int
    """Number of times it was saved: whoever changes it states the revision that the change is based on."""
    saved_at: str
    """ISO 8601 in UTC."""
    draft: Draft
    sealed: bool = False
    """True if it was sealed: it does not change any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCheck:
    """Result of one check on a draft, or on one of its cards."""

    name: CheckName
    passed: bool
    """False stops the seal."""
    words: str
    """The result in words."""
    card: int | None = None
    """Number of the card, from 0; None for the whole draft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftImage:
    """Image or frame that a draft shows, for an editor of boxes."""

    sha256: str
    name: str
    """Name of it on the page, such as `image 2`."""
    kind: Kind
    page: int
    """Row of the page of an image that is shown."""
    seconds: float | None
    """Time of a frame of a video; None for an image."""
    size: tuple[int, int]
    """Width and height in whose pixels boxes are given."""
    covers: tuple[tuple[Point, ...], ...]
    """Polygons that are covered, in these pixels."""
    jpeg: bytes
    """The image as the publication shows it, with what is covered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPublication:
    """Publication that was sealed: files that never change."""

    id: str
    """Id of its draft."""
    title: str
    sealed_at: str
    """ISO 8601 in UTC."""
    page: Path
    bundle: Path
    seal: str
    """SHA-256, in hex, of the page with 64 zeros in place of it."""
    page_sha256: str
    bundle_sha256: str
    hashes: tuple[tuple[str, str], ...]
    """Name and SHA-256 of each file of the bundle, by name."""
    log: tuple[int, str]
    """Number and hash of the last entry of the custody log before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationCheck:
    """Result of checking a page or a bundle."""

    problems: tuple[str, ...]
    """One sentence for each problem; none if nothing was changed since it was sealed."""
    seal: str | None
    """Seal that the page states; None if it states none."""
    known_as: str | None = None
    """Id of the publication of this case with this very content; None if there is none."""


def parse_draft(content: bytes) -> Draft:
    """Return the draft that some JSON states. Raises UsageError if it states none."""
    try:
        return msgspec.json.decode(content, type=Draft)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the draft: {error}; write one with: mediafp publish DRAFT.json") from error


def format_draft(draft: Draft) -> bytes:
    """Return a draft as JSON that a person can edit."""
    return msgspec.json.format(msgspec.json.encode(draft), indent=2) + b"\n"
