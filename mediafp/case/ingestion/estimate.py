"""The estimate of an ingest: which files are new, and how long they take. It writes nothing."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mediafp.case.engines import new_engine
from mediafp.case.ingestion.items import NO_STAMP, item_on_disk
from mediafp.case.ingestion.known import find_current_entry
from mediafp.case.sources import Paths, list_paths
from mediafp.case.store_folder import resolve_store_folder
from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.engine.versions import analysis_version
from mediafp.ingest.archives.members import has_archive_suffix
from mediafp.ingest.files import open_file
from mediafp.ingest.limits import MAX_VIDEO_BYTES
from mediafp.ingest.sniff import detect_kind
from mediafp.ingest.walk import FoundFile, walk
from mediafp.sightings.sidecars import is_sidecar
from mediafp.store import Store, has_store, open_store
from mediafp.text.speech.transcribers import get_transcriber
from mediafp.types.errors import MediaError
from mediafp.types.media import Kind
from mediafp.types.runs import EngineOptions, IngestOptions

SAMPLE_FILES = 12
"""New files that are analysed to measure the time. Chosen, not measured."""
SAMPLE_SECONDS = 20.0
"""Wall seconds after which no more files are analysed. Chosen, not measured."""
SAMPLE_BYTES = 64 << 20
"""Size above which a file is not analysed for the estimate. Chosen, not measured."""
SPEECH_MODEL_LOAD_SECONDS = 2.0
"""Wall seconds until the speech model is loaded."""
TRANSCRIPTION_TIME_RATIO = 0.09
"""Wall seconds of transcription per second of audio, on two cores with Whisper base (docs/measurements.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestEstimate:
    """Number of files by what an ingest would do with them, and its duration."""

    seen: int
    new: int
    """Files to analyse; an archive counts as one, without its members."""
    known: int
    failed_before: int
    skipped: int
    unreadable: int
    """Files that do not exist or cannot be examined."""
    archives: int
    """Archives among the new files."""
    new_bytes: int
    seconds: float | None
    """Wall seconds; None if no new file is small enough to be analysed for the estimate."""


def estimate_ingest(
    folder: Path | str | None,
    paths: Paths,
    options: IngestOptions | None = None,
    *,
    sandboxed: bool = True,
    engine: EngineOptions = EngineOptions(),  # noqa: B008
) -> IngestEstimate:
    """Return what an ingest would do and how long it would take, after analysing a few of the new files.

    Args:
        folder: Folder of the store, which need not exist; None for the default one.
        paths: Files and folders; folders are searched.
        options: Options of the ingest.
        sandboxed: False to decode files without the sandbox: for trusted files only.
        engine: The machines on which files are analysed.
    """
    folder = resolve_store_folder(folder)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(folder)) if has_store(folder) else None
        started = stack.enter_context(new_engine(folder, sandboxed=sandboxed, options=engine))
        return _estimate(store, started, walk(list_paths(paths)), options or IngestOptions())


class _NewFile(NamedTuple):
    """A file to analyse, in a form of which a million fit into memory."""

    bytes: int
    path: str
    root: Path | None


def _estimate(
    store: Store | None, engine: Engine, files: Iterable[FoundFile], options: IngestOptions
) -> IngestEstimate:
    counts: Counter[str] = Counter()
    new: list[_NewFile] = []
    version = analysis_version(reference_crops=options.analysis.reference_crops)
    for found_file in files:
        item = item_on_disk(found_file)
        counts["seen"] += 1
        entry = None
        if store and not item.decided:
            entry = find_current_entry(store, item, version, retry_failed=options.retry_failed)
        is_unused = item.decided is not None and item.decided.status == "skipped"
        if is_unused or (options.analysis.sidecars and is_sidecar(item.path)):
            counts["skipped"] += 1
        elif item.stamp == NO_STAMP:
            counts["unreadable"] += 1
        elif entry is not None:
            counts[entry.state] += 1
        else:
            new.append(_NewFile(item.stamp[0], os.fspath(item.path), found_file.root))
    return IngestEstimate(
        seen=counts["seen"],
        new=len(new),
        known=counts["done"],
        failed_before=counts["failed"],
        skipped=counts["skipped"],
        unreadable=counts["unreadable"],
        archives=sum(has_archive_suffix(file.path) for file in new),
        new_bytes=sum(file.bytes for file in new),
        seconds=_estimate_seconds(new, engine, options) if new else 0.0,
    )


