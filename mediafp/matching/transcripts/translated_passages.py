"""Alignment of two transcripts in different languages: the passages in which both say the same, in order.

Windows of one to three speech units are compared by their embeddings, and the best chain of pairs of windows is a passage
(windows of several sentences as in Vecalign, Thompson and Koehn 2019; local alignment as Smith and Waterman 1981).
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from mediafp.types import model_files
from mediafp.types.arrays import Float32Array
from mediafp.types.media import TimeSpan
from mediafp.types.sentence_windows import MAX_WINDOW_UNITS, SentenceWindows

BACKGROUND_SENTENCES = 8
"""Nearest sentences of the background whose mean similarity is the background level of a window. With 1 or 3 fewer made scripts
with a quarter of their words wrong stand above the best false pair."""
TOPIC_SHARE = 0.3
"""Share of the median similarity of all pairs of windows of two transcripts that is subtracted from each: two scripts on one
topic resemble each other everywhere. Of 0, .3, .5 and 1 with a `MIN_SIMILARITY` of .1 to .3, it separates made scripts best,
alone and among 17 others."""
MIN_SIMILARITY = 0.125
"""Similarity above the background level and the topic from which two windows add to a passage, for transcripts of
`SHORT_CELLS`."""
SIMILARITY_PER_LOG_CELL, SHORT_CELLS = 0.015, 64
"""Similarity that is added to it for each e-fold of the product of two transcripts' lengths in units above that of two of half a
minute: chance finds longer chains in longer ones. Of texts of eight scripts, without it, the best false pair is at .35 to .89;
with .015 at .02, and with .03 half of the true ones with a quarter of the words wrong are lost instead of a sixth."""
GAP_WORDS = 0.5
"""Cost of a unit that is skipped, in words of evidence of a similarity of 1. Of .25 to 1, all are as good."""
MIN_PASSAGE_EVIDENCE = 1.0
"""Evidence of a passage that is kept, in words of a similarity of 1. Chosen, not measured."""
MIN_PASSAGE_SHARE = 0.3
"""Share of the evidence of the best passage that a further one needs. Chosen, not measured."""
MAX_TRANSLATED_PASSAGES = 8
"""Passages of two transcripts. Chosen, not measured."""
MAX_REPEATED_SIMILARITY = 0.8
"""Cosine of two windows of one side from which the second one says the same as the first, and adds nothing. Chosen, not
measured."""
ROUNDED_SCORE = 1e-6
"""Score of a chain that is 0 but for rounding."""
WRITTEN_CHINESE = "zh"
"""Written language with a background of its own; that of all others is English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPair:
    """A window of the query and one of the reference that say the same.

    Attributes:
        query: First unit of the query, and the one after the last.
        reference: The same of the reference.
        similarity: Cosine of the embeddings above the background level of both and above the topic.
        words: Words of the shorter window; 0 if it repeats an earlier one of its passage.
    """

    query: tuple[int, int]
    reference: tuple[int, int]
    similarity: float
    words: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedPassage:
    """An interval of the query and one of the reference that say the same in two languages.

    Attributes:
        query: Interval of the query, in seconds.
        reference: Interval of the reference, in seconds.
        pairs: Pairs of windows, in order.
        evidence: Words that agree, each times its similarity above the least one that counts, less the cost of gaps.
    """

    query: TimeSpan
    reference: TimeSpan
    pairs: tuple[WindowPair, ...]
    evidence: float

    @property
    def words(self) -> float:
        """Words of the passage, those that are repeated once."""
        return sum(pair.words for pair in self.pairs)

    @property
    def similarity(self) -> float:
        """Mean similarity of the pairs, by words."""
        weights = [max(pair.words, 1e-6) for pair in self.pairs]
        return float(np.average([pair.similarity for pair in self.pairs], weights=weights))


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedWindows:
    """The passages of two transcripts, the best first, at least one.

    Attributes:
        passages: The passages.
        order_evidence: Evidence of the best passage above that of the best one with the units of one side in reversed order: two
            texts on one topic agree as well backwards.
    """

    passages: tuple[TranslatedPassage, ...]
    order_evidence: float


