"""The evidence as one self-contained HTML page."""

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from mediafp.report.escaping import escape_unprintable
from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.svg import (
    DrawnImage,
    data_uri,
    draw_side_by_side,
    draw_speech_timeline,
    draw_timelines,
    format_time,
)
from mediafp.types.clusters import Cluster, Clustering
from mediafp.types.matches import Clip, Match, Placement, QueryResult, Segment
from mediafp.types.media import Asset
from mediafp.types.transcripts import SpeechHint
from mediafp.types.version import __version__

MAX_DRAWN_MATCHES = 200
"""Matches that are drawn; the page grows by about 100 kB with each."""
MAX_TRANSCRIPTS = 500
"""Files whose transcripts are written out; the others can be searched."""
SEGMENTS_SHOWN = 4
SMALL = 150
"""Longest side of the small pictures, pixels."""
GALLERY = 240
STRIPS = 6
"""Lines of text that were cut away and are shown enlarged."""
STRIP_HEIGHT, STRIP_WIDTH = 72, 520
"""Pixels of such a line, at most."""
STRIP_MARGIN = 0.5
"""Heights of a line that are shown around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePair:
    """Frames of both sides at one moment; the caption holds the query's time and the reference's."""

    images: list[str]
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCard:
    """One match as the template draws it."""

    query_name: str
    reference_name: str
    query_thumb: str
    reference_thumb: str
    relation: str
    verdict: str
    probability: float
    why: tuple[str, ...]
    times: Markup | None
    frames: list[FramePair]
    clips: list[str]
    pair: Markup | None
    query_seen: list[str]
    reference_seen: list[str]
    handles: tuple[str, ...]
    removed_text: list[str]
    strips: list[tuple[str, str]]
    words: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptCard:
    """What one file says, as the template draws it; lines hold time, language, its probability, text and doubts."""

    name: str
    line: Markup
    summary: str
    lines: list[tuple[str, str, float, str, str]]
    hints: tuple[SpeechHint, ...]


def write_report(
    out: Path,
    *,
    answers: Sequence[QueryResult],
    clustering: Clustering,
    source: EvidenceSource,
    clips: Sequence[Clip] = (),
    title: str = "mediafp evidence",
) -> None:
    """Writes the page; queries and references are both assets of `source`, and `clips` lie in a folder beside the page.

    Raises OSError where it cannot.
    """
    cut: dict[tuple[str, str], list[str]] = {}
    for clip in clips:
        if clip.path:
            cut.setdefault(clip.pair, []).append(quote(os.fsencode(f"{clip.path.parent.name}/{clip.path.name}")))
    pairs = sorted(((a, m) for a in answers for m in a.matches), key=lambda p: (-p[1].probability, p[0].query))
    page = render_template(
        "evidence_page.html.j2",
        title=title,
        total=len(pairs),
        cards=[build_card(answer, match, source, cut) for answer, match in pairs[:MAX_DRAWN_MATCHES]],
        spoken=[s for a in answers[:MAX_TRANSCRIPTS] if a.sha256 and (s := _spoken(a.query, a.sha256, source))],
        clusters=[_gallery(cluster, source) for cluster in clustering.clusters],
        unclustered=clustering.unclustered,
    )
    out.write_text(page, encoding="utf-8", errors="replace")


def render_template(template: str, **values: object) -> str:
    """A page made of a template of this folder."""
    environment = Environment(
        loader=PackageLoader("mediafp.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(template).render(version=__version__, **values)


def build_card(
    answer: QueryResult, match: Match, source: EvidenceSource, cut: Mapping[tuple[str, str], list[str]]
) -> MatchCard:
    """A match made ready to be drawn; `cut` are the links to clips by query and reference."""
    assert answer.sha256 is not None, "only answered queries have matches"
    query, reference = source.asset(answer.sha256), source.asset(match.sha256)
    names = display_name(answer.query), display_name(match.uris[0])
    placement = match.placement
    still = query.kind == "image" or reference.kind == "image"
    moving = [] if still else [s for s in match.segments if s.channel == "picture"]
    script = [s for s in match.segments if s.channel == "script"][:SEGMENTS_SHOWN]
    return MatchCard(
        query_name=names[0],
        reference_name=names[1],
        query_thumb=thumbnail_uri(source.thumbnail(query.sha256), SMALL),
        reference_thumb=thumbnail_uri(source.thumbnail(reference.sha256), SMALL),
        relation=match.relation.replace("_", " "),
        verdict=match.verdict,
        probability=match.probability,
        why=match.why,
        times=draw_timelines(match.segments, _seconds(query), _seconds(reference)) if match.segments else None,
        frames=[f for s in moving[:SEGMENTS_SHOWN] for f in _frames(query, reference, s, source)],
        clips=cut.get((query.sha256, reference.sha256), []),
        pair=_pair(query, reference, match, source, names) if still else None,
        query_seen=sighting_lines(query, source),
        reference_seen=sighting_lines(reference, source),
        handles=placement.handles if placement else (),
        removed_text=[box.text for box in placement.removed_text] if placement else [],
        strips=_strips(reference, placement, source) if placement else [],
        words=[(_words(query.sha256, s.query, source), _words(reference.sha256, s.reference, source)) for s in script],
    )


def _spoken(uri: str, sha256: str, source: EvidenceSource) -> TranscriptCard | None:
    found = source.transcript(sha256)
    if found is None or not found[0].segments:
        return None
    said, hints = found
    languages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in sorted(said.languages.items()))
    lost = f"; {said.untranscribed_seconds:.0f} s of speech gave no words" if said.untranscribed_seconds else ""
    return TranscriptCard(
        name=display_name(uri),
        line=draw_speech_timeline(said.segments, max(said.duration, said.segments[-1].end)),
        summary=f"{said.model}: {languages}{lost}",
        lines=[
            (format_time(u.start), u.language, u.language_probability, u.text, ", ".join(u.flags).replace("_", " "))
            for u in said.segments
        ],
        hints=hints,
    )


def _words(sha256: str, times: tuple[float, float] | None, source: EvidenceSource) -> str:
    """What is said in these times, whole utterances."""
    found = source.transcript(sha256)
    if found is None or times is None:
        return ""
    return " ".join(u.text for u in found[0].segments if u.end > times[0] and u.start < times[1])


def _pair(
    query: Asset, reference: Asset, match: Match, source: EvidenceSource, names: tuple[str, str]
) -> Markup | None:
    shown = []
    for role, asset, name in (("query", query, names[0]), ("reference", reference, names[1])):
        times = getattr(match.segments[0], role) if match.segments and asset.kind == "video" else None
        at = sum(times) / 2 if times else None
        jpeg = source.thumbnail(asset.sha256, at)
        if jpeg is None:
            return None
        caption = f"{role}: {name}" + (f" at {format_time(at)}" if at is not None else "")
        shown.append(DrawnImage(jpeg=jpeg, size=_size(asset), caption=caption))
    return draw_side_by_side(shown[0], shown[1], match.placement, match.more_placements)


def _strips(reference: Asset, placement: Placement, source: EvidenceSource) -> list[tuple[str, str]]:
    """The lines of text that were cut away, as they stand in the reference, enlarged, with what they say."""
    jpeg = source.thumbnail(reference.sha256)
    if jpeg is None:
        return []
    made = []
    with Image.open(io.BytesIO(jpeg)) as image:
        zoom = max(image.size) / max(_size(reference))
        for line in placement.removed_text[:STRIPS]:
            xs, ys = ([corner[axis] * zoom for corner in line.box] for axis in (0, 1))
            margin = (max(ys) - min(ys)) * STRIP_MARGIN
            box = (min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)
            limits = (0, 0, *image.size)
            inside = tuple(round(min(max(at, 0), limits[2 + n % 2])) for n, at in enumerate(box))
            if inside[2] - inside[0] < 2 or inside[3] - inside[1] < 2:
                continue
            strip = image.crop(inside)  # type: ignore[arg-type]
            grow = min(STRIP_HEIGHT / strip.height, STRIP_WIDTH / strip.width)
            strip = strip.resize((max(1, round(strip.width * grow)), max(1, round(strip.height * grow))))
            made.append((_uri_of(strip, quality=85), line.text))
    return made


def _frames(query: Asset, reference: Asset, segment: Segment, source: EvidenceSource) -> list[FramePair]:
    """Frame pairs at the start, the middle and the end of a segment."""
    assert segment.query is not None, "stills have no frame pairs"
    pairs = []
    for share in (0.1, 0.5, 0.9):
        q, r = (a + (b - a) * share for a, b in (segment.query, segment.reference))
        images = [
            thumbnail_uri(source.thumbnail(query.sha256, q), GALLERY),
            thumbnail_uri(source.thumbnail(reference.sha256, r), GALLERY),
        ]
        pairs.append(FramePair(images=[i for i in images if i], caption=f"{format_time(q)} · {format_time(r)}"))
    return pairs


def _gallery(cluster: Cluster, source: EvidenceSource) -> dict[str, object]:
    members = []
    for member in cluster.members:
        seen = source.sightings(member.sha256)
        told = [text for s in seen[:1] for text in (s.account, s.platform, s.posted_at) if text]
        members.append(
            {
                "name": display_name(member.uris[0]),
                "seen": " · ".join(told),
                "image": thumbnail_uri(source.thumbnail(member.sha256), GALLERY),
                "face": member.sha256 == cluster.representative,
            }
        )
    members.sort(key=lambda m: not m["face"])
    return {"id": cluster.id, "kind": cluster.kind, "weakest": cluster.weakest_link, "members": members}


def sighting_lines(asset: Asset, source: EvidenceSource) -> list[str]:
    lines = []
    for sighting in source.sightings(asset.sha256)[:3]:
        who = " on ".join(text for text in (sighting.account, sighting.platform) if text)
        lines.append(
            " · ".join(
                text for text in (who, sighting.posted_at, sighting.url, escape_unprintable(sighting.uri)) if text
            )
        )
    return lines


def display_name(uri: str) -> str:
    return escape_unprintable(os.path.basename(uri))


def _size(asset: Asset) -> tuple[float, float]:
    width, height = asset.properties.get("width"), asset.properties.get("height")
    return float(width or 1), float(height or 1)


def _seconds(asset: Asset) -> float | None:
    """The length of a video's time line; None of a picture, which has none."""
    if asset.kind == "image":
        return None
    told = asset.properties.get("duration")
    return float(told) if isinstance(told, (int, float)) else 0.0


def thumbnail_uri(jpeg: bytes | None, side: int) -> str:
    """A picture no longer than so many pixels, as a data URI; "" for none."""
    if jpeg is None:
        return ""
    with Image.open(io.BytesIO(jpeg)) as image:
        image.thumbnail((side, side))
        return _uri_of(image, quality=80)


def _uri_of(image: Image.Image, *, quality: int) -> str:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return data_uri(out.getvalue())
