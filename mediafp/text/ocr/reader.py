"""Text in pictures: PP-OCR by way of rapidocr, with the weights that its package holds."""

import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version as installed
from typing import Any

import cv2
import numpy as np

from mediafp.text.ocr.rectify import LINE_PADDING, Quad, _place_of_at, rectify_line
from mediafp.types import model_files
from mediafp.types.geometry import intersection_area, polygon_area
from mediafp.types.matches import TextLine
from mediafp.types.media import Pixels

READER_VERSION = "1"
"""The version of how pictures are read; raise it when the same picture gives other text."""
WHOLE_SIDE = 736
"""Longest side, pixels, at which a whole picture is looked through; cost grows with its square."""
EDGE_STRIP_SHARE = 0.18
"""Share of the height at the top and at the foot that is looked through once more, enlarged: there platforms put marks,
small and translucent. Of 60 such marks, 12 to 26 pixels high, one look finds 57 and reads 55, both find and read 59."""
EDGE_SHORT_SIDE = 736
"""Pixels of the picture's shorter side to which its edges are enlarged, by EDGE_ZOOM at most."""
EDGE_ZOOM = 2.0
MIN_EDGE = 16
"""Pixels of an enlarged edge's height; less holds no line."""
MIN_CONFIDENCE = 0.5
LINES_CPU_SECONDS = 3.0
"""CPU seconds after which no further lines of a picture are read; the largest come first. A page of 40 lines takes 1.5."""
BATCH_LINES = 8
"""Lines that are read at a time."""
LONGEST_MARK = 24
"""Characters of a line above which it is a sentence, and is read once."""
SAME_LINE = 0.5
"""Share of a box that lies in another from which both are one line."""
OCR_MODELS = {"Det": "ppocr_det", "Rec": "ppocr_rec"}
"""The engine's names of its models, and ours."""
ENGINE_SIDE = 4096
"""Longest side, pixels, that the engine is given: pictures come in the size at which they are to be looked through."""
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


class OcrReader:
    """Reads what stands in a picture, with one thread. Raises ModelError where a model is missing."""

    def __init__(self) -> None:
        # Half a second, which nobody should wait for who reads no text.
        from rapidocr import RapidOCR

        models = {f"{part}.model_path": str(model_files.model_path(name)) for part, name in OCR_MODELS.items()}
        self._engine: Any = RapidOCR(params={**ENGINE_OPTIONS, **models})

    def read(
        self, image: Pixels, size: tuple[int, int], within_budget: Callable[[], bool] = lambda: True
    ) -> tuple[tuple[TextLine, ...], bool]:
        """The lines of text from top to bottom, and whether that is all.

        `size` is (width, height) of the original, in whose pixels the boxes are; `go_on` is asked before every few lines
        whether there is time.
        """
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        boxes = sorted(self._boxes(bgr), key=polygon_area, reverse=True)
        zoom, until = max(size) / max(bgr.shape[:2]), time.process_time() + LINES_CPU_SECONDS
        lines: list[TextLine] = []
        for at in range(0, len(boxes), BATCH_LINES):
            if time.process_time() > until or not within_budget():
                return _in_order(lines), False
            batch = boxes[at : at + BATCH_LINES]
            for box, (text, sure) in zip(batch, self._lines(bgr, batch), strict=True):
                if text and sure >= MIN_CONFIDENCE:
                    corners = tuple((round(float(x) * zoom, 1), round(float(y) * zoom, 1)) for x, y in box)
                    lines.append(TextLine(text=text, box=corners, confidence=round(sure, 3)))
        return _in_order(lines), True

    def _boxes(self, bgr: Pixels) -> list[Quad]:
        """The lines' boxes in the picture, those in its edges as the closer look has them."""
        height, width = bgr.shape[:2]
        once = min(1.0, WHOLE_SIDE / max(height, width))
        found = self._detected(bgr, once, 0)
        closer_zoom = min(EDGE_ZOOM, EDGE_SHORT_SIDE / min(height, width), ENGINE_SIDE / width)
        edge = round(height * EDGE_STRIP_SHARE)
        if edge * closer_zoom >= MIN_EDGE and closer_zoom > once:
            for top in (0, height - edge):
                closer = self._detected(bgr[top : top + edge], closer_zoom, top)
                # What its border cuts is better seen in the whole.
                border = height - edge if top else edge
                closer = [box for box in closer if not box[:, 1].min() - 2 < border < box[:, 1].max() + 2]
                found = [box for box in found if not any(_inside(box, other) for other in closer)]
                found += [box for box in closer if not any(_inside(box, other) for other in found)]
        return found

    def _detected(self, bgr: Pixels, zoom: float, top: int) -> list[Quad]:
        size = (max(1, round(bgr.shape[1] * zoom)), max(1, round(bgr.shape[0] * zoom)))
        sized = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
        boxes = self._engine(sized, use_det=True, use_cls=False, use_rec=False).boxes
        back = np.array([bgr.shape[1] / size[0], bgr.shape[0] / size[1]], np.float32)
        return [] if boxes is None else [(np.asarray(box) * back + (0, top)).astype(np.float32) for box in boxes]

    def _lines(self, bgr: Pixels, boxes: list[Quad]) -> list[tuple[str, float]]:
        """What stands in each box, and how sure."""
        plain = self._recognised([rectify_line(bgr, box) for box in boxes])
        short = [n for n, (text, _) in enumerate(plain) if 0 < len(text) <= LONGEST_MARK]
        widened = self._recognised([rectify_line(bgr, boxes[n], *LINE_PADDING) for n in short])
        for n, wide in zip(short, widened, strict=True):
            plain[n] = _merge_readings(plain[n], wide)
        return plain

    def _recognised(self, lines: list[Pixels]) -> list[tuple[str, float]]:
        if not lines:
            return []
        read = self._engine.recognize_txt(lines)
        return [(str(text).strip(), float(score)) for text, score in zip(read.txts, read.scores, strict=True)]


@cache
def get_ocr_reader() -> OcrReader:
    """The reader, made once a process."""
    return OcrReader()


@cache
def ocr_version() -> str:
    """What has to be equal for a picture to be read alike; the models' SHA-256 are part of it. Raises ModelError."""
    models = "-".join(model_files.model_file(name).sha256[:12] for name in OCR_MODELS.values())
    return f"{READER_VERSION}-rapidocr{installed('rapidocr')}-{models}"


def _merge_readings(narrow: tuple[str, float], wide: tuple[str, float]) -> tuple[str, float]:
    """What a line says, read within its box and within a wider one, of which only a handle counts."""
    (text, sure), (longer, also) = narrow, wide
    start = _place_of_at(longer)
    if not text or start is None or also < MIN_CONFIDENCE:
        return narrow
    handle = longer[start:]
    at = _place_of_at(text)
    if at is None:
        # Its box had cut the @ off.
        return (handle, min(sure, also)) if handle[1:].startswith(text) else narrow
    return (text[:at] + handle, also) if also > sure else narrow


def _in_order(lines: list[TextLine]) -> tuple[TextLine, ...]:
    return tuple(sorted(lines, key=lambda line: (line.box[0][1], line.box[0][0])))


def _inside(box: Quad, other: Quad) -> bool:
    """Whether most of the smaller of two boxes lies in the other."""
    return intersection_area(box, other) > SAME_LINE * max(1.0, min(polygon_area(box), polygon_area(other)))
