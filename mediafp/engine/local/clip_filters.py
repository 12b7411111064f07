"""The command line of FFmpeg that puts the same stretch of two files side by side, the audio of each on its side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mediafp.engine.local.clip_panel import PANEL_SIZE
from mediafp.ingest.limits import ALLOWED_DECODERS, ALLOWED_DEMUXERS, MAX_FRAME_PIXELS
from mediafp.types.matches import Segment
from mediafp.types.media import Asset

CLIP_HEIGHT: Final = 360
"""Height of a clip, pixels; both sides are scaled to it. Chosen, not measured."""
MAX_SIDE_WIDTH: Final = 1280
"""Width of one side, pixels, at most. Chosen, not measured: a reversed side is in memory as a whole."""
CLIP_FRAME_RATE: Final = 25
"""Frames per second of a clip. Chosen, not measured."""
CLIP_SAMPLE_RATE: Final = 48_000
"""Samples per second of the audio of a clip."""
MAX_CLIP_SECONDS: Final = 60.0
"""Seconds of a clip; of a longer segment its first ones are shown. At 640 x 360, a reversed side of this length takes 520 MB."""
PREROLL_SECONDS: Final = 10.0
"""Seconds before the start of a segment from which decoding begins, or from the key frame before. FFmpeg finds the place in a
transport stream by its bytes, where no key frame need be: x264 has one every 10 s."""
THREADS: Final = 2
"""Threads of each decoder, of the filters and of the encoder. On two cores more threads gain nothing, and each takes
memory."""
MIN_TEMPO: Final = 0.5
"""Slowest change of FFmpeg's filter `atempo`; several in a row change more."""
SOURCE_LIMITS: Final = {
    "format_whitelist": ALLOWED_DEMUXERS,
    "codec_whitelist": ALLOWED_DECODERS,
    "protocol_whitelist": "fd",
    "max_pixels": MAX_FRAME_PIXELS,
    "threads": THREADS,
}
"""FFmpeg options of each original."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSide:
    """Stretch of a file that one side of a clip shows."""

    sha256: str
    start: float
    """Presentation time in the file, seconds."""
    seconds: float
    """Seconds of the clip: both sides have the same."""
    speed: float
    """Seconds of the file per second of the clip."""
    is_reversed: bool
    has_images: bool
    has_audio: bool
    audio_track: int = 0
    """Number of the audio track that is heard, from 0."""


def plan_sides(segment: Segment, assets: tuple[Asset, Asset]) -> tuple[ClipSide, ClipSide]:
    """Return what both sides of the clip of a segment show: the query as it is, the reference at the query's speed.

    Of a segment whose query runs backwards, the reference is reversed.
    """
    assert segment.query is not None, "only segments with a query interval are cut"
    seconds = min(max(0.1, segment.query[1] - segment.query[0]), MAX_CLIP_SECONDS)
    speed, is_reversed = abs(segment.speed) or 1.0, segment.speed < 0
    start = segment.reference[1] - seconds * speed if is_reversed else segment.reference[0]

    def side(asset: Asset, start: float, speed: float, track: int, *, is_reversed: bool) -> ClipSide:
        return ClipSide(
            sha256=asset.sha256,
            start=max(0.0, start),
            seconds=seconds,
            speed=speed,
            is_reversed=is_reversed,
            has_images=bool(asset.properties.get("width")),
            has_audio=asset.properties.get("has_sound") is True,
            audio_track=track,
        )

    query, reference = assets
    tracks = segment.tracks or (0, 0)
    return (
        side(query, segment.query[0], 1.0, tracks[0], is_reversed=False),
        side(reference, start, speed, tracks[1], is_reversed=is_reversed),
    )


def ffmpeg_arguments(
    sides: tuple[ClipSide, ClipSide], descriptors: Mapping[tuple[int, bool], int], output: int
) -> list[str]:
    """Return the command line of FFmpeg. It reads and writes open files only; no file name is part of it.

    Args:
        sides: Query and reference.
        descriptors: Files to read, by the number of the side; with True, the panel in place of its frames.
        output: File to write.
    """
    import ffmpeg

    images, tracks = [], []
    for number, side in enumerate(sides):
        source: Any = None
        if (number, False) in descriptors:
            # Frames before the start are decoded, and dropped by the filters: the frame that is shown at the start may
            # have begun long before.
            seek = max(0.0, side.start - PREROLL_SECONDS)
            source = ffmpeg.input("fd:", fd=descriptors[number, False], ss=seek, noaccurate_seek=None, **SOURCE_LIMITS)
        if side.has_images:
            images.append(_images(source["V"], side))
        else:
            still = ffmpeg.input(
                "fd:",
                fd=descriptors[number, True],
                format="rawvideo",
                pixel_format="rgb24",
                video_size=PANEL_SIZE,
                framerate=CLIP_FRAME_RATE,
                protocol_whitelist="fd",
            )
            images.append(_fill(still["v"], side).filter("setsar", 1))
        tracks.append(_audio(source[f"a:{side.audio_track}"], side) if side.has_audio else None)
    streams = [ffmpeg.filter(images, "hstack", inputs=2)]
    if any(track is not None for track in tracks):
        channels = [_silence(sides[0].seconds) if track is None else track for track in tracks]
        streams.append(ffmpeg.filter(channels, "join", inputs=2, channel_layout="stereo", map="0.0-FL|1.0-FR"))
    encoding = {"format": "mp4", "vcodec": "libx264", "preset": "veryfast", "pix_fmt": "yuv420p", "acodec": "aac"}
    arguments: list[str] = ffmpeg.output(*streams, "fd:", fd=output, threads=THREADS, **encoding).get_args()
    return ["-nostdin", "-loglevel", "error", "-filter_complex_threads", str(THREADS), *arguments]


def _images(stream: Any, side: ClipSide) -> Any:
    """Return the frames of a side: at each time of the clip the frame that is shown then."""
    offset = min(side.start, PREROLL_SECONDS)
    stream = stream.filter("setpts", f"(PTS-{offset:.6f}/TB)/{side.speed:.6f}")
    stream = _fill(stream.filter("fps", CLIP_FRAME_RATE, start_time=0, round="up"), side)
    width = f"max(16,min({MAX_SIDE_WIDTH},2*trunc({CLIP_HEIGHT // 2}*dar)))"
    stream = stream.filter("scale", width, CLIP_HEIGHT).filter("setsar", 1).filter("format", "yuv420p")
    return stream.filter("reverse").filter("setpts", "PTS-STARTPTS") if side.is_reversed else stream


def _fill(stream: Any, side: ClipSide) -> Any:
    """Return frames that last as long as the clip: cut, or with the last frame repeated."""
    frames = max(1, round(side.seconds * CLIP_FRAME_RATE))
    return stream.filter("tpad", stop=-1, stop_mode="clone").filter("trim", end_frame=frames)


def _audio(stream: Any, side: ClipSide) -> Any:
    """Return the audio of a side, mono, at the speed of the clip and as long as it; silence where the file has none."""
    offset = min(side.start, PREROLL_SECONDS)
    length = side.seconds * side.speed
    stream = stream.filter("atrim", start=f"{offset:.6f}", end=f"{offset + length:.6f}")
    stream = stream.filter("asetpts", f"PTS-{offset:.6f}/TB")
    stream = stream.filter("aresample", CLIP_SAMPLE_RATE, **{"async": 1, "first_pts": 0})
    stream = stream.filter("aformat", channel_layouts="mono")
    if side.is_reversed:
        stream = _pad(stream, length).filter("areverse").filter("asetpts", "PTS-STARTPTS")
    tempo = side.speed
    while tempo < MIN_TEMPO:
        stream, tempo = stream.filter("atempo", MIN_TEMPO), tempo / MIN_TEMPO
    if tempo != 1:
        stream = stream.filter("atempo", f"{tempo:.6f}")
    return _pad(stream, side.seconds)


def _pad(stream: Any, seconds: float) -> Any:
    """Return audio that lasts some seconds: cut, or followed by silence."""
    return stream.filter("apad").filter("atrim", end=f"{seconds:.6f}")


def _silence(seconds: float) -> Any:
    """Return silence of some seconds, mono."""
    import ffmpeg

    silence = ffmpeg.input(f"anullsrc=r={CLIP_SAMPLE_RATE}:cl=mono", format="lavfi")
    return silence["a"].filter("atrim", end=f"{seconds:.6f}")
