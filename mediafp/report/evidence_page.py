"""The matches of a case by group, with their evidence, and its transcripts and text on screen as one HTML page."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote

from markupsafe import Markup

from mediafp.report.account_lanes import draw_account_lanes
from mediafp.report.cards import MatchCard, build_card
from mediafp.report.doubted_words import draw_words, name_certainty
from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.group_cards import build_group_card, iter_members, list_sightings
from mediafp.report.groups import MatchPosition, iter_matches, order_matches
from mediafp.report.html import write_page
from mediafp.report.names import display_name
from mediafp.report.page_evidence import PageEvidence
from mediafp.report.page_images import PageImages
from mediafp.report.svg import draw_speech_timeline
from mediafp.types.clusters import Clustering
from mediafp.types.counted_nouns import count_of
from mediafp.types.file_sounds import is_said_elsewhere, sound_name
from mediafp.types.matches import Clip, QueryResult
from mediafp.types.timelines import Timeline
from mediafp.types.timestamps import format_span, format_time
from mediafp.types.transcripts import SpeechHint, Transcript
from mediafp.types.written_words import certain_runs, segment_certainty

MAX_OPEN_CARDS: Final = 20
"""Matches whose cards are unfolded, the first ones. Chosen, not measured."""
MAX_TRANSCRIPTS: Final = 500
"""Files whose transcripts and text on screen are printed; the others can be searched. Chosen, not measured."""
MAX_SCREEN_LINES: Final = 500
"""Lines of text on screen that are printed of one file; the others can be searched. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptCard:
    """The transcript and the text on screen of one file as the template draws them.

    `lines` hold the time, the language, its probability, the words, their certainty and the quality flags of each segment, with
    its audio track unless all is said in the first one; `screen_lines` the time span and the text of each line on screen.
    """

    name: str
    timeline: Markup | None
    summary: str
    lines: list[tuple[str, str, float, Markup, str, str]]
    hints: tuple[SpeechHint, ...]
    screen_lines: list[tuple[str, str]]
    more_screen_lines: int


def write_report(
    path: Path,
    *,
    results: Sequence[QueryResult],
    clustering: Clustering,
    source: EvidenceSource,
    seal: tuple[int, str],
    warnings: Sequence[str] = (),
    timeline: Timeline | None = None,
    clips: Sequence[Clip] = (),
    paths: bool = False,
    on_progress: Callable[[int], object] = lambda matches: None,
) -> None:
    """Write the evidence page, and the folder of its images if they are too large for one file.

    Args:
        path: The page.
        results: The matches within the store, each pair once. They are iterated once, and then read at most twice by
            position.
        clustering: The clusters of the store.
        source: The evidence; all queries and references are assets of it.
        seal: Number and hash of the last entry of the custody log.
        warnings: Reasons why matches may be missing, one sentence each.
        timeline: Accounts and events that are drawn; None for no drawing.
        clips: Clips of matching segments, which lie in a folder next to the page.
        paths: Show the whole paths of files, not only their names.
        on_progress: Called with the number of matches written so far.

    Raises:
        OSError: The page or the folder cannot be written.
    """
    links: dict[tuple[str, str], list[tuple[str, Clip]]] = {}
    for clip in clips:
        if clip.path:
            link = quote(os.fsencode(f"{clip.path.parent.name}/{clip.path.name}"))
            links.setdefault(clip.pair, []).append((link, clip))

    def build_values(images: PageImages) -> Mapping[str, object]:
        evidence = PageEvidence(source, images, paths=paths)
        matches = order_matches(results, clustering, evidence)
        cards = _CardWriter(results, evidence, links, on_progress)
        groups = [build_group_card(group, evidence) for group in matches.groups]
        found = _find_transcripts(results, source)
        transcripts = list(islice(found, MAX_TRANSCRIPTS))
        return {
            "title": "mediafp evidence",
            "seal": seal,
            "warnings": warnings,
            "total": matches.total,
            "groups": groups,
            "unclustered": clustering.unclustered,
            "account_lanes": Markup(draw_account_lanes(timeline)) if timeline and timeline.accounts else None,
            "group_cards": lambda number: cards.build(matches.groups[number].positions, {}),
            "group_members": lambda number: iter_members(matches.groups[number], evidence),
            "group_sightings": lambda number: list_sightings(matches.groups[number], evidence),
            "group_image": lambda group: evidence.image(group.source),
            "other_count": len(matches.others),
            "other_cards": lambda: cards.build(matches.others, matches.group_ids),
            "max_open": MAX_OPEN_CARDS,
            "transcripts": [name for name, _ in transcripts],
            "transcript_cards": lambda: (_transcript_card(uri, sha256, source) for uri, sha256 in transcripts),
            # What is left of them after the listed ones.
            "more_transcripts": sum(1 for _ in found),
        }

    write_page(path, "evidence_page.html.j2", build_values)


