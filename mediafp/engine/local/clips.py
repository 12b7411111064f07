"""Matching segments of videos as MP4 clips, query left and reference right, cut by FFmpeg."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from mediafp.ingest.files import OpenFile, changed_file_error
from mediafp.ingest.limits import ALLOWED_DECODERS, ALLOWED_DEMUXERS, MAX_CPU_SECONDS, MAX_FRAME_PIXELS
from mediafp.types.errors import MediaError, UnreadableMedia
from mediafp.types.matches import Clip, Match, QueryResult, Segment

CLIP_HEIGHT = 360
"""Height of a clip, pixels; both sides are scaled to it. Chosen, not measured."""
CLIP_FRAME_RATE = 25
"""Frames per second of a clip. Chosen, not measured."""
NAME_DIGITS = 12
"""Digits of each SHA-256 in the name of a clip."""
THREADS: Final = 2
"""Threads of each decoder, of the filters and of the encoder. On two cores more threads gain nothing, and each takes
memory."""
CPU_SECONDS_TO_START: Final = 60.0
"""CPU seconds allowed to reach the start of a segment: FFmpeg decodes from the key frame before it. They decode 40 minutes
of 720p video."""
CPU_SECONDS_PER_SECOND: Final = 10.0
"""Further CPU seconds allowed per second of a clip: two videos of 640 x 272 take 0.3, two 8K videos in 10-bit HEVC 9."""
BASE_CLIP_BYTES: Final = 16 << 20
"""Bytes that a clip of any length may have. Chosen, not measured."""
BYTES_PER_SECOND: Final = 2 << 20
"""Further bytes that a clip may have per second: real clips have 0.14 MB per second."""
MAX_CLIP_BYTES: Final = 4 << 30
"""Bytes that any clip may have at most: seven hours of real clips."""
_SOURCE_LIMITS: Final = {
    "format_whitelist": ALLOWED_DEMUXERS,
    "codec_whitelist": ALLOWED_DECODERS,
    "protocol_whitelist": "fd",
    "max_pixels": MAX_FRAME_PIXELS,
    "threads": THREADS,
}
"""FFmpeg options of each input."""


class FfmpegRunner(Protocol):
    """Function that runs FFmpeg on open files."""

    def __call__(
        self, arguments: Sequence[str], *, descriptors: Sequence[int], cpu_seconds: float, file_bytes: int
    ) -> None:
        """Run FFmpeg to its end.

        Args:
            arguments: Its command line, without the program.
            descriptors: File descriptors that it inherits under the same numbers.
            cpu_seconds: CPU seconds that it may use.
            file_bytes: Bytes that a file which it writes may have.

        Raises:
            MediaError: It failed, or exceeded a limit.
        """


def cut_clips(
    folder: Path,
    *,
    results: Sequence[QueryResult],
    open_original: Callable[[str], AbstractContextManager[OpenFile | None]],
    run_ffmpeg: FfmpegRunner,
) -> Iterator[Clip]:
    """Yield one clip per matching video segment; a clip that cannot be cut has no path and states the reason.

    Args:
        folder: Existing folder to write the clips to.
        results: The query results whose matches are cut; those without a SHA-256 are skipped.
        open_original: Opens the file of an asset by its SHA-256; None if it is gone.
        run_ffmpeg: Runs FFmpeg.
    """
    for result in results:
        pairs = [(match.sha256, segments) for match in result.matches if (segments := _segments_to_cut(match))]
        if result.sha256 is None or not pairs:
            continue
        with open_original(result.sha256) as query:
            for sha256, segments in pairs:
                with open_original(sha256) as reference:
                    yield from _cut_pair(folder, (result.sha256, sha256), segments, (query, reference), run_ffmpeg)


def _segments_to_cut(match: Match) -> list[Segment]:
    """Return the segments of a match in which both sides are video."""
    return [s for s in match.segments if s.channel == "picture" and s.query] if match.kind == "video" else []


def _cut_pair(
    folder: Path,
    pair: tuple[str, str],
    segments: Sequence[Segment],
    originals: tuple[OpenFile | None, OpenFile | None],
    run_ffmpeg: FfmpegRunner,
) -> Iterator[Clip]:
    """Yield the clips of one query and one reference."""
    query, reference = originals
    for number, segment in enumerate(segments, 1):
        target = folder / f"{pair[0][:NAME_DIGITS]}-{pair[1][:NAME_DIGITS]}-{number}.mp4"
        if query is None or reference is None:
            reason = "an original is gone from where it was seen, or was changed; put it back, or ingest it again"
            yield Clip(pair=pair, path=None, message=f"cannot cut {target.name!r}: {reason}")
            continue
        try:
            _cut((query, reference), segment, target, run_ffmpeg)
        except UnreadableMedia as error:
            yield Clip(pair=pair, path=None, message=f"cannot cut {target.name!r}: {error}")
        except MediaError as error:
            yield Clip(pair=pair, path=None, message=f"cannot cut {target.name!r}: ffmpeg failed: {error}")
        except OSError as error:
            yield Clip(pair=pair, path=None, message=f"cannot write {target.name!r}: {error.strerror}")
        else:
            assert segment.query is not None, "only segments with a query interval are cut"
            yield Clip(pair=pair, path=target, message=f"{target.name}: {segment.query[1] - segment.query[0]:.1f} s")


def _cut(originals: tuple[OpenFile, OpenFile], segment: Segment, target: Path, run_ffmpeg: FfmpegRunner) -> None:
    """Write one clip. Raises MediaError and OSError."""
    assert segment.query is not None, "only segments with a query interval are cut"
    seconds = segment.query[1] - segment.query[0]
    # The clip gets its name when it is complete: a failure or Ctrl-C leaves no part of one, and an older one intact.
    query, reference = (original.descriptor for original in originals)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.unlink(missing_ok=True)
        output = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            for descriptor in (query, reference):
                # The file position is shared with earlier readers of the descriptor.
                os.lseek(descriptor, 0, os.SEEK_SET)
            run_ffmpeg(
                _ffmpeg_arguments(query, reference, output, segment),
                descriptors=(query, reference, output),
                cpu_seconds=min(CPU_SECONDS_TO_START + CPU_SECONDS_PER_SECOND * seconds, MAX_CPU_SECONDS),
                file_bytes=min(BASE_CLIP_BYTES + int(BYTES_PER_SECOND * seconds), MAX_CLIP_BYTES),
            )
        finally:
            os.close(output)
        # The name of the clip states the SHA-256 that they had when they were opened.
        for original in originals:
            if original.has_changed():
                raise changed_file_error(original)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _ffmpeg_arguments(query: int, reference: int, output: int, segment: Segment) -> list[str]:
    """Return the command line of FFmpeg. It reads and writes open files only; no file name is part of it."""
    import ffmpeg

    assert segment.query is not None, "only segments with a query interval are cut"
    sides = []
    for descriptor, (start, end), speed in (
        (query, segment.query, 1.0),
        (reference, segment.reference, segment.speed),
    ):
        interval = {"ss": max(0.0, start), "t": max(0.1, end - start)}
        stream = ffmpeg.input("fd:", fd=descriptor, **interval, **_SOURCE_LIMITS).video
        stream = stream.filter("setpts", f"(PTS-STARTPTS)/{speed}").filter("scale", -2, CLIP_HEIGHT).filter("setsar", 1)
        sides.append(stream.filter("fps", CLIP_FRAME_RATE))
    encoding: dict[str, Any] = {"format": "mp4", "vcodec": "libx264", "preset": "veryfast", "pix_fmt": "yuv420p"}
    stacked = ffmpeg.filter(sides, "hstack", inputs=2, shortest=1)
    arguments: list[str] = stacked.output("fd:", fd=output, threads=THREADS, **encoding).get_args()
    return ["-nostdin", "-loglevel", "error", "-filter_complex_threads", str(THREADS), *arguments]
