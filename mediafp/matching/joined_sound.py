"""One match of two videos from the match of their images and the match of their sound."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from mediafp.types.kept_matches import KeptEdge
from mediafp.types.matches import JOINED_RELATIONS, Match

MIN_WHOLE_SOUND = 0.8
"""Share of the sound of both videos that must agree in one order for them to be the same cut. Chosen, not measured."""
MIN_SHOWN = 0.4
"""Share of the frames of both that must agree along with it: the rest may be hidden or changed. Chosen, not measured."""
MAX_APART_SECONDS = 0.75
"""Seconds by which the frames may be early or late against the sound. Chosen, not measured."""


def can_join(picture: Match, voice: Match) -> bool:
    """Return True if two matches of one pair are one finding: both its images and its sound are copies."""
    return picture.relation in JOINED_RELATIONS and picture.verdict == voice.verdict == "copy"


def join_sound(picture: Match, voice: Match) -> Match:
    """Return the match of two videos by their images with the segments and reasons of their sound.

    Args:
        picture: Match of the images, whose relation the result has.
        voice: Match of the sound of the same query and reference.
    """
    is_whole = _is_one_cut(picture, voice)
    return replace(
        picture,
        relation="same_video" if is_whole else picture.relation,
        probability=max(picture.probability, voice.probability),
        segments=picture.segments + voice.segments,
        why=(*picture.why, *voice.why),
    )


def _is_one_cut(picture: Match, voice: Match) -> bool:
    """Return True if the sound is the same from end to end, and the frames that agree are shown along with it."""
    if min(voice.coverage) < MIN_WHOLE_SOUND or min(picture.coverage) < MIN_SHOWN:
        return False
    line = max(voice.segments, key=lambda segment: segment.reference[1] - segment.reference[0])
    assert line.query, "the query is a video"
    return all(
        abs(line.reference[0] + line.speed * (own - line.query[0]) - other) <= MAX_APART_SECONDS
        for segment in picture.segments
        if segment.query
        for own, other in zip(segment.query, segment.reference, strict=True)
    )


def join_edges(edges: Iterable[KeptEdge]) -> Iterator[KeptEdge]:
    """Yield edges, ordered by both assets; frames that agree with the same sound from end to end are an edge of one cut.

    Whether the two agree at the same times is unknown here: a video with the same sound track and half of the footage is a
    near-duplicate in any case.
    """
    for _, group in groupby(edges, key=lambda edge: edge[:2]):
        pair = list(group)
        voice = next((edge for edge in pair if edge.relation == "same_voice"), None)
        for edge in pair:
            is_shown = edge.relation in JOINED_RELATIONS and min(edge.coverage_a, edge.coverage_b) >= MIN_SHOWN
            if voice and is_shown and min(voice.coverage_a, voice.coverage_b) >= MIN_WHOLE_SOUND:
                coverage = max(edge.coverage_a, voice.coverage_a), max(edge.coverage_b, voice.coverage_b)
                yield KeptEdge(edge.a, edge.b, "same_video", edge.probability, *coverage)
            else:
                yield edge


def describe_other_sound(picture: Match, *, query_sounds: bool, reference_sounds: bool) -> Match:
    """Return the match of the images of two videos whose sound does not match, with the reason that says so."""
    if picture.relation not in JOINED_RELATIONS or picture.verdict != "copy" or not (query_sounds or reference_sounds):
        return picture
    if query_sounds and reference_sounds:
        reason = "the sound of the query is not that of the reference"
    else:
        reason = f"the {'reference' if query_sounds else 'query'} has no sound that can be compared"
    return replace(picture, why=(*picture.why, reason))


def join_sounds(
    pictures: Sequence[Match], voices: Sequence[Match], *, query_sounds: bool, sounds: Callable[[str], bool]
) -> list[Match]:
    """Return the matches of one query, those of the sound joined with those of the images where both are copies.

    Args:
        pictures: Matches by images.
        voices: Matches by sound.
        query_sounds: True if the query has sound that can be compared.
        sounds: Function that states the same of a reference.
    """
    by_reference = {voice.sha256: voice for voice in voices}
    matches = []
    for picture in pictures:
        voice = by_reference.get(picture.sha256)
        if voice and can_join(picture, voice):
            del by_reference[picture.sha256]
            matches.append(join_sound(picture, voice))
        elif voice is None and picture.kind == "video":
            reference_sounds = sounds(picture.sha256)
            matches.append(describe_other_sound(picture, query_sounds=query_sounds, reference_sounds=reference_sounds))
        else:
            matches.append(picture)
    return matches + list(by_reference.values())
