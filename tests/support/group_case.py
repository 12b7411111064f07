"""A store with groups of videos and pictures, their accounts, removals and re-posts, made without any media."""

from collections.abc import Sequence
from hashlib import sha256 as _sha256
from itertools import combinations
from pathlib import Path

import numpy as np
from sample_matches import sample_match

from mediafp.case.comparison.versions import comparison_versions
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store import Store, open_store
from mediafp.types.file_sounds import FileSound
from mediafp.types.kept_matches import Channel, KeptMatch
from mediafp.types.matches import Relation, Segment
from mediafp.types.media import Asset, Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript

type Post = tuple[str, str, str, str, str]
"""Title, account, platform, time of posting and of removal."""
VIDEOS: Sequence[Post] = (
    ("港湾上空的亮光 | 官方在隐瞒什么", "Harbour Lens", "youtube", "2026-03-14", "2026-06-19"),
    ("What did they see above Harbour Pier 3?", "Harbour Lens", "youtube", "2026-03-29", "2026-06-19"),
    ("證人開口：亮光不是飛機", "Harbour Lens", "youtube", "2026-04-20", "2026-06-19"),
    ("今晚一定要睇：海港上空", "码头真相", "tiktok", "2026-05-06", "2026-08-13"),
    ("港湾上空的亮光（重传）", "港湾镜头", "youtube", "2026-06-27T10:00:00Z", "2026-09-02"),
    ("谁在花钱让大家看别处？", "港湾镜头", "youtube", "2026-07-15", "2026-09-02"),
    ("突发 | 港灣上空的亮光 證人開口", "Harbour Lens TV", "youtube", "2026-09-11", ""),
    ("They will delete this. <script>alert(1)</script> Lights", "truth_pier", "twitter", "2026-09-12", "2026-11-09"),
    ("港灣上空的亮光 第二集", "Harbour Lens TV", "youtube", "2026-10-30", ""),
)
"""The videos of the first group, of which the last two hang on the others by one match."""
WEAKEST = 0.83
"""Probability of that match."""
LINKS: dict[tuple[int, int], float] = {
    (0, 1): 0.97, (0, 2): 0.96, (0, 3): 0.91, (0, 4): 0.999, (0, 5): 0.95, (0, 6): 0.94, (6, 7): WEAKEST, (7, 8): 0.96,
}  # fmt: skip
"""Probabilities of some of their matches by their pictures, by two places."""
RETAKEN = 4
"""Pictures that several accounts posted one after the other, each after the last one was removed."""
RETAKERS = (
    ("Harbour Lens", "youtube", "2026-02-14", "2026-06-19"),
    ("港湾镜头", "youtube", "2026-06-27", "2026-09-02"),
    ("Harbour Lens TV", "youtube", "2026-09-11", ""),
)
"""These accounts."""
SECONDS = 60.0
"""Length of a video."""


def asset_name(name: str) -> str:
    """Return the SHA-256 of an asset of the store."""
    return _sha256(name.encode()).hexdigest()


def make_group_case(folder: Path, *, more_groups: int = 3, members: int = 3, pictures: int = 5) -> Path:
    """Make a store with the videos above, a group of pictures, and further groups; return its folder.

    Args:
        folder: Folder of the store.
        more_groups: Further groups of videos.
        members: Members of each of them.
        pictures: Pictures of the group of pictures.
    """
    with open_store(folder, create=True) as store:
        names = [asset_name(f"v{n}") for n in range(len(VIDEOS))]
        with store.writing():
            for number, (sha256, post) in enumerate(zip(names, VIDEOS, strict=True)):
                _add(store, sha256, "video", f"/dump/v{number}.mp4", post, number)
        for number in (0, 4):
            _transcribe(store, names[number])
        matches = [
            _match(names[a], names[b], LINKS.get((a, b), 0.92 if b < 7 else 0.8))
            for a, b in combinations(range(len(names)), 2)
        ]
        matches += [_match(names[0], names[4], 0.98, "voice"), _match(names[0], names[4], 0.97, "script")]
        stills = [asset_name(f"p{n}") for n in range(pictures)]
        others = [[asset_name(f"g{group}m{n}") for n in range(members)] for group in range(more_groups)]
        with store.writing():
            for number, sha256 in enumerate(stills):
                account = ("每日厨房", "weibo") if number % 2 else ("kitchen/daily", "twitter")
                post = ("每日厨房 morning coffee", *account, f"2024-11-{number % 28 + 1:02d}", "")
                _add(store, sha256, "image", f"/dump/p{number}.jpg", post, 20 + number)
            for group, own in enumerate(others):
                for number, sha256 in enumerate(own):
                    post = (f"Clip {group}", f"account {group % 7 + number}", "x", f"2025-{group % 12 + 1:02d}-02", "")
                    _add(store, sha256, "video", f"/dump/g{group}m{number}.mp4", post, 30 + group)
            for number in range(RETAKEN):
                sha256 = asset_name(f"r{number}")
                _add(store, sha256, "image", f"/dump/r{number}.jpg", ("", *RETAKERS[0]), 60 + number)
                for place, (account, platform, posted_at, removed_at) in enumerate(RETAKERS[1:]):
                    store.save_sightings([
                        Sighting(
                            sha256=sha256,
                            uri=f"/dump/again{place}/r{number}.jpg",
                            account=account,
                            account_id=f"UC{account}",
                            platform=platform,
                            posted_at=posted_at,
                            removed_at=removed_at or None,
                            source="again.info.json",
                        )
                    ])  # fmt: skip
            lone = asset_name("lone")
            _add(store, lone, "video", "/dump/lone.mp4", ("", "", "", "", ""), 90)
        matches += [_match(a, b, 0.97) for a, b in combinations(stills, 2)]
        matches += [_match(a, b, 0.9) for own in others for a, b in combinations(own, 2)]
        matches += [_match(names[1], others[0][0], 0.71, relation="shares_footage")] if others else []
        matches += [_match(names[2], lone, 0.4, relation="shares_footage")]
        _save(store, matches)
    return folder


