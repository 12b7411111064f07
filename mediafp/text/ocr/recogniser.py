"""Recognition of text lines: the characters of an upright strip."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mediafp.text.ocr.rectify import STRIP_HEIGHT
from mediafp.text.ocr.sessions import load_session
from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

WIDTH_STEP = 32
"""Pixels; strips are filled up with grey to a multiple of it. Chosen, not measured."""
MIN_WIDTH = 64
"""Smallest width, pixels, of the model's input. Chosen, not measured."""
UNDERSCORE_BOOST = 3.0
"""Factor of the probability of an underscore behind an @: its thin stroke, below the line, is the first that is lost, and a
handle has no space. Of 393 marks 4 more are read with 3 or 30, and 2 fewer with 10."""
MIN_UNDERSCORE = 0.02
"""Probability from which there is an underscore between two characters of a handle that have nothing between them. In 400 strips
of names of Chinese and Latin characters without one it is .011 at most, of 80 names with one it is reached in 77. Of 460 marks 4
more are read, and none is lost."""

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
        self._underscore = self._characters.index("_")
        self._separators = (self._underscore, self._characters.index(" "))

    def recognise(self, strip: Pixels, *, find_underscores: bool = False) -> Reading:
        """Return the reading of a strip.

        Args:
            strip: Pixels (STRIP_HEIGHT, W, 3), BGR.
            find_underscores: Take an underscore behind the first @ for what is less probable: the handle may have one.
        """
        # One strip at a time: the time grows with the pixels, and strips of one width only would need no filling.
        width = max(MIN_WIDTH, -(-strip.shape[1] // WIDTH_STEP) * WIDTH_STEP)
        values = np.zeros((1, 3, STRIP_HEIGHT, width), np.float32)
        values[0, :, :, : strip.shape[1]] = strip.transpose(2, 0, 1) * np.float32(2 / 255) - 1
        (rows,) = self._session.run(None, {self._session.get_inputs()[0].name: values})[0]
        tokens = rows.argmax(axis=1)
        underscores = rows[:, self._underscore].copy()
        at_signs = np.flatnonzero(tokens == self._at_sign)
        # Behind the column of the @, which would else be lost if an underscore is half as probable there.
        handle = at_signs[0] + 1 if find_underscores and len(at_signs) else None
        if handle is not None:
            rows[handle:, self._underscore] = np.minimum(1.0, underscores[handle:] * UNDERSCORE_BOOST)
            tokens = rows.argmax(axis=1)
        # CTC: a repeated token is one character, and token 0 none.
        kept = np.flatnonzero((tokens != 0) & (np.diff(tokens, prepend=0) != 0))
        if not len(kept):
            return "", 0.0
        confidence = float(rows[kept, tokens[kept]].mean())
        characters = [(float(frame), self._characters[tokens[frame]]) for frame in kept]
        if handle is not None:
            characters += [(frame, "_") for frame in self._lost_underscores(underscores, tokens, kept, handle)]
        return "".join(character for _, character in sorted(characters)).strip(), confidence

    def _lost_underscores(
        self, probabilities: Float32Array, tokens: npt.NDArray[np.intp], kept: npt.NDArray[np.intp], first: int
    ) -> Iterator[float]:
        """Yield the places, between two columns of the model's output, of underscores of a handle that the tokens lack.

        Args:
            probabilities: Probability (T,) of an underscore in each column.
            tokens: The most probable token (T,) of each column.
            kept: Columns in which a character begins.
            first: First column behind the @.
        """
        columns = first + np.flatnonzero(probabilities[first:] >= MIN_UNDERSCORE)
        for group in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            if not len(group) or group[-1] >= kept[-1]:
                continue
            around = tokens[max(0, group[0] - 1) : group[-1] + 2]
            if not np.isin(around, self._separators).any():
                yield group[probabilities[group].argmax()] + 0.5
