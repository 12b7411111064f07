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
    """Write an audio file.

    Args:
        path: The file to write.
        tracks: Samples of each track: (N,) of a mono track, (2, N) of a stereo one; one without samples has no packets.
        starts: Seconds at which tracks start, by number; the others start at 0.
        broken: Number of a track whose packets cannot be decoded.
        default: Number of the track that players play; None for the first.
    """
    with av.open(str(path), "w") as container:
        layouts = ["stereo" if track.ndim == 2 else "mono" for track in tracks]
        streams = [
            container.add_stream("flac", rate=AUDIO_SAMPLE_RATE, layout=layout, format="s16") for layout in layouts
        ]
        if default is not None:
            for number, stream in enumerate(streams):
                stream.disposition = Disposition.default if number == default else Disposition(0)
        packets = []
        for number, (stream, samples) in enumerate(zip(streams, tracks, strict=True)):
            first = int((starts or {}).get(number, 0.0) * AUDIO_SAMPLE_RATE)
            count = samples.shape[-1]
            for start in range(0, count, BLOCK):
                # Interleaved, as the format is packed.
                block = samples[..., start : start + BLOCK].reshape(samples.ndim, -1).T.reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(block, "s16", layouts[number])
                frame.sample_rate, frame.pts = AUDIO_SAMPLE_RATE, first + start
                packets += [(first + start, number, packet) for packet in stream.encode(frame)]
            packets += [(first + count, number, packet) for packet in stream.encode(None)]
        for _, number, packet in sorted(packets, key=lambda one: one[:2]):
            if number == broken and packet.size:
                damaged = av.Packet(bytes(packet.size))
                damaged.stream, damaged.time_base = streams[number], packet.time_base
                damaged.pts, damaged.dts, damaged.duration = packet.pts, packet.dts, packet.duration
                packet = damaged
            container.mux(packet)
    return path