@dataclass(slots=True, kw_only=True)
class _Sample:
    """Number, bytes and cost of the files that were analysed for the estimate, by kind (None: not media)."""

    files: Counter[Kind | None] = field(default_factory=Counter)
    bytes: Counter[Kind | None] = field(default_factory=Counter)
    seconds: dict[Kind | None, float] = field(default_factory=lambda: defaultdict(float))
    has_audio: bool = False


def _estimate_seconds(new: list[_NewFile], engine: Engine, options: IngestOptions) -> float | None:
    """Return the wall seconds for new files: images by their number, videos and archives by their size."""
    # Larger files fail before they are read.
    files = [file for file in new if not has_archive_suffix(file.path) and file.bytes <= MAX_VIDEO_BYTES]
    archive_bytes = sum(file.bytes for file in new if has_archive_suffix(file.path))
    started = time.monotonic()
    engine.start(ocr=options.analysis.ocr)
    start_seconds = time.monotonic() - started
    sample = _analyse_sample(files, engine, options, started)
    sampled = sample.files.total()
    if not sampled:
        return None
    jobs = min(options.jobs or engine.concurrency, engine.concurrency)
    expected_files = {kind: len(files) * count / sampled for kind, count in sample.files.items()}
    others = [kind for kind in sample.files if kind != "video"]
    seconds = sum(sample.seconds[kind] / sample.files[kind] * expected_files[kind] for kind in others)
    if sample.bytes["video"]:
        other_bytes = sum(sample.bytes[kind] / sample.files[kind] * expected_files[kind] for kind in others)
        video_bytes = max(0.0, sum(file.bytes for file in files) - other_bytes)
        seconds += sample.seconds["video"] / sample.bytes["video"] * video_bytes
    seconds += archive_bytes * sum(sample.seconds.values()) / max(1, sample.bytes.total())
    load_seconds = SPEECH_MODEL_LOAD_SECONDS if sample.has_audio else 0.0
    return round(start_seconds + load_seconds + seconds / jobs, 1)


def _analyse_sample(files: list[_NewFile], engine: Engine, options: IngestOptions, started: float) -> _Sample:
    """Return the time that a few of the files take."""
    wanted = options.analysis
    time_ratio = TRANSCRIPTION_TIME_RATIO * (get_transcriber(wanted.speech).relative_cost if wanted.speech else 0.0)
    request = AnalysisRequest(full_decode=wanted.full_decode, reference_crops=wanted.reference_crops, ocr=wanted.ocr)
    sample = _Sample()
    # Evenly over all sizes, the largest first: videos among images are few and take longest.
    for new_file in sorted(files, key=lambda file: -file.bytes)[:: max(1, len(files) // SAMPLE_FILES)]:
        if new_file.bytes > SAMPLE_BYTES or time.monotonic() - started > SAMPLE_SECONDS:
            continue
        file_started = time.monotonic()
        kind: Kind | None = None
        audio_seconds = 0.0
        try:
            with open_file(Path(new_file.path), new_file.root) as file:
                kind = detect_kind(file)
                if kind:
                    properties = engine.analyse(file, "", kind, request).asset.properties
                    if wanted.speech and properties.get("has_sound"):
                        audio_seconds = float(properties.get("duration") or 0.0)
                        sample.has_audio = True
        except MediaError:
            # A failing file takes time too.
            pass
        sample.files[kind] += 1
        sample.bytes[kind] += new_file.bytes
        sample.seconds[kind] += time.monotonic() - file_started + audio_seconds * time_ratio
    return sample
