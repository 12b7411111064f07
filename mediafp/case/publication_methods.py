"""Methods of a case about publications: drafts, checks, seals."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mediafp.case.sources import PathLike
from mediafp.store import Store

# They load msgspec, which few commands need.
if TYPE_CHECKING:
    from mediafp.case.publication.publishing import Publishing
    from mediafp.case.thumbnail_decoder import ThumbnailDecoder
    from mediafp.types.publications import (
        CoveredBox,
        Draft,
        DraftCheck,
        DraftImage,
        PublicationCheck,
        PublishedMatch,
        SavedDraft,
        SealedPublication,
    )


class PublicationMethods:
    """The part of `Case` about publications, which are files in the folder of the store."""

    _store: Store

    if TYPE_CHECKING:

        @property
        def _thumbnails(self) -> ThumbnailDecoder: ...

    def drafts(self) -> "list[SavedDraft]":
        """Return the drafts of publications, the one that was saved last first."""
        return self._publishing.files.drafts()

    def draft(self, id: str) -> "SavedDraft":
        """Return a draft. Raises UsageError if there is none of this id."""
        return self._publishing.files.draft(id)

    def save_draft(self, draft: "Draft", *, id: str | None = None, replaces: int = 0) -> "SavedDraft":
        """Save a draft as a new one, or in place of one of its revisions.

        Args:
            draft: The draft.
            id: Id of the draft to replace; None to save a new one.
            replaces: Revision that the change is based on.

        Raises:
            OutdatedDraft: The draft has another revision, or is sealed; nothing is overwritten.
            UsageError: There is none of this id.
        """
        return self._publishing.files.save(draft, id=id, replaces=replaces)

    def match_card(self, query: PathLike, reference: PathLike) -> "PublishedMatch":
        """Return a card with the most probable match of two assets, given as SHA-256 or path.

        Raises:
            UsageError: The store does not contain one of them, or no match of the two.
        """
        return self._publishing.find_match_card(os.fspath(query), os.fspath(reference))

    def check_draft(self, draft: "Draft | str", *, originals: bool = True) -> "list[DraftCheck]":
        """Return the checks that a draft has to pass.

        Args:
            draft: The draft, or the id of a saved one.
            originals: Hash the original files too, which takes long for videos; `seal` always does.

        Raises:
            UsageError: There is no draft of this id.
        """
        return self._publishing.check(draft, originals=originals)

    def preview(self, draft: "Draft | str") -> str:
        """Return the page of a draft as it would be sealed, in HTML; `draft` as for `check_draft`."""
        return self._publishing.preview(draft)

    def draft_images(self, draft: "Draft | str") -> "list[DraftImage]":
        """Return the images of a draft, to draw boxes in; `draft` as for `check_draft`."""
        return self._publishing.images(draft)

    def find_faces(self, draft: "Draft | str") -> "tuple[CoveredBox, ...]":
        """Return a box for each face in the images of a draft, to be added to its boxes; `draft` as for `check_draft`.

        Raises:
            UsageError: The face detector is not installed.
        """
        return self._publishing.find_faces(draft)

    def seal(self, id: str, *, revision: int | None = None) -> "SealedPublication":
        """Check a draft, and write its page and its bundle, which never change afterwards.

        Args:
            id: The draft.
            revision: Revision that the caller has seen; None for the last one.

        Raises:
            FailedChecks: A check failed; nothing was written.
            OutdatedDraft: It is sealed already, or has another revision.
            UsageError: There is none of this id.
        """
        return self._publishing.seal(id, revision)

    def publications(self) -> "list[SealedPublication]":
        """Return the sealed publications, the newest first."""
        return self._publishing.files.publications()

    def publication(self, id: str) -> "SealedPublication":
        """Return a sealed publication. Raises UsageError if no draft of this id is sealed."""
        return self._publishing.files.publication(id)

    def publication_pdf(self, id: str) -> bytes:
        """Return a sealed page as a PDF, printed by the user's browser.

        Raises:
            UsageError: No draft of this id is sealed, or there is no browser.
        """
        return self._publishing.pdf(id)

    def verify_publication(self, file: PathLike) -> "PublicationCheck":
        """Return what is wrong with a page or a bundle. Raises UsageError if it cannot be read."""
        from mediafp.case.publication.publishing import verify_publication

        return verify_publication(Path(file), self._store.folder)

    @cached_property
    def _publishing(self) -> "Publishing":
        """The drafts and the publications of this case."""
        from mediafp.case.publication.publishing import Publishing

        return Publishing(self._store, self._thumbnails)
