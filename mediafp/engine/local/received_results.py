"""The results that workers send, with the audio and the thumbnails that precede them: all of it is limited."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairResult, PairTask
from mediafp.engine.local.messages import AnalysisResult, DataChunk, Failure, Result, Task, ThumbnailPart
from mediafp.engine.local.thumbnail_file import ThumbnailFile
from mediafp.ingest.anonymous_files import write_data
from mediafp.ingest.limits import MAX_AUDIO_SECONDS, MAX_FRAMES, MAX_THUMBNAIL_BYTES
from mediafp.types.media import AUDIO_SAMPLE_RATE

MAX_AUDIO_BYTES = 2 * AUDIO_SAMPLE_RATE * (MAX_AUDIO_SECONDS + 1)
"""Bytes of int16 samples that a worker may send for one file."""
MAX_SENT_THUMBNAIL_BYTES = MAX_THUMBNAIL_BYTES + (16 << 20)
"""Bytes of thumbnails that a worker may send for one file: it checks the limit before each batch of 16 frames."""


@dataclass(frozen=True, slots=True)
class ReceivedAnalysis:
    """The analysis of a file, and the thumbnails that preceded it."""

    result: AnalysisResult
    thumbnails: ThumbnailFile


Received = ReceivedAnalysis | Result
"""The result of a task."""
AnswerAssets = Callable[[AssetRequest], AssetAnswer]
"""Function that returns a part of a stored asset, for a worker that compares it."""


def collect_result(receive: Callable[[], Result], task: Task, samples: BinaryIO, scratch_folder: Path) -> Received:
    """Return the result of a task; write the audio samples that precede it to `samples`.

    Args:
        receive: Returns the next message of the worker.
        task: The task.
        samples: File for the samples.
        scratch_folder: Folder for the unnamed files that hold many thumbnails.

    Raises:
        ValueError: The worker sent audio or thumbnails that were not requested; besides, what `receive` raises.
    """
    limit = MAX_AUDIO_BYTES if task.audio or task.what == "read_audio" else 0
    received, thumbnails = 0, ThumbnailFile(scratch_folder)
    while isinstance(message := receive(), DataChunk | ThumbnailPart):
        if isinstance(message, ThumbnailPart):
            thumbnails.append(message.jpegs)
            if (
                task.what != "analyse"
                or len(thumbnails) > MAX_FRAMES
                or thumbnails.total_bytes > MAX_SENT_THUMBNAIL_BYTES
            ):
                raise ValueError(f"{len(thumbnails)} thumbnails of {thumbnails.total_bytes} bytes")
            continue
        received += len(message.data)
        if received > limit:
            raise ValueError(f"more than {limit} bytes of audio")
        write_data(samples, message.data)
    return ReceivedAnalysis(message, thumbnails) if isinstance(message, AnalysisResult) else message


def collect_pair(
    receive: Callable[[], Result], send: Callable[[AssetAnswer], object], pair: PairTask, answer: AnswerAssets
) -> PairResult | Failure:
    """Return the result of comparing a pair, after the questions of the worker.

    Args:
        receive: Returns the next message of the worker.
        send: Sends an answer to it.
        pair: The pair.
        answer: Returns a part of one of the two assets.

    Raises:
        ValueError: The worker asked for another asset, or sent another result; besides, what `receive` and `send` raise.
    """
    while isinstance(message := receive(), AssetRequest):
        if message.sha256 not in (pair.a, pair.b):
            raise ValueError("a request for an asset that is not compared")
        send(answer(message))
    if isinstance(message, PairResult) and {message.query, *message.damaged} <= {pair.a, pair.b}:
        return message
    if not isinstance(message, Failure):
        raise ValueError("not the result that was requested")
    return message
