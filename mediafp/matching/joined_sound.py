"""One match of two videos from the match of their images and the match of their sound."""

from collections.abc import Sequence
from dataclasses import replace

from mediafp.types.matches import JOINED_RELATIONS, Match


def can_join(picture: Match, voice: Match) -> bool:
    """Return True if two matches of one pair are one finding: both its images and its sound are copies."""
    return picture.relation in JOINED_RELATIONS and picture.verdict == voice.verdict == "copy"


def join_sound(picture: Match, voice: Match) -> Match:
    """Return the match of two videos by their images with the segments and reasons of their sound.

    Args:
        picture: Match of the images, whose relation the result has.
        voice: Match of the sound of the same query and reference.
    """
    return replace(
        picture,
        probability=max(picture.probability, voice.probability),
        segments=picture.segments + voice.segments,
        why=(*picture.why, *voice.why),
    )


def join_sounds(pictures: Sequence[Match], voices: Sequence[Match]) -> list[Match]:
    """Return the matches of one query, those of the sound joined with those of the images where both are copies."""
    by_reference = {voice.sha256: voice for voice in voices}
    matches = []
    for picture in pictures:
        voice = by_reference.get(picture.sha256)
        if voice and can_join(picture, voice):
            del by_reference[picture.sha256]
            matches.append(join_sound(picture, voice))
        else:
            matches.append(picture)
    return matches + list(by_reference.values())
