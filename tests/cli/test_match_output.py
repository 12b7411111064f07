"""What `match` and `trace` print of a match."""

import pytest
from sample_matches import sample_match

from mediafp.cli.match import print_match
from mediafp.types.matches import Segment
from mediafp.types.media import TimeSpan


def segment(query: TimeSpan | None, reference: TimeSpan, channel: str = "picture") -> Segment:
    return Segment(
        channel=channel,  # type: ignore[arg-type]
        query=query,
        reference=reference,
        speed=1.0,
        mirrored=False,
        score=0.9,
    )


@pytest.mark.parametrize(
    ("kind", "segments", "lines"),
    [
        ("video", [segment(None, (65.0, 69.5))], ["seen at 01:05.0–01:09.5 of the reference"]),
        ("video", [segment(None, (5.0, 5.02))], ["seen at 00:05.0 of the reference"]),
        ("image", [segment((3.0, 4.0), (0.0, 0.0))], ["seen at 00:03.0–00:04.0 of the query"]),
        (
            "video",
            [segment((1.0, 9.0), (31.0, 39.0)), segment((0.0, 60.0), (3600.0, 3660.0), "voice")],
            [
                "picture: 00:01.0–00:09.0 of the query, 00:31.0–00:39.0 of the reference",
                "voice: 00:00.0–01:00.0 of the query, 1:00:00.0–1:01:00.0 of the reference",
            ],
        ),
        (
            "video",
            [segment(None, (at, at + 1.0)) for at in (1.0, 5.0, 9.0, 13.0, 17.0)],
            [f"seen at 00:{at:04.1f}–00:{at + 1:04.1f} of the reference" for at in (1, 5, 9)]
            + ["and 2 more segments: see --json"],
        ),
    ],
    ids=["image in video", "one frame", "image in the query", "videos", "many"],
)
def test_times_of_a_match_are_printed(
    kind: str, segments: list[Segment], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    print_match(sample_match(kind=kind, segments=tuple(segments), why=("they agree",)))
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[2:]] == lines


def test_words_of_a_script_are_printed_below_its_times(capsys: pytest.CaptureFixture[str]) -> None:
    segments = (segment((1.0, 9.0), (31.0, 39.0), "script"), segment((20.0, 25.0), (50.0, 55.0), "script"))
    words = (("good evening", "good evening"), ("buenas noches", "good night"))
    print_match(sample_match(kind="video", relation="same_script", segments=segments, words=words))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()[2:]]
    assert lines[1] == "“good evening”" and lines[3] == "“buenas noches” / “good night”"
