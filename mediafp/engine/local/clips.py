"""Matching segments of videos as MP4 clips, query left and reference right with their audio, cut by FFmpeg."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Final, Protocol

from mediafp.engine.local.clip_filters import MAX_CLIP_SECONDS, ClipSide, ffmpeg_arguments, plan_sides
from mediafp.engine.local.clip_panel import draw_panel
from mediafp.ingest.anonymous_files import anonymous_file
from mediafp.ingest.files import OpenFile, changed_file_error
from mediafp.ingest.limits import MAX_CPU_SECONDS
from mediafp.ingest.sniff import kind_from_signature
from mediafp.types.errors import MediaError, UnreadableMedia
from mediafp.types.matches import Clip, Match, QueryResult, Segment
from mediafp.types.media import Asset
from mediafp.types.timestamps import format_span

NAME_DIGITS = 12
"""Digits of each SHA-256 in the name of a clip."""
MAX_CLIPS_PER_PAIR: Final = 8
"""Segments of one query and one reference that are cut, the first ones. Chosen, not measured."""
SAME_OFFSET_SECONDS: Final = 0.5
"""Difference in time below which a segment of the voice is that of the frames, whose clip has the audio too. Chosen, not
measured."""
SAME_SHARE: Final = 0.8
"""Share of a segment of the voice that the frames have to cover for that. Chosen, not measured."""
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
    find_asset: Callable[[str], Asset],
    run_ffmpeg: FfmpegRunner,
) -> Iterator[Clip]:
    """Yield one clip per matching segment of frames or voice; one that cannot be cut has no path and states the reason.

    Args:
        folder: Existing folder to write the clips to.
        results: The query results whose matches are cut; those without a SHA-256 are skipped.
        open_original: Opens the file of an asset by its SHA-256; None if it is gone.
        find_asset: Returns an asset by its SHA-256.
        run_ffmpeg: Runs FFmpeg.
    """
    for result in results:
        segments_by_reference: dict[str, list[Segment]] = {}
        for match in result.matches:
            if segments := _segments_to_cut(match):
                segments_by_reference.setdefault(match.sha256, []).extend(segments)
        if result.sha256 is None or not segments_by_reference:
            continue
        with open_original(result.sha256) as query:
            for sha256, segments in segments_by_reference.items():
                with open_original(sha256) as reference:
                    assets = find_asset(result.sha256), find_asset(sha256)
                    yield from _cut_pair(folder, assets, segments, (query, reference), run_ffmpeg)


def _segments_to_cut(match: Match) -> list[Segment]:
    """Return the segments of a match in which both sides are video; those of a voice if no frames are cut with it."""
    if match.kind != "video":
        return []
    framed = [s for s in match.segments if s.channel == "picture" and s.query]
    voices = [s for s in match.segments if s.channel == "voice" and s.query]
    return [*framed, *(v for v in voices if not any(_has_voice(frames, v) for frames in framed))]


def _has_voice(picture: Segment, voice: Segment) -> bool:
    """Return True if the clip of a segment of frames has the audio of a segment of the voice on both sides."""
    assert picture.query is not None and voice.query is not None, "only segments with a query interval are cut"
    shared = min(picture.query[1], voice.query[1]) - max(picture.query[0], voice.query[0])
    # The clip of frames has the first track of both.
    is_first = not any(voice.tracks or ())
    if not is_first or shared < SAME_SHARE * (voice.query[1] - voice.query[0]) or picture.speed <= 0:
        return False
    # At both ends: the speeds may differ.
    offsets = (
        picture.reference_time(query_time) - voice.reference_time(query_time)
        for query_time in (max(picture.query[0], voice.query[0]), min(picture.query[1], voice.query[1]))
    )
    return all(abs(offset) <= SAME_OFFSET_SECONDS for offset in offsets)


def _cut_pair(
    folder: Path,
    assets: tuple[Asset, Asset],
    segments: Sequence[Segment],
    originals: tuple[OpenFile | None, OpenFile | None],
    run_ffmpeg: FfmpegRunner,
) -> Iterator[Clip]:
    """Yield the clips of one query and one reference."""
    query, reference = originals
    pair = assets[0].sha256, assets[1].sha256
    for number, segment in enumerate(segments[:MAX_CLIPS_PER_PAIR], 1):
        target = folder / f"{pair[0][:NAME_DIGITS]}-{pair[1][:NAME_DIGITS]}-{number}.mp4"
        if query is None or reference is None:
            reason = "an original is gone from where it was seen, or was changed; put it back, or ingest it again"
            yield Clip(pair=pair, path=None, message=f"cannot cut {target.name!r}: {reason}")
            continue
        if any(kind_from_signature(original.read_head()) == "image" for original in (query, reference)):
            reason = "an original is an animated image, which FFmpeg is not given; play the two side by side"
            yield Clip(pair=pair, path=None, message=f"cannot cut {target.name!r}: {reason}")
            continue
        try:
            _cut(assets, (query, reference), segment, target, run_ffmpeg)
        except UnreadableMedia as error:
            yield Clip(pair=pair, path=None, message=f"cannot cut {target.name!r}: {error}")
        except MediaError as error:
            yield Clip(pair=pair, path=None, message=f"cannot cut {target.name!r}: ffmpeg failed: {error}")
        except OSError as error:
            yield Clip(pair=pair, path=None, message=f"cannot write {target.name!r}: {error.strerror}")
        else:
            assert segment.query is not None, "only segments with a query interval are cut"
            seconds = segment.query[1] - segment.query[0]
            extent = f"the first {MAX_CLIP_SECONDS:.0f} s of " if seconds > MAX_CLIP_SECONDS else ""
            message = f"{extent}{format_span(segment.query)} and {format_span(segment.reference)}"
            yield Clip(pair=pair, path=target, message=message, segment=segment)
    if len(segments) > MAX_CLIPS_PER_PAIR:
        message = (
            f"skipped {len(segments) - MAX_CLIPS_PER_PAIR} segments of {pair[0][:NAME_DIGITS]} and"
            f" {pair[1][:NAME_DIGITS]}: at most {MAX_CLIPS_PER_PAIR} clips are cut of one pair"
        )
        yield Clip(pair=pair, path=None, message=message)


def _cut(
    assets: tuple[Asset, Asset],
    originals: tuple[OpenFile, OpenFile],
    segment: Segment,
    target: Path,
    run_ffmpeg: FfmpegRunner,
) -> None:
    """Write one clip. Raises MediaError and OSError."""
    sides = plan_sides(segment, assets)
    # The clip gets its name when it is complete: a failure or Ctrl-C leaves no part of one, and an older one intact.
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.unlink(missing_ok=True)
        output = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with ExitStack() as panels:
                descriptors = _open_inputs(sides, originals, target.parent, panels)
                run_ffmpeg(
                    ffmpeg_arguments(sides, descriptors, output),
                    descriptors=(*descriptors.values(), output),
                    cpu_seconds=min(CPU_SECONDS_TO_START + CPU_SECONDS_PER_SECOND * sides[0].seconds, MAX_CPU_SECONDS),
                    file_bytes=min(BASE_CLIP_BYTES + int(BYTES_PER_SECOND * sides[0].seconds), MAX_CLIP_BYTES),
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


def _open_inputs(
    sides: tuple[ClipSide, ClipSide], originals: tuple[OpenFile, OpenFile], folder: Path, panels: ExitStack
) -> Mapping[tuple[int, bool], int]:
    """Return the descriptors to read: by the number of the side, and whether it is its panel instead of its file."""
    descriptors: dict[tuple[int, bool], int] = {}
    for number, (side, original) in enumerate(zip(sides, originals, strict=True)):
        if side.has_images or side.has_audio:
            # The file position is shared with earlier readers of the descriptor.
            os.lseek(original.descriptor, 0, os.SEEK_SET)
            descriptors[number, False] = original.descriptor
        if not side.has_images:
            panel = panels.enter_context(anonymous_file(folder))
            panel.write(draw_panel(Path(original.name).name, side.sha256))
            panel.flush()
            panel.seek(0)
            descriptors[number, True] = panel.fileno()
    return descriptors
