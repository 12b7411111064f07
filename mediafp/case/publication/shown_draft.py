"""A draft as its editor shows it, found once for each state of the draft and of the store."""

import threading
from collections.abc import Iterator
from functools import cached_property

from mediafp.case.publication.checks import run_checks
from mediafp.case.publication.content import StoreViews, load_content
from mediafp.case.publication.decisions import Decisions
from mediafp.case.publication.page import PreparedDraft, RenderedDraft
from mediafp.types.publications import Draft, DraftCheck, DraftImage


class ShownDraft:
    """A draft with its page. Several threads may use one object."""

    def __init__(self, views: StoreViews, draft: Draft) -> None:
        self._lock = threading.RLock()
        self.prepared = PreparedDraft(content=load_content(views, draft), decisions=Decisions(views.store.decisions()))

    @property
    def rendered(self) -> RenderedDraft:
        """The page, not sealed. Raises UsageError if its images are too large together for one file."""
        with self._lock:
            return self._rendered[0]

    @property
    def images(self) -> tuple[DraftImage, ...]:
        """The images and frames that the page shows, in their order. Raises UsageError as `rendered` does."""
        with self._lock:
            return self._rendered[1]

    @property
    def checks(self) -> list[DraftCheck]:
        """The checks, without those of the original files, which change without a trace in the store."""
        with self._lock:
            return self._checks

    @cached_property
    def _rendered(self) -> tuple[RenderedDraft, tuple[DraftImage, ...]]:
        rendered = self.prepared.render(None)
        # Before the checks, which ask for images that the page does not show: the numbers of images would change.
        return rendered, tuple(_iter_images(self.prepared))

    @cached_property
    def _checks(self) -> list[DraftCheck]:
        return run_checks(self.prepared, self._rendered[0], originals=False)


class ShownDrafts:
    """The draft that was shown last: its page, and each image of its editor, ask for the same."""

    def __init__(self, views: StoreViews) -> None:
        self._views = views
        self._lock = threading.Lock()
        self._last: tuple[tuple[int, str], ShownDraft] | None = None

    def find(self, draft: Draft) -> ShownDraft:
        """Return a draft as the store shows it now."""
        entry = self._views.store.last_log_entry()
        with self._lock:
            if self._last and self._last[0] == entry and self._last[1].prepared.content.draft == draft:
                return self._last[1]
        shown = ShownDraft(self._views, draft)
        with self._lock:
            # What was written meanwhile may be missing in it: the next request finds another last entry.
            self._last = entry, shown
        return shown


def _iter_images(prepared: PreparedDraft) -> Iterator[DraftImage]:
    """Yield the images and frames that the page of a draft shows, in their order."""
    for (shown, jpeg), seconds in prepared.evidence.shown.items():
        asset, covered = prepared.content.assets[shown.sha256], prepared.evidence.cover(shown, jpeg)
        assert covered, "an image that is damaged is not shown"
        yield DraftImage(
            sha256=shown.sha256,
            name=prepared.content.names[shown.sha256],
            kind=asset.kind,
            page=shown.page,
            seconds=seconds,
            size=asset.row_size(shown.page),
            covers=prepared.left_out.covers.polygons.get(shown, ()),
            jpeg=covered,
        )
