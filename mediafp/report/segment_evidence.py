"""The matching segments of two videos for a template: a list, time lines, and frames at the same moments of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from mediafp.report.page_evidence import PageEvidence
from mediafp.report.timelines import Track, describe_change, order_segments
from mediafp.types.letter_names import letter_name
from mediafp.types.matches import Segment
from mediafp.types.media import Asset
from mediafp.types.timestamps import format_span, format_time

MAX_LISTED_SEGMENTS: Final = 12
"""Segments of a match that are listed with their times, the first ones. Chosen, not measured."""
MAX_FRAME_SEGMENTS: Final = 4
"""Segments of a match of which frames are shown, the first ones of channel `picture`. Chosen, not measured."""
END_INSET_SECONDS: Final = 0.1
"""Distance from the ends of a segment at which its first and last frame are shown, at most a tenth of it: the frame at the
end itself is that of the next scene. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """One matching segment in words."""

    name: str
    channel: str
    query: str
    """Its times in the query; "" for an image."""
    reference: str
    change: str
    """Speed, direction and mirroring where the query changes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameView:
    """The frame of one side at one moment; the caption states the time of the frame that is shown."""

    image: Markup
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePair:
    """Frames of both sides at one moment of a segment."""

    title: str
    sides: tuple[FrameView, ...]


def list_segments(segments: Sequence[Segment]) -> list[SegmentRow]:
    """Return the first segments in words, in the order of their names."""
    return [
        SegmentRow(
            name=letter_name(number),
            channel=segment.channel,
            query=format_span(segment.query) if segment.query else "",
            reference=format_span(segment.reference),
            change=describe_change(segment),
        )
        for number, segment in enumerate(order_segments(segments)[:MAX_LISTED_SEGMENTS])
    ]


def build_frame_pairs(
    query: Asset, reference: Asset, segments: Sequence[Segment], evidence: PageEvidence, *, from_originals: bool
) -> list[FramePair]:
    """Return frames of both videos at the ends of the first segments of frames, and at the least alike moment within each.

    Where that moment is unknown, the one in the middle takes its place.

    Args:
        query: The query, a video.
        reference: The reference, a video.
        segments: The matching segments.
        evidence: The evidence of the page.
        from_originals: Find the least alike moments, and decode the frames from the originals where they are at hand.
    """
    titles, query_times, reference_times = [], [], []
    named = [(letter_name(number), segment) for number, segment in enumerate(order_segments(segments))]
    pictured = [(name, segment) for name, segment in named if segment.channel == "picture"]
    for name, segment in pictured[:MAX_FRAME_SEGMENTS]:
        weakest = evidence.least_alike(query.sha256, reference.sha256, segment) if from_originals else None
        for title, query_time, reference_time in _moments(segment, weakest):
            titles.append(f"{name}, {title}")
            query_times.append(query_time)
            reference_times.append(reference_time)
    columns = [
        _views(role, asset, times, evidence, from_originals=from_originals)
        for role, asset, times in (("query", query, query_times), ("reference", reference, reference_times))
    ]
    pairs = []
    for title, *views in zip(titles, *columns, strict=True):
        sides = tuple(view for view in views if view is not None)
        if sides:
            pairs.append(FramePair(title=title, sides=sides))
    return pairs


def describe_track(role: str, asset: Asset) -> Track | None:
    """Return the time line of an asset; None for an image."""
    if asset.kind == "image":
        return None
    duration = asset.properties.get("duration")
    return Track(
        role=role,
        seconds=float(duration) if isinstance(duration, (int, float)) else 0.0,
        has_images=bool(asset.properties.get("width")),
        has_audio=asset.properties.get("has_sound") is not False,
    )


def _moments(segment: Segment, weakest: tuple[float, float] | None) -> list[tuple[str, float, float]]:
    """Return the moments of a segment to show: their titles, and their times in the query and in the reference."""
    assert segment.query is not None, "a segment of two videos has times on both sides"
    start, end = segment.query
    inset = min(END_INSET_SECONDS, (end - start) / 10)
    first, middle, last = (
        (title, time, segment.reference_time(time))
        for title, time in (("start", start + inset), ("middle", (start + end) / 2), ("end", end - inset))
    )
    return [first, ("least alike", *weakest) if weakest else middle, last]


def _views(
    role: str, asset: Asset, times: Sequence[float], evidence: PageEvidence, *, from_originals: bool
) -> list[FrameView | None]:
    """Return the frames of one side at some times."""
    views: list[FrameView | None] = []
    for time, shown in zip(times, evidence.frames(asset.sha256, times, from_original=from_originals), strict=True):
        if shown is None:
            views.append(None)
            continue
        image, frame = shown
        caption = f"{role} {format_time(time)}"
        if not frame.is_exact:
            caption = f"{role} about {format_time(time)}: kept frame of {format_time(frame.seconds)}"
        views.append(FrameView(image=evidence.images.element(image, caption), caption=caption))
    return views
