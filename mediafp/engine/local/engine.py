"""The engine on one machine: a pool of sandboxed worker processes, threads for speech, FFmpeg for clips.

Modules that load models or libraries are imported by the methods that need them: every command creates an engine.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self
from weakref import WeakSet

import numpy as np

from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairResult, PairTask
from mediafp.engine.interface import AnalysisRequest, ClipCutter, PreviewMaker, TranscriptionQueue, UnpackedMember
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.messages import (
    AudioResult,
    FramesResult,
    OcrTaskResult,
    Task,
    VideoTextResult,
    analysis_bytes,
    truncate_texts,
)
from mediafp.engine.local.pool import TaskPool, WorkerPool
from mediafp.engine.local.received_results import Received, ReceivedAnalysis
from mediafp.fingerprints.registry import computed_types
from mediafp.ingest.anonymous_files import anonymous_file, write_data
from mediafp.ingest.archives.members import MAX_MEMBER_BYTES
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import IMAGE_WALL_SECONDS, VIDEO_WALL_SECONDS
from mediafp.ingest.sniff import possible_kinds
from mediafp.types.errors import WorkerLost
from mediafp.types.jpeg import check_stored_thumbnail, thumbnail_size
from mediafp.types.matches import OcrResult
from mediafp.types.media import Audio, Kind, Pixels
from mediafp.types.node_services import NodeService, ServiceNode
from mediafp.types.runs import EngineName, FileAnalysis, SpeechOptions
from mediafp.types.video_text import VideoText

_logger = logging.getLogger(__name__)


class LocalEngine:
    """Tasks in worker processes on this machine. Implements `Engine`.

    Processes and models start with the first task that needs them. Transcription runs in threads of this process: its
    input is samples, not a file format.
    """

    def __init__(self, scratch_folder: Path, *, sandboxed: bool = True, pool: TaskPool | None = None) -> None:
        """Create an engine without processes.

        Args:
            scratch_folder: Folder for temporary data: files without a name, which vanish with their last reader.
            sandboxed: False to run workers and FFmpeg without a sandbox: for trusted files on a system that has none.
            pool: The pool to use in place of a new one; archives are unpacked by workers of this machine in any case.
        """
        self._scratch_folder = scratch_folder
        self._tasks = pool or WorkerPool(scratch_folder, sandboxed=sandboxed)
        local = self._tasks if isinstance(self._tasks, WorkerPool) else None
        self._pool = local or WorkerPool(scratch_folder, sandboxed=sandboxed)
        self._queues: WeakSet[TranscriptionQueue] = WeakSet()

    @property
    def name(self) -> EngineName:
        """Name of the engine."""
        return "local"

    @property
    def sandboxed(self) -> bool:
        """True if files are parsed in a sandbox only."""
        return self._pool.sandboxed

    @property
    def concurrency(self) -> int:
        """Number of files that are analysed at once, if the caller has no other wish: one per core."""
        return os.cpu_count() or 1

    def start(self, *, ocr: bool = False) -> None:
        """Start a worker, so that the first task does not wait for it; with `ocr` it loads the OCR models."""
        self._tasks.start(WorkerCapabilities(ocr=ocr, all_types=True, video=True))

    def close(self) -> None:
        """End every worker and transcription; callers whose task is in progress get WorkerLost."""
        self._tasks.close()
        self._pool.close()
        for queue in list(self._queues):
            queue.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def analyse(
        self,
        file: OpenFile,
        sha256: str,
        kind: Kind,
        request: AnalysisRequest = AnalysisRequest(),  # noqa: B008
    ) -> FileAnalysis:
        """Return the asset, fingerprints and thumbnails of a file, and the parts that are requested."""
        try:
            return self._analyse(file, sha256, kind, request)
        except WorkerLost as lost:
            # A decoder that hangs would hang again.
            is_hung = lost.kind == "timeout" and not lost.final
            if not request.ocr or is_hung or self._tasks.closed:
                raise
            _logger.info("%r is tried again without OCR: %s", file.name, lost)
            analysis = self._analyse(file, sha256, kind, replace(request, ocr=False))
            # Like the other warnings it names no file: a page may leave its name out.
            reason = str(lost).removeprefix(f"cannot process {file.name!r}: ")
            return replace(analysis, warnings=(*analysis.warnings, f"skipped OCR: {reason}"))

    def _analyse(self, file: OpenFile, sha256: str, kind: Kind, request: AnalysisRequest) -> FileAnalysis:
        from mediafp.engine.local.validation import map_audio, validate_analysis

        is_image, kinds = kind == "image", possible_kinds(kind, file.read_head())

        def message_bytes(result_kind: Kind) -> int:
            types = computed_types(
                result_kind,
                reference_crops=request.reference_crops,
                matched_only=request.matched_only,
            )
            return analysis_bytes(result_kind, types)

        task = Task(
            what="analyse",
            name=os.fsencode(file.name),
            sha256=sha256,
            full_decode=request.full_decode,
            audio=request.audio,
            ocr=request.ocr,
            image=request.image,
            reference_crops=request.reference_crops,
            matched_only=request.matched_only,
            max_message_bytes=max(map(message_bytes, kinds)),
        )

        def convert(received: Received, samples: BinaryIO) -> FileAnalysis:
            if not isinstance(received, ReceivedAnalysis):
                raise ValueError("not the result that was requested")
            analysis = validate_analysis(received.result, received.thumbnails, task, kinds, file.bytes)
            return replace(analysis, audio=tuple(map_audio(received.result.audio, samples)))

        return self._tasks.run(
            task,
            file,
            wall_seconds=IMAGE_WALL_SECONDS if is_image else VIDEO_WALL_SECONDS,
            audio=request.audio,
            # An ingest needs everything, by the request, not by the kind: none of its workers need be replaced.
            needed=WorkerCapabilities(
                ocr=request.ocr, all_types=not request.matched_only, video=not (is_image and request.matched_only)
            ),
            convert=convert,
        )

    def read_audio(self, file: OpenFile) -> tuple[list[Audio], list[str]]:
        """Return the decoded audio of a file (that of the track that players play first) and the warnings."""
        from mediafp.engine.local.validation import map_audio

        def convert(result: Received, samples: BinaryIO) -> tuple[list[Audio], list[str]]:
            if not isinstance(result, AudioResult):
                raise ValueError("not the result that was requested")
            return map_audio(result.audio, samples), truncate_texts(result.warnings)

        task = Task(what="read_audio", name=os.fsencode(file.name))
        needed = WorkerCapabilities(video=True)
        return self._tasks.run(task, file, wall_seconds=VIDEO_WALL_SECONDS, audio=True, needed=needed, convert=convert)

    def read_frames(self, file: OpenFile, times: Sequence[float]) -> list[bytes | None]:
        """Return the frames that a video shows at some times as thumbnails, None where none can be decoded."""

        def convert(result: Received, samples: BinaryIO) -> list[bytes | None]:
            if not isinstance(result, FramesResult) or len(result.jpegs) != len(times):
                raise ValueError("not the result that was requested")
            for jpeg in result.jpegs:
                if jpeg is not None:
                    thumbnail_size(jpeg)
            return result.jpegs

        task = Task(what="read_frames", name=os.fsencode(file.name), times=tuple(times))
        needed = WorkerCapabilities(video=True)
        return self._tasks.run(task, file, wall_seconds=VIDEO_WALL_SECONDS, audio=False, needed=needed, convert=convert)

    def run_ocr(self, file: OpenFile) -> tuple[OcrResult, list[str]]:
        """Return the text in an image and the warnings."""
        from mediafp.engine.local.validation import validate_lines

        def convert(result: Received, samples: BinaryIO) -> tuple[OcrResult, list[str]]:
            if not isinstance(result, OcrTaskResult):
                raise ValueError("not the result that was requested")
            return validate_lines(result.text), truncate_texts(result.warnings)

        task = Task(what="run_ocr", name=os.fsencode(file.name))
        needed = WorkerCapabilities(ocr=True)
        return self._tasks.run(task, file, wall_seconds=IMAGE_WALL_SECONDS, audio=False, needed=needed, convert=convert)

    def read_video_text(self, file: OpenFile) -> tuple[VideoText, list[str]]:
        """Return the text on screen of a video and the warnings."""
        from mediafp.engine.local.validation import validate_video_text

        def convert(result: Received, samples: BinaryIO) -> tuple[VideoText, list[str]]:
            if not isinstance(result, VideoTextResult):
                raise ValueError("not the result that was requested")
            return validate_video_text(result.lines), truncate_texts(result.warnings)

        task = Task(what="read_video_text", name=os.fsencode(file.name))
        needed = WorkerCapabilities(ocr=True, video=True)
        return self._tasks.run(task, file, wall_seconds=VIDEO_WALL_SECONDS, audio=False, needed=needed, convert=convert)

    def run_ocr_on_jpeg(self, jpeg: bytes, name: str) -> tuple[OcrResult, list[str]]:
        """Return the text in a JPEG image that is in memory, and the warnings; `name` is used in messages."""
        with anonymous_file(self._scratch_folder) as holder:
            write_data(holder, jpeg)
            holder.flush()
            with OpenFile(name, os.dup(holder.fileno())) as file:
                return self.run_ocr(file)

    def unpack_archive(
        self,
        file: OpenFile,
        is_wanted: Callable[[str], bool],
        *,
        max_bytes: int = MAX_MEMBER_BYTES,
        on_warning: Callable[[str], object] = lambda warning: None,
        on_hidden: Callable[[int], object] = lambda count: None,
    ) -> Iterator[UnpackedMember]:
        """Yield the files in an archive, in its order, unpacked if `is_wanted` returns True for their name."""
        from mediafp.engine.local.unpack import unpack_archive

        return unpack_archive(
            self._pool, file, is_wanted, max_bytes=max_bytes, on_warning=on_warning, on_hidden=on_hidden
        )

    def decode_thumbnail(self, jpeg: bytes, *, apart: bool = False) -> Pixels:
        """Return the pixels of a thumbnail, decoded by a worker of this machine, with `apart` by one that does nothing else."""
        width, height = check_stored_thumbnail(jpeg)

        def convert(pixels: bytes) -> Pixels:
            if len(pixels) != 3 * width * height:
                raise ValueError(f"{len(pixels)} bytes of {width} x {height} pixels")
            return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

        return self._pool.decode(jpeg, convert, apart=apart)

    def compare[T](
        self, pair: PairTask, answer: Callable[[AssetRequest], AssetAnswer], convert: Callable[[PairResult], T]
    ) -> T:
        """Return the converted result of comparing two stored assets by what they show."""
        return self._tasks.compare(pair, answer, convert)

    def open_services(self, service: Callable[[], NodeService]) -> Sequence[ServiceNode]:
        """Return no machines: all tasks run on this one."""
        return ()

    def close_services(self) -> None:
        """Do nothing: there are no services."""

    def open_transcription(self, speech: SpeechOptions) -> TranscriptionQueue:
        """Return a queue that transcribes audio in threads; the caller shuts it down. Raises ModelError."""
        from mediafp.engine.local.transcription import TranscriptionPool

        queue = TranscriptionPool(speech)
        self._queues.add(queue)
        return queue

    def preview_maker(self) -> PreviewMaker:
        """Return the function that makes previews, after a trial run of FFmpeg. Raises UsageError and SandboxError."""
        from mediafp.engine.local.previews import make_preview
        from mediafp.engine.local.programs import find_ffmpeg

        return partial(make_preview, run_ffmpeg=find_ffmpeg(sandboxed=self.sandboxed).run)

    def clip_cutter(self) -> ClipCutter:
        """Return the function that cuts clips, after a trial run of FFmpeg. Raises UsageError and SandboxError."""
        from mediafp.engine.local.clips import cut_clips
        from mediafp.engine.local.programs import find_ffmpeg

        return partial(cut_clips, run_ffmpeg=find_ffmpeg(sandboxed=self.sandboxed).run)
