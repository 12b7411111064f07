"""Transcripts as subtitles (SubRip, WebVTT) and as plain text."""

from collections.abc import Iterator

from mediafp.report.cues import make_cues
from mediafp.report.doubted_words import TEXT_LEGEND, list_doubts, mark_guesses
from mediafp.report.escaping import escape_unprintable
from mediafp.types.file_sounds import is_said_elsewhere, sound_name
from mediafp.types.timestamps import format_time
from mediafp.types.transcripts import Transcript
from mediafp.types.written_words import certain_runs


def to_srt(transcript: Transcript) -> str:
    """Return a transcript as SubRip: numbered cues, times with a decimal comma."""
    return "\n".join(
        f"{number}\n{_timestamp(cue.start, ',')} --> {_timestamp(cue.end, ',')}\n"
        + "".join(f"{line}\n" for _, lines in cue.parts for line in lines)
        for number, cue in enumerate(make_cues(transcript), 1)
    )


def to_vtt(transcript: Transcript) -> str:
    """Return a transcript as WebVTT (W3C), each text tagged with its language."""
    cues = (
        f"{_timestamp(cue.start, '.')} --> {_timestamp(cue.end, '.')}\n"
        + "".join(
            f"<lang {_language_tag(language)}>{_escape('\n'.join(lines))}</lang>\n" for language, lines in cue.parts
        )
        for cue in make_cues(transcript)
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


def _timestamp(milliseconds: int, decimal_point: str) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{decimal_point}{rest % 1000:03}"


def _language_tag(language: str) -> str:
    """Return a language code without characters that end a tag of WebVTT."""
    return "".join(c for c in language if c.isascii() and (c.isalnum() or c == "-"))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
