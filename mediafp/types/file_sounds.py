"""The sounds of a file, which are its audio tracks and single channels of them, and their transcripts as those of the file."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Literal

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Audio
from mediafp.types.transcripts import TranscribedAudio, Transcript, TranscriptSegment

TrackChoice = Literal["all", "played"] | tuple[int, ...]
"""The audio tracks of a file that are transcribed: all, that which players play, or those of some numbers, from 0."""
MAX_REPEAT_SECONDS: Final = 2.0
"""Seconds between two words of two sounds that may be one word, heard twice: the times of words are estimates where the decoder
gave none. Chosen, not measured."""
MIN_REPEATED_SHARE: Final = 0.8
"""Share of the words of a sound from which another sound of the file that has them makes it superfluous. Of 12 clips whose second
track is another codec (MP3, 48 kbit/s) the least share is .82, of two clips with other scripts the greatest .35."""
MIN_REPEATED_WORDS: Final = 6
"""Words of a sound below which it is superfluous only if another sound has the very same at the very same times: those of a short
reply are said by chance near the same words of another speaker. Chosen, not measured."""
MAX_OWN_WORDS: Final = 8
"""Words in a row that a superfluous sound may have for itself; more are something that the other sound lacks, such as a
description of the pictures. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSound:
    """An audio track of a file, or one channel of it."""

    audio_sha256: str
    """SHA-256 of the samples."""
    start: float = 0.0
    """Presentation seconds of the first sample, on the clock of the file."""
    track: int = 0
    """Number of the track among those of the file, from 0."""
    channel: int | None = None
    """Number of the channel, from 0, if the channels of the track are heard one by one."""

    @property
    def key(self) -> tuple[int, int]:
        """Sort key: by track, then by channel."""
        return sound_key(self.track, self.channel)

    @property
    def name(self) -> str:
        """Name in messages, with numbers from 1, as players count."""
        return sound_name(self.track, self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedFile:
    """The sounds of a file, with the transcripts that were made of them."""

    sounds: tuple[FileSound, ...] = ()
    """All sounds, that which players play first; none if the file has no audio."""
    made: tuple[TranscribedAudio, ...] = ()
    """New transcripts. Those of the other sounds are in the store, or were not wanted."""


def sound_key(track: int, channel: int | None) -> tuple[int, int]:
    """Return the sort key of a sound: by track, then by channel."""
    return track, -1 if channel is None else channel


def sound_name(track: int, channel: int | None) -> str:
    """Return the name of a sound in messages, with numbers from 1, as players count."""
    of_track = f"audio track {track + 1}"
    return of_track if channel is None else f"channel {channel + 1} of {of_track}"


def to_file_sound(audio: Audio) -> FileSound:
    """Return decoded audio as a sound of its file."""
    return FileSound(audio_sha256=audio.sha256, start=audio.start, track=audio.track, channel=audio.channel)


def choose_sounds(sounds: Sequence[FileSound], tracks: TrackChoice) -> list[FileSound]:
    """Return the sounds of a file, that which players play first, that are in the chosen tracks."""
    if tracks == "all":
        return list(sounds)
    chosen = {sounds[0].track} if tracks == "played" and sounds else set(tracks)
    return [sound for sound in sounds if sound.track in chosen]


def warn_of_unchosen(sounds: Sequence[FileSound], tracks: TrackChoice) -> list[str]:
    """Return a warning for each track of a file that was not chosen, and for each chosen one that it does not have."""
    known = sorted({sound.track for sound in sounds})
    chosen = {sound.track for sound in choose_sounds(sounds, tracks)}
    missing = [track for track in tracks if track not in known] if isinstance(tracks, tuple) else []
    return [
        *(
            f"skipped the speech of {sound_name(track, None)}: --tracks leaves it out"
            for track in known
            if track not in chosen
        ),
        *(f"skipped {sound_name(track, None)}: the file has none that can be decoded" for track in missing if known),
    ]


def is_said_elsewhere(transcript: Transcript) -> bool:
    """Return True if something is said in another sound than the first track of the file."""
    return any((one.track, one.channel) != (0, None) for one in transcript.segments)


def to_file_clock(transcript: Transcript, sound: FileSound) -> Transcript:
    """Return the transcript of a sound with the times of the file, and with track and channel of each segment."""
    if not (sound.start or sound.track or sound.channel is not None):
        return transcript
    return replace(transcript, segments=tuple(_shift(segment, sound) for segment in transcript.segments))


def _shift(segment: TranscriptSegment, sound: FileSound) -> TranscriptSegment:
    def shifted(seconds: float) -> float:
        return round(sound.start + seconds, 3)

    return replace(
        segment,
        start=shifted(segment.start),
        end=shifted(segment.end),
        token_times=tuple((shifted(start), shifted(end)) for start, end in segment.token_times),
        track=sound.track,
        channel=sound.channel,
    )


def find_repeats(sounds: Sequence[Fingerprint]) -> list[int | None]:
    """Return, for each sound of a file, the number of another one that has its words at the same times.

    The words are compared by how they sound, since two microphones or codecs give some in another form. The sound of the most
    words is kept, and of equal ones the first. The other one of a result repeats none itself.

    Args:
        sounds: Fingerprints of the transcripts of the sounds, with the times of the file. Those of two versions are not compared.
    """
    words = [_timed_words(fingerprint) for fingerprint in sounds]
    repeats: list[int | None] = [None] * len(sounds)
    kept: list[int] = []
    for number in sorted(range(len(sounds)), key=lambda n: -len(words[n])):
        for other in kept:
            # A sound without words has nothing that could be superfluous.
            is_comparable = words[number] and sounds[number].version == sounds[other].version
            if repeats[number] is None and is_comparable and _has_words(words[other], words[number]):
                repeats[number] = other
        if repeats[number] is None:
            kept.append(number)
    return repeats


def _has_words(words: Sequence[tuple[bytes, float]], others: Sequence[tuple[bytes, float]]) -> bool:
    """Return True if some words, with their times, have nearly all of others."""
    if len(others) < MIN_REPEATED_WORDS:
        return words == others
    free: defaultdict[bytes, list[float]] = defaultdict(list)
    for word, seconds in words:
        free[word].append(seconds)
    found = [word in free and _take_nearest(free[word], seconds) for word, seconds in others]
    longest = max((len(list(group)) for is_found, group in groupby(found) if not is_found), default=0)
    return sum(found) >= MIN_REPEATED_SHARE * len(found) and longest <= MAX_OWN_WORDS


def _take_nearest(times: list[float], seconds: float) -> bool:
    """Remove the nearest of some rising times, and return True, if it is near enough."""
    place = bisect_left(times, seconds)
    near = [n for n in (place - 1, place) if 0 <= n < len(times) and abs(times[n] - seconds) <= MAX_REPEAT_SECONDS]
    if not near:
        return False
    del times[min(near, key=lambda n: abs(times[n] - seconds))]
    return True


def _timed_words(fingerprint: Fingerprint) -> list[tuple[bytes, float]]:
    """Return the rows of a transcript with the middles of their spans, by time."""
    middles = fingerprint.spans.mean(axis=1).tolist()
    return sorted(zip(map(bytes, fingerprint.vectors), middles, strict=True), key=lambda word: word[1])


def join_transcripts(
    parts: Sequence[tuple[FileSound, Transcript]], repeats: Sequence[int | None] | None = None
) -> Transcript:
    """Return the transcripts of the sounds of a file as one, on the clock of the file.

    Its segments are those of all sounds by their start, but none of a sound that repeats another one, which a warning states.
    Seconds of speech are added up, and `duration` is that of the longest sound.

    Args:
        parts: Each sound with its transcript, whose times are those of the sound; at least one.
        repeats: For each the number of the one that it repeats, as `find_repeats` returns it; None if none repeats another.
    """
    transcripts = [to_file_clock(transcript, sound) for sound, transcript in parts]
    if len(parts) == 1:
        return transcripts[0]
    repeats = repeats or [None] * len(parts)
    kept = [transcript for transcript, other in zip(transcripts, repeats, strict=True) if other is None]
    return Transcript(
        model=", ".join(sorted({one.model for one in transcripts})),
        version=", ".join(sorted({one.version for one in transcripts})),
        duration=max(one.duration for one in transcripts),
        speech_seconds=round(sum(one.speech_seconds for one in kept), 3),
        untranscribed_seconds=round(sum(one.untranscribed_seconds for one in kept), 3),
        segments=tuple(
            sorted(
                (s for one in kept for s in one.segments), key=lambda s: (s.start, s.end, sound_key(s.track, s.channel))
            )
        ),
        warnings=tuple(
            f"skipped the speech of {parts[number][0].name}: {parts[other][0].name} has the same words at the same times"
            for number, other in enumerate(repeats)
            if other is not None
        ),
    )
