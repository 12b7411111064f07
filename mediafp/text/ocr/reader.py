"""OCR of images: PP-OCR text detection and recognition through rapidocr, with the weights that its package contains."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np

from mediafp.text.ocr.rectify import Quad, rectify_line
from mediafp.types import model_files
from mediafp.types.geometry import intersection_area, polygon_area
from mediafp.types.matches import TextLine
from mediafp.types.media import Pixels

READER_VERSION = "1"
"""Version of the steps in this package; raise it if an image gives other text."""
OCR_MODELS = {"Det": "ppocr_det", "Rec": "ppocr_rec"}
"""Model names in rapidocr's options, and in models/manifest.toml."""
WHOLE_SIDE = 736
"""Longest side, pixels, at which text is detected in the whole image; the cost grows with its square."""
EDGE_STRIP_SHARE = 0.18
"""Share of the image height, at the top and at the bottom, in which text is detected once more, enlarged: platforms put
their small, translucent marks there. Of 60 such marks, 12 to 26 pixels high, detection in the whole image finds 57, of
which 55 are read right; with the edge strips 59 are found and read right."""
EDGE_SHORT_SIDE = 736
"""Shorter side of the image, pixels, to which its edge strips are enlarged, by MAX_EDGE_ZOOM at most.
Chosen, not measured."""
MAX_EDGE_ZOOM = 2.0
"""Maximum enlargement of the edge strips. Chosen, not measured."""
MIN_EDGE_STRIP_HEIGHT = 16
"""Smallest height of an enlarged edge strip that text is detected in, pixels; a lower one has no room for a line."""
SAME_LINE_OVERLAP = 0.5
"""Share of the smaller of two quads that lies in the other, above which both are one line. Chosen, not measured."""
MIN_CONFIDENCE = 0.5
"""Recognition confidence below which a line is dropped. Chosen, not measured."""
BATCH_LINES = 8
"""Lines that are recognised together. Chosen, not measured."""
MAX_READING_CPU_SECONDS = 3.0
"""CPU seconds after which no further lines of an image are recognised; the largest come first. A page of 40 lines takes
1.5."""
MAX_REREAD_CHARACTERS = 24
"""Characters of a line above which it is a sentence, and is not recognised a second time with LINE_PADDING.
Chosen, not measured."""
LINE_PADDING = (1.2, 1.2, 0.08)
"""Padding left, right and across, in line heights, of the second recognition of a line. Only a handle is taken from it: the
detector sometimes takes an @ for a part of the image, and cuts off a last character. Chosen, not measured."""
AT_SIGNS = frozenset("@＠")
"""Characters that begin a handle."""
MODEL_LIST = "default_models.yaml"
"""rapidocr's list of the models that it could download; the models here have paths."""
ENGINE_SIDE = 4096
"""Longest side, pixels, that rapidocr accepts without resizing: images are resized before."""
ENGINE_OPTIONS = {
    "Global.log_level": "critical",
    "Global.text_score": 0.0,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Global.min_side_len": 1,
    "Global.use_vertical_padding": False,
    "Det.limit_type": "max",
    "Det.limit_side_len": ENGINE_SIDE,
    "Global.max_side_len": ENGINE_SIDE,
}
"""Options of rapidocr: one thread, no resizing, no filtering by confidence."""

_logger = logging.getLogger(__name__)


