"""Search for the text lines of an image: the detection model looks only at the regions that the screen names."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from mediafp.text.ocr.bright_strokes import bright_strokes
from mediafp.text.ocr.detector import INPUT_UNIT, TextDetector
from mediafp.text.ocr.rectify import Quad
from mediafp.text.ocr.regions import Region, TextCells
from mediafp.text.ocr.screen import CELL, LEVELS, TextScreen
from mediafp.text.ocr.strokes import CellMask
from mediafp.types.geometry import intersection_area, polygon_area
from mediafp.types.media import Pixels

WHOLE_SIDE = 736
"""Longest side, pixels, at which text is detected in the whole image; the cost grows with its square."""
EDGE_STRIP_SHARE = 0.18
"""Share of the image height, at the top and at the bottom, in which text is detected enlarged: platforms put their small,
translucent marks there. Of 60 such marks, 12 to 26 pixels high, detection in the whole image finds 57, of which 55 are read
right; with the edge strips 59 are found and read right."""
EDGE_SHORT_SIDE = 736
"""Shorter side of the image, pixels, to which its edge strips are enlarged, by MAX_EDGE_ZOOM at most.
Chosen, not measured."""
MAX_EDGE_ZOOM = 2.0
"""Maximum enlargement of the edge strips. Chosen, not measured."""
MAX_EDGE_WIDTH = 4096
"""Maximum width of an enlarged edge strip, pixels. Chosen, not measured."""
MAX_EDGE_PIXELS = 1_500_000
"""Pixels of an enlarged edge strip, .2 CPU seconds of detection, above which it is lower than EDGE_STRIP_SHARE: that of a page
of 736 x 40,000 pixels has five million, and detection cannot be stopped within a region. Chosen, not measured."""
MAX_FINDING_CPU_SECONDS = 2.0
"""CPU seconds after which no further region of an image is searched for lines; pages full of text take .3 to .7."""
MIN_EDGE_STRIP_HEIGHT = 16
"""Smallest height of an enlarged edge strip that text is detected in, pixels; a lower one has no room for a line."""
SAME_LINE_OVERLAP = 0.5
"""Share of the smaller of two quads that lies in the other, above which both are one line. Chosen, not measured."""
MIN_MARK_CELLS = 10
"""Cells from which text at the foot of an image is searched for in its bright strokes too: 60 marks of 10 to 26 pixels fill 13
to 88 in a row."""
MARK_MARGIN_CELLS = 4
"""Cells around the text at the foot of an image that belong to the part in which its bright strokes are searched for lines.
Chosen, not measured."""
MAX_DETECTIONS = 3
"""Detections in one region, which grows where it cuts off a line. Chosen, not measured."""
BORDER = 3
"""Pixels; a quad that is closer to the border of its region may be cut off. Chosen, not measured."""
SCREEN_UNIT = LEVELS[-1]
"""Cells; the sides of a screened part are multiples of it, so that the cells of all levels are those of the whole image."""
CUT_LINE_GROWTH = (4.0, 2.0)
"""Growth of a region sideways, and up or down, in heights of the line that it cuts off. Chosen, not measured."""


@dataclass(slots=True)
class FoundLines:
    """Quads of the text lines in an image."""

    quads: list[Quad] = field(default_factory=list)
    marks: list[Quad] = field(default_factory=list)
    """Quads at the foot that the bright strokes alone show: of translucent marks on restless ground, and of others."""
    is_complete: bool = True
    """False if the CPU time ended before all regions were searched."""


class LineFinder:
    """The loaded models that find text lines.

    Raises:
        ModelError: A model file is missing or changed.
    """

    def __init__(self) -> None:
        self._screen, self._detector = TextScreen(), TextDetector()

    def find(
        self, bgr: Pixels, wanted: CellMask | None = None, within_budget: Callable[[], bool] = lambda: True
    ) -> FoundLines:
        """Return the quads of the lines in an image; those found in an enlarged edge strip replace those of the whole.

        Args:
            bgr: The image, no longer than SCREEN_SIDE if cells are given.
            wanted: Cells of the image; only lines that may reach into one are searched for, and no marks. None for all cells.
            within_budget: Called before each detection; False ends the search.
        """
        cells = self._screen.find_text(bgr) if wanted is None else self._find_text_around(bgr, wanted)
        found = FoundLines()
        if not cells.mask.any():
            return found
        deadline = time.process_time() + MAX_FINDING_CPU_SECONDS

        def may_detect() -> bool:
            found.is_complete = found.is_complete and time.process_time() < deadline and within_budget()
            return found.is_complete

        height, width = bgr.shape[:2]
        image = Region(0, 0, width, height)
        zoom = min(1.0, WHOLE_SIDE / max(height, width))
        edge_zoom = min(MAX_EDGE_ZOOM, EDGE_SHORT_SIDE / min(height, width), MAX_EDGE_WIDTH / width)
        strip_height = round(min(height * EDGE_STRIP_SHARE, MAX_EDGE_PIXELS / (width * edge_zoom**2)))
        strips: list[Region] = []
        if strip_height * edge_zoom >= MIN_EDGE_STRIP_HEIGHT and edge_zoom > zoom:
            strips = [Region(0, 0, width, strip_height), Region(0, height - strip_height, width, height)]
        regions = [
            region for region in cells.regions(image) if all(region.clipped(strip) != region for strip in strips)
        ]
        quads = self._detect(bgr, regions, image, zoom, may_detect)
        for strip in strips:
            edge_quads = self._detect(bgr, cells.regions(strip), strip, edge_zoom, may_detect)
            # A line that the border of the strip cuts is complete in the whole image alone.
            border = strip.top or strip.bottom
            edge_quads = [quad for quad in edge_quads if not quad[:, 1].min() - 2 < border < quad[:, 1].max() + 2]
            quads = [quad for quad in quads if not any(is_same_line(quad, other) for other in edge_quads)]
            quads += [quad for quad in edge_quads if not any(is_same_line(quad, other) for other in quads)]
        found.quads = quads
        if strips and wanted is None:
            min_width, margin = (round(count * cells.side) for count in (MIN_MARK_CELLS, MARK_MARGIN_CELLS))
            wide = [region for region in cells.regions(strips[-1]) if region.right - region.left >= min_width]
            if wide and may_detect():
                part = _around(wide, margin).clipped(strips[-1]).aligned(strips[-1], INPUT_UNIT / edge_zoom)
                corner = np.array([part.left, part.top], np.float32)
                marks = self._detector.detect(bright_strokes(part.cut(bgr)), edge_zoom)
                found.marks = [quad + corner for quad in marks]
        return found

    def _find_text_around(self, bgr: Pixels, wanted: CellMask) -> TextCells:
        """Return the cells of text that are connected to wanted ones; only the part of the image around these is screened."""
        (rows,), (columns,) = (np.nonzero(wanted.any(axis=axis)) for axis in (1, 0))
        top, left = (max(0, cells[0] // SCREEN_UNIT - 1) * SCREEN_UNIT for cells in (rows, columns))
        bottom, right = ((cells[-1] // SCREEN_UNIT + 2) * SCREEN_UNIT for cells in (rows, columns))
        part = np.ascontiguousarray(bgr[top * CELL : bottom * CELL, left * CELL : right * CELL])
        mask = np.zeros((wanted.shape[0] + SCREEN_UNIT, wanted.shape[1] + SCREEN_UNIT), np.uint8)
        found = self._screen.find_text(part).mask
        mask[top : top + found.shape[0], left : left + found.shape[1]] = found
        return TextCells(mask[: wanted.shape[0], : wanted.shape[1]], CELL).touching(wanted)

    def _detect(
        self, bgr: Pixels, regions: list[Region], bounds: Region, zoom: float, may_detect: Callable[[], bool]
    ) -> list[Quad]:
        """Return the quads of the lines in some regions, each once; the regions grow inside the bounds."""
        quads: list[Quad] = []
        for region in regions:
            found = self._detect_in_region(bgr, region, bounds, zoom, may_detect)
            quads += [quad for quad in found if not any(is_same_line(quad, other) for other in quads)]
        return quads

    def _detect_in_region(
        self, bgr: Pixels, region: Region, bounds: Region, zoom: float, may_detect: Callable[[], bool]
    ) -> list[Quad]:
        """Return the quads of the lines in a region, which grows where it cuts off a line."""
        quads: list[Quad] = []
        for _ in range(MAX_DETECTIONS):
            if not may_detect():
                break
            region = region.aligned(bounds, INPUT_UNIT / zoom)
            corner = np.array([region.left, region.top], np.float32)
            quads = [quad + corner for quad in self._detector.detect(region.cut(bgr), zoom)]
            grown = _grow(region, quads).clipped(bounds)
            if grown == region:
                break
            region = grown
        return quads


def _around(regions: list[Region], margin: int) -> Region:
    """Return the region that contains some regions, with a margin in pixels."""
    left, top, right, bottom = reduce(Region.joined, regions)
    return Region(left - margin, top - margin, right + margin, bottom + margin)


def _grow(region: Region, quads: list[Quad]) -> Region:
    """Return a region with more space on the sides where it may cut off lines."""
    left, top, right, bottom = region
    for quad in quads:
        line_height = min(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0]))
        sideways, upright = (int(line_height * growth) + 1 for growth in CUT_LINE_GROWTH)
        (quad_left, quad_top), (quad_right, quad_bottom) = quad.min(axis=0), quad.max(axis=0)
        left = min(left, region.left - sideways) if quad_left < region.left + BORDER else left
        right = max(right, region.right + sideways) if quad_right > region.right - 1 - BORDER else right
        top = min(top, region.top - upright) if quad_top < region.top + BORDER else top
        bottom = max(bottom, region.bottom + upright) if quad_bottom > region.bottom - 1 - BORDER else bottom
    return Region(left, top, right, bottom)


def is_same_line(quad: Quad, other: Quad) -> bool:
    """Return True if most of the smaller quad lies in the other one."""
    smaller = max(1.0, min(polygon_area(quad), polygon_area(other)))
    return intersection_area(quad, other) > SAME_LINE_OVERLAP * smaller
