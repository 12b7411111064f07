"""The matches, transcripts and clusters of a case as one self-contained HTML page."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote

from markupsafe import Markup

from mediafp.report.cards import build_card
from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.html import GALLERY_SIDE, display_name, join_isolated, render_template, thumbnail_uri
from mediafp.report.svg import draw_speech_timeline
from mediafp.report.timestamps import format_time
from mediafp.types.clusters import Cluster, Clustering
from mediafp.types.matches import Clip, QueryResult
from mediafp.types.transcripts import SpeechHint

MAX_DRAWN_MATCHES: Final = 200
"""Matches that are drawn, the most probable ones; each adds about 100 kB to the page."""
MAX_TRANSCRIPTS: Final = 500
"""Files whose transcripts are printed; the others can be searched. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptCard:
    """The transcript of one file as the template draws it.

    `lines` hold the time, the language, its probability, the text and the quality flags of each segment.
    """

    name: str
    timeline: Markup
    summary: str
    lines: list[tuple[str, str, float, str, str]]
    hints: tuple[SpeechHint, ...]


def write_report(
    path: Path,
    *,
    results: Sequence[QueryResult],
    clustering: Clustering,
    source: EvidenceSource,
    clips: Sequence[Clip] = (),
    title: str = "mediafp evidence",
) -> None:
    """Write the evidence page.

    Args:
        path: The page.
        results: The matches within the store, each pair once.
        clustering: The clusters of the store.
        source: The evidence; all queries and references are assets of it.
        clips: Clips of matching segments, which lie in a folder next to the page.
        title: The title of the page.

    Raises:
        OSError: The page cannot be written.
    """
    links: dict[tuple[str, str], list[str]] = {}
    for clip in clips:
        if clip.path:
            links.setdefault(clip.pair, []).append(quote(os.fsencode(f"{clip.path.parent.name}/{clip.path.name}")))
    pairs = sorted(
        ((result, match) for result in results for match in result.matches),
        key=lambda pair: (-pair[1].probability, pair[0].query),
    )
    transcripts = list(islice(_iter_transcript_cards(results, source), MAX_TRANSCRIPTS + 1))
    page = render_template(
        "evidence_page.html.j2",
        title=title,
        total=len(pairs),
        cards=[build_card(result, match, source, links) for result, match in pairs[:MAX_DRAWN_MATCHES]],
        transcripts=transcripts[:MAX_TRANSCRIPTS],
        has_more_transcripts=len(transcripts) > MAX_TRANSCRIPTS,
        clusters=[_cluster_card(cluster, source) for cluster in clustering.clusters],
        unclustered=clustering.unclustered,
    )
    path.write_text(page, encoding="utf-8", errors="replace")


def _iter_transcript_cards(results: Sequence[QueryResult], source: EvidenceSource) -> Iterator[TranscriptCard]:
    """Yield the transcripts of the files that have one, in the order of the results."""
    for result in results:
        if result.sha256 and (card := _transcript_card(result.query, result.sha256, source)):
            yield card


def _transcript_card(uri: str, sha256: str, source: EvidenceSource) -> TranscriptCard | None:
    """Return the transcript of an asset, None if there is none or it has no segments."""
    transcribed = source.transcript(sha256)
    if transcribed is None or not transcribed[0].segments:
        return None
    transcript, hints = transcribed
    languages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in sorted(transcript.languages.items()))
    lost = transcript.untranscribed_seconds
    return TranscriptCard(
        name=display_name(uri),
        timeline=draw_speech_timeline(transcript.segments, max(transcript.duration, transcript.segments[-1].end)),
        summary=f"{transcript.model}: {languages}" + (f"; {lost:.0f} s of speech without text" if lost else ""),
        lines=[
            (
                format_time(s.start),
                s.language,
                s.language_probability,
                " ".join(s.text.split()),
                ", ".join(s.flags).replace("_", " "),
            )
            for s in transcript.segments
        ],
        hints=hints,
    )


def _cluster_card(cluster: Cluster, source: EvidenceSource) -> dict[str, object]:
    """Return a cluster as the template draws it, its representative first."""
    members = []
    for member in cluster.members:
        sighting = next(iter(source.sightings(member.sha256)), None)
        parts = (sighting.account, sighting.platform, sighting.posted_at) if sighting else ()
        members.append(
            {
                "name": display_name(member.uris[0]),
                "sighting": join_isolated(" · ", *parts),
                "image": thumbnail_uri(source.thumbnail(member.sha256), GALLERY_SIDE),
                "is_representative": member.sha256 == cluster.representative,
            }
        )
    members.sort(key=lambda member: not member["is_representative"])
    return {"id": cluster.id, "kind": cluster.kind, "weakest_link": cluster.weakest_link, "members": members}
