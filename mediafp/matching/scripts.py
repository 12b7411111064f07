"""The same words under another voice: transcripts searched by MinHash, and joined by local alignment.

MinHash in bytes: Li and König, b-bit minwise hashing, 2010. Alignment: Smith and Waterman, 1981. All words are the rows
of a "words" fingerprint as numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mediafp.evidence import Match, Segment, Times
from mediafp.fingerprint import Fingerprint
from mediafp.matching import judge
from mediafp.media import Kind

Words = npt.NDArray[np.uint32]
"""One number a word, equal where the words sound the same, and equal in bytes where syllables do in part."""
Floats = npt.NDArray[np.float64]

PASSAGE, HOP = 40, 20
"""Words of a passage, and from one passage's start to the next: ten seconds of speech, every place in two of them."""
MINIMA = 128
"""One-byte minima of a passage's signature."""
CHUNK = 1 << 15
"""Passages that are counted at once: their counts and one row of minima stay in the processor's cache."""
LEAST_EQUAL = 3
"""Equal minima from which two passages are worth a look; of unrelated ones 0.5 are equal, three in 1.4 % of pairs."""
CHANCE = 2
"""Equal minima of a passage that count for nothing when candidates are ranked."""
ALIGNED = 400
"""Candidates that are aligned, 2 to 4 ms each for scripts of a minute."""
SHORT_ALIGNED = 100
"""The same of scripts no longer than a passage for a query that is none longer: misheard ones share too few pairs, and
all are tried, 0.02 ms each."""
SHORT_CHUNK = 1000
"""Short scripts that are scored at once, in the processor's cache."""
MATCH, MISS, SKIP = 20, -10, -10
"""Scores of an alignment: a third of the words must agree, and chance alignments stay short."""
INITIAL, MEDIAL, NUCLEUS, CODA = 12, 3, 12, 3
"""What equal parts of two syllables add to MISS, medial and coda only with the nucleus; all of them make a MATCH. What
Whisper mishears it mishears in part: of scripts of 12 words and more under other voices, by the best false pair, equal
syllables alone find .87, and parts .96."""
SYLLABLES = np.uint32(1 << 31)
"""Words below it are syllables."""
AGREES = MATCH / 2
"""Score from which two words are said to agree."""
MOST_CELLS = 1 << 20
"""Cells of one alignment: two scripts of 1000 words, 4 minutes each, as a whole; longer ones box by box."""
BOX = 1024
"""Words of a side of a box, around the place where most pairs of words agree."""
BIN = 64
"""Words, and diagonals, among which agreeing pairs are counted to place a box."""
LEAST_SCORE = 60
"""Score of a stretch that is kept: three words in a row."""
MOST_STRETCHES = 64
JOINED = 8
"""Words on both sides that may lie between two parts of one stretch."""
STOCK_WORDS = 12
"""Words of one stretch that must agree before it can be called a copy; greetings and thanks are shorter."""
STOCK_MOST = 0.79
"""The probability that fewer words can reach, below judge.COPY_AT."""
CHANCE_WORDS = 0.5
"""Two long scripts have more in common by chance, by the logarithm of their lengths' product (Karlin and Altschul,
1990): so many words more every e-fold. Pairs of words drawn from Chinese transcripts gave, in a tenth of the pairs of
100, 320 and 1040 words, a stretch of net 3.6, 5.0 and 5.2."""
DOUBTED = 0.9
"""Share of the agreeing words that is put into words when less of it counts."""
SIDE_SHARE = 0.2
"""A further stretch must have this share of the best one's words, or as many as a copy needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStretch:
    """A stretch in which query and reference say the same, seconds; `speed` is reference seconds per query second.

    `rows` are the (query row, reference row) pairs that agree, in order; `words` is how many words it is long (of the
    longer side), `score` the share of them that agrees, those alike in part taken in part. `evidence` counts the same
    where they follow one another in a new way, doubtful ones in part: a chant says little. `net` is the evidence less
    what the words between cost.
    """

    query: Times
    reference: Times
    speed: float
    words: int
    score: float
    evidence: float
    net: float
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptPair:
    """A candidate that was aligned; its `stretches` are the best first, and there is at least one."""

    sha256: str
    features: judge.ScriptFeatures
    stretches: tuple[ScriptStretch, ...]


class ScriptShelf(Protocol):
    """The references that a script is held against."""

    @property
    def scripts(self) -> "Scripts":
        """The words of all that was transcribed."""
        ...

    def kind(self, sha256: str) -> Kind:
        """Picture or video."""
        ...

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Where it was seen."""
        ...


