"""The order of the report: groups with their sources, all matches, and what is folded."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sample_matches import sample_match

from mediafp.report.evidence_page import MAX_OPEN_CARDS, write_report
from mediafp.types.clusters import Cluster, Clustering, ClusterMember
from mediafp.types.matches import Match, QueryResult
from mediafp.types.media import Asset
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.video_text import VideoTextLine

A, B, C, D = (digit * 64 for digit in "abcd")


class NamedSource:
    """An `EvidenceSource` of images without images, each seen once; `dates` by SHA-256."""

    def __init__(self, dates: dict[str, str]) -> None:
        self.dates = dates

    def asset(self, sha256: str) -> Asset:
        return Asset(sha256=sha256, kind="image", bytes=1, properties={"width": 60, "height": 40})

    def warnings(self, sha256: str) -> list[str]:
        return []

    def clues(self, sha256: str) -> list[Clue]:
        return []

    def sightings(self, sha256: str) -> list[Sighting]:
        account = f"account_{sha256[:1]}" if sha256 in self.dates else None
        return [Sighting(sha256=sha256, uri=path_of(sha256), account=account, posted_at=self.dates.get(sha256))]

    def thumbnail(self, sha256: str, seconds: float | None = None, page: int = 0) -> None:
        return None

    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        return None

    def transcript(self, sha256: str) -> None:
        return None


def path_of(sha256: str) -> str:
    return f"/home/analyst/{sha256.lstrip('0')[:6]}.jpg"


def match_to(sha256: str, probability: float = 0.9, coverage: tuple[float, float] = (1.0, 1.0)) -> Match:
    return sample_match(sha256=sha256, uris=(path_of(sha256),), probability=probability, coverage=coverage)


def result(sha256: str, *matches: Match) -> QueryResult:
    return QueryResult(query=path_of(sha256), sha256=sha256, kind="image", error=None, matches=matches)


def clustering(*members: str, representative: str = A) -> Clustering:
    return Clustering(
        clusters=(
            Cluster(
                id="c1",
                kind="image",
                representative=representative,
                weakest_link=0.8,
                members=tuple(ClusterMember(sha256=sha256, uris=(path_of(sha256),)) for sha256 in members),
                edges=(),
            ),
        ),
        unclustered=1,
    )


def write(folder: Path, clusters: Clustering, dates: dict[str, str], *results: QueryResult, paths: bool = False) -> str:
    page = folder / "page.html"
    write_report(
        page, results=results, clustering=clusters, source=NamedSource(dates), seal=(42, "e" * 64), paths=paths
    )
    return page.read_text("utf-8")


@pytest.mark.parametrize(
    ("dates", "coverage", "source", "reason"),
    [
        ({B: "2021-01-01", C: "2020-01-01"}, (1.0, 0.5), "c", "oldest date in this case:"),
        (
            {A: "2020-01-01T09:00:00Z", B: "2021-01-01", C: "2020-01-01"},
            (1.0, 0.5),
            "c",
            "oldest date in this case, not exact enough to rule out that 1 other member may be older:",
        ),
        ({}, (1.0, 0.5), "b", "most complete; no member has a date"),
        ({}, (0.5, 1.0), "c", "most complete; no member has a date"),
    ],
)
def test_the_source_of_a_group_is_its_oldest_or_most_complete_member(
    tmp_path: Path, dates: dict[str, str], coverage: tuple[float, float], source: str, reason: str
) -> None:
    text = write(tmp_path, clustering(A, B, C), dates, result(A), result(C, match_to(B, coverage=coverage)))
    assert f'Source: <b><bdi dir="ltr">{source * 6}.jpg</bdi></b> ({reason}' in text


def test_without_a_date_and_a_more_complete_member_the_source_is_not_known(tmp_path: Path) -> None:
    """The representative has most matches, which makes no source of it: it may be the altered copy of the other."""
    text = write(tmp_path, clustering(A, B, C), {}, result(A), result(C, match_to(B, coverage=(1.0, 0.99))))
    assert "Its source is not known: no member has a date or is more complete than another" in text
    assert "<td>not known</td>" in text and '<figure class="source"' not in text
    assert '<span class="mark">source</span>' not in text and '<span class="mark">representative</span>' in text


def test_matches_come_by_group_those_of_the_source_first_and_then_the_others(tmp_path: Path) -> None:
    text = write(
        tmp_path,
        clustering(A, B, C),
        {A: "2020-01-01"},
        result(D, match_to(A, 0.99)),
        result(C, match_to(B, 0.95), match_to(A, 0.7)),
        result(B, match_to(A, 0.8)),
    )
    shown = re.findall(r'data-hashes="(\w)\w+ (\w)\w+"', text)
    assert shown == [("b", "a"), ("c", "a"), ("c", "b"), ("d", "a")]
    group, others = text.partition('id="others"')[::2]
    assert group.count('class="card match"') == 3 and 'reference: in <a href="#c1">group c1</a>' in others
    (row,) = re.findall(r'<tr data-group="c1">.*?</tr>', text, re.DOTALL)
    assert "3 images" in row and "copy × 3" in row and "account_a" in row and "2020-01-01" in row


def test_matches_of_common_stretches_alone_come_last(tmp_path: Path) -> None:
    common = replace(match_to(B, 0.99), is_common=True)
    text = write(tmp_path, Clustering(clusters=(), unclustered=3), {}, result(A, common, match_to(C, 0.7)))
    assert re.findall(r'data-hashes="(\w)\w+ (\w)\w+"', text) == [("a", "c"), ("a", "b")]


def test_every_match_is_on_the_page_and_those_past_the_first_are_folded(tmp_path: Path) -> None:
    others = [f"{n:064}" for n in range(1, 251)]
    text = write(tmp_path, Clustering(clusters=(), unclustered=251), {}, result(A, *map(match_to, others)))
    cards = re.findall(r'<details class="card match" id="m(\d+)"[^>]*?( open)?>', text)
    assert [int(number) for number, _ in cards] == list(range(1, 251))
    assert [bool(is_open) for _, is_open in cards] == [n < MAX_OPEN_CARDS for n in range(250)]
    assert all(f"<code>{sha256}</code>" in text for sha256 in (A, *others))
    assert "250 of 250 matches" in text and "42 entries, last hash <code>eeee" in text
    alone = write(tmp_path, Clustering(clusters=(), unclustered=2), {}, result(A, match_to(B)))
    assert "1 of 1 match<" in alone and "<b>1</b>match<" in alone


def test_the_filter_finds_accounts_names_relations_verdicts_and_hashes(tmp_path: Path) -> None:
    close = replace(match_to(B), verdict="same_scene")
    text = write(tmp_path, Clustering(clusters=(), unclustered=2), {A: "2020", B: "2021"}, result(A, close))
    (words,) = re.findall(r'data-words="([^"]*)"', text)
    expected = {"aaaaaa.jpg", "bbbbbb.jpg", "account_a", "account_b", "copy", "same_scene", "same scene"}
    assert expected == set(words.split(" · ")) and f'data-hashes="{A} {B}"' in text


def test_whole_paths_are_shown_on_request_alone(tmp_path: Path) -> None:
    arguments = clustering(A, B), {A: "2020-01-01"}, result(A, match_to(B))
    assert "/home/analyst" not in write(tmp_path, *arguments)
    text = write(tmp_path, *arguments, paths=True)
    # In the line of a sighting, in the words of the filter, and in the list of sightings of the group.
    assert text.count("/home/analyst/aaaaaa.jpg") == 3


def test_equally_complete_members_without_a_date_are_named_and_none_is_the_source(tmp_path: Path) -> None:
    members = tuple(ClusterMember(sha256=name, uris=(path_of(name),)) for name in (A, B, C))
    cluster = Cluster(
        id="c1", kind="image", representative=A, weakest_link=0.9, weakest_pair=(A, B), members=members, edges=()
    )  # fmt: skip
    wide = [result(A, match_to(C, coverage=(0.5, 1.0))), result(B, match_to(C, coverage=(0.5, 1.0)))]
    write_report(
        tmp_path / "p.html",
        results=wide,
        clustering=Clustering(clusters=(cluster,), unclustered=0),
        source=NamedSource({}),  # type: ignore[arg-type]
        seal=(1, "e" * 64),
    )
    text = re.sub("<[^>]+>", "", (tmp_path / "p.html").read_text())
    assert f"the most complete ones are equally complete: {'a' * 6}.jpg, {'b' * 6}.jpg" in text
    assert text.count("most complete ") >= 2 and "Source: " not in text
