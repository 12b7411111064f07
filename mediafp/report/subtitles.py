"""A transcript as subtitles (SubRip, WebVTT) and as plain text."""

from collections.abc import Iterator

from mediafp.report.svg import format_time
from mediafp.types.transcripts import Transcript

LINE = 42
"""Characters a line of subtitles, the usual most for Latin script; a CJK character counts as two."""


def to_srt(transcript: Transcript) -> str:
    """SubRip: numbered, times with a comma."""
    return "\n".join(
        f"{n}\n{_clock(u.start, ',')} --> {_clock(u.end, ',')}\n{_one_block(u.text)}\n"
        for n, u in enumerate(transcript.segments, 1)
    )


def to_vtt(transcript: Transcript) -> str:
    """WebVTT (W3C), each cue with its language."""
    cues = (
        f"{_clock(u.start, '.')} --> {_clock(u.end, '.')}\n<lang {u.language}>{_escape(_one_block(u.text))}</lang>\n"
        for u in transcript.segments
    )
    return "\n".join(["WEBVTT\n", *cues])


def to_text(transcript: Transcript) -> str:
    """One utterance a line, with its time, language and doubts."""
    return "\n".join(_lines(transcript))


def _lines(transcript: Transcript) -> Iterator[str]:
    if not transcript.segments:
        yield "no words" if transcript.speech_seconds else "nobody speaks"
    for u in transcript.segments:
        doubts = f"  ({', '.join(flag.replace('_', ' ') for flag in u.flags)})" if u.flags else ""
        yield f"[{format_time(u.start)}] {u.language:>3}  {' '.join(u.text.split())}{doubts}"


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _one_block(words: str) -> str:
    """Lines short enough to be read; an empty line would end the cue."""
    lines: list[str] = [""]
    width = 0
    for piece in _pieces(words):
        size = sum(2 if ord(c) > 0x2E7F else 1 for c in piece)
        if width and width + size > LINE:
            lines.append("")
            width, piece = 0, piece.lstrip()
        lines[-1] += piece
        width += size
    return "\n".join(line.rstrip() for line in lines)


def _pieces(words: str) -> Iterator[str]:
    """Where a line may break: before spaces, and between CJK characters."""
    piece = ""
    for character in " ".join(words.split()):
        if piece and (character == " " or ord(character) > 0x2E7F):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def _escape(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
