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
HANDLE_BOOSTS = {"_": 3.0}
"""Factors of the probabilities of characters behind an @: the thin stroke of an underscore, below the line, is the first that
is lost, and a handle has no space. Of 393 marks 4 more are read with 3 or 30, and 2 fewer with 10."""

type Reading = tuple[str, float]
"""Text of a line, and the mean probability of its characters."""


class TextRecogniser:
    """The loaded recognition model.

    Raises:
        ModelError: The model file is missing or changed.
    """

    def __init__(self) -> None:
        self._session = load_session("ppocr_rec")
        characters = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._set_characters(characters)

    def _set_characters(self, characters: Sequence[str]) -> None:
        self._characters: Sequence[str] = ["", *characters, " "]
        self._at_sign = self._characters.index("@")
        self._boosts = {self._characters.index(character): factor for character, factor in HANDLE_BOOSTS.items()}

    def recognise(self, strip: Pixels, *, boost_handles: bool = False) -> Reading:
        """Return the reading of a strip.

        Args:
            strip: Pixels (STRIP_HEIGHT, W, 3), BGR.
            boost_handles: Apply HANDLE_BOOSTS behind the first @.
        """
        # One strip at a time: the time grows with the pixels, and strips of one width only would need no filling.
        width = max(MIN_WIDTH, -(-strip.shape[1] // WIDTH_STEP) * WIDTH_STEP)
        values = np.zeros((1, 3, STRIP_HEIGHT, width), np.float32)
        values[0, :, :, : strip.shape[1]] = strip.transpose(2, 0, 1) * np.float32(2 / 255) - 1
        (rows,) = self._session.run(None, {self._session.get_inputs()[0].name: values})[0]
        tokens = rows.argmax(axis=1)
        if boost_handles and len(starts := np.flatnonzero(tokens == self._at_sign)):
            for token, factor in self._boosts.items():
                rows[starts[0] :, token] = np.minimum(1.0, rows[starts[0] :, token] * factor)
            tokens = rows.argmax(axis=1)
        # CTC: a repeated token is one character, and token 0 none.
        kept = np.flatnonzero((tokens != 0) & (np.diff(tokens, prepend=0) != 0))
        if not len(kept):
            return "", 0.0
        text = "".join(self._characters[token] for token in tokens[kept]).strip()
        return text, float(rows[kept, tokens[kept]].mean())
