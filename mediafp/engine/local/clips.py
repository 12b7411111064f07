"""Matched stretches of videos, query left and reference right, as MP4 files by ffmpeg."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

import ffmpeg

from mediafp.ingest.limits import ALLOWED_DECODERS, ALLOWED_DEMUXERS, MAX_CPU_SECONDS, MAX_FRAME_PIXELS
from mediafp.types.errors import MediaError
from mediafp.types.matches import Clip, Match, QueryResult, Segment

CLIP_HEIGHT = 360
NAME_DIGITS = 12
"""Digits of the SHA-256 in a clip's name."""
THREADS: Final = 2
"""Threads of each decoder, of the filters and of the encoder. On two cores more gain nothing, and each takes memory."""
CPU_SECONDS_TO_START: Final = 60.0
"""CPU seconds in which the beginning is reached: what lies behind the key frame before it is decoded, 40 minutes of 720p."""
CPU_SECONDS_PER_SECOND: Final = 10.0
"""CPU seconds more for every second of a clip: 640 x 272 takes .3, two 8K videos in 10-bit HEVC 9."""
BYTES_FIRST: Final = 16 << 20
BYTES_PER_SECOND: Final = 2 << 20
"""Bytes that a clip may have, first and for every second of it: real ones take .14 MB a second."""
MAX_CLIP_BYTES: Final = 4 << 30
"""Bytes that it may have in all: seven hours of real ones."""
_SOURCE_LIMITS: Final = {
    "format_whitelist": ALLOWED_DEMUXERS,
    "codec_whitelist": ALLOWED_DECODERS,
    "protocol_whitelist": "fd",
    "max_pixels": MAX_FRAME_PIXELS,
    "threads": THREADS,
}


class FfmpegRunner(Protocol):
    """How ffmpeg is run: with open files under the numbers that they have here. Raises MediaError where it fails."""

    def __call__(
        self, arguments: Sequence[str], *, descriptors: Sequence[int], cpu_seconds: float, file_bytes: int
    ) -> None: ...


def cut_clips(
    folder: Path,
    *,
    answers: Sequence[QueryResult],
    originals: Callable[[str], AbstractContextManager[int | None]],
    run: FfmpegRunner,
) -> Iterator[Clip]:
    """One clip a matching stretch, into a folder that is there.

    `originals` opens an asset's file and gives its descriptor, None where it is gone.
    """
    for answer in answers:
        found = [(match.sha256, stretches) for match in answer.matches if (stretches := _stretches(match))]
        if answer.sha256 is None or not found:
            continue
        with originals(answer.sha256) as query:
            for sha256, stretches in found:
                with originals(sha256) as reference:
                    yield from _cut_all(folder, (answer.sha256, sha256), stretches, (query, reference), run)


def _stretches(match: Match) -> list[Segment]:
    """What can be cut of a match."""
    return [s for s in match.segments if s.channel == "picture" and s.query] if match.kind == "video" else []


def _cut_all(
    folder: Path,
    pair: tuple[str, str],
    segments: Sequence[Segment],
    opened: tuple[int | None, int | None],
    run: FfmpegRunner,
) -> Iterator[Clip]:
    query, reference = opened
    for n, segment in enumerate(segments, 1):
        target = folder / f"{pair[0][:NAME_DIGITS]}-{pair[1][:NAME_DIGITS]}-{n}.mp4"
        if query is None or reference is None:
            path, said = None, ": an original is gone from where it was seen, or was changed"
        else:
            path, said = _cut(query, reference, segment, target, run)
        yield Clip(pair=pair, path=path, message=f"{target.name}{said}")


def _cut(query: int, reference: int, segment: Segment, target: Path, run: FfmpegRunner) -> tuple[Path | None, str]:
    """The clip's path, None where it could not be cut, and what there is to say of it."""
    assert segment.query is not None, "stills have no stretch to cut"
    seconds = segment.query[1] - segment.query[0]
    # Under its name when it is whole: what was cut short by a failure, or by Ctrl-C, goes.
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.unlink(missing_ok=True)
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            for descriptor in (query, reference):
                # Its place in the file is shared with whoever read it before.
                os.lseek(descriptor, 0, os.SEEK_SET)
            run(
                _arguments(query, reference, made, segment),
                descriptors=(query, reference, made),
                cpu_seconds=min(CPU_SECONDS_TO_START + CPU_SECONDS_PER_SECOND * seconds, MAX_CPU_SECONDS),
                file_bytes=min(BYTES_FIRST + int(BYTES_PER_SECOND * seconds), MAX_CLIP_BYTES),
            )
        finally:
            os.close(made)
        part.replace(target)
    except MediaError as error:
        return None, f": ffmpeg failed: {error}"
    except OSError as error:
        return None, f" cannot be written: {error.strerror}"
    finally:
        part.unlink(missing_ok=True)
    return target, f": {segment.query[0]:.1f} s"


def _arguments(query: int, reference: int, made: int, segment: Segment) -> list[str]:
    """What ffmpeg is told. It reads and writes open files alone, and no name reaches it."""
    assert segment.query is not None, "stills have no stretch to cut"
    sides = []
    for descriptor, (start, end), speed in (
        (query, segment.query, 1.0),
        (reference, segment.reference, segment.speed),
    ):
        stretch = {"ss": max(0.0, start), "t": max(0.1, end - start)}
        stream = ffmpeg.input("fd:", fd=descriptor, **stretch, **_SOURCE_LIMITS).video
        stream = stream.filter("setpts", f"(PTS-STARTPTS)/{speed}").filter("scale", -2, CLIP_HEIGHT).filter("setsar", 1)
        sides.append(stream.filter("fps", 25))
    clip: dict[str, Any] = {"format": "mp4", "vcodec": "libx264", "preset": "veryfast", "pix_fmt": "yuv420p"}
    output = ffmpeg.filter(sides, "hstack", inputs=2, shortest=1).output("fd:", fd=made, threads=THREADS, **clip)
    return ["-nostdin", "-loglevel", "error", "-filter_complex_threads", str(THREADS), *output.get_args()]
