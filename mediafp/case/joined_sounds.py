"""The transcripts of the sounds of a file as one that contains each word once."""

from collections.abc import Sequence

from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.types.file_sounds import FileSound, find_repeats, join_transcripts, to_file_clock
from mediafp.types.transcripts import Transcript


def join_sounds(parts: Sequence[tuple[FileSound, Transcript]]) -> Transcript:
    """Return the transcripts of the sounds of a file joined, without those that repeat others.

    Args:
        parts: Each sound with its transcript, whose times are those of the sound; at least one.
    """
    if len(parts) == 1:
        return join_transcripts(parts)
    words = [
        fingerprint_transcript(sound.audio_sha256, to_file_clock(transcript, sound)) for sound, transcript in parts
    ]
    return join_transcripts(parts, find_repeats(words))
