"""The evidence of one page: images, names and sightings of assets, each read and encoded once."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Final

from markupsafe import Markup

from mediafp.report.evidence_source import EvidenceFrame, EvidenceSource
from mediafp.report.names import clue_line, display_name, sighting_line
from mediafp.report.page_images import PageImage, PageImages
from mediafp.types.matches import Segment
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting

MAX_SIGHTING_LINES: Final = 3
"""Sightings of one asset that a match shows. Chosen, not measured."""
MAX_CLUE_LINES: Final = 6
"""Clues of one asset that a match shows. Chosen, not measured."""
MAX_WORDS: Final = 300
"""Accounts, platforms and names of one asset by which the filter finds its matches, the first ones: each match contains them.
Chosen, not measured."""
CACHE_SIZE: Final = 20_000
"""PageImages, and a quarter as many assets, whose facts are kept in memory, about 300 bytes each: matches of one group share
theirs. Chosen, not measured."""


class PageEvidence:
    """The evidence of one page, by SHA-256."""

    def __init__(
        self,
        source: EvidenceSource,
        images: PageImages,
        *,
        paths: bool,
        describe: Callable[[Sighting], Markup] | None = None,
    ) -> None:
        """Use the evidence of a source.

        Args:
            source: The evidence.
            images: The images of the page.
            paths: Show the whole paths of sightings, not only names of files.
            describe: Function that returns a sighting in one line; None for `sighting_line`.
        """
        self.images, self.paths = images, paths
        self._describe = describe or partial(sighting_line, paths=paths)
        self._source = source
        self.transcript = source.transcript
        self.warnings = lru_cache(CACHE_SIZE // 4)(self._load_warnings)
        self.asset = lru_cache(CACHE_SIZE // 4)(source.asset)
        self.sightings = lru_cache(CACHE_SIZE // 4)(self._load_sightings)
        self.sighting_lines = lru_cache(CACHE_SIZE // 4)(self._draw_sighting_lines)
        self.words = lru_cache(CACHE_SIZE // 4)(self._list_words)
        self.find_image = lru_cache(CACHE_SIZE)(self._add_image)

    def size(self, asset: Asset, page: int = 0) -> tuple[float, float]:
        """Return width and height of an asset, or of the page of an image with row `page`, in pixels, 1 if unknown."""
        width, height = asset.row_size(page)
        return float(width or 1), float(height or 1)

    def image(self, sha256: str, seconds: float | None = None, label: str = "") -> Markup:
        """Return the element of an image; nothing if there is no image. Without a label it is decoration."""
        image = self.find_image(sha256, seconds)
        return self.images.element(image, label) if image else Markup()

    def least_alike(self, query_sha256: str, reference_sha256: str, segment: Segment) -> tuple[float, float] | None:
        """Return the times, in query and reference, at which a segment of their images is least alike; None if unknown."""
        return self._source.least_alike(query_sha256, reference_sha256, segment)

    def frames(
        self, sha256: str, times: Sequence[float], *, from_original: bool
    ) -> list[tuple[PageImage, EvidenceFrame] | None]:
        """Return the frame of a video at each of some times as an image of the page, None where there is none."""
        added = []
        for frame in self._source.frames(sha256, times, from_original=from_original):
            image = self.images.add(frame.jpeg) if frame else None
            added.append((image, frame) if frame and image else None)
        return added

    def _add_image(self, sha256: str, seconds: float | None = None, page: int = 0) -> PageImage | None:
        """Return the image nearest to a time (None: the first), or that of a page, or None if there is none."""
        jpeg = self._source.thumbnail(sha256, seconds, page)
        return self.images.add(jpeg) if jpeg else None

    def _load_sightings(self, sha256: str) -> tuple[Sighting, ...]:
        """Return the sightings of an asset: dated ones first, oldest first."""
        return tuple(self._source.sightings(sha256))

    def _load_warnings(self, sha256: str) -> tuple[str, ...]:
        """Return what was not read of an asset's file, or is wrong with it."""
        return tuple(self._source.warnings(sha256))

    def _draw_sighting_lines(self, sha256: str) -> tuple[Markup, ...]:
        """Return one line for each of the first sightings of an asset."""
        return tuple(map(self._describe, self.sightings(sha256)[:MAX_SIGHTING_LINES]))

    def clue_lines(self, sha256: str) -> tuple[tuple[Markup, ...], int]:
        """Return one line for each of the first clues of an asset, and the number of further ones."""
        clues = self._source.clues(sha256)
        return tuple(map(clue_line, clues[:MAX_CLUE_LINES])), len(clues[MAX_CLUE_LINES:])

    def _list_words(self, sha256: str) -> tuple[str, ...]:
        """Return accounts, platforms and names of files under which an asset was seen, each once."""
        words: dict[str, None] = {}
        for sighting in self.sightings(sha256):
            name = sighting.uri if self.paths else display_name(sighting.uri)
            words |= dict.fromkeys(text for text in (*sighting.names, sighting.platform, name) if text)
            if len(words) >= MAX_WORDS:
                break
        return tuple(words)