class _CardWriter:
    """Builds cards one after the other, and counts them."""

    def __init__(
        self,
        results: Sequence[QueryResult],
        evidence: PageEvidence,
        clips: Mapping[tuple[str, str], list[tuple[str, Clip]]],
        on_progress: Callable[[int], object],
    ) -> None:
        self._results, self._evidence, self._clips = results, evidence, clips
        self._on_progress, self._count = on_progress, 0

    def build(
        self, positions: Sequence[MatchPosition], group_ids: Mapping[str, str]
    ) -> Iterator[tuple[int, MatchCard]]:
        """Yield the cards of matches, with their numbers on the page; they link to the groups that are given."""
        for result, match in iter_matches(self._results, positions):
            self._count += 1
            # Of a folded card the kept frames are enough: decoding takes long.
            is_open = self._count <= MAX_OPEN_CARDS
            card = build_card(result, match, self._evidence, self._clips, group_ids, from_originals=is_open)
            yield self._count, card
            self._on_progress(self._count)


def _find_transcripts(results: Sequence[QueryResult], source: EvidenceSource) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of the files that have a transcript or text on screen, in the order of the results."""
    for result in results:
        if not result.sha256:
            continue
        transcribed = source.transcript(result.sha256)
        if (transcribed and transcribed[0].segments) or source.video_text(result.sha256):
            yield result.query, result.sha256


def _transcript_card(uri: str, sha256: str, source: EvidenceSource) -> TranscriptCard:
    """Return the transcript and the text on screen of an asset that has one of them."""
    transcript, hints = source.transcript(sha256) or (None, ())
    segments = transcript.segments if transcript else ()
    names_sounds = transcript is not None and is_said_elsewhere(transcript)
    shown = source.video_text(sha256) or ()
    summary = [_transcript_summary(transcript)] if transcript and segments else []
    summary += transcript.warnings if transcript else ()
    summary += [f"{count_of(len(shown), 'line')} on screen"] if shown else []
    return TranscriptCard(
        name=display_name(uri),
        timeline=(
            draw_speech_timeline(segments, max(transcript.duration, *(s.end for s in segments)))
            if transcript and segments
            else None
        ),
        summary="; ".join(summary),
        lines=[
            (
                format_time(s.start),
                s.language,
                s.language_probability,
                draw_words(certain_runs(replace(s, text=" ".join(s.text.split())))),
                name_certainty(segment_certainty(s)),
                ", ".join((*([sound_name(s.track, s.channel)] if names_sounds else []), *s.flags)).replace("_", " "),
            )
            for s in segments
        ],
        hints=hints,
        screen_lines=[(format_span((line.start, line.end)), line.text) for line in shown[:MAX_SCREEN_LINES]],
        more_screen_lines=max(0, len(shown) - MAX_SCREEN_LINES),
    )


def _transcript_summary(transcript: Transcript) -> str:
    languages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in sorted(transcript.languages.items()))
    lost = transcript.untranscribed_seconds
    return f"{transcript.model}: {languages}" + (f"; {lost:.0f} s of speech without text" if lost else "")
