"""The HTML pages of a case, with the clips beside them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from mediafp.case.accounts import load_timeline
from mediafp.case.clusters import cluster_store
from mediafp.case.evidence import StoredEvidence
from mediafp.case.incomplete_matches import case_warnings
from mediafp.case.kept_results import KeptResults
from mediafp.case.original_frames import OriginalFrames
from mediafp.case.originals import open_original
from mediafp.case.thumbnail_decoder import ThumbnailDecoder
from mediafp.engine.interface import ClipCutter, Engine
from mediafp.report.evidence_page import write_report
from mediafp.report.output_names import fit_name
from mediafp.report.trace_page import write_trace
from mediafp.store import Store
from mediafp.types.errors import UsageError
from mediafp.types.matches import Clip, Trace
from mediafp.types.runs import FileAnalysis

PAGE_START: Final = b"<!doctype"
"""First bytes of a page, in lower case."""


def clips_folder(page: Path) -> Path:
    """Return the folder for the clips of a page, next to it."""
    return page.with_name(fit_name(page.stem, "-clips"))


def prepare_report(page: Path, *, clips: bool) -> None:
    """Check that a page can be written, and create the folder for its clips.

    Raises:
        UsageError: One of them cannot be written.
    """
    if clips:
        with usage_errors(page.parent):
            page.parent.mkdir(parents=True, exist_ok=True)
    check_page_path(page)
    if clips:
        folder = clips_folder(page)
        with usage_errors(folder):
            folder.mkdir(exist_ok=True)


def write_evidence(
    page: Path,
    store: Store,
    engine: Engine,
    thumbnails: ThumbnailDecoder,
    *,
    paths: bool = False,
    cut_clips: ClipCutter | None = None,
    on_card: Callable[[int, int], object] = lambda done, total: None,
    on_clip: Callable[[], object] = lambda: None,
) -> list[Clip]:
    """Write every match in a store with its evidence, and the clusters, to an HTML page.

    Args:
        page: The page to write, as `prepare_report` has checked it.
        store: The store.
        engine: Decodes frames of the originals.
        thumbnails: Decodes thumbnails.
        paths: Show the whole paths of files, not only their names.
        cut_clips: Function that cuts the matching segments into `clips_folder`; None for no clips.
        on_card: Called after each match with the number written so far, and the number of all.
        on_clip: Called after each clip.

    Returns:
        The clips.
    """
    results, clustering, timeline = KeptResults(store), cluster_store(store), load_timeline(store, None)

    total, warnings = results.matches, case_warnings(store)
    clips: list[Clip] = []
    with OriginalFrames(store, engine) as originals:
        source = StoredEvidence(store, thumbnails, read_frames=originals.read)

        def write(linked: Sequence[Clip] = ()) -> None:
            with usage_errors(page):
                write_report(
                    page,
                    results=results,
                    clustering=clustering,
                    source=source,
                    seal=store.last_log_entry(),
                    warnings=warnings,
                    timeline=timeline,
                    clips=linked,
                    paths=paths,
                    on_progress=lambda done: on_card(done, total),
                )

        # Cutting takes long: the page is written before it, and once more with links to the clips.
        write()
        if cut_clips:
            folder = clips_folder(page)
            for clip in cut_clips(
                folder, results=results, open_original=partial(open_original, store), find_asset=store.asset
            ):
                clips.append(clip)
                on_clip()
            if any(clip.path for clip in clips):
                write(clips)
            with suppress(OSError):
                # It is empty if no clip could be cut.
                folder.rmdir()
    return clips


def write_trace_page(
    page: Path, trace: Trace, store: Store, thumbnails: ThumbnailDecoder, query: FileAnalysis | None, *, paths: bool
) -> None:
    """Write the evidence of a trace to an HTML page. Raises UsageError if it cannot be written."""
    with usage_errors(page):
        source = StoredEvidence(store, thumbnails, query)
        write_trace(page, trace, source, seal=store.last_log_entry(), paths=paths)


def check_page_path(page: Path) -> None:
    """Raise UsageError if a page cannot be written to a path, or would replace a file that is not a page."""
    if "\0" in str(page):
        raise UsageError(f"cannot write the report to {str(page)!r}: its name contains a NUL; choose another path")
    with usage_errors(page):
        if page.exists() and not _is_page(page):
            raise UsageError(
                f"cannot write the report to '{page}': the file exists and is not an HTML page; choose another path"
            )
        if not page.parent.is_dir():
            raise UsageError(f"cannot write the report to '{page}': '{page.parent}' is not a folder; create it first")


@contextmanager
def usage_errors(path: Path) -> Iterator[None]:
    """Raise UsageError, with the path, for errors of the file system."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write '{error.filename or path}': {error.strerror}; choose another path") from error


def _is_page(file: Path) -> bool:
    """Return True if a regular file begins like an HTML page; nothing else is read of it."""
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(PAGE_START)).lower() == PAGE_START
