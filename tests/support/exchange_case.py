"""A small case for exports, written to a store without decoding: hostile names, sightings of every exactness, kept matches."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sample_matches import sample_match, sample_placement
from transcripts import save_transcribed_asset
from translated_samples import FACTORY_EN, FACTORY_ZH, transcript

from mediafp.case.comparison.versions import comparison_versions
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.perceptual_hashes import PerceptualHash
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.file_sounds import FileSound
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.kept_matches import Channel, KeptMatch
from mediafp.types.matches import Match, OcrResult, Segment, TextLine
from mediafp.types.media import Asset, Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment

PHOTO, COPY, FLAT, VIDEO, LONE = (letter * 64 for letter in "abcde")
SPOKEN, DUBBED, READ = (digit * 64 for digit in "123")
HOSTILE = os.fsdecode(b"/home/analyst/cases/=cmd|'C calc'!A0\xff\n<script>.jpg")
"""A path with a folder that must stay private, a formula, markup, a line break and a byte that is not UTF-8."""
BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))


def seen(sha256: str, uri: str, **stated: object) -> Sighting:
    return Sighting(sha256=sha256, uri=uri, source="a table", **stated)  # type: ignore[arg-type]


SIGHTINGS = (
    seen(
        PHOTO, "/home/analyst/cases/photo.jpg", platform="weibo", account="某人", account_id="1669879400",
        account_name="Some\u202eone", url="https://weibo.example/1/photo.jpg", posted_at="2021-05-03T08:12:00Z",
        text="街景\n今天",
    ),
    seen(
        PHOTO, "/home/analyst/cases/again.jpg", platform="weibo", account="某人", account_id="1669879400",
        url="file:///home/analyst/again.html",
    ),
    seen(
        COPY, "/home/analyst/cases/avatar.jpg", platform="twitter", account="truth_daily", post_id="1234567890123456789",
        url="https://x.example/truth_daily/1", posted_at="2024-02", captured_at="2024-03-01T00:00:00Z", text="Look at this",
        removed_at="2024-04-01T10:00:00Z", views=12, language="en",
    ),
    seen(FLAT, HOSTILE),
    seen(
        VIDEO, "/home/analyst/cases/clip.mp4", platform="youtube", account="@channel", account_name="A channel",
        title="A clip\x1b[31m", url="https://www.youtube.example/watch?v=1", posted_at="2023-01-02T03:04",
    ),
    seen(LONE, "/home/analyst/cases/lone.png", platform="telegram", account_id="77"),
)  # fmt: skip
"""Every sighting of the case."""


def write_exchange_case(folder: Path, photos: dict[str, np.ndarray]) -> None:
    """Write the case into a folder that does not exist."""
    images = {
        PHOTO: photos["cat"],
        COPY: photos["cat"][4:],
        FLAT: np.full((90, 120, 3), 200, np.uint8),
        LONE: photos["coffee"],
    }
    frames = {VIDEO: [photos["temple"], photos["flower"]]}
    with SqliteStore(folder, create=True) as store:
        with store.writing():
            store.append_log("ingest", {"mediafp": "test"})
            for sha256 in (PHOTO, COPY, FLAT, VIDEO, LONE):
                _add(store, sha256, frames.get(sha256) or [images[sha256]])
            for sighting in SIGHTINGS:
                store.save_sightings([sighting])
            lines = tuple(TextLine(text=text, box=BOX, confidence=0.9) for text in ("紧急 BREAKING", "share\x07 this"))
            store.save_ocr_result(COPY, OcrResult(version="1", lines=lines))
            segment = TranscriptSegment(
                start=0.5, end=2.0, language="en", language_probability=0.9, text="good morning",
                token_probabilities=(0.9, 0.3),
            )  # fmt: skip
            said = Transcript(
                model="m", version="v", duration=3, speech_seconds=2, untranscribed_seconds=0, segments=(segment,)
            )
            store.save_sounds(VIDEO, (FileSound(audio_sha256="5" * 64),))
            store.save_transcript("5" * 64, said, fingerprint_transcript(VIDEO, said), 1)
        _keep_matches(store)


def _add(store: SqliteStore, sha256: str, pictures: list[np.ndarray]) -> None:
    kind = "video" if sha256 == VIDEO else "image"
    spans = np.array([[2.0 * n, 2.0 * n + 2] for n in range(len(pictures))]) if kind == "video" else np.zeros((1, 2))
    height, width = pictures[0].shape[:2]
    properties: dict[str, str | int | float | bool | None] = {"format": "jpeg", "width": width, "height": height}
    if kind == "video":
        properties = {
            "format": "mp4",
            "width": 640,
            "height": 360,
            "duration": 4.0,
            "fps": 25.0,
            "codec": "h264",
            "has_sound": True,
        }
    prints = []
    for computed in (Pdq(), PerceptualHash("phash"), PerceptualHash("dhash")):
        vectors, quality = computed.extract(pictures)
        prints.append(
            Fingerprint(
                sha256=sha256,
                type=computed.name,
                version=computed.version,
                spans=spans,
                vectors=vectors,
                quality=quality,
            )
        )
    sightings = tuple(one for one in SIGHTINGS if one.sha256 == sha256)
    store.add_record(
        IngestRecord(
            asset=Asset(sha256=sha256, kind=kind, bytes=40783, properties=properties),  # type: ignore[arg-type]
            sightings=sightings[:1],
            fingerprints=tuple(prints),
            thumbnails=tuple(
                Thumbnail(position=n, seconds=float(span[0]), jpeg=encode_thumbnail(picture, 64))
                for n, (span, picture) in enumerate(zip(spans, pictures, strict=True))
            ),
            warnings=("2 packets are damaged",) if kind == "video" else (),
        )
    )


def write_script_case(folder: Path) -> None:
    """Write three voice-overs into a folder that does not exist: the second is the first in English, the third read once more."""
    scripts = {SPOKEN: (FACTORY_ZH, "zh"), DUBBED: (FACTORY_EN, "en"), READ: (FACTORY_ZH, "zh")}
    with SqliteStore(folder, create=True) as store:
        with store.writing():
            store.append_log("ingest", {"mediafp": "test"})
        for sha256, (lines, language) in scripts.items():
            save_transcribed_asset(store, sha256, sha256[0], sha256, transcript(lines, language), 1)
        times = {"query": (0.0, 16.0), "reference": (0.0, 16.0)}
        segment = Segment(channel="script", speed=1.0, mirrored=False, score=0.8, **times)  # type: ignore[arg-type]
        keep_matches(store, "script", [
            (SPOKEN, reference, sample_match(
                sha256=reference, kind="video", relation="same_script", probability=0.95, why=("4 sentences agree",),
                segments=(replace(segment, translated=reference == DUBBED),),
            ))
            for reference in (DUBBED, READ)
        ])  # fmt: skip


def keep_matches(store: SqliteStore, channel: Channel, matches: Sequence[tuple[str, str, Match]]) -> None:
    """Keep matches, each of a query and a reference, and note that all assets are compared."""
    versions = comparison_versions()
    pending = store.pending_comparisons(versions)
    started = store.last_log_entry()[0]
    with store.writing():
        for one in pending:
            found = [
                KeptMatch(query=query, reference=reference, channel=channel, promise=1.0, match=match)
                for query, reference, match in matches
                if (query, channel) == (one.sha256, one.channel)
            ]
            store.save_comparison(one, versions[one.channel], started, found)


def _keep_matches(store: SqliteStore) -> None:
    """Keep a copy, another photograph of one scene, and an image in a video."""
    placement = sample_placement(removed_text=(TextLine(text="@某人", box=BOX, confidence=1.0),), handles=("@某人",))
    segment = Segment(channel="picture", query=None, reference=(0.0, 2.0), speed=1.0, mirrored=False, score=0.8)
    matches = (
        (COPY, PHOTO, sample_match(sha256=PHOTO, probability=0.997, placement=placement, why=("143 keypoints agree",))),
        (LONE, COPY, sample_match(sha256=COPY, probability=0.9, verdict="same_scene", why=("another photo",))),
        (PHOTO, VIDEO, sample_match(
            sha256=VIDEO, kind="video", relation="image_in_video", verdict="possible", probability=0.6, segments=(segment,),
            coverage=(1.0, 0.5),
        )),
    )  # fmt: skip
    keep_matches(store, "picture", matches)
