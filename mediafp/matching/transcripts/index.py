"""Index of transcripts in memory, which grows: the transcripts that may have the words of a query.

Two transcripts are a candidate pair or not, whichever of them is the query and whatever else the index contains. Pairs of up to
about a minute are scored by local alignment. Others must share minima of their bigrams first.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mediafp.matching.transcripts.alignment import CHANCE_WORDS_PER_LOG_CELL, MIN_SCORE
from mediafp.matching.transcripts.local_scores import best_scores, to_word_planes
from mediafp.matching.transcripts.signatures import PASSAGE_WORDS, SIGNATURE_BYTES, PassageIndex
from mediafp.matching.transcripts.word_codes import MATCH_SCORE, WordCodes, encode_words
from mediafp.matching.transcripts.word_index import MAX_SCORED_CELLS, WordIndex, group_by_width
from mediafp.types.fingerprints import Fingerprint

MIN_EXCESS_WORDS = 0.4
"""Words above chance from which two transcripts are candidates: fewer do not reach a probability of .15, even if all words of
the passage agree."""
MAX_LONG_SCORED_CELLS = 1 << 22
"""Product of the lengths of two transcripts that share minima up to which they are scored: 10 ms for two of eight minutes, while
the alignment of a pair takes 25 ms from four minutes on. Chosen, not measured."""
MAX_CANDIDATES = 200
"""Candidates of a query that are aligned, at 0.2 ms each for transcripts of 25 words, 1 to 2 ms for those of a minute. Only a
text that was read hundreds of times has more that are no chance. Chosen, not measured."""


class TranscriptCandidate(NamedTuple):
    """A transcript that may have the words of a query.

    Attributes:
        sha256: SHA-256 of the asset.
        excess_words: Words of the best local alignment above those that chance adds, the same whichever of the two is the query.
            For transcripts that are too long to be scored, the words that their two best passages share are taken.
    """

    sha256: str
    excess_words: float


class _Found(NamedTuple):
    """The number of a transcript, and its words above chance; proven if the two were scored."""

    slot: int
    excess_words: float
    is_proven: bool


class TranscriptIndex:
    """Transcript fingerprints in memory.

    A transcript of 25 words takes 300 bytes beside its fingerprint, one of a minute 2,600. Several threads may search an index
    while one adds to it or removes from it.

    Attributes:
        fingerprints: Transcript fingerprint of each asset, by its SHA-256.
    """

    def __init__(self, fingerprints: Iterable[Fingerprint] = ()) -> None:
        self.fingerprints: dict[str, Fingerprint] = {}
        self._rows = _Rows()
        self.add(fingerprints)

    @property
    def assets(self) -> list[str]:
        """SHA-256 of each asset, in the order in which they came."""
        return list(self.fingerprints)

    def add(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Add transcripts; one of an asset that has a transcript already replaces it."""
        added = {fingerprint.sha256: fingerprint for fingerprint in fingerprints}
        for sha256 in added.keys() & self.fingerprints.keys():
            self.remove(sha256)
        # Set before the rows: another thread may look up an asset as soon as a search returns it.
        self.fingerprints |= added
        self._rows.add(list(added.values()))

    def remove(self, sha256: str) -> None:
        """Drop the transcript of an asset, if there is one."""
        if fingerprint := self.fingerprints.get(sha256):
            rows = self._rows
            rows.fingerprints[rows.slots.pop(sha256)] = None
            if 2 * len(rows.slots) < len(rows.fingerprints):
                rows = _Rows()
                rows.add([other for other in self.fingerprints.values() if other is not fingerprint])
                self._rows = rows
            del self.fingerprints[sha256]

    def search(
        self,
        query: Fingerprint,
        *,
        count: int | None = MAX_CANDIDATES,
        exclude: str | None = None,
        improbable: bool = False,
    ) -> list[TranscriptCandidate]:
        """Return the candidates for a query among the assets of its fingerprint version, best first.

        Args:
            query: Transcript fingerprint.
            count: Largest number of candidates; None for all of them.
            exclude: SHA-256 of an asset to skip, such as the query itself.
            improbable: True for those below `MIN_EXCESS_WORDS` as well.
        """
        words, rows = encode_words(query), self._rows
        if len(words) < 2:
            return []
        candidates = [
            TranscriptCandidate(fingerprint.sha256, found.excess_words)
            for found in chain(rows.find_by_score(words), rows.find_by_minima(words))
            if (improbable or not found.is_proven or found.excess_words >= MIN_EXCESS_WORDS)
            and (fingerprint := rows.fingerprints[found.slot])
            and fingerprint.version == query.version
            and fingerprint.sha256 != exclude
        ]
        return sorted(candidates, key=lambda candidate: (-candidate.excess_words, candidate.sha256))[:count]


