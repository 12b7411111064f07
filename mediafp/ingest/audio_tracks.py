"""Audio tracks of a file: the one that players play, and a few others, decoded side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av.container
from av.audio.stream import AudioStream

from mediafp.ingest.audio import AudioDecoder, open_audio_decoder
from mediafp.ingest.container import audio_stream, demux_packets, discard_others, has_decoder
from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, unlimited
from mediafp.ingest.limits import MAX_AUDIO_SECONDS, MAX_TRACKS_SECONDS
from mediafp.types.media import MAX_AUDIO_TRACKS, MAX_TRACK_NUMBER, Audio

if TYPE_CHECKING:
    from av.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedTracks:
    """Audio tracks of one file."""

    audio: list[Audio]
    """The track that players play, if it could be decoded, then the others in the order of the file."""
    played: int
    """Number of the track that players play."""
    differing: list[int]
    """Numbers of the tracks whose two channels differ in what is said."""


class AudioTracks:
    """Decoders of the audio tracks of one file, that of the track that players play first.

    They add faults to `warnings`, with the number of the track if there are several, and raise none of them.
    """

    def __init__(self, decoders: Sequence[AudioDecoder], warnings: list[str]) -> None:
        """Take the decoders, each with warnings of its own, and the list that receives the warnings of all."""
        self._decoders = list(decoders)
        self._is_only = len(decoders) == 1
        self._warnings = warnings

    @property
    def streams(self) -> list[AudioStream]:
        """The streams that are decoded."""
        return [decoder.stream for decoder in self._decoders]

    @property
    def seconds(self) -> float:
        """Duration of the longest track so far."""
        return max(decoder.seconds for decoder in self._decoders)

    @property
    def is_finished(self) -> bool:
        """True once further packets are ignored."""
        return all(decoder.finished for decoder in self._decoders)

    def queue_packet(self, packet: "Packet[Any]") -> None:
        """Take a packet of one of the streams, as `AudioDecoder.queue_packet` does."""
        for decoder in self._decoders:
            if decoder.stream.index == packet.stream.index:
                decoder.queue_packet(packet)
        while len(self._decoders) > 1 and sum(one.seconds for one in self._decoders) > MAX_TRACKS_SECONDS:
            self._skip_last(_too_long())

    def stop(self, warning: str | None = None) -> None:
        """Ignore further packets, and add the reason to the warnings."""
        for decoder in self._decoders:
            # What was taken before is decoded. A track that ends before its file does is not reported as truncated.
            decoder.decode_queue()
            decoder.finished = True
        if warning:
            self._warnings.append(warning)

    def finish(self) -> DecodedTracks:
        """Return the audio of the tracks."""
        found: list[Audio] = []
        differing: list[int] = []
        for decoder in self._decoders:
            channels = decoder.finish()
            self._add_warnings(decoder)
            if not channels:
                continue
            audio = channels[0]
            if _seconds_apart([*found, audio]) > MAX_AUDIO_SECONDS:
                self._warnings.append(
                    f"skipped audio track {decoder.track + 1}: it is more than {MAX_AUDIO_SECONDS} s apart from the others"
                )
            elif found and total_seconds([*found, *channels]) > MAX_TRACKS_SECONDS:
                self._warnings.append(f"skipped audio track {decoder.track + 1}: {_too_long()}")
            else:
                found += channels
                if decoder.channels_differ():
                    differing.append(decoder.track)
        return DecodedTracks(audio=found, played=self._decoders[0].track, differing=differing)

    def _skip_last(self, reason: str) -> None:
        decoder = self._decoders.pop()
        self._add_warnings(decoder)
        self._warnings.append(f"skipped audio track {decoder.track + 1}: {reason}")

    def _add_warnings(self, decoder: AudioDecoder) -> None:
        suffix = "" if self._is_only else f" (audio track {decoder.track + 1})"
        self._warnings += [warning + suffix for warning in decoder.warnings]


def _too_long() -> str:
    return f"the audio tracks have more than {MAX_TRACKS_SECONDS} s together"


def total_seconds(audio: Iterable[Audio]) -> float:
    """Return the seconds of all audio together."""
    return sum(one.duration for one in audio)


def _seconds_apart(tracks: Sequence[Audio]) -> float:
    """Return the seconds from the first start of some tracks to the last end; 0 for a single one."""
    if len(tracks) == 1:
        return 0.0
    return max(one.start + one.duration for one in tracks) - min(one.start for one in tracks)


def select_audio_tracks(container: av.container.InputContainer, warnings: list[str]) -> AudioTracks | None:
    """Return the decoders of the tracks that are compared and transcribed; None if there is no audio."""
    played, streams = audio_stream(container), container.streams.audio
    if played is None:
        if streams:
            warnings.append("skipped the audio: there is no decoder for it")
        return None
    others = [one for one in streams[:MAX_TRACK_NUMBER] if one.index != played.index and has_decoder(one)]
    selected = [played, *others[: MAX_AUDIO_TRACKS - 1]]
    if len(selected) < len(streams):
        is_full = len(selected) == MAX_AUDIO_TRACKS
        reason = f"at most {MAX_AUDIO_TRACKS} are decoded" if is_full else "there is no decoder for them"
        warnings.append(f"skipped {len(streams) - len(selected)} of {len(streams)} audio tracks: {reason}")
    return AudioTracks([open_audio_decoder(container, stream, []) for stream in selected], warnings)


def find_track(container: av.container.InputContainer, track: int) -> AudioStream | None:
    """Return the stream of an audio track by its number; None if there is none."""
    # The track that players play has this number if its own is greater.
    return audio_stream(container) if track == MAX_TRACK_NUMBER else container.streams.audio[track]


def decode_audio_tracks(
    container: av.container.InputContainer,
    tracks: AudioTracks,
    warnings: list[str],
    within_budget: BudgetCheck = unlimited,
) -> DecodedTracks:
    """Return what `AudioTracks.finish` returns, and skip all other streams."""
    streams = tracks.streams
    discard_others(container, [*streams])
    for packet in demux_packets(container, [*streams], warnings):
        tracks.queue_packet(packet)
        if tracks.is_finished:
            break
        if not within_budget(tracks.seconds):
            tracks.stop(f"skipped the audio after {tracks.seconds:.0f} s: {CPU_LIMIT_MESSAGE}")
            break
    return tracks.finish()
