"""Words of a transcript with their certainty: in JSON, in plain text, and on the pages that are given to others."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from mediafp.report.isolation import escape_text
from mediafp.types.transcripts import Certainty, TranscriptSegment
from mediafp.types.written_words import (
    GUESS_MARKS,
    CertainRun,
    certain_runs,
    mark_guess,
    segment_certainty,
    written_words,
)

CERTAINTY_MARKS: Final[Mapping[Certainty, str]] = {"sure": "●", "doubtful": "◐", "guess": "○"}
"""Mark of each certainty: a circle that is full, half full or empty."""
TEXT_LEGEND: Final = f"{GUESS_MARKS[0]}…{GUESS_MARKS[1]}: a guess, more often wrong than right"
"""Line below a transcript in plain text that has such words."""
TIME_DIGITS, PROBABILITY_DIGITS = 2, 2
"""Decimals of the times and of the probabilities of words in JSON: a recording of an hour has 10,000 words."""


def doubts_to_json(segment: TranscriptSegment) -> dict[str, Any]:
    """Return the certainty of a segment and its words; times and probabilities that are unknown are null."""
    return {
        **certainty_to_json(segment_certainty(segment), segment.word_probability),
        "words": [
            {
                "text": word.text,
                "start": word.span and round(word.span[0], TIME_DIGITS),
                "end": word.span and round(word.span[1], TIME_DIGITS),
                "probability": None if word.probability is None else round(word.probability, PROBABILITY_DIGITS),
            }
            for word in written_words(segment)
        ],
    }


def certainty_to_json(certainty: Certainty | None, probability: float | None) -> dict[str, Any]:
    """Return the certainty of a text with the mean probability of its words; both are null if they are unknown."""
    return {"certainty": certainty, "word_probability": None if probability is None else round(probability, 3)}


def mark_guesses(segment: TranscriptSegment) -> str:
    """Return the text of a segment with its guesses in marks."""
    return "".join(mark_guess(run.text, run.doubt) for run in certain_runs(segment))


def state_doubt(certainty: Certainty | None) -> str:
    """Return a certainty that is less than sure as plain text states it; "" for a sure one, and for an unknown one."""
    return {"doubtful": "doubtful", "guess": "a guess"}.get(certainty or "", "")


def list_doubts(segment: TranscriptSegment) -> list[str]:
    """Return the doubts about the text of a segment: its certainty if that is less than sure, and its quality flags."""
    doubt = state_doubt(segment_certainty(segment))
    return [*([doubt] if doubt else []), *(flag.replace("_", " ") for flag in segment.flags)]


def draw_words(runs: Sequence[CertainRun]) -> Markup:
    """Return a text as HTML: doubtful words underlined with dots, guesses with waves and in `GUESS_MARKS`."""
    parts = []
    for run in runs:
        text = escape_text(mark_guess(run.text, run.doubt))
        parts.append(Markup('<span class="{}">{}</span>').format(run.doubt, text) if run.doubt else text)
    return Markup("<bdi>{}</bdi>").format(Markup("").join(parts))


def name_certainty(certainty: Certainty | None) -> str:
    """Return a certainty as text with a mark, which is legible without colours; "" if it is unknown."""
    return f"{CERTAINTY_MARKS[certainty]} {certainty}" if certainty else ""
