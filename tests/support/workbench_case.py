"""A small case with the kinds of matches that the pages show: photographs, crops, clips, two accounts."""

import csv
from collections.abc import Callable
from pathlib import Path

from mediafp.case.case import open_case
from mediafp.cli.demo.edits import AVATARS, WEIBO_NAME, image_steps, video_steps
from mediafp.types.runs import AnalysisOptions, IngestOptions

FILES = (
    WEIBO_NAME,
    "cat.jpg",
    *AVATARS,
    "mirrored_crop.jpg",
    "screenshot.png",
    "red_headline.jpg",
    "bikes.mp4",
    "carphone.mp4",
    "reupload_240p.mp4",
    "mirrored_crop.mp4",
)
"""Files of the case, by the names of the demo."""
POSTS = {
    WEIBO_NAME: ("@sample_user88", "weibo", "2021-05-03T08:12:00Z", ""),
    "persona_avatar.jpg": ("truth_daily_news", "twitter", "2024-02-11T21:40:00Z", "2024-03-01T00:00:00Z"),
    "second_avatar.jpg": ("truth_daily_again", "twitter", "2024-03-10T06:00:00Z", ""),
    "bikes.mp4": ("city_lens", "youtube", "2023-01-02T03:04:00Z", ""),
    "reupload_240p.mp4": ("港湾镜头", "youtube", "2024-01-05T10:00:00Z", "2024-02-01T00:00:00Z"),
}
"""Account, platform, time of posting and of removal of some of them."""


def make_case(folder: Path, only: Callable[[str], bool] = lambda name: True) -> Path:
    """Make the files, ingest those whose names are accepted without transcripts, and return the folder of the store."""
    originals, seen = folder / "originals", folder / "seen"
    for place in (originals, seen):
        place.mkdir(parents=True)
    for step in [*image_steps(originals, seen), *video_steps(originals, seen)]:
        step()
    for place in (originals, seen):
        with (place / "sightings.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "account", "platform", "posted_at", "removed_at"))
            writer.writerows((name, *post) for name, post in POSTS.items() if (place / name).exists())
    paths = [path for place in (originals, seen) for name in FILES if (path := place / name).exists() and only(name)]
    assert len(paths) >= 2
    with open_case(folder / "store", create=True) as case:
        options = IngestOptions(analysis=AnalysisOptions(speech=None))
        outcomes = list(case.ingest(paths, options))
        assert {outcome.status for outcome in outcomes} <= {"added", "skipped"}, outcomes
        case.cluster()
    return folder / "store"