def align_windows(query: SentenceWindows, reference: SentenceWindows) -> AlignedWindows | None:
    """Return the passages in which two transcripts say the same in different languages; None if there is none.

    The same two transcripts, exchanged, have the same passages, exchanged. Each unit belongs to one passage at most.
    """
    if not (query.languages[:, None] != reference.languages[None]).any():
        return None
    similarity, words = _compare(query, reference)
    least_similarity = MIN_SIMILARITY + SIMILARITY_PER_LOG_CELL * max(
        0.0, float(np.log(len(query.units) * len(reference.units) / SHORT_CELLS))
    )
    gains = words * (similarity - least_similarity)
    gains[gains <= 0] = -np.inf
    backwards = _reverse_reference(gains)
    passages: list[TranslatedPassage] = []
    least = MIN_PASSAGE_EVIDENCE
    while len(passages) < MAX_TRANSLATED_PASSAGES:
        score, path = _best_chain(gains)
        if score < least:
            break
        passage = _to_passage(path, score, gains, similarity, words, query, reference)
        if passage.evidence < least:
            break
        passages.append(passage)
        least = max(least, MIN_PASSAGE_SHARE * passages[0].evidence)
        _forbid(gains, path)
    if not passages:
        return None
    passages.sort(key=lambda passage: (-passage.evidence, passage.query))
    return AlignedWindows(
        passages=tuple(passages), order_evidence=max(0.0, passages[0].evidence - _best_chain(backwards)[0])
    )


type _Step = tuple[int, int, int, int]
"""A pair of windows: units of the query and of the reference less one, and the first unit of each."""


def background_levels(windows: SentenceWindows) -> tuple[Float32Array, Float32Array]:
    """Return the background levels (MAX_WINDOW_UNITS, U) of windows against Chinese and against other languages."""
    found: list[Float32Array] = []
    for language in (WRITTEN_CHINESE, "en"):
        nearest = np.sort(windows.vectors @ _background()[language].T, axis=-1)[..., -BACKGROUND_SENTENCES:]
        found.append(nearest.mean(axis=-1).astype(np.float32))
    return found[0], found[1]


def _compare(query: SentenceWindows, reference: SentenceWindows) -> tuple[Float32Array, Float32Array]:
    """Return the similarity of each pair of windows above background and topic, and the words of the shorter one.

    Both have the shape (units of the window of the query, of that of the reference, its first unit, that of the other). Pairs of
    one language have no words.
    """
    cosine = np.einsum("iuc,jvc->ijuv", query.vectors, reference.vectors, optimize=True)
    query_levels = np.where(reference.languages == WRITTEN_CHINESE, *(x[..., None] for x in background_levels(query)))
    reference_levels = np.where(
        query.languages == WRITTEN_CHINESE, *(x[..., None] for x in background_levels(reference))
    )
    levels = query_levels[:, None] + reference_levels.transpose(0, 2, 1)[None]
    similarity: Float32Array = (cosine - levels / 2).astype(np.float32)
    words: Float32Array = np.minimum(query.words[:, None, :, None], reference.words[None, :, None, :]).astype(
        np.float32
    )
    words *= query.languages[:, None] != reference.languages[None]
    for i, j in product(range(MAX_WINDOW_UNITS), repeat=2):
        if (compared := words[i, j] > 0).any():
            similarity[i, j] -= TOPIC_SHARE * np.median(similarity[i, j][compared])
    return similarity, words