class OcrReader:
    """The loaded OCR models; they run on one thread.

    Raises:
        ModelError: A model file is missing or changed.
    """

    def __init__(self) -> None:
        started = time.monotonic()
        with _without_model_list():
            # Imports onnxruntime and OpenCV, half a second that commands without OCR save.
            from rapidocr import RapidOCR

        models = {f"{part}.model_path": str(model_files.model_path(name)) for part, name in OCR_MODELS.items()}
        self._engine: Any = RapidOCR(params={**ENGINE_OPTIONS, **models})
        names = ", ".join(f"{name} ({model_files.model_file(name).version})" for name in OCR_MODELS.values())
        _logger.info("loaded the OCR models %s in %.2f s", names, time.monotonic() - started)

    def read(
        self, image: Pixels, size: tuple[int, int], within_budget: Callable[[], bool] = lambda: True
    ) -> tuple[tuple[TextLine, ...], bool]:
        """Return the text lines of an image.

        Args:
            image: RGB pixels (H, W, 3).
            size: Width and height of the original image, in whose pixels the quads are returned.
            within_budget: Called before each batch of lines; False ends the reading.

        Returns:
            The lines from top to bottom, and True if all of them were recognised within the budgets.
        """
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        quads = sorted(self._detect_lines(bgr), key=polygon_area, reverse=True)
        zoom, deadline = max(size) / max(bgr.shape[:2]), time.process_time() + MAX_READING_CPU_SECONDS
        lines: list[TextLine] = []
        for start in range(0, len(quads), BATCH_LINES):
            if time.process_time() > deadline or not within_budget():
                return _top_to_bottom(lines), False
            batch = quads[start : start + BATCH_LINES]
            for quad, (text, confidence) in zip(batch, self._recognise_lines(bgr, batch), strict=True):
                if text and confidence >= MIN_CONFIDENCE:
                    corners = tuple((round(float(x) * zoom, 1), round(float(y) * zoom, 1)) for x, y in quad)
                    lines.append(TextLine(text=text, box=corners, confidence=round(confidence, 3)))
        return _top_to_bottom(lines), True

    def _detect_lines(self, bgr: Pixels) -> list[Quad]:
        """Return the quads of the lines in the image; those found in an enlarged edge strip replace those of the whole."""
        height, width = bgr.shape[:2]
        whole_zoom = min(1.0, WHOLE_SIDE / max(height, width))
        quads = self._detect(bgr, whole_zoom, 0)
        edge_zoom = min(MAX_EDGE_ZOOM, EDGE_SHORT_SIDE / min(height, width), ENGINE_SIDE / width)
        strip_height = round(height * EDGE_STRIP_SHARE)
        if strip_height * edge_zoom >= MIN_EDGE_STRIP_HEIGHT and edge_zoom > whole_zoom:
            for top in (0, height - strip_height):
                edge_quads = self._detect(bgr[top : top + strip_height], edge_zoom, top)
                # A line that the border of the strip cuts is complete in the whole image alone.
                border = height - strip_height if top else strip_height
                edge_quads = [quad for quad in edge_quads if not quad[:, 1].min() - 2 < border < quad[:, 1].max() + 2]
                quads = [quad for quad in quads if not any(_is_same_line(quad, other) for other in edge_quads)]
                quads += [quad for quad in edge_quads if not any(_is_same_line(quad, other) for other in quads)]
        return quads

    def _detect(self, bgr: Pixels, zoom: float, top: int) -> list[Quad]:
        """Return the quads of the lines in a part of the image, resized by `zoom`, that begins at row `top`."""
        import cv2

        size = (max(1, round(bgr.shape[1] * zoom)), max(1, round(bgr.shape[0] * zoom)))
        resized = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
        boxes = self._engine(resized, use_det=True, use_cls=False, use_rec=False).boxes
        scale = np.array([bgr.shape[1] / size[0], bgr.shape[0] / size[1]], np.float32)
        return [] if boxes is None else [(np.asarray(box) * scale + (0, top)).astype(np.float32) for box in boxes]

    def _recognise_lines(self, bgr: Pixels, quads: Sequence[Quad]) -> list[tuple[str, float]]:
        """Return the text and the confidence of each line; short ones are recognised with padding too."""
        readings = self._recognise([rectify_line(bgr, quad) for quad in quads])
        short = [n for n, (text, _) in enumerate(readings) if 0 < len(text) <= MAX_REREAD_CHARACTERS]
        padded = self._recognise([rectify_line(bgr, quads[n], *LINE_PADDING) for n in short])
        for n, padded_reading in zip(short, padded, strict=True):
            readings[n] = _merge_readings(readings[n], padded_reading)
        return readings

    def _recognise(self, strips: list[Pixels]) -> list[tuple[str, float]]:
        """Return the text and the confidence of each strip."""
        if not strips:
            return []
        result = self._engine.recognize_txt(strips)
        return [(str(text).strip(), float(score)) for text, score in zip(result.txts, result.scores, strict=True)]


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
    models = "-".join(model_files.model_file(name).sha256[:12] for name in OCR_MODELS.values())
    return f"{READER_VERSION}-rapidocr{package_version('rapidocr')}-{models}"


@contextmanager
def _without_model_list() -> Iterator[None]:
    """Import rapidocr without its list of all models that it could download: parsing it takes .25 CPU seconds."""
    from omegaconf import OmegaConf

    def load(file: str | Path) -> Any:
        return OmegaConf.create() if Path(file).name == MODEL_LIST else load_any(file)

    load_any = OmegaConf.load
    OmegaConf.load = load  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        OmegaConf.load = load_any  # type: ignore[method-assign]


def _merge_readings(reading: tuple[str, float], padded_reading: tuple[str, float]) -> tuple[str, float]:
    """Return the text and the confidence of a line: its reading, with the handle of the padded reading if that is better."""
    (text, confidence), (padded_text, padded_confidence) = reading, padded_reading
    padded_start = _find_at_sign(padded_text)
    if not text or padded_start is None or padded_confidence < MIN_CONFIDENCE:
        return reading
    handle = padded_text[padded_start:]
    start = _find_at_sign(text)
    if start is None:
        # The quad had cut off the @.
        return (handle, min(confidence, padded_confidence)) if handle[1:].startswith(text) else reading
    return (text[:start] + handle, padded_confidence) if padded_confidence > confidence else reading


def _find_at_sign(text: str) -> int | None:
    return next((n for n, character in enumerate(text) if character in AT_SIGNS), None)


def _top_to_bottom(lines: Sequence[TextLine]) -> tuple[TextLine, ...]:
    return tuple(sorted(lines, key=lambda line: (line.box[0][1], line.box[0][0])))


def _is_same_line(quad: Quad, other: Quad) -> bool:
    """Return True if most of the smaller quad lies in the other one."""
    smaller = max(1.0, min(polygon_area(quad), polygon_area(other)))
    return intersection_area(quad, other) > SAME_LINE_OVERLAP * smaller
