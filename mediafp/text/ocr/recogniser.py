"""Recognition of text lines: the characters of an upright strip."""

from collections.abc import Sequence

import numpy as np

from mediafp.text.ocr.rectify import STRIP_HEIGHT
from mediafp.text.ocr.sessions import load_session
from mediafp.types.media import Pixels

WIDTH_STEP = 32
"""Pixels; strips are filled up with grey to a multiple of it. Chosen, not measured."""
MIN_WIDTH = 64
"""Smallest width, pixels, of the model's input. Chosen, not measured."""


class TextRecogniser:
    """The loaded recognition model.

    Raises:
        ModelError: The model file is missing or changed.
    """

    def __init__(self) -> None:
        self._session = load_session("ppocr_rec")
        characters = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters: Sequence[str] = ["", *characters, " "]

    def recognise(self, strip: Pixels) -> tuple[str, float]:
        """Return the text of a strip (STRIP_HEIGHT, W, 3), BGR, and the mean probability of its characters."""
        # One strip at a time: the time grows with the pixels, and strips of one width only would need no filling.
        width = max(MIN_WIDTH, -(-strip.shape[1] // WIDTH_STEP) * WIDTH_STEP)
        values = np.zeros((1, 3, STRIP_HEIGHT, width), np.float32)
        values[0, :, :, : strip.shape[1]] = strip.transpose(2, 0, 1) * np.float32(2 / 255) - 1
        (rows,) = self._session.run(None, {self._session.get_inputs()[0].name: values})[0]
        tokens = rows.argmax(axis=1)
        # CTC: a repeated token is one character, and token 0 none.
        kept = np.flatnonzero((tokens != 0) & (np.diff(tokens, prepend=0) != 0))
        if not len(kept):
            return "", 0.0
        text = "".join(self._characters[token] for token in tokens[kept]).strip()
        return text, float(rows[kept, tokens[kept]].mean())
