"""Drafts of a case: saved, checked, shown and sealed."""

import re
import threading
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mediafp.case.publication.checks import run_checks
from mediafp.case.publication.content import StoreViews, find_match_card, load_content
from mediafp.case.publication.decisions import Decisions
from mediafp.case.publication.faces import find_faces
from mediafp.case.publication.files import PublicationFiles, SealFile, current_time
from mediafp.case.publication.page import PreparedDraft, hash_bytes
from mediafp.case.publication.pdf import print_pdf
from mediafp.case.publication.shown_draft import ShownDraft, ShownDrafts
from mediafp.case.thumbnail_decoder import ThumbnailDecoder
from mediafp.report.publication_bundle import MAX_BUNDLE_BYTES, check_bundle, list_hashes, write_bundle
from mediafp.report.publication_page import check_page, seal_page
from mediafp.store import Store
from mediafp.types.errors import FailedChecks, StoreError, UsageError
from mediafp.types.publications import (
    CoveredBox,
    Draft,
    DraftCheck,
    DraftImage,
    PublicationCheck,
    PublishedMatch,
    SealedPublication,
)

MAX_SLUG_CHARS: Final = 60
"""Characters of the name of a page without its suffix. Chosen, not measured."""
ZIP_START: Final = b"PK"
"""First bytes of a bundle."""
_sealing = threading.Lock()
"""Held while a draft is checked and sealed."""


class Publishing:
    """The drafts and the sealed publications of one store."""

    def __init__(self, store: Store, thumbnails: ThumbnailDecoder) -> None:
        self._store, self._views = store, StoreViews(store, thumbnails)
        self._shown = ShownDrafts(self._views)
        self.files = PublicationFiles(store.folder)

    def find_match_card(self, query: str, reference: str) -> PublishedMatch:
        """Return a card with the most probable match of two assets; see `find_match_card` in `content`."""
        return find_match_card(self._store, query, reference)

    def check(self, draft: Draft | str, *, originals: bool = True) -> list[DraftCheck]:
        """Return the checks on a draft, or on the one of an id; see `Case.check_draft`."""
        if not originals:
            return list(self._show(draft).checks)
        prepared = self._prepare(draft)
        return run_checks(prepared, prepared.render(None), originals=True)

    def preview(self, draft: Draft | str) -> str:
        """Return the page of a draft as it would be sealed. Raises UsageError if there is none of this id."""
        return self._show(draft).rendered.html

    def images(self, draft: Draft | str) -> list[DraftImage]:
        """Return what a draft shows, for an editor of boxes. Raises UsageError if there is none of this id."""
        return list(self._show(draft).images)

    def find_faces(self, draft: Draft | str) -> tuple[CoveredBox, ...]:
        """Return a box for each face in the images that a draft shows.

        Raises:
            UsageError: The face detector is not installed, or there is no draft of this id.
        """
        prepared = self._prepare(draft)
        prepared.render(None)
        assets = prepared.content.assets
        images = ((shown, assets[shown.sha256], jpeg) for shown, jpeg in prepared.evidence.shown)
        return find_faces(images, self._views.thumbnails.decode_apart)

    def seal(self, id: str, revision: int | None = None) -> SealedPublication:
        """Check a draft, write its page and its bundle, and state its seal in the custody log.

        Args:
            id: The draft.
            revision: Revision that is sealed; None for the last one.

        Raises:
            FailedChecks: A check failed; nothing was written.
            OutdatedDraft: It is sealed already, or has another revision.
            UsageError: There is none of this id.
            StoreError: The files cannot be written.
        """
        with _sealing:
            saved = self.files.draft(id)
            revision = saved.revision if revision is None else revision
            prepared, sealed_at = self._prepare(saved.draft), current_time()
            log = self._store.last_log_entry()
            rendered = prepared.render(sealed_at)
            raise_failed(run_checks(prepared, rendered, originals=True))
            # A lone surrogate of a typed text is no UTF-8.
            page, seal = seal_page(rendered.html.encode("utf-8", "replace"))
            name = _slug(saved.draft.title) or f"publication-{id}"
            bundle = write_bundle(f"{name}.html", page, rendered.lists, rendered.images)
            stated = SealFile(
                title=saved.draft.title,
                sealed_at=sealed_at,
                page=f"{name}.html",
                bundle=f"{name}.zip",
                seal=seal,
                page_sha256=hash_bytes(page),
                bundle_sha256=hash_bytes(bundle),
                hashes=tuple(list_hashes(bundle)),
                log=log,
            )
            details = {"publication": id, "seal": seal, "page": stated.page_sha256, "bundle": stated.bundle_sha256}
            sealed = None
            try:
                with self._store.writing():
                    self._store.append_log("published", details)
                    files = {stated.page: page, stated.bundle: bundle}
                    sealed = self.files.add_publication(id, revision, stated, files)
            except StoreError:
                if sealed:
                    self.files.remove_publication(id)
                raise
            return sealed

    def pdf(self, id: str) -> bytes:
        """Return a sealed page as a PDF. Raises UsageError if no draft of this id is sealed, or there is no browser."""
        return print_pdf(self.files.publication(id).page.read_bytes())

    def _show(self, draft: Draft | str) -> ShownDraft:
        return self._shown.find(self.files.draft(draft).draft if isinstance(draft, str) else draft)

    def _prepare(self, draft: Draft | str) -> PreparedDraft:
        draft = self.files.draft(draft).draft if isinstance(draft, str) else draft
        decisions = Decisions(self._store.decisions())
        return PreparedDraft(content=load_content(self._views, draft), decisions=decisions)


def raise_failed(checks: Iterable[DraftCheck]) -> None:
    """Raise FailedChecks for the first check that failed, if one did."""
    failed = [check for check in checks if not check.passed]
    if failed:
        card = "" if failed[0].card is None else f"card {failed[0].card + 1}: "
        more = f" ({len(failed) - 1} more)" if len(failed) > 1 else ""
        raise FailedChecks(f"cannot seal the draft: {card}{failed[0].words}{more}; change the draft")


def verify_publication(file: Path, store_folder: Path) -> PublicationCheck:
    """Return what is wrong with a page or a bundle by itself, and which publication of a store it is, if there is one.

    Raises:
        UsageError: The file cannot be read, or is too large.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read '{file}': {error.strerror}; name a page or a bundle") from error
    if len(content) > MAX_BUNDLE_BYTES:
        raise UsageError(f"cannot check '{file}': it has more than {MAX_BUNDLE_BYTES} bytes; name a page or a bundle")
    seal, problems = check_bundle(content) if content.startswith(ZIP_START) else check_page(content)
    digest, known = hash_bytes(content), PublicationFiles(store_folder).publications()
    found = [each.id for each in known if digest in (each.page_sha256, each.bundle_sha256)]
    if seal and not found and any(each.seal == seal for each in known):
        problems.append("it is not the file that this case sealed with this seal")
    return PublicationCheck(problems=tuple(problems), seal=seal, known_as=next(iter(found), None))


def _slug(title: str) -> str:
    """Return a title as the name of a file in ASCII; "" if it has no letter of ASCII."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_CHARS].strip("-")
