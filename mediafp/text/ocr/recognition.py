"""Recognition of text lines by a PP-OCR model, whose output is decoded greedily (CTC).

The steps and numbers are those of rapidocr 3.10.0 (Apache-2.0); see the module `detection`.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mediafp.text.ocr.rectify import STRIP_HEIGHT
from mediafp.text.ocr.sessions import open_session
from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

MIN_INPUT_WIDTH = 320
"""Width of the model's input, pixels; longer strips make it wider (PP-OCR)."""
BATCH_STRIPS = 6
"""Strips of similar length that the model gets at once. They are padded to the longest: the text depends on this number."""


class TextRecogniser:
    """The loaded recognition model."""

    def __init__(self, model: Path) -> None:
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name
        characters = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = ["", *characters, " "]
        """Text of each class of the model; class 0 is the blank of CTC."""

    def recognise(self, strips: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Return the text and the confidence of each strip (H, W, 3), BGR."""
        readings = [("", 0.0)] * len(strips)
        by_aspect = np.argsort(np.array([strip.shape[1] / float(strip.shape[0]) for strip in strips]))
        for start in range(0, len(strips), BATCH_STRIPS):
            chosen = by_aspect[start : start + BATCH_STRIPS]
            for n, reading in zip(chosen, self._recognise_batch([strips[n] for n in chosen]), strict=True):
                readings[n] = reading
        return readings

    def _recognise_batch(self, strips: list[Pixels]) -> list[tuple[str, float]]:
        aspect = max(MIN_INPUT_WIDTH / STRIP_HEIGHT, *(strip.shape[1] * 1.0 / strip.shape[0] for strip in strips))
        batch = np.stack([_normalise(strip, int(STRIP_HEIGHT * aspect)) for strip in strips])
        return [self._decode(output) for output in self._session.run(None, {self._input: batch})[0]]

    def _decode(self, output: Float32Array) -> tuple[str, float]:
        """Return the text and its mean confidence from the class probabilities (T, classes) of one strip."""
        classes = output.argmax(axis=1)
        # A class that is repeated without a blank between is one character.
        kept = (classes != 0) & np.concatenate([[True], classes[1:] != classes[:-1]])
        confidences = [round(confidence, 5) for confidence in output.max(axis=1)[kept].tolist()] or [0]
        return "".join(self._characters[n] for n in classes[kept]), float(np.mean(confidences).round(5))


def _normalise(strip: Pixels, width: int) -> Float32Array:
    """Return a strip as model input (3, STRIP_HEIGHT, width): -1..1, padded on the right with 0."""
    import cv2

    scaled_width = min(width, math.ceil(STRIP_HEIGHT * (strip.shape[1] / float(strip.shape[0]))))
    resized = cv2.resize(strip, (scaled_width, STRIP_HEIGHT)).astype(np.float32).transpose(2, 0, 1) / 255
    padded = np.zeros((3, STRIP_HEIGHT, width), np.float32)
    padded[:, :, :scaled_width] = (resized - 0.5) / 0.5
    return padded
