"""What an ingest would do, and roughly how long it would take: nothing is written."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mediafp.case.ingestion.items import NO_STAMP, IngestItem, item_on_disk
from mediafp.case.ingestion.run import find_current_entry
from mediafp.engine import analysis
from mediafp.engine.local.pool import WorkerPool
from mediafp.ingest.archives.members import has_archive_suffix
from mediafp.ingest.sniff import detect_kind
from mediafp.ingest.walk import FoundFile
from mediafp.sightings.sidecars import is_sidecar
from mediafp.store import Store
from mediafp.types.errors import MediaError
from mediafp.types.media import Kind
from mediafp.types.runs import IngestOptions

SAMPLE_FILES = 12
"""New files that are read to see how long they take."""
SAMPLE_SECONDS = 20.0
"""Wall seconds after which no more are read."""
SAMPLE_BYTES = 64 << 20
"""Larger files are not read for it."""
SPEECH_MODEL_LOAD_SECONDS = 2.0
"""Wall seconds until the speech model is ready."""
TRANSCRIPTION_TIME_RATIO = 0.09
"""Wall seconds that listening to a second of sound takes on two cores with Whisper base (README, Measured)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestEstimate:
    """How many files would be looked at, by what is known of them, and the wall seconds of it; None if not to be told.

    `new` holds archives too, whose files are not counted; `unreadable` are gone, or may not be looked at.
    """

    seen: int
    new: int
    known: int
    failed_before: int
    skipped: int
    unreadable: int
    archives: int
    new_bytes: int
    seconds: float | None


def estimate_ingest(
    store: Store | None, workers: WorkerPool, files: Iterable[FoundFile], options: IngestOptions
) -> IngestEstimate:
    """What taking these files into a store (None: a new one) would mean; a few are read to see how long they take."""
    counts: Counter[str] = Counter()
    new: list[IngestItem] = []
    version = analysis.analysis_version(crops=options.analysis.reference_crops)
    for found in files:
        item = item_on_disk(found)
        counts["seen"] += 1
        entry = find_current_entry(store, item, version, retry_failed=options.retry_failed) if store else None
        if options.analysis.sidecars and is_sidecar(item.path):
            counts["skipped"] += 1
        elif item.stamp == NO_STAMP:
            counts["unreadable"] += 1
        elif entry is not None:
            counts[entry.state] += 1
        else:
            new.append(item)
    sizes = [max(0, item.stamp[0]) for item in new]
    return IngestEstimate(
        seen=counts["seen"],
        new=len(new),
        known=counts["done"],
        failed_before=counts["failed"],
        skipped=counts["skipped"],
        unreadable=counts["unreadable"],
        archives=sum(has_archive_suffix(item.path.name) for item in new),
        new_bytes=sum(sizes),
        seconds=_seconds(new, workers, options) if new else 0.0,
    )


def _seconds(todo: list[IngestItem], workers: WorkerPool, options: IngestOptions) -> float | None:
    """Wall seconds for the new files, told by a few of them: pictures by their number, videos and archives by their bytes."""
    new = [item for item in todo if not has_archive_suffix(item.path.name)]
    packed = sum(item.stamp[0] for item in todo if has_archive_suffix(item.path.name))
    took: dict[Kind | None, float] = defaultdict(float)
    counts: Counter[Kind | None] = Counter()
    sizes: Counter[Kind | None] = Counter()
    began = time.monotonic()
    workers.start()
    starting = time.monotonic() - began
    listens = 0.0
    # By size, the largest first: what is rare and long, as videos are among pictures, is not left out.
    for item in sorted(new, key=lambda one: -one.stamp[0])[:: max(1, len(new) // SAMPLE_FILES)]:
        if item.stamp[0] > SAMPLE_BYTES or time.monotonic() - began > SAMPLE_SECONDS:
            continue
        started = time.monotonic()
        kind: Kind | None = None
        heard = 0.0
        try:
            with item.open() as file:
                kind = detect_kind(file)
                if kind:
                    wanted = options.analysis
                    read = workers.analyse(
                        file, "", kind, full_decode=wanted.full_decode, crops=wanted.reference_crops, text=wanted.ocr
                    )
                    told = read.asset.properties
                    if options.analysis.speech and told.get("has_sound"):
                        heard = float(told.get("duration") or 0.0)
                        listens = SPEECH_MODEL_LOAD_SECONDS
        except MediaError:
            pass
        counts[kind] += 1
        sizes[kind] += item.stamp[0]
        took[kind] += time.monotonic() - started + heard * TRANSCRIPTION_TIME_RATIO
    sampled = counts.total()
    if not sampled:
        return None
    jobs = min(options.jobs or os.cpu_count() or 1, os.cpu_count() or 1)
    total = sum(max(0, item.stamp[0]) for item in new)
    share = {kind: len(new) * count / sampled for kind, count in counts.items()}
    seconds = sum(took[kind] / counts[kind] * share[kind] for kind in counts if kind != "video")
    if sizes["video"]:
        others = sum(sizes[kind] / counts[kind] * share[kind] for kind in counts if kind != "video")
        seconds += took["video"] / sizes["video"] * max(0.0, total - others)
    seconds += packed * sum(took.values()) / max(1, sizes.total())
    return round(starting + listens + seconds / jobs, 1)