class _Rows:
    """Transcripts, each under a number; the number of one that was removed is not used again.

    Attributes:
        fingerprints: Transcript fingerprint of each number, None if it was removed.
        slots: Number of each asset, by its SHA-256.
    """

    def __init__(self) -> None:
        self.fingerprints: list[Fingerprint | None] = []
        self.slots: dict[str, int] = {}
        self._words = WordIndex()
        self._short_passages, self._long_passages = PassageIndex(), PassageIndex()

    def add(self, fingerprints: list[Fingerprint]) -> None:
        """Add transcripts."""
        transcripts = [(n, encode_words(f)) for n, f in enumerate(fingerprints, len(self.fingerprints))]
        self.slots |= {f.sha256: slot for f, (slot, _) in zip(fingerprints, transcripts, strict=True)}
        self.fingerprints += fingerprints
        self._words.add(transcripts)
        self._short_passages.add([t for t in transcripts if len(t[1]) <= PASSAGE_WORDS])
        self._long_passages.add([t for t in transcripts if len(t[1]) > PASSAGE_WORDS])

    def find_by_score(self, words: WordCodes) -> Iterator[_Found]:
        """Yield the transcripts that are scored with a query whatever they share with it, and have a score."""
        slots, lengths, scores = self._words.search(words)
        yield from _find_near(len(words), slots, lengths, scores)

    def find_by_minima(self, words: WordCodes) -> Iterator[_Found]:
        """Yield the others, if they share minima with a query."""
        scored: list[tuple[int, WordCodes]] = []
        for passages in (self._short_passages, self._long_passages):
            if len(words) * passages.longest <= MAX_SCORED_CELLS:
                continue
            for slot, equal in passages.search(words):
                fingerprint = self.fingerprints[slot]
                cells = len(words) * len(fingerprint.vectors) if fingerprint else 0
                if fingerprint is None or cells <= MAX_SCORED_CELLS:
                    continue
                if cells > MAX_LONG_SCORED_CELLS:
                    yield _Found(slot, _excess_words(_score_of_minima(equal), cells), is_proven=False)
                else:
                    scored.append((slot, encode_words(fingerprint)))
        for width, members in group_by_width(scored):
            scores = best_scores(words, to_word_planes([codes for _, codes in members], width))
            lengths = np.array([len(codes) for _, codes in members])
            yield from _find_near(len(words), np.array([slot for slot, _ in members]), lengths, scores)


def _find_near(
    words: int, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], scores: npt.NDArray[np.int64]
) -> Iterator[_Found]:
    """Yield the transcripts whose alignment with a query of so many words is kept."""
    near = scores >= MIN_SCORE
    for slot, length, score in zip(slots[near].tolist(), lengths[near].tolist(), scores[near].tolist(), strict=True):
        yield _Found(slot, _excess_words(score, words * length), is_proven=True)


def _excess_words(score: int, cells: int) -> float:
    """Return the words of an alignment, less those that chance adds to transcripts whose lengths have this product."""
    return round(score / MATCH_SCORE - CHANCE_WORDS_PER_LOG_CELL * math.log(cells), 6)


def _score_of_minima(equal: int) -> int:
    """Return the score of as many words as two passages have bigrams in common that share so many minima."""
    return int(MATCH_SCORE * 2 * (PASSAGE_WORDS - 1) * equal / (SIGNATURE_BYTES + equal))