def _best_chain(gains: Float32Array) -> tuple[float, list[_Step]]:
    """Return the score of the best chain of pairs of windows, and the chain.

    Args:
        gains: Evidence of each pair of windows, in the shape of `_compare`; those that are no evidence have -inf.
    """
    rows, columns = gains.shape[2:]
    # Each cell has the cost of all gaps before it added, so that a gap changes nothing.
    costs = GAP_WORDS * np.add.outer(np.arange(rows + 1), np.arange(columns + 1))
    table = costs.copy()
    sizes = list(product(range(MAX_WINDOW_UNITS), repeat=2))
    for row in range(1, rows + 1):
        cells = table[row]
        np.maximum(cells, table[row - 1], out=cells)
        for i, j in sizes:
            if i < row and j < columns:
                first = row - i - 1
                gain = gains[i, j, first, : columns - j] + GAP_WORDS * (i + j + 2)
                np.maximum(cells[j + 1 :], table[first, : columns - j] + gain, out=cells[j + 1 :])
        np.maximum.accumulate(cells, out=cells)
    table -= costs
    row, column = (int(n) for n in np.unravel_index(table.argmax(), table.shape))
    score = float(table[row, column])
    path: list[_Step] = []
    while table[row, column] > ROUNDED_SCORE:
        steps = [
            (float(table[row - i - 1, column - j - 1] + gains[i, j, row - i - 1, column - j - 1]), i, j)
            for i, j in sizes
            if i < row and j < column
        ]
        best, i, j = max(steps, key=lambda step: step[0], default=(-np.inf, 0, 0))
        above, left = table[row - 1, column] - GAP_WORDS, table[row, column - 1] - GAP_WORDS
        if best >= max(above, left):
            row, column = row - i - 1, column - j - 1
            path.append((i, j, row, column))
        elif above >= left:
            row -= 1
        else:
            column -= 1
    return score, path[::-1]


def _reverse_reference(gains: Float32Array) -> Float32Array:
    """Return the gains of pairs of windows with the units of the reference in reversed order."""
    backwards = np.full_like(gains, -np.inf)
    for more in range(min(MAX_WINDOW_UNITS, gains.shape[3])):
        first = gains.shape[3] - more
        backwards[:, more, :, :first] = gains[:, more, :, :first][..., ::-1]
    return backwards


def _forbid(gains: Float32Array, path: list[_Step]) -> None:
    """Forbid all windows that share a unit with a passage."""
    (_, _, top, left), (i, j, last_row, last_column) = path[0], path[-1]
    bottom, right = last_row + i + 1, last_column + j + 1
    for more in range(MAX_WINDOW_UNITS):
        gains[more, :, max(0, top - more) : bottom] = -np.inf
        gains[:, more, :, max(0, left - more) : right] = -np.inf


def _to_passage(
    path: list[_Step],
    score: float,
    gains: Float32Array,
    similarity: Float32Array,
    words: Float32Array,
    query: SentenceWindows,
    reference: SentenceWindows,
) -> TranslatedPassage:
    repeats = _is_repeated([query.vectors[i, a] for i, _, a, _ in path]) | _is_repeated(
        [reference.vectors[j, b] for _, j, _, b in path]
    )
    pairs = tuple(
        WindowPair(
            query=(a, a + i + 1),
            reference=(b, b + j + 1),
            similarity=float(similarity[i, j, a, b]),
            words=0.0 if repeated else float(words[i, j, a, b]),
        )
        for (i, j, a, b), repeated in zip(path, repeats.tolist(), strict=True)
    )
    repeated_evidence = sum(
        float(gains[step]) for step, repeated in zip(path, repeats.tolist(), strict=True) if repeated
    )
    return TranslatedPassage(
        query=(query.units[pairs[0].query[0]].span[0], query.units[pairs[-1].query[1] - 1].span[1]),
        reference=(reference.units[pairs[0].reference[0]].span[0], reference.units[pairs[-1].reference[1] - 1].span[1]),
        pairs=pairs,
        evidence=score - repeated_evidence,
    )


def _is_repeated(vectors: list[Float32Array]) -> npt.NDArray[np.bool_]:
    """Return True for each of some windows that says what an earlier one says."""
    stacked = np.array(vectors)
    earlier = np.tril(stacked @ stacked.T, -1).max(axis=1)
    repeated: npt.NDArray[np.bool_] = earlier >= MAX_REPEATED_SIMILARITY
    return repeated


@cache
def _background() -> dict[str, Float32Array]:
    """Return the embeddings of unrelated sentences, by language."""
    with np.load(model_files.model_path("sentence_background")) as stored:
        return {language: stored[language].astype(np.float32) for language in (WRITTEN_CHINESE, "en")}
