"""Files of several audio tracks."""

from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from mediafp.types.media import AUDIO_SAMPLE_RATE

BLOCK = 4096


def write_tracks(
    path: Path,
    *tracks: np.ndarray,
    starts: dict[int, float] | None = None,
    broken: int = -1,
    default: int | None = None,
) -> Path:
    """Write an audio file of mono tracks.

    Args:
        path: The file to write.
        tracks: Samples of each track; a track without samples has no packets.
        starts: Seconds at which tracks start, by number; the others start at 0.
        broken: Number of a track whose packets cannot be decoded.
        default: Number of the track that players play; None for the first.
    """
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("flac", rate=AUDIO_SAMPLE_RATE, layout="mono", format="s16") for _ in tracks]
        if default is not None:
            for number, stream in enumerate(streams):
                stream.disposition = Disposition.default if number == default else Disposition(0)
        packets = []
        for number, (stream, samples) in enumerate(zip(streams, tracks, strict=True)):
            first = int((starts or {}).get(number, 0.0) * AUDIO_SAMPLE_RATE)
            for start in range(0, len(samples), BLOCK):
                frame = av.AudioFrame.from_ndarray(samples[None, start : start + BLOCK], "s16", "mono")
                frame.sample_rate, frame.pts = AUDIO_SAMPLE_RATE, first + start
                packets += [(first + start, number, packet) for packet in stream.encode(frame)]
            packets += [(first + len(samples), number, packet) for packet in stream.encode(None)]
        for _, number, packet in sorted(packets, key=lambda one: one[:2]):
            if number == broken and packet.size:
                damaged = av.Packet(bytes(packet.size))
                damaged.stream, damaged.time_base = streams[number], packet.time_base
                damaged.pts, damaged.dts, damaged.duration = packet.pts, packet.dts, packet.duration
                packet = damaged
            container.mux(packet)
    return path
