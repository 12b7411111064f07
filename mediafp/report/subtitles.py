"""Transcripts as subtitles (SubRip, WebVTT) and as plain text."""

from collections.abc import Iterator

from mediafp.report.doubted_words import TEXT_LEGEND, list_doubts, mark_guesses
from mediafp.report.escaping import escape_unprintable
from mediafp.types.file_sounds import is_said_elsewhere, sound_name
from mediafp.types.timestamps import format_time
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.written_words import certain_runs

LINE_WIDTH = 42
"""Characters per subtitle line, the usual maximum for Latin script; a CJK character counts as two."""
MIN_CUE_MILLISECONDS = 200
"""Milliseconds for which a cue is shown at least: players skip one of no length. Chosen, not measured."""
_FIRST_WIDE_CHARACTER = 0x2E80
"""The code point of CJK Radicals Supplement, from which characters are counted as two columns wide."""


def to_srt(transcript: Transcript) -> str:
    """Return a transcript as SubRip: numbered cues, times with a decimal comma."""
    return "\n".join(
        f"{number}\n{_timestamp(start, ',')} --> {_timestamp(end, ',')}\n{_wrap(s.text)}\n"
        for number, (start, end, s) in enumerate(_cues(transcript), 1)
    )


def to_vtt(transcript: Transcript) -> str:
    """Return a transcript as WebVTT (W3C), each cue tagged with its language."""
    cues = (
        f"{_timestamp(start, '.')} --> {_timestamp(end, '.')}\n"
        f"<lang {_language_tag(s.language)}>{_escape(_wrap(s.text))}</lang>\n"
        for start, end, s in _cues(transcript)
    )
    return "\n".join(["WEBVTT\n", *cues])


def to_text(transcript: Transcript) -> str:
    """Return a transcript as text, one segment per line with its time, language and doubts; guesses are marked.

    If not all is said in the first audio track of the file, each line names its sound.
    """
    return "\n".join(_text_lines(transcript))


def _text_lines(transcript: Transcript) -> Iterator[str]:
    if not transcript.segments:
        yield "no words" if transcript.speech_seconds else "no speech"
    names_sounds = is_said_elsewhere(transcript)
    for s in transcript.segments:
        sound = f"{sound_name(s.track, s.channel)}: " if names_sounds else ""
        doubts = list_doubts(s)
        stated = f"  ({', '.join(doubts)})" if doubts else ""
        yield escape_unprintable(
            f"[{format_time(s.start)}] {s.language:>3}  {sound}{' '.join(mark_guesses(s).split())}{stated}"
        )
    if any(run.doubt == "guess" for s in transcript.segments for run in certain_runs(s)):
        yield TEXT_LEGEND


def _cues(transcript: Transcript) -> Iterator[tuple[int, int, TranscriptSegment]]:
    """Yield the segments that have a text, by start, with times in milliseconds that no cue shares with another.

    A segment that overlaps the next one ends where that starts. One that starts before 0, or lasts no time, is shown for
    MIN_CUE_MILLISECONDS.
    """
    segments = sorted((s for s in transcript.segments if s.text.split()), key=lambda s: s.start)
    starts = [max(0, round(s.start * 1000)) for s in segments]
    shown_until = 0
    next_starts = [*starts[1:], None][: len(starts)]
    for segment, start, next_start in zip(segments, starts, next_starts, strict=True):
        start = max(start, shown_until)
        end = round(segment.end * 1000) if next_start is None else min(round(segment.end * 1000), next_start)
        shown_until = max(end, start + MIN_CUE_MILLISECONDS)
        yield start, shown_until, segment


def _timestamp(milliseconds: int, decimal_point: str) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{decimal_point}{rest % 1000:03}"


def _wrap(text: str) -> str:
    """Break a text into lines of at most LINE_WIDTH columns, without empty lines, which would end the cue."""
    lines: list[str] = [""]
    width = 0
    for piece in _break_opportunities(text):
        columns = sum(2 if ord(c) >= _FIRST_WIDE_CHARACTER else 1 for c in piece)
        if width and width + columns > LINE_WIDTH:
            lines.append("")
            width, piece = 0, piece.lstrip()
        lines[-1] += piece
        width += columns
    return "\n".join(line.rstrip() for line in lines)


def _break_opportunities(text: str) -> Iterator[str]:
    """Yield the pieces between which a line may break: before spaces, and before each CJK character."""
    piece = ""
    for character in escape_unprintable(" ".join(text.split())):
        if piece and (character == " " or ord(character) >= _FIRST_WIDE_CHARACTER):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def _language_tag(language: str) -> str:
    """Return a language code without characters that end a tag of WebVTT."""
    return "".join(c for c in language if c.isascii() and (c.isalnum() or c == "-"))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
