"""OCR of images: the text lines of an image, by the weights of PP-OCR that the package rapidocr contains."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as package_version

import numpy as np

from mediafp.text.ocr.handle_looks import ReadLine, find_at_sign, handle_looks, read_handles, unread_marks
from mediafp.text.ocr.line_finder import LineFinder, is_same_line
from mediafp.text.ocr.recogniser import Reading, TextRecogniser
from mediafp.text.ocr.rectify import STRIP_HEIGHT, Quad, rectify_line
from mediafp.text.ocr.strokes import CellMask
from mediafp.types import model_files
from mediafp.types.geometry import polygon_area
from mediafp.types.matches import TextLine
from mediafp.types.media import Pixels

LINES_VERSION = "2"
"""Version of how lines are found and recognised in this package; raise it if an image or a frame gives other text."""
MARKS_VERSION = "2"
"""Version of what is done for handles and marks of images alone; raise it if an image gives other text."""
OCR_MODELS = ("text_screen", "ppocr_det", "ppocr_rec")
"""Names of the models in models/manifest.toml."""
MIN_CONFIDENCE = 0.5
"""Recognition confidence below which a line is dropped. Chosen, not measured."""
MAX_READING_CPU_SECONDS = 3.0
"""CPU seconds after which no further lines of an image are recognised; the largest come first. A page of 40 lines takes
.7."""
MAX_REREAD_CHARACTERS = 24
"""Characters of a line above which it is a sentence, and is not recognised a second time with LINE_PADDING.
Chosen, not measured."""
LINE_PADDING = (1.2, 1.2, 0.08)
"""Padding left, right and across, in line heights, of the second recognition of a line. Only a handle is taken from it: the
detector sometimes takes an @ for a part of the image, and cuts off a last character. Chosen, not measured."""
START_HEIGHTS = 1.6
"""Length of the start of a line, in line heights, that is recognised with the padding left of it to find an @ that the quad
cuts off. Chosen, not measured."""
MIN_MARGIN_CONTRAST = 0.15
"""Standard deviation of the padding, divided by that of the line, below which the padding is empty. Chosen, not measured."""
MIN_HANDLE_CHARACTERS = 2
"""Length of the shortest line that may be a handle without its @. Chosen, not measured."""
LONGER_HANDLE_DOUBT = 0.02
"""Confidence by which the padded reading of a handle may be lower, if it only adds characters at the end: of 270 handles on
photographs, 2 lost their last one without it (`scripts/bench/ocr_cost.py` draws such handles)."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ImagePart:
    """Part of an image in which text is read."""

    wanted: CellMask
    """Cells that a line must reach into, of an image no longer than SCREEN_SIDE."""
    known: Sequence[Quad]
    """Lines that were read before."""


