"""Two transcripts line by line, with the words that both contain."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from mediafp.fingerprints.transcript import RowPlace, fingerprint_transcript, locate_rows
from mediafp.matching.transcripts.alignment import AlignedPassage, align_pair
from mediafp.types.compared_pairs import LinePair, SpokenLine, TextRun, WordAgreement, WordComparison
from mediafp.types.tokens import is_cjk, tokenise
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.written_words import TextPiece, certain_runs, segment_certainty, written_words

MAX_LINES: Final = 300
"""Pairs of lines that are shown, the first ones. Chosen, not measured: half an hour of speech."""


def align_lines(query: Transcript, reference: Transcript) -> WordComparison:
    """Return the lines of two transcripts beside each other: those that share words together, the others alone."""
    rows = locate_rows(query), locate_rows(reference)
    # Two fingerprints of one name are aligned as they are given.
    fingerprints = fingerprint_transcript("query", query), fingerprint_transcript("reference", reference)
    passages = align_pair(*fingerprints)
    joined = sorted({pair for passage in passages for pair in passage.rows})
    agreements = _agreements(rows, joined)
    lines = [
        LinePair(
            query=tuple(_line(query, n, agreements[0]) for n in upper),
            reference=tuple(_line(reference, n, agreements[1]) for n in lower),
        )
        for upper, lower in _pair_lines(query, reference, {(rows[0][a].segment, rows[1][b].segment) for a, b in joined})
    ]
    best = passages[0] if passages else None
    offsets = [
        round(float(fingerprints[1].spans[b, 0] - fingerprints[0].spans[a, 0]), 1)
        for a, b in (best.rows if best else ())
    ]
    return WordComparison(
        lines=tuple(lines[:MAX_LINES]),
        words=best.words if best else 0,
        equal_words=best.exact_words if best else 0,
        by_syllable=_is_chinese(best, rows[0]) if best else False,
        offset=(min(offsets), max(offsets)) if offsets else None,
        omitted_lines=max(0, len(lines) - MAX_LINES),
    )


def _is_chinese(passage: AlignedPassage, places: list[RowPlace]) -> bool:
    """Return True if most words of a passage are characters."""
    return sum(is_cjk(places[row].token.text) for row, _ in passage.rows) * 2 > len(passage.rows)


def _agreements(
    rows: tuple[list[RowPlace], list[RowPlace]], joined: list[tuple[int, int]]
) -> tuple[Mapping[RowPlace, WordAgreement], Mapping[RowPlace, WordAgreement]]:
    """Return how the words of both sides agree with those of the other side; the others are not in it."""
    found: tuple[dict[RowPlace, WordAgreement], dict[RowPlace, WordAgreement]] = {}, {}
    for row, column in joined:
        places = rows[0][row], rows[1][column]
        agreement: WordAgreement = "same" if places[0].token.text == places[1].token.text else "sound"
        for known, place in zip(found, places, strict=True):
            # A word that occurs once may agree with several of the other side.
            if known.get(place) != "same":
                known[place] = agreement
    return found


def _line(transcript: Transcript, number: int, agreements: Mapping[RowPlace, WordAgreement]) -> SpokenLine:
    """Return one line with the agreement of its characters."""
    segment = transcript.segments[number]
    of_character: list[WordAgreement] = ["other"] * len(segment.text)
    end = 0
    for token in tokenise(segment.text):
        agreement = agreements.get(RowPlace(number, token), "other")
        of_character[token.start : token.end] = [agreement] * (token.end - token.start)
        # A space between two words that agree is part of what agrees.
        if agreement != "other" and end and of_character[end - 1] != "other" and segment.text[end : token.start] == " ":
            of_character[end] = "same"
        end = token.end
    words = written_words(segment)
    timed = [word.span for word in words if word.span]
    return SpokenLine(
        span=(timed[0][0], timed[-1][1]) if timed else (segment.start, segment.end),
        language=segment.language,
        certainty=segment_certainty(segment),
        runs=tuple(_runs(segment, of_character)),
    )


def _runs(segment: TranscriptSegment, agreements: Sequence[WordAgreement]) -> Iterator[TextRun]:
    """Yield the text of a segment in runs of one certainty and one agreement."""
    start = 0
    for run in certain_runs(segment):
        parts: list[tuple[WordAgreement, TextPiece]] = []
        for piece in run.pieces:
            # What is between two words may agree in part: a space does, a comma does not.
            for agreement, characters in groupby(range(start, start + len(piece.text)), key=agreements.__getitem__):
                parts.append((agreement, replace(piece, text="".join(segment.text[n] for n in characters))))
            start += len(piece.text)
        for agreement, group in groupby(parts, key=lambda part: part[0]):
            yield TextRun(agreement=agreement, doubt=run.doubt, pieces=tuple(piece for _, piece in group))


def _pair_lines(
    query: Transcript, reference: Transcript, shared: set[tuple[int, int]]
) -> list[tuple[list[int], list[int]]]:
    """Return numbers of lines that belong together, in the order of the query; those of the reference alone in their place."""
    groups: list[tuple[set[int], set[int]]] = []
    for upper, lower in sorted(shared):
        touching = [group for group in groups if upper in group[0] or lower in group[1]]
        merged = ({upper}.union(*(g[0] for g in touching)), {lower}.union(*(g[1] for g in touching)))
        groups = [group for group in groups if group not in touching] + [merged]
    paired_query, paired_reference = (set().union(*(group[side] for group in groups)) for side in (0, 1))
    placed = [(sorted(group[0]), sorted(group[1])) for group in groups]
    placed += [([number], []) for number in range(len(query.segments)) if number not in paired_query]
    placed.sort(key=lambda pair: pair[0][0])
    for number in range(len(reference.segments)):
        if number not in paired_reference:
            # After the last pair whose reference begins before it.
            begins = [(position, pair[1][0]) for position, pair in enumerate(placed) if pair[1] and pair[1][0] < number]
            first = next((position for position, pair in enumerate(placed) if pair[1]), len(placed))
            position = max(begins, key=lambda one: one[1])[0] + 1 if begins else first
            placed.insert(position, ([], [number]))
    return placed
