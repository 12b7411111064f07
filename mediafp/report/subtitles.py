"""Transcripts as subtitles (SubRip, WebVTT) and as plain text."""

from collections.abc import Iterator

from mediafp.report.escaping import escape_unprintable
from mediafp.types.timestamps import format_time
from mediafp.types.transcripts import Transcript

LINE_WIDTH = 42
"""Characters per subtitle line, the usual maximum for Latin script; a CJK character counts as two."""
_FIRST_WIDE_CHARACTER = 0x2E80
"""The code point of CJK Radicals Supplement, from which characters are counted as two columns wide."""


def to_srt(transcript: Transcript) -> str:
    """Return a transcript as SubRip: numbered cues, times with a decimal comma."""
    return "\n".join(
        f"{number}\n{_timestamp(s.start, ',')} --> {_timestamp(s.end, ',')}\n{_wrap(s.text)}\n"
        for number, s in enumerate(transcript.segments, 1)
    )


def to_vtt(transcript: Transcript) -> str:
    """Return a transcript as WebVTT (W3C), each cue tagged with its language."""
    cues = (
        f"{_timestamp(s.start, '.')} --> {_timestamp(s.end, '.')}\n"
        f"<lang {_language_tag(s.language)}>{_escape(_wrap(s.text))}</lang>\n"
        for s in transcript.segments
    )
    return "\n".join(["WEBVTT\n", *cues])


def to_text(transcript: Transcript) -> str:
    """Return a transcript as text, one segment per line with its time, language and quality flags."""
    return "\n".join(_text_lines(transcript))


def _text_lines(transcript: Transcript) -> Iterator[str]:
    if not transcript.segments:
        yield "no words" if transcript.speech_seconds else "no speech"
    for s in transcript.segments:
        flags = f"  ({', '.join(flag.replace('_', ' ') for flag in s.flags)})" if s.flags else ""
        yield escape_unprintable(f"[{format_time(s.start)}] {s.language:>3}  {' '.join(s.text.split())}{flags}")


def _timestamp(seconds: float, decimal_point: str) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
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
