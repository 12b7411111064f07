"""Matches of the images and of the sound of two videos become one where both are copies."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from sample_matches import sample_match

from mediafp.case.joined_matches import iter_joined
from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.matching.joined_sound import join_edges, join_sounds
from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.fingerprint_types import no_rows
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.kept_matches import Channel, KeptEdge, KeptMatch
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Asset

A, B = "a" * 64, "b" * 64


class TwoVideos:
    """A store of two videos, of which the damaged one cannot be read."""

    def __init__(self, damaged: str | None = None) -> None:
        self.damaged = damaged
        self.reports: list[str] = []

    def asset(self, sha256: str) -> Asset:
        if sha256 == self.damaged:
            raise StoreError(f"cannot read {sha256}")
        return Asset(sha256=sha256, kind="video", bytes=1, properties={"width": 64, "height": 48})

    def uris(self, sha256: str) -> tuple[str, ...]:
        return (f"{sha256[0]}.mp4",)

    def fingerprints(self, type: str, version: str, only: set[str]) -> list[Fingerprint]:
        """Of the prints of sound: only the first video has some."""
        return [
            Fingerprint(sha256=one, type=type, version=version, **no_rows(SoundPrints())._asdict())
            if one == B
            else Fingerprint(
                sha256=one,
                type=type,
                version=version,
                spans=np.zeros((1, 2)),
                vectors=np.zeros((1, 128), np.uint8),
                quality=np.ones(1, np.float32),
            )
            for one in only
        ]

    def on_damage(self, sha256: str, message: str) -> None:
        self.reports.append(message)


def segment(channel: str, query: tuple[float, float], reference: tuple[float, float]) -> Segment:
    return Segment(channel=channel, query=query, reference=reference, speed=1.0, mirrored=False, score=0.9)  # type: ignore[arg-type]


PICTURE = sample_match(
    sha256=B, uris=("b.mp4",), kind="video", relation="contained_in", probability=0.9, coverage=(1.0, 0.3),
    segments=(segment("picture", (0.0, 5.0), (10.0, 15.0)),), why=("the frames agree",),
)  # fmt: skip
VOICE = sample_match(
    sha256=A, uris=("a.mp4",), kind="video", relation="same_voice", probability=0.99, coverage=(0.3, 1.0),
    segments=(segment("voice", (11.0, 15.0), (1.0, 5.0)),), why=("4 s of the sound of the query agree",),
)  # fmt: skip


def kept(query: str, channel: Channel, match: Match | None) -> KeptMatch:
    return KeptMatch(query=query, reference=B if query == A else A, channel=channel, promise=1.0, match=match)


def joined(*pairs: KeptMatch, damaged: str | None = None) -> list[KeptMatch]:
    return list(iter_joined(pairs, cast("Store", TwoVideos(damaged))))


def test_the_sound_joins_the_images_seen_from_the_same_side() -> None:
    (one,) = joined(kept(A, "picture", PICTURE), kept(B, "voice", VOICE))
    assert one.query == A and one.match
    assert (one.match.relation, one.match.sha256, one.match.probability) == ("contained_in", B, 0.99)
    assert one.match.segments == (*PICTURE.segments, segment("voice", (1.0, 5.0), (11.0, 15.0)))
    assert one.match.why == ("the frames agree", "4 s of the sound of the reference agree")


@pytest.mark.parametrize(
    ("picture", "voice"),
    [
        (replace(PICTURE, verdict="possible"), VOICE),
        (PICTURE, replace(VOICE, verdict="possible")),
        (replace(PICTURE, relation="image_in_video"), VOICE),
    ],
)
def test_a_doubtful_match_stays_by_itself(picture: Match, voice: Match) -> None:
    pairs = [kept(A, "picture", picture), kept(B, "voice", voice)]
    assert joined(*pairs) == pairs


def test_other_channels_and_other_pairs_are_not_joined() -> None:
    script = kept(A, "script", replace(PICTURE, relation="same_script"))
    other = KeptMatch(query=A, reference="c" * 64, channel="voice", promise=1.0, match=VOICE)
    pairs = [kept(A, "picture", replace(PICTURE, verdict="possible")), script, other]
    assert joined(*pairs) == pairs


@pytest.mark.parametrize(
    ("coverage", "sound", "relation"),
    [
        ((0.5, 0.5), (0.95, 0.95), "same_video"),
        ((0.2, 0.5), (0.95, 0.95), "shares_footage"),
        ((0.5, 0.5), (0.95, 0.4), "shares_footage"),
    ],
)
def test_frames_that_agree_along_the_same_sound_are_one_cut(
    coverage: tuple[float, float], sound: tuple[float, float], relation: str
) -> None:
    picture = replace(PICTURE, relation="shares_footage", coverage=coverage)
    voice = replace(VOICE, sha256=B, coverage=sound, segments=(segment("voice", (0.0, 9.0), (10.3, 19.3)),))
    (one,) = join_sounds([picture], [voice], query_sounds=True, sounds=lambda _: True)
    assert one.relation == relation
    elsewhere = replace(voice, segments=(segment("voice", (0.0, 9.0), (13.0, 22.0)),))
    (other,) = join_sounds([picture], [elsewhere], query_sounds=True, sounds=lambda _: True)
    assert other.relation == "shares_footage"


def test_edges_of_half_the_footage_and_all_of_the_sound_are_one_cut() -> None:
    shares = KeptEdge(A, B, "shares_footage", 0.9, 0.5, 0.6)
    voice = KeptEdge(A, B, "same_voice", 0.99, 0.9, 0.95)
    assert list(join_edges([shares, voice])) == [KeptEdge(A, B, "same_video", 0.9, 0.9, 0.95), voice]
    for edges in ([shares, voice._replace(coverage_a=0.5)], [shares._replace(coverage_b=0.3), voice], [voice]):
        assert list(join_edges(edges)) == edges


def test_a_match_of_images_states_which_side_has_no_sound() -> None:
    (one,) = joined(kept(A, "picture", PICTURE))
    assert one.match and one.match.why == ("the frames agree", "the reference has no sound that can be compared")
    (one,) = joined(kept(B, "picture", replace(PICTURE, sha256=A)))
    assert one.match and one.match.why == ("the frames agree", "the query has no sound that can be compared")


def test_a_match_of_images_states_that_the_sound_is_another() -> None:
    (one,) = join_sounds([PICTURE], [], query_sounds=True, sounds=lambda sha256: sha256 == B)
    assert one.why == ("the frames agree", "the sound of the query is not that of the reference")
    assert join_sounds([PICTURE], [], query_sounds=False, sounds=lambda _: False) == [PICTURE]


def test_a_damaged_asset_leaves_both_matches_as_they_are() -> None:
    pairs = [kept(A, "picture", PICTURE), kept(B, "voice", VOICE)]
    assert joined(*pairs, damaged=A) == pairs