def _add(store: Store, sha256: str, kind: str, uri: str, post: Post, colour: int) -> None:
    title, account, platform, posted_at, removed_at = post
    shade = np.zeros((45, 80, 3), np.uint8)
    shade[:] = (40 + colour * 37 % 200, 40 + colour * 91 % 200, 40 + colour * 53 % 200)
    shade[10:35, 10 + colour % 40 : 40 + colour % 40] = 255 - shade[0, 0]
    times = (0.0, 12.0, 24.0, 36.0, 48.0) if kind == "video" else (0.0,)
    jpeg = encode_thumbnail(shade, 80)
    store.add_record(
        IngestRecord(
            asset=Asset(
                sha256=sha256,
                kind="video" if kind == "video" else "image",
                bytes=1000,
                properties={
                    "format": "mp4",
                    "width": 80,
                    "height": 45,
                    **({"duration": SECONDS} if kind == "video" else {}),
                },
            ),
            sightings=(
                Sighting(
                    sha256=sha256,
                    uri=uri,
                    title=title or None,
                    account=account or None,
                    platform=platform or None,
                    posted_at=posted_at or None,
                    captured_at=f"{posted_at[:7]}-28" if posted_at else None,
                    removed_at=removed_at or None,
                    source="sidecar.info.json" if account else "",
                ),
            ),
            thumbnails=tuple(Thumbnail(position=n, seconds=at, jpeg=jpeg) for n, at in enumerate(times)),
        )
    )


def _transcribe(store: Store, sha256: str) -> None:
    transcript = Transcript(
        model="m", version="1", duration=SECONDS, speech_seconds=0, untranscribed_seconds=0, segments=()
    )
    audio = _sha256(sha256.encode()).hexdigest()
    with store.writing():
        store.save_sounds(sha256, (FileSound(audio_sha256=audio),))
        store.save_transcript(audio, transcript, fingerprint_transcript(sha256, transcript), 1)


def _match(
    a: str, b: str, probability: float, channel: Channel = "picture", relation: Relation | None = None
) -> KeptMatch:
    relations: dict[Channel, Relation] = {"picture": "same_video", "voice": "same_voice", "script": "same_script"}
    start = {"picture": 5.0, "voice": 6.0, "script": 7.0}[channel]
    segment = Segment(
        channel=channel,
        query=(start, start + 40 * probability),
        reference=(start + 2, start + 2 + 40 * probability),
        speed=1.0,
        mirrored=False,
        score=0.9,
    )
    match = sample_match(
        sha256=b,
        kind="video",
        relation=relation or relations[channel],
        verdict="copy" if probability >= 0.9 else "possible",
        probability=probability,
        coverage=(0.8, 0.8),
        segments=(segment,),
    )
    return KeptMatch(query=a, reference=b, channel=channel, promise=2.0, match=match)


def _save(store: Store, matches: Sequence[KeptMatch]) -> None:
    """Save matches as the comparison of each asset by each channel has them."""
    versions = comparison_versions()
    own: dict[tuple[str, str], list[KeptMatch]] = {}
    kinds = {asset.sha256: asset.kind for asset in store.assets()}
    for one in matches:
        is_image = kinds[one.query] == "image"
        kept = one
        if is_image and one.match:
            still = sample_match(sha256=one.reference, relation="copy", probability=one.match.probability)
            kept = KeptMatch(query=one.query, reference=one.reference, channel="picture", promise=2.0, match=still)
        own.setdefault((one.query, one.channel), []).append(kept)
    started = store.last_log_entry()[0]
    with store.writing():
        for pending in store.pending_comparisons(versions):
            found = own.get((pending.sha256, pending.channel), [])
            store.save_comparison(pending, versions[pending.channel], started, found)