class OcrReader:
    """The loaded OCR models; they run on one thread.

    Raises:
        ModelError: A model file is missing or changed.
    """

    def __init__(self) -> None:
        started = time.monotonic()
        self._finder, self._recogniser = LineFinder(), TextRecogniser()
        names = ", ".join(f"{name} ({model_files.model_file(name).version})" for name in OCR_MODELS)
        _logger.info("loaded the OCR models %s in %.2f s", names, time.monotonic() - started)

    def read(
        self,
        image: Pixels,
        size: tuple[int, int],
        within_budget: Callable[[], bool] = lambda: True,
        part: ImagePart | None = None,
    ) -> tuple[tuple[TextLine, ...], bool]:
        """Return the text lines of an image.

        Args:
            image: RGB pixels (H, W, 3).
            size: Width and height of the original image, in whose pixels the quads are returned.
            within_budget: Called before each line; False ends the reading.
            part: Part of the image to read; None for all of it.

        Returns:
            The lines from top to bottom, and True if all of them were recognised within the budgets.
        """
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        found = self._finder.find(bgr, part.wanted) if part else self._finder.find(bgr, within_budget=within_budget)
        quads = [quad for quad in found.quads if not part or not any(is_same_line(quad, known) for known in part.known)]
        quads.sort(key=polygon_area, reverse=True)
        zoom, deadline = max(size) / max(bgr.shape[:2]), time.process_time() + MAX_READING_CPU_SECONDS

        def may_read() -> bool:
            found.is_complete = found.is_complete and time.process_time() < deadline and within_budget()
            return found.is_complete

        lines = list(self._read_lines(bgr, quads, may_read))
        if not part:
            marks = list(self._read_lines(bgr, unread_marks(lines, found.marks), may_read))
            lines = read_handles(lines, marks, lambda quad: self._looks(bgr, quad) if may_read() else [])
        return _top_to_bottom([line.scaled(zoom) for line in lines]), found.is_complete

    def _read_lines(self, bgr: Pixels, quads: Sequence[Quad], may_read: Callable[[], bool]) -> Iterator[ReadLine]:
        """Yield the lines in which there is text."""
        for quad in quads:
            if not may_read():
                break
            text, confidence = self._read_line(bgr, quad)
            if text and confidence >= MIN_CONFIDENCE:
                yield ReadLine(quad, text, confidence)

    def _read_line(self, bgr: Pixels, quad: Quad) -> Reading:
        """Return the text and the confidence of a line; one that may be a handle is recognised with padding too."""
        reading = text, confidence = self._recogniser.recognise(rectify_line(bgr, quad))
        if not 0 < len(text) <= MAX_REREAD_CHARACTERS:
            return reading
        padded = rectify_line(bgr, quad, *LINE_PADDING)
        if find_at_sign(text) is None:
            is_name = confidence >= MIN_CONFIDENCE and len(text) >= MIN_HANDLE_CHARACTERS and " " not in text
            if not is_name or not self._has_cut_at_sign(padded):
                return reading
        return _merge_readings(reading, self._recogniser.recognise(padded))

    def _looks(self, bgr: Pixels, quad: Quad) -> list[Reading]:
        """Return what the looks at a line read."""
        readings = [self._recogniser.recognise(strip, find_underscores=True) for strip in handle_looks(bgr, quad)]
        return [reading for reading in readings if reading[1] >= MIN_CONFIDENCE]

    def _has_cut_at_sign(self, padded: Pixels) -> bool:
        """Return True if there is an @ at the start of a strip with LINE_PADDING."""
        margin, start = (padded[:, : round(STRIP_HEIGHT * (LINE_PADDING[0] + length))] for length in (0, START_HEIGHTS))
        if margin.std() < MIN_MARGIN_CONTRAST * padded.std():
            return False
        return find_at_sign(self._recogniser.recognise(start)[0]) is not None


@cache
def get_ocr_reader() -> OcrReader:
    """Return the OCR reader, which is loaded once per process.

    Raises:
        ModelError: A model file is missing or changed.
    """
    return OcrReader()


@cache
def ocr_version() -> str:
    """Return the version of everything that the text of an image depends on; the models' SHA-256 are part of it.

    Raises:
        ModelError: A model is not in the manifest.
    """
    return f"{LINES_VERSION}.{MARKS_VERSION}-{_models_version()}"


def lines_version() -> str:
    """Return the version of everything that the text of a part of a frame depends on, as `ocr_version` does.

    Raises:
        ModelError: A model is not in the manifest.
    """
    return f"{LINES_VERSION}-{_models_version()}"


def _models_version() -> str:
    models = "-".join(model_files.model_file(name).sha256[:12] for name in OCR_MODELS)
    return f"rapidocr{package_version('rapidocr')}-{models}"


def _merge_readings(reading: Reading, padded_reading: Reading) -> Reading:
    """Return the text and the confidence of a line: its reading, with the handle of the padded reading if that is better."""
    (text, confidence), (padded_text, padded_confidence) = reading, padded_reading
    padded_start = find_at_sign(padded_text)
    if not text or padded_start is None or padded_confidence < MIN_CONFIDENCE:
        return reading
    handle = padded_text[padded_start:]
    start = find_at_sign(text)
    if start is None:
        # The quad had cut off the @.
        return (handle, min(confidence, padded_confidence)) if handle[1:].startswith(text) else reading
    # The quad had cut off the end of the handle.
    is_longer = len(handle) > len(text) - start and handle.startswith(text[start:])
    if padded_confidence > confidence - (LONGER_HANDLE_DOUBT if is_longer else 0.0):
        return text[:start] + handle, padded_confidence
    return reading


def _top_to_bottom(lines: Sequence[TextLine]) -> tuple[TextLine, ...]:
    return tuple(sorted(lines, key=lambda line: (line.box[0][1], line.box[0][0])))
