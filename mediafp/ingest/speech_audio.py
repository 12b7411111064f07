"""Audio of a file as it is transcribed: every track, and the channels of a track one by one where they differ in speech."""

from collections.abc import Sequence
from contextlib import closing

from mediafp.ingest.audio import open_audio_decoder
from mediafp.ingest.audio_tracks import (
    AudioTracks,
    DecodedTracks,
    decode_audio_tracks,
    find_track,
    select_audio_tracks,
    total_seconds,
)
from mediafp.ingest.container import no_stream_error, open_container, video_stream
from mediafp.ingest.cpu_budget import BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MAX_TRACKS_SECONDS
from mediafp.ingest.sniff import kind_from_signature
from mediafp.types.errors import NotMedia
from mediafp.types.media import MAX_SPEECH_CHANNELS, Audio


def read_audio(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> tuple[list[Audio], list[str]]:
    """Return the audio of a file as it is transcribed, and warnings; none if it has none (an image, a silent video).

    Its clock is that of the frames: `start` is above 0 if the audio starts after them, below if it starts before.

    Returns:
        The audio of the track that players play, then that of the others in the order of the file; the warnings.

    Raises:
        NotMedia: The file is not media.
        MediaError: As `read_video`, for damaged files.
    """
    tracks, warnings = read_audio_tracks(file, within_budget=within_budget)
    return separate_channels(file, tracks.audio, tracks.differing, warnings, within_budget), warnings


def read_audio_tracks(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> tuple[DecodedTracks, list[str]]:
    """Return the audio tracks of a file, each mixed, and warnings. Raises as `read_audio`."""
    warnings: list[str] = []
    none = DecodedTracks(audio=[], played=0, differing=[])
    head = file.read_head()
    kind = kind_from_signature(head)
    if kind == "image":
        return none, warnings
    if head and kind is None:
        raise NotMedia(
            f"cannot decode {file.name!r}: its content is of no known image, video or audio format; name a media file"
        )
    with file.reader() as reader, closing(open_container(reader, file.name)) as container:
        tracks = select_audio_tracks(container, warnings)
        if tracks is None:
            if video_stream(container) is None:
                raise no_stream_error(container, file.name)
            return none, warnings
        return decode_audio_tracks(container, tracks, warnings, within_budget), warnings


def separate_channels(
    file: OpenFile,
    tracks: Sequence[Audio],
    differing: Sequence[int],
    warnings: list[str],
    within_budget: BudgetCheck = unlimited,
) -> list[Audio]:
    """Return audio tracks with those whose channels differ as their channels, for which the file is decoded again.

    A track stays mixed, with a warning, if there is no room for its channels, or they cannot be decoded as the mix was.

    Args:
        file: The file of the tracks.
        tracks: The tracks, each mixed.
        differing: Numbers of the tracks whose channels differ.
        warnings: Receives the warnings.
        within_budget: Check that ends decoding early.
    """
    # They are decoded again, not kept: few files have such channels, and of four hours there is no room for three copies.
    separated: list[int] = []
    seconds = total_seconds(tracks)
    for audio in tracks:
        if audio.track not in differing:
            continue
        if seconds + (MAX_SPEECH_CHANNELS - 1) * audio.duration > MAX_TRACKS_SECONDS:
            warnings.append(
                f"skipped the single channels of audio track {audio.track + 1}: with them there are more than"
                f" {MAX_TRACKS_SECONDS} s of audio; their mix is transcribed"
            )
        else:
            separated.append(audio.track)
            seconds += (MAX_SPEECH_CHANNELS - 1) * audio.duration
    if not separated:
        return list(tracks)
    decoded_seconds = max(audio.duration for audio in tracks)
    channels = _decode_channels(file, separated, lambda more: within_budget(decoded_seconds + more))
    found: list[Audio] = []
    for audio in tracks:
        own = [channel for channel in channels if channel.track == audio.track]
        if len(own) == MAX_SPEECH_CHANNELS and all(len(one.samples) == len(audio.samples) for one in own):
            found += own
            continue
        found.append(audio)
        if audio.track in separated:
            warnings.append(
                f"skipped the single channels of audio track {audio.track + 1}: they could not be decoded once more;"
                " their mix is transcribed"
            )
    return found


def _decode_channels(file: OpenFile, tracks: Sequence[int], within_budget: BudgetCheck) -> list[Audio]:
    """Return the channels of some audio tracks of a file."""
    # The faults of the tracks are known.
    faults: list[str] = []
    with file.reader() as reader, closing(open_container(reader, file.name)) as container:
        decoders = [
            open_audio_decoder(container, stream, [], keeps_channels=True)
            for stream in (find_track(container, track) for track in tracks)
            if stream
        ]
        return decode_audio_tracks(container, AudioTracks(decoders, faults), faults, within_budget).audio
