"""Relations of two videos from given segments, and frames that prove nothing."""

from dataclasses import replace

import numpy as np
import pytest
from made_tracks import Scene
from sample_matches import sample_match

from mediafp.matching.videos.alignment import AlignedSegment
from mediafp.matching.videos.motion import Motion
from mediafp.matching.videos.plain_frames import is_plain
from mediafp.matching.videos.relations import choose_relation, is_proven, video_reasons
from mediafp.store.sqlite.evidence_json import decode_match, encode_evidence
from mediafp.types.matches import Segment
from mediafp.types.media import TRACK_SIDE

MOVING = Motion(amount=20.0, agreement=0.95, moments=12, telling=12)
STILL = Motion(amount=0.0, agreement=0.0, moments=1, telling=1)
PLAIN = Motion(amount=30.0, agreement=1.0, moments=2, telling=0)

IDENTICAL = sample_match(uris=("a.mp4",), kind="video", relation="same_video", probability=1.0)


def segment(query: tuple[float, float], reference: tuple[float, float]) -> AlignedSegment:
    return AlignedSegment(
        query=query,
        reference=reference,
        speed=1.0,
        agreement=0.97,
        gain=10.0,
        moments=np.arange(2),
        places=np.arange(2),
        weakest=(query[0], reference[0]),
    )


@pytest.mark.parametrize(
    ("segments", "motion", "coverage", "relation"),
    [
        ([segment((0, 20), (0, 20))], MOVING, (1.0, 1.0), "same_video"),
        ([segment((0, 9), (0, 9)), segment((9, 18), (11, 20))], MOVING, (1.0, 0.9), "same_video"),
        # The halves in the other order are not the same cut.
        ([segment((0, 10), (10, 20)), segment((10, 20), (0, 10))], MOVING, (1.0, 1.0), "shares_footage"),
        # The reference shows the query four times.
        ([segment((0, 3), (3 * n, 3 * n + 3)) for n in range(4)], MOVING, (1.0, 1.0), "contained_in"),
        ([segment((4, 10), (0, 6))], MOVING, (0.4, 1.0), "contains"),
        ([segment((4, 10), (3, 9))], MOVING, (0.4, 0.5), "shares_footage"),
        ([segment((0, 4), (12, 16)), segment((4, 9), (0, 5)), segment((9, 14), (6, 11))], STILL, (1.0, 1.0), "shares_footage"),
    ],
)  # fmt: skip
def test_relation_follows_from_the_coverage_in_order(
    segments: list[AlignedSegment], motion: Motion, coverage: tuple[float, float], relation: str
) -> None:
    assert choose_relation(segments, [motion] * len(segments), coverage) == relation


def test_stills_and_plain_graphics_are_told_in_words() -> None:
    segments = [segment((0, 4), (12, 16)), segment((4, 9), (0, 5))]
    assert "the same still pictures" in video_reasons(segments, [STILL] * 2, (0.9, 0.9), None, 0.5)
    assert "only a plain graphic is the same" in video_reasons(segments[:1], [PLAIN], (0.3, 0.3), None, 0.5)
    assert "95 % of the motion in them agrees" in video_reasons(segments[:1], [MOVING], (0.3, 0.3), None, 0.5)


def test_seconds_of_a_query_that_the_reference_repeats_count_once() -> None:
    """A query of three seconds was said to have twelve that align."""
    segments = [segment((0, 3), (3 * n, 3 * n + 3)) for n in range(4)]
    reasons = video_reasons(segments, [MOVING] * 4, (1.0, 1.0), None, 0.5)
    assert reasons[0] == "3 s of the query align with the reference in 4 segments"


def test_plain_graphics_prove_no_copy() -> None:
    assert not is_proven([PLAIN], placed=True) and not is_proven([STILL], placed=False)
    assert is_proven([STILL], placed=True) and is_proven([MOVING], placed=False)


def test_bars_and_title_cards_are_plain_and_footage_is_not() -> None:
    bars = np.tile(np.repeat([180, 160, 130, 100, 80, 50], TRACK_SIDE // 6), (TRACK_SIDE, 1))
    card = np.full((TRACK_SIDE, TRACK_SIDE), 30)
    card[11:13, 5:19:2] = 220
    scene = Scene(1).frame(3)
    assert is_plain(np.stack([bars, card, scene]).astype(np.uint8)).tolist() == [True, True, False]


def test_moment_of_least_agreement_is_kept_and_older_evidence_has_none() -> None:
    found = Segment(
        channel="picture", query=(0, 4), reference=(2, 6), speed=1.0, mirrored=False, score=0.9, weakest=(1.2, 3.2)
    )
    match = replace(IDENTICAL, segments=(found, replace(found, weakest=None)))
    fields = {"relation": "same_video", "verdict": "copy", "probability": 1.0, "coverage": (1.0, 1.0)}
    evidence = encode_evidence(match)
    assert decode_match("a" * 64, "video", ("a.mp4",), evidence, **fields).segments == match.segments
    older = evidence.replace(',"weakest":[1.2,3.2]', "").replace(',"weakest":null', "")
    assert "weakest" not in older
    assert [s.weakest for s in decode_match("a" * 64, "video", ("a.mp4",), older, **fields).segments] == [None, None]