class Scripts:
    """Scripts held in memory, 128 bytes a passage and 28 a word, searched by brute force.

    A million passages, 1300 hours of speech, are counted in 25 to 45 ms a passage of the query.
    """

    def __init__(self, fingerprints: Iterable[Fingerprint]) -> None:
        self.fingerprints = {f.sha256: f for f in fingerprints}
        self.assets = list(self.fingerprints)
        words = [words_of(f) for f in self.fingerprints.values()]
        made = [signatures(w) for w in words]
        self._owner = np.repeat(np.arange(len(made)), [len(rows) for rows in made])
        # A row a minimum: equal bytes of many passages are counted along memory.
        self._minima = np.ascontiguousarray(np.concatenate([*made, np.zeros((0, MINIMA), np.uint8)]).T)
        self._short = np.array([n for n, w in enumerate(words) if 1 < len(w) <= PASSAGE], np.int64)
        self._short_words = np.zeros((len(self._short), PASSAGE), np.uint32)
        self._short_lengths = np.array([len(words[n]) for n in self._short], np.int64)
        for row, n in zip(self._short_words, self._short, strict=True):
            row[: len(words[n])] = words[n]

    def search(self, query: Fingerprint, *, count: int = ALIGNED, without: str | None = None) -> list[str]:
        """The references of the query's version that may share most words with it.

        First `count` at most by their pairs of words, best first, then of a short query SHORT_ALIGNED at most of the other
        short ones, best first.
        """
        words = words_of(query)
        usable = np.array([self._usable(sha256, query, without) for sha256 in self.assets], bool)
        scores = np.where(usable, self._shared(words), 0)
        chosen = _top(scores, count)
        short = np.zeros(len(self.assets), np.int64)
        if 1 < len(words) <= PASSAGE:
            for first in range(0, len(self._short), SHORT_CHUNK):
                part = slice(first, first + SHORT_CHUNK)
                short[self._short[part]] = best_scores(words, self._short_words[part], self._short_lengths[part])
        short[~usable | (short < LEAST_SCORE)] = 0
        short[chosen] = 0
        return [self.assets[n] for n in (*chosen, *_top(short, SHORT_ALIGNED))]

    def _shared(self, words: Words) -> npt.NDArray[np.int64]:
        """Equal minima over chance of each reference, a passage of the query with its best one."""
        scores = np.zeros(len(self.assets), np.int64)
        for signature in signatures(words):
            best = np.full(len(self.assets), CHANCE, np.int64)
            for first in range(0, self._minima.shape[1], CHUNK):
                equal = _equal(self._minima[:, first : first + CHUNK], signature)
                near = np.flatnonzero(equal >= LEAST_EQUAL)
                np.maximum.at(best, self._owner[first + near], equal[near])
            scores += best - CHANCE
        return scores

    def _usable(self, sha256: str, query: Fingerprint, without: str | None) -> bool:
        return sha256 != without and self.fingerprints[sha256].version == query.version


def _top(scores: npt.NDArray[np.int64], count: int) -> list[int]:
    """The places of the highest scores over 0, best first, `count` at most."""
    order = np.argsort(-scores, kind="stable")[:count]
    return [int(n) for n in order if scores[n] > 0]


