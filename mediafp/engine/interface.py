"""The `Engine` protocol: tasks on files, with validated results."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairResult, PairTask
from mediafp.ingest.archives.members import MAX_MEMBER_BYTES
from mediafp.ingest.files import OpenFile
from mediafp.types.errors import MediaError
from mediafp.types.matches import Clip, OcrResult, QueryResult
from mediafp.types.media import Asset, Audio, Kind, Pixels
from mediafp.types.node_services import NodeService, ServiceNode
from mediafp.types.runs import EngineName, FileAnalysis, SpeechOptions
from mediafp.types.transcripts import TranscribedAudio
from mediafp.types.video_text import VideoText
from mediafp.types.web_captures import WebCapture


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRequest:
    """The optional parts of a file analysis that a caller wants."""

    full_decode: bool = False
    """Decode every frame of a video, not only those that are cheap to reach."""
    audio: bool = False
    """Return the audio of a video, whose fingerprints are computed in any case."""
    image: bool = False
    """Return the pixels of an image at full size."""
    ocr: bool = False
    """Run OCR on an image, or on the frames of a video; ignored for a video with `matched_only`."""
    reference_crops: bool = False
    """Fingerprint the crops of an image; ignored for videos."""
    matched_only: bool = False
    """Compute only the fingerprint types that matching compares, as for a query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedMember:
    """One file in an archive.

    `file` is None if the member was not wanted, or if `error` states why it cannot be read. The receiver closes `file`.
    `capture` is set for a file in a web archive; its texts are what the archive states.
    """

    name: str
    file: OpenFile | None = None
    error: MediaError | None = None
    capture: WebCapture | None = None


class TranscriptionCancelled(Exception):
    """The queue was shut down before the transcript was finished."""


class TranscriptionQueue(Protocol):
    """Audio tracks of one run that wait for their transcripts, several of them transcribed at once."""

    @property
    def version(self) -> str:
        """Version of the transcripts: model, decoding options and code."""

    @property
    def concurrency(self) -> int:
        """Number of audio tracks that are transcribed at once."""

    def submit(
        self,
        audio: Audio,
        *,
        during: AbstractContextManager[object] | None = None,
        on_progress: Callable[[float], object] = lambda share: None,
    ) -> Future[TranscribedAudio]:
        """Return the future transcript of an audio track; the same future for equal samples until `forget`.

        Only one thread may call this method and `forget`.

        Args:
            audio: The samples to transcribe.
            during: Entered in the transcribing thread for as long as the transcription takes.
            on_progress: Called in that thread with the share that is done, 0..1.

        Returns:
            A future that raises ModelError if the model fails to load, and TranscriptionCancelled or CancelledError
            after `shutdown`.
        """

    def forget(self, audio_sha256: str) -> None:
        """Drop the future of an audio track whose transcript the caller has stored."""

    def shutdown(self) -> None:
        """Cancel all transcriptions; those in progress end at their next progress report."""


class ClipCutter(Protocol):
    """Function that cuts the matching segments of videos as clips, query left and reference right."""

    def __call__(
        self,
        folder: Path,
        *,
        results: Sequence[QueryResult],
        open_original: Callable[[str], AbstractContextManager[OpenFile | None]],
        find_asset: Callable[[str], Asset],
    ) -> Iterator[Clip]:
        """Yield one clip per matching segment of frames or voice; one that cannot be cut has no path and states the reason.

        Args:
            folder: Existing folder to write the clips to.
            results: The query results whose matches are cut; those without a SHA-256 are skipped.
            open_original: Opens the file of an asset by its SHA-256; None if it is gone.
            find_asset: Returns an asset by its SHA-256.
        """


class PreviewMaker(Protocol):
    """Function that makes the preview of a video or of audio: a small copy that browsers play, on the same clock."""

    def __call__(self, file: OpenFile, asset: Asset, output: BinaryIO) -> None:
        """Write the preview of an original to an empty file. Raises MediaError.

        Args:
            file: The open original.
            asset: What is known of it.
            output: The empty file.
        """


