"""Transcripts as overlapping windows of sentences, each with an embedding: what is compared across languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.media import TimeSpan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_WINDOW_UNITS: Final = 3
"""Speech units of the longest window. Segments end elsewhere in another language: with windows of two units, made scripts with a
quarter of their words wrong are found as well, but stand out less from other scripts (`scripts/bench/script_translation.py`)."""
EMBEDDING_COLUMNS: Final = 512
WRITTEN_LANGUAGES: Final[Mapping[str, str]] = {"yue": "zh"}
"""Written language of a spoken one, where the two have different codes: Cantonese is mostly transcribed in written Chinese."""


def written_language(language: str) -> str:
    """Return the language in which speech of a language is written."""
    return WRITTEN_LANGUAGES.get(language, language)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechUnit:
    """A sentence of a transcript, or a part of one: what one window or several of them consist of.

    Attributes:
        span: Start and end in presentation seconds.
        language: Spoken language.
        text: Its text.
        words: Number of words; a Chinese character counts as a part of one.
        segments: Numbers of the first and of the last segment of the transcript that it is of.
    """

    span: TimeSpan
    language: str
    text: str
    words: float
    segments: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SentenceWindows:
    """The windows of a transcript of U units: window [k, u] is made of the k + 1 units from u on.

    A window has no words if there are not so many units, or if they are of several written languages.

    Attributes:
        units: The units, in order.
        vectors: Embeddings (MAX_WINDOW_UNITS, U, EMBEDDING_COLUMNS), of unit length; zeros for a window without words.
        words: Words (MAX_WINDOW_UNITS, U).
    """

    units: tuple[SpeechUnit, ...]
    vectors: Float32Array
    words: Float64Array

    @property
    def languages(self) -> "npt.NDArray[np.str_]":
        """Written language (U,) of each unit."""
        import numpy as np

        return np.array([written_language(unit.language) for unit in self.units], np.str_)

    @property
    def bytes(self) -> int:
        """Bytes that the arrays take."""
        return self.vectors.nbytes + self.words.nbytes
