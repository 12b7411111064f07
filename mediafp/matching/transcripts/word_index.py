"""Words of transcripts in memory, scored with a query by local alignment, and an index of them that grows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mediafp.matching.transcripts.growing_columns import GrowingColumns
from mediafp.matching.transcripts.local_scores import best_scores, to_word_planes
from mediafp.matching.transcripts.word_codes import WordCodes

MAX_SCORED_CELLS = 1 << 16
"""Product of the lengths of two transcripts up to which all of them are scored: 0.1 ms for two of a minute. Misheard words share
too few bigrams for MinHash. Of 909 pairs of real transcripts with a probability of .15 or more, one of them longer than 40 words,
it loses 8; of 229 synthetic pairs of 40 to 250 words, most of which share 12 to 30 misheard words, 5 if three quarters of the
unrelated pairs are scored all the same, and 21 if a quarter are."""
WIDTH_STEP = 8
"""Words by which the widths at which short transcripts are kept differ; more for long ones. Chosen, not measured."""


class ScoredTranscripts(NamedTuple):
    """Transcripts that were scored with a query: their numbers (K,), their lengths in words (K,) and their scores (K,)."""

    slots: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    scores: npt.NDArray[np.int64]


class WordIndex:
    """Words of transcripts, 4 to 6 bytes each, searched exhaustively: 10,000 of 25 words are scored in 6 to 10 ms.

    Transcripts of similar lengths lie side by side.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, _Bucket] = {}

    def add(self, transcripts: Iterable[tuple[int, WordCodes]]) -> None:
        """Add transcripts, each with a number of its own; those that are too long for any query are not kept."""
        for width, members in group_by_width(transcripts):
            if width <= MAX_SCORED_CELLS // 2:
                if width not in self._buckets:
                    self._buckets[width] = _Bucket(width)
                self._buckets[width].add(members)

    def search(self, words: WordCodes) -> ScoredTranscripts:
        """Return all transcripts that are scored with a query."""
        found = [_NO_TRANSCRIPTS]
        # Another thread may add transcripts, and a bucket with them.
        for bucket in list(self._buckets.values()):
            lengths = bucket.lengths.columns
            chosen = len(words) * lengths <= MAX_SCORED_CELLS
            if chosen.any():
                scores = best_scores(words, bucket.planes.columns[..., : len(lengths)])
                slots = bucket.slots.columns[: len(lengths)]
                found.append(ScoredTranscripts(slots[chosen], lengths[chosen], scores[chosen]))
        return ScoredTranscripts(*map(np.concatenate, zip(*found, strict=True)))


class _Bucket:
    """Transcripts of similar lengths."""

    def __init__(self, width: int) -> None:
        self.planes = GrowingColumns((4, width), np.uint8)
        self.slots = GrowingColumns((), np.int64)
        self.lengths = GrowingColumns((), np.int64)
        self._width = width

    def add(self, members: list[tuple[int, WordCodes]]) -> None:
        """Add transcripts with their numbers."""
        self.planes.append(to_word_planes([words for _, words in members], self._width))
        self.slots.append(np.array([slot for slot, _ in members], np.int64))
        # Last, as another thread searches as many transcripts as have a length.
        self.lengths.append(np.array([len(words) for _, words in members], np.int64))


def group_by_width(transcripts: Iterable[tuple[int, WordCodes]]) -> Iterator[tuple[int, list[tuple[int, WordCodes]]]]:
    """Yield the widths at which transcripts are kept, each with those transcripts and their numbers.

    A width is a third more than the length of a transcript at most, but `WIDTH_STEP` at least.
    """
    by_width: defaultdict[int, list[tuple[int, WordCodes]]] = defaultdict(list)
    for slot, words in transcripts:
        step = max(WIDTH_STEP, 1 << max(0, (len(words) - 1).bit_length() - 2))
        width = -(-len(words) // step) * step
        by_width[width].append((slot, words))
    yield from by_width.items()


_NO_TRANSCRIPTS = ScoredTranscripts(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))