class Engine(Protocol):
    """Runs tasks on untrusted files and returns validated results.

    An engine receives open files and returns values. It has no access to a store, and no task opens a file by name.
    Tasks block until their result is there, except transcriptions, which return futures. All methods may be called from
    several threads at once.

    Every result is checked before it is returned: a process that an attacker took over can send wrong values, but only
    plausible ones. A file that crashes its worker, hangs or exhausts the memory loses only its own result: other tasks
    and later calls are unaffected.

    Tasks raise:
        MediaError: The file cannot be used. The subclass states why: CorruptMedia, UnsupportedMedia, NotMedia,
            TooLargeMedia, UnreadableMedia, or WorkerLost for a crash, a timeout or exhausted memory.
        WorkerLost: Also if the engine is closed meanwhile, or was closed before.
        SandboxError: The sandbox is not available on this machine.
        StoreError: Temporary data cannot be written to the disk.
    """

    @property
    def name(self) -> EngineName:
        """Name of the engine, which the custody log states: `local` if no file leaves this machine."""

    @property
    def sandboxed(self) -> bool:
        """True if files are parsed in a sandbox only."""

    @property
    def concurrency(self) -> int:
        """Number of files that are analysed at once, if the caller has no other wish.

        Raises:
            UsageError: The machines that run the tasks cannot be reached.
        """

    def start(self, *, ocr: bool = False) -> None:
        """Start what the first task needs, so that it does not wait; with `ocr` the OCR models too."""

    def close(self) -> None:
        """Release all resources; tasks in progress end, and their callers get WorkerLost."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def analyse(
        self, file: OpenFile, sha256: str, kind: Kind, request: AnalysisRequest = AnalysisRequest()
    ) -> FileAnalysis:
        """Return the asset, fingerprints and thumbnails of a file, and the parts that are requested.

        If OCR costs the worker (CPU time, memory, a crash), the analysis is made without it, and a warning says so.

        Args:
            file: The open file.
            sha256: SHA-256 of its content, computed by the caller.
            kind: Its kind by its signature, as detected by the caller. The kind of the result is another one only for an
                animation, an image by its signature and a video by its frames.
            request: The optional parts.
        """

    def read_audio(self, file: OpenFile) -> tuple[list[Audio], list[str]]:
        """Return the decoded audio of a file (that of the track that players play first) and the warnings."""

    def read_frames(self, file: OpenFile, times: Sequence[float]) -> list[bytes | None]:
        """Return the frames that a video shows at some times as thumbnails, None where none can be decoded.

        Args:
            file: The open video.
            times: Presentation times in seconds, at most 64.

        Raises:
            MediaError: The video could not be decoded.
        """

    def run_ocr(self, file: OpenFile) -> tuple[OcrResult, list[str]]:
        """Return the text in an image and the warnings. Raises NotMedia for a file that is not an image."""

    def read_video_text(self, file: OpenFile) -> tuple[VideoText, list[str]]:
        """Return the text on screen of a video and the warnings. Raises NotMedia for a file that is not a video."""

    def run_ocr_on_jpeg(self, jpeg: bytes, name: str) -> tuple[OcrResult, list[str]]:
        """Return the text in a JPEG image that is in memory, and the warnings; `name` is used in messages."""

    def unpack_archive(
        self,
        file: OpenFile,
        is_wanted: Callable[[str], bool],
        *,
        max_bytes: int = MAX_MEMBER_BYTES,
        on_warning: Callable[[str], object] = lambda warning: None,
        on_hidden: Callable[[int], object] = lambda count: None,
    ) -> Iterator[UnpackedMember]:
        """Yield the files in an archive, in its order, unpacked if `is_wanted` returns True for their name.

        Names are relative, without `..` and unique. If a member crashes the unpacking or fills the disk, only that member
        is lost. If the archive cannot be read to its end within a limit of time, the iterator raises MediaError after the
        last readable member; the time between two calls of the iterator does not count. Different threads may call it.

        Args:
            file: The open archive.
            is_wanted: Returns True for the names of members to unpack.
            max_bytes: Bytes above which a member is an error.
            on_warning: Called with each warning about the archive as a whole, before the iterator ends.
            on_hidden: Called with the number of hidden names that were skipped, if there are any, before the iterator ends.
        """

    def decode_thumbnail(self, jpeg: bytes, *, apart: bool = False) -> Pixels:
        """Return the pixels of a thumbnail (H, W, 3), RGB, decoded by a worker of this machine; the array is read-only.

        A worker that has analysed a file decodes it if there is an idle one, so that a query starts no further process; but only
        until there is one that decodes thumbnails alone.

        Args:
            jpeg: The thumbnail, which may be any bytes.
            apart: True to have it decoded by a worker that does nothing else. One that a file took over can return any pixels,
                and what a page shows of other files must not depend on it.

        Raises:
            CorruptMedia: It is damaged, or ends every worker that decodes it.
        """

    def compare[T](
        self, pair: PairTask, answer: Callable[[AssetRequest], AssetAnswer], convert: Callable[[PairResult], T]
    ) -> T:
        """Return the converted result of comparing two stored assets by what they show.

        Args:
            pair: The pair.
            answer: Returns a part of one of the two assets; it is called in this thread, and its errors are passed on.
            convert: Validates a result, and converts it; raises ValueError for values that no comparison has.

        Raises:
            WorkerLost: No worker can compare the pair.
        """

    def open_services(self, service: Callable[[], NodeService]) -> Sequence[ServiceNode]:
        """Start a service on each machine of a cluster, and return these machines; none if all tasks run on this one.

        Args:
            service: Creates the service in a process of the machine, which imports it there. It is not sandboxed: it gets
                nothing that an adversary made.

        Raises:
            UsageError: There is no cluster, or it has no node that is fit.
        """

    def close_services(self) -> None:
        """End the services; requests in progress, and later ones, raise WorkerLost."""

    def open_transcription(self, speech: SpeechOptions) -> TranscriptionQueue:
        """Return a queue that transcribes audio; the caller shuts it down.

        Raises:
            ModelError: The speech model is missing or changed.
        """

    def preview_maker(self) -> PreviewMaker:
        """Return the function that makes previews, after checking that its program starts. Raises as `clip_cutter`."""

    def clip_cutter(self) -> ClipCutter:
        """Return the function that cuts clips, after checking that its program starts.

        Raises:
            UsageError: The program is missing or does not start.
            SandboxError: The program does not run in the sandbox.
        """