def _equal(minima: npt.NDArray[np.uint8], signature: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """How many of a signature's minima each passage shares."""
    equal = np.zeros(minima.shape[1], np.uint8)
    for row, minimum in zip(minima, signature, strict=True):
        equal += row == minimum
    return equal


def words_of(fingerprint: Fingerprint) -> Words:
    """The rows of a "words" fingerprint as numbers."""
    return np.ascontiguousarray(fingerprint.vectors, np.uint8).view("<u4").ravel().astype(np.uint32)


def signatures(words: Words) -> npt.NDArray[np.uint8]:
    """The minima (P, 128) of the passages' pairs of words; none where there is no pair."""
    pairs = _pairs(words)
    if not len(pairs):
        return np.zeros((0, MINIMA), np.uint8)
    size = min(len(words), PASSAGE)
    starts = np.array([*range(0, len(words) - size, HOP), len(words) - size])
    made = np.empty((len(starts), MINIMA), np.uint8)
    for first in range(0, len(starts), 256):
        inside = pairs[starts[first : first + 256, None] + np.arange(size - 1)]
        hashed = (inside[:, :, None] * _FACTORS + _ADDENDS) >> np.uint64(32)
        made[first : first + 256] = hashed.min(axis=1) & np.uint64(0xFF)
    return made


def _pairs(words: Words) -> npt.NDArray[np.uint64]:
    """Neighbouring words as one well-mixed number each."""
    mixed = (words[:-1].astype(np.uint64) << np.uint64(32)) | words[1:]
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ (mixed >> np.uint64(29))


def _multipliers() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Multiply-shift: odd factors and addends, the same in every run."""
    numbers = np.random.default_rng(2010).integers(0, 1 << 64, (2, MINIMA), np.uint64)
    return numbers[0] | np.uint64(1), numbers[1]


_FACTORS, _ADDENDS = _multipliers()


def match_scripts(query: Fingerprint, shelf: ScriptShelf, *, without: str | None = None) -> list[Match]:
    """Matches by falling probability, unlikely ones included; `without` names an asset to leave out, the query itself."""
    pairs = compare_all(query, shelf.scripts, without=without)
    return sorted((_match(pair, query, shelf) for pair in pairs), key=lambda m: (-m.probability, m.sha256))


def compare_all(query: Fingerprint, scripts: Scripts, *, without: str | None = None) -> list[ScriptPair]:
    """The candidates with all that is measured of each pair."""
    found = scripts.search(query, without=without)
    compared = ((sha256, tuple(compare(query, scripts.fingerprints[sha256]))) for sha256 in found)
    return [
        ScriptPair(
            sha256=sha256,
            features=features(stretches[0], len(query.vectors) * len(scripts.fingerprints[sha256].vectors)),
            stretches=stretches,
        )
        for sha256, stretches in compared
        if stretches
    ]


def compare(query: Fingerprint, reference: Fingerprint) -> list[ScriptStretch]:
    """The stretches that both say, best first; every word of the query is used once."""
    here, there = words_of(query), words_of(reference)
    free = np.ones(len(here), bool)
    paths: list[npt.NDArray[np.int64]] = []
    best = 0
    while len(paths) < MOST_STRETCHES:
        (top, bottom), (left, right) = _box(here, there, free)
        gains = np.where(free[top:bottom, None], likeness(here[top:bottom, None], there[None, left:right]), MISS)
        score, path = _local(gains)
        if score < max(LEAST_SCORE, min(SIDE_SHARE * best, MATCH * STOCK_WORDS)):
            break
        best = max(best, score)
        path += (top, left)
        free[path[0, 0] : path[-1, 0] + 1] = False
        paths.append(path)
    stretches = [_stretch(path, query, reference) for path in _joined(paths)]
    stretches.sort(key=lambda s: (-s.net, s.query))
    least = min(SIDE_SHARE * stretches[0].net, STOCK_WORDS) if stretches else 0
    return [s for s in stretches if s.net >= least]


def _box(here: Words, there: Words, free: npt.NDArray[np.bool_]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The rows and the columns to align: all, or where both are long those around most agreeing pairs of words."""
    if len(here) * len(there) <= MOST_CELLS:
        return (0, len(here)), (0, len(there))
    mine, theirs = _pairs(here), _pairs(there)
    open_rows = np.flatnonzero(free[:-1] & free[1:])
    order = np.argsort(theirs, kind="stable")
    first = np.searchsorted(theirs[order], mine[open_rows], "left")
    counts = np.searchsorted(theirs[order], mine[open_rows], "right") - first
    # A pair of words that is everywhere tells no place.
    counts[counts > BIN] = 0
    rows = np.repeat(open_rows, counts)
    if not len(rows):
        return (0, 0), (0, 0)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = order[np.repeat(first, counts) + within]
    diagonals = (columns - rows + len(here)) // BIN
    width = (len(here) + len(there)) // BIN + 1
    cells, votes = np.unique(rows // BIN * width + diagonals, return_counts=True)
    inside = rows // BIN * width + diagonals == cells[votes.argmax()]
    return _around(int(np.median(rows[inside])), len(here)), _around(int(np.median(columns[inside])), len(there))


def _around(place: int, length: int) -> tuple[int, int]:
    return max(0, place - BOX // 2), min(length, place + BOX // 2)


def likeness(here: Words, there: Words) -> npt.NDArray[np.int16]:
    """The score of each pair of words, in the shape that both broadcast to: MISS to MATCH."""
    other = here ^ there
    initial, medial, nucleus, coda = ((other & np.uint32(0xFF << shift)) == 0 for shift in (0, 8, 16, 24))
    alike = MISS + INITIAL * initial.astype(np.int16) + nucleus * (NUCLEUS + MEDIAL * medial + CODA * coda)
    made: npt.NDArray[np.int16] = np.where((here | there) < SYLLABLES, alike, np.where(other == 0, MATCH, MISS))
    return made.astype(np.int16)


def best_scores(query: Words, references: Words, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The score (R,) of the best local alignment with each of some references (R, L) of so many words each."""
    width = references.shape[1]
    beyond = np.arange(width) >= lengths[:, None]
    ramp = (-SKIP * np.arange(1, width + 1)).astype(np.int16)
    table = np.zeros((len(references), width + 1), np.int16)
    best = np.zeros(len(references), np.int16)
    for word in query:
        gain = np.where(beyond, np.int16(MISS), likeness(word, references))
        table[:, 1:] = _next_row(table, gain, ramp)
        np.maximum(best, table.max(axis=1, initial=0), out=best)
    return best.astype(np.int64)


def _next_row[T: np.signedinteger[Any]](
    row: npt.NDArray[T], gain: npt.NDArray[T], ramp: npt.NDArray[T]
) -> npt.NDArray[T]:
    """The scores (..., L) of alignments that end at each cell of a row, from those (..., 1 + L) of the row before."""
    best = np.maximum(row[..., :-1] + gain, row[..., 1:] + row.dtype.type(SKIP))
    np.maximum(best, 0, out=best)
    # Skipping k columns costs k: the running maximum of what each cell would be worth at the row's end.
    made: npt.NDArray[T] = np.maximum.accumulate(best + ramp, axis=-1) - ramp
    return made


def _local(likely: npt.NDArray[np.int16]) -> tuple[int, npt.NDArray[np.int64]]:
    """The best local alignment by a table of scores: its own score, and the cells (K, 2) of its path that gain."""
    if likely.shape[0] > likely.shape[1]:
        score, turned = _local(likely.T)
        return score, turned[:, ::-1].copy()
    gains = likely.astype(np.int32)
    table = np.zeros((gains.shape[0] + 1, gains.shape[1] + 1), np.int32)
    ramp = -SKIP * np.arange(1, gains.shape[1] + 1, dtype=np.int32)
    for row, gain in enumerate(gains):
        table[row + 1, 1:] = _next_row(table[row], gain, ramp)
    at = int(table.argmax())
    row, column = divmod(at, table.shape[1])
    score = int(table[row, column])
    path: list[tuple[int, int]] = []
    while table[row, column] > 0:
        value = table[row, column]
        if value == table[row - 1, column - 1] + gains[row - 1, column - 1]:
            row, column = row - 1, column - 1
            if gains[row, column] > 0:
                path.append((row, column))
        elif value == table[row - 1, column] + SKIP:
            row -= 1
        else:
            column -= 1
    return score, np.array(path[::-1], np.int64).reshape(-1, 2)


def _joined(paths: list[npt.NDArray[np.int64]]) -> list[npt.NDArray[np.int64]]:
    """The paths in the query's order, those that go on from one another as one: a long script comes in boxes."""
    whole: list[npt.NDArray[np.int64]] = []
    for path in sorted(paths, key=lambda p: int(p[0, 0])):
        if whole and 0 < path[0, 0] - whole[-1][-1, 0] <= JOINED and 0 < path[0, 1] - whole[-1][-1, 1] <= JOINED:
            whole[-1] = np.concatenate((whole[-1], path))
        else:
            whole.append(path)
    return whole


def _stretch(path: npt.NDArray[np.int64], query: Fingerprint, reference: Fingerprint) -> ScriptStretch:
    (row, column), (last_row, last_column) = path[0], path[-1]
    times = [
        (float(side.spans[first, 0]), float(side.spans[last, 1]))
        for side, first, last in ((query, row, last_row), (reference, column, last_column))
    ]
    seconds = [end - start for start, end in times]
    words = int(max(last_row - row, last_column - column)) + 1
    said = query.vectors[path[:, 0]]
    likely = likeness(words_of(query)[path[:, 0]], words_of(reference)[path[:, 1]])
    shares = likely / MATCH
    quality = shares * np.minimum(query.quality[path[:, 0]], reference.quality[path[:, 1]])
    # A word counts where it follows the one before it for the first time.
    _, first = np.unique(np.hstack((said[1:], said[:-1])), axis=0, return_index=True)
    evidence = float(quality[0] + quality[1:][first].sum())
    between = float((np.diff(path, axis=0).max(axis=1, initial=1) - 1).sum())
    return ScriptStretch(
        query=times[0],
        reference=times[1],
        speed=seconds[1] / seconds[0] if min(seconds) > 0 else 1.0,
        words=words,
        score=float(shares.sum()) / words,
        evidence=evidence,
        net=evidence + SKIP / MATCH * between,
        rows=tuple((int(a), int(b)) for a, b in path[likely >= AGREES]),
    )


def features(stretch: ScriptStretch, cells: int) -> judge.ScriptFeatures:
    """What a pair's best stretch is worth; `cells` is the product of the scripts' words.

    Further stretches add nothing: long scripts have many short ones in common.
    """
    words = float(np.log1p(max(0.0, stretch.net - CHANCE_WORDS * float(np.log(cells)))))
    return judge.ScriptFeatures(words=words, agreement=stretch.score, both=words * stretch.score)


def _match(pair: ScriptPair, query: Fingerprint, shelf: ScriptShelf) -> Match:
    best = pair.stretches[0]
    likely = judge.probability(pair.features)
    if best.evidence < STOCK_WORDS:
        likely = min(likely, STOCK_MOST)
    return Match(
        sha256=pair.sha256,
        uris=shelf.uris(pair.sha256),
        kind=shelf.kind(pair.sha256),
        relation="same_script",
        verdict=judge.verdict(likely, 0.0, proven=True),
        probability=likely,
        coverage=(
            _share([(s.rows[0][0], s.rows[-1][0]) for s in pair.stretches], query),
            _share([(s.rows[0][1], s.rows[-1][1]) for s in pair.stretches], shelf.scripts.fingerprints[pair.sha256]),
        ),
        placement=None,
        segments=tuple(
            Segment(
                channel="script",
                query=(round(s.query[0], 3), round(s.query[1], 3)),
                reference=(round(s.reference[0], 3), round(s.reference[1], 3)),
                speed=round(s.speed, 3),
                mirrored=False,
                score=round(s.score, 3),
            )
            for s in sorted(pair.stretches, key=lambda s: s.query)
        ),
        why=tuple(_reasons(pair)),
    )


def _share(parts: list[tuple[int, int]], script: Fingerprint) -> float:
    """The share of a script's spoken time in these parts, first to last row."""
    inside = np.zeros(len(script.spans), bool)
    for first, last in parts:
        inside[first : last + 1] = True
    seconds: Floats = script.spans[:, 1] - script.spans[:, 0]
    whole = float(seconds.sum())
    return round(float(seconds[inside].sum()) / whole if whole > 0 else float(inside.mean()), 4)


def _reasons(pair: ScriptPair) -> list[str]:
    best, count = pair.stretches[0], len(pair.stretches)
    here = sum(s.query[1] - s.query[0] for s in pair.stretches)
    there = sum(s.reference[1] - s.reference[0] for s in pair.stretches)
    reasons = [
        f"{len(best.rows)} of {best.words} words in a row agree (by their sound, without tones)",
        f"{here:.0f} s of the query and {there:.0f} s of the reference say the same"
        + (f", in {count} stretches" if count > 1 else ""),
    ]
    if best.evidence < DOUBTED * len(best.rows):
        reasons.append("digits, repeated words and doubtful passages count in part")
    if best.evidence < STOCK_WORDS:
        reasons.append("so few words may be a common phrase")
    return reasons + ["the voices were not compared"]
