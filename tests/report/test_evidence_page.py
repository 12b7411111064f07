"""The evidence page, written from evidence in memory."""

import base64
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rated_words import rated
from sample_matches import sample_match, sample_placement

from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.report.evidence_page import MAX_SCREEN_LINES, write_report
from mediafp.report.evidence_source import EvidenceFrame
from mediafp.report.page_images import EmbeddedImages
from mediafp.report.publication_page import (
    PageCard,
    PublicationValues,
    begin_evidence,
    build_match_card,
    render_publication,
)
from mediafp.types.clusters import Cluster, Clustering, ClusterMember, Edge
from mediafp.types.matches import Change, Clip, Match, QueryResult, Segment, TextLine
from mediafp.types.media import Asset
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SpeechHint, Transcript, TranscriptSegment
from mediafp.types.video_text import VideoTextLine

HOSTILE = "<script>alert('x')<b> \"q\" & 'a' {{7*7}} 文\n" + chr(0xDCFF) + ".jpg"
"""A file name without a slash, since the page shows the last part of a path."""
SEAL = (7, "9" * 64)
IMAGE, ORIGINAL, VIDEO, UPLOAD = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)


class MemorySource:
    """An `EvidenceSource` in memory, which records the times of the thumbnails that were requested."""

    def __init__(self, photo: np.ndarray) -> None:
        self.jpeg: bytes | None = encode_thumbnail(photo, 256)
        self.assets = {
            sha256: Asset(sha256=sha256, kind="image", bytes=9, properties={"width": 600, "height": 400})
            for sha256 in (IMAGE, ORIGINAL)
        } | {
            sha256: Asset(sha256=sha256, kind="video", bytes=9, properties={"width": 640, "height": 360, "duration": s})
            for sha256, s in ((VIDEO, 30.0), (UPLOAD, 65.5))
        }
        self.sightings_by_sha256: dict[str, list[Sighting]] = {}
        self.clues_by_sha256: dict[str, list[Clue]] = {}
        self.warnings_by_sha256: dict[str, list[str]] = {}
        self.video_texts: dict[str, tuple[VideoTextLine, ...]] = {}
        self.transcripts: dict[str, tuple[Transcript, tuple[SpeechHint, ...]]] = {}
        self.gone: set[str] = set()
        self.weakest: tuple[float, float] | None = None
        self.times: dict[str, list[float | None]] = {sha256: [] for sha256 in self.assets}

    def asset(self, sha256: str) -> Asset:
        return self.assets[sha256]

    def warnings(self, sha256: str) -> list[str]:
        return self.warnings_by_sha256.get(sha256, [])

    def clues(self, sha256: str) -> list[Clue]:
        return self.clues_by_sha256.get(sha256, [])

    def sightings(self, sha256: str) -> list[Sighting]:
        return self.sightings_by_sha256.get(sha256, [])

    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        return self.video_texts.get(sha256)

    def transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        return self.transcripts.get(sha256)

    def thumbnail(self, sha256: str, seconds: float | None = None, page: int = 0) -> bytes | None:
        self.times[sha256].append(seconds)
        return self.jpeg

    def frames(self, sha256: str, times: Sequence[float], *, from_original: bool = False) -> list[EvidenceFrame | None]:
        self.times[sha256] += times
        if self.jpeg is None:
            return [None] * len(times)
        is_exact = from_original and sha256 not in self.gone
        return [
            EvidenceFrame(jpeg=self.jpeg, seconds=time if is_exact else float(int(time)), is_exact=is_exact)
            for time in times
        ]

    def least_alike(self, query_sha256: str, reference_sha256: str, segment: Segment) -> tuple[float, float] | None:
        return self.weakest


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text without style sheet and script."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag in ("style", "script")
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, of: str | None = None) -> list[dict[str, str]]:
        """Return the attributes of every element of a tag and a class."""
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and (of is None or of in attributes.get("class", "").split())
        ]


PLACEMENT = sample_placement(
    quad=((60.0, 40.0), (540.0, 40.0), (540.0, 352.0), (60.0, 352.0)),
    overlap=((60.0, 40.0), (540.0, 40.0), (540.0, 352.0), (60.0, 352.0)),
    covered=0.62,
    scale=0.8,
    removed=(0.1, 0.0, 0.1, 0.12),
    inliers=80,
    correspondences=tuple(((10.0 * n, 5.0 * n), (60 + 8.0 * n, 40 + 4.0 * n)) for n in range(50)),
)
COPY = sample_match(
    sha256=ORIGINAL,
    uris=("/dump/original.jpg",),
    probability=0.997,
    coverage=(1.0, 0.62),
    placement=PLACEMENT,
    why=("80 keypoints agree on one placement",),
)
SEGMENT = Segment(channel="picture", query=(2.0, 12.0), reference=(40.0, 50.0), speed=1.0, mirrored=False, score=0.6)
SHARED = sample_match(
    sha256=UPLOAD,
    uris=("/dump/upload.mp4",),
    kind="video",
    relation="contained_in",
    coverage=(0.9, 0.2),
    segments=(SEGMENT, replace(SEGMENT, query=(15.0, 20.0), reference=(5.0, 10.0))),
    why=("15 s of the query align with the reference in 2 segments",),
)


def result_of(match: Match, query: str = "/dump/query.jpg") -> QueryResult:
    sha256 = IMAGE if match.relation == "copy" else VIDEO
    return QueryResult(
        query=query, sha256=sha256, kind="image" if sha256 == IMAGE else "video", error=None, matches=(match,)
    )


NO_CLUSTERS = Clustering(clusters=(), unclustered=4)


@pytest.fixture
def source(photos: dict[str, np.ndarray]) -> MemorySource:
    """Two images and two videos whose thumbnails show one photograph."""
    return MemorySource(photos["temple"])


def write(folder: Path, source: MemorySource, *results: QueryResult, clustering: Clustering = NO_CLUSTERS) -> str:
    """Return the text of the page of some results."""
    write_report(folder / "page.html", results=results, clustering=clustering, source=source, seal=SEAL)
    return (folder / "page.html").read_text(encoding="utf-8")


def everything(source: MemorySource, name: str = "/dump/query.jpg") -> tuple[tuple[QueryResult, ...], Clustering]:
    """Return every kind of evidence, with the same name in every place that takes a name."""
    placement = replace(
        PLACEMENT,
        handles=(name,),
        removed_text=(TextLine(text=name, box=((0.0, 0.0),) * 4, confidence=0.9),),
    )
    source.sightings_by_sha256 = {
        sha256: [
            Sighting(
                sha256=sha256,
                uri=name,
                account=name,
                platform=name,
                url=f"https://e.org/{name}",
                posted_at="2024-05-01",
            )
        ]
        for sha256 in source.assets
    }
    results = (
        result_of(replace(COPY, uris=(name,), why=(name,), placement=placement), name),
        result_of(replace(SHARED, uris=(name,), why=(name,)), name),
    )
    edge = Edge(a=IMAGE, b=ORIGINAL, relation="copy", probability=0.9, coverage=(1.0, 0.6))
    members = tuple(ClusterMember(sha256=sha256, uris=(name,)) for sha256 in (IMAGE, ORIGINAL))
    cluster = Cluster(
        id="c1",
        kind="image",
        representative=ORIGINAL,
        weakest_link=0.83,
        weakest_pair=(edge.a, edge.b),
        members=members,
        edges=(edge,),
    )
    return results, Clustering(clusters=(cluster,), unclustered=2)


# The page as a whole ------------------------------------------------------------------------------


def test_write_report_references_no_external_resource(tmp_path: Path, source: MemorySource) -> None:
    results, clustering = everything(source)
    text = write(tmp_path, source, *results, clustering=clustering)
    page = Page(text)
    links = [
        (tag, name, value)
        for tag, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "data", "action", "poster", "srcset", "background")
    ]
    assert links
    for tag, name, value in links:
        assert value.startswith(("data:image/jpeg;base64,", "#")), (tag, name, value[:80])
    assert page.all("script") == [{}] and not page.all("link") and not page.all("iframe") and not page.all("object")
    assert not re.search(r"@import|url\((?!#)", text)
    bare = re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]*", "", text)
    assert not re.findall(r'="(https?://[^"]*)"', bare)


def test_write_report_embeds_each_image_once(tmp_path: Path, source: MemorySource) -> None:
    results, clustering = everything(source)
    text = write(tmp_path, source, *results, clustering=clustering)
    (encoded,) = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]*)", text)
    with Image.open(BytesIO(base64.b64decode(encoded, validate=True))) as image:
        image.load()
        assert image.format == "JPEG" and max(image.size) <= 256
    (defined,) = Page(text).all("image")
    used = [attributes["href"] for attributes in Page(text).all("use")]
    assert len(used) > 8 and set(used) == {f"#{defined['id']}"}
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_write_report_escapes_hostile_names(tmp_path: Path, source: MemorySource) -> None:
    plain = Page(write(tmp_path, source, *everything(source)[0], clustering=everything(source)[1]))
    results, clustering = everything(source, HOSTILE)
    text = write(tmp_path, source, *results, clustering=clustering)
    page = Page(text)
    assert text.count("<script") == 1
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements], "a name adds no element"
    assert [sorted(attributes) for _, attributes in page.elements] == [
        sorted(attributes) for _, attributes in plain.elements
    ], "a name adds no attribute"
    assert page.text.count("<script>alert('x')<b> \"q\" & 'a' {{7*7}} 文") >= 12, "names are shown unchanged"
    assert "\\xff" in page.text, "a byte that is not UTF-8 is shown by its value"


def test_write_report_escapes_names_that_are_not_text(tmp_path: Path, source: MemorySource) -> None:
    text = write(tmp_path, source, result_of(COPY, "/dump/" + chr(0xDC80) + chr(0xDCFF) + "\x1b[31m\u202egpj.exe"))
    assert "\\x80\\xff" in text
    assert "\x1b" not in text and "\u202e" not in text


def test_write_report_states_that_nothing_matches(tmp_path: Path, source: MemorySource) -> None:
    for results in ((), (replace(result_of(COPY), matches=()),)):
        page = Page(write(tmp_path, source, *results))
        assert "No file in this case matches another one." in page.text
        assert not page.all("details") and "4 files without a group" in page.text
        assert not page.all("input"), "there is nothing to filter"
        assert "does not mean “same operator”" in page.text


def test_write_report_orders_matches_by_probability(tmp_path: Path, source: MemorySource) -> None:
    page = Page(
        write(tmp_path, source, result_of(SHARED, "/v.mp4"), result_of(COPY, "/p.jpg"), result_of(COPY, "/o.jpg"))
    )
    order = [page.text.index(f"{name} ") for name in ("o.jpg shows", "p.jpg shows", "v.mp4 is contained in")]
    assert order == sorted(order)
    assert "3 matches" in page.text and len(page.all("details", "match")) == 3


def test_write_report_works_without_thumbnails(tmp_path: Path, source: MemorySource) -> None:
    source.jpeg = None
    results, clustering = everything(source)
    page = Page(write(tmp_path, source, *results, clustering=clustering))
    assert len(page.all("details", "match")) == 2 and not page.all("image") and not page.all("use")
    assert page.all("svg", "times") and "query.jpg" in page.text


def drawn_images(text: str) -> list[tuple[float, float, float]]:
    """Return left edge, width and height of both images in the drawing of a pair."""
    (defined,) = Page(text).all("image")
    (drawing,) = re.findall(r'<svg class="pair".*?</svg>', text, re.DOTALL)
    placed = re.findall(r"translate\(([\d.]+)\) scale\(([\d.]+) ([\d.]+)\)", drawing)
    return [
        (float(x), float(across) * float(defined["width"]), float(down) * float(defined["height"]))
        for x, across, down in placed
    ]


# Images -------------------------------------------------------------------------------------------


def test_draw_side_by_side_labels_and_tints_removed_strips(tmp_path: Path, source: MemorySource) -> None:
    text = write(tmp_path, source, result_of(COPY))
    page = Page(text)
    (cut,) = page.all("text", "cut")
    label = re.search(r'class="cut"[^>]*>([^<]*)<', text)
    assert cut and label is not None
    assert all(part in label[1] for part in ("left 10 %", "right 10 %", "bottom 12 %")) and "top" not in label[1]
    red = re.findall(r"--cut:(#\w+)", text)[0]
    assert any(path.get("fill") == red for path in page.all("path")), "the strip is tinted red"
    assert re.search(r"svg \.cut \{[^}]*var\(--cut\)", text), "the label is red"


@pytest.mark.parametrize("removed", [(0.0, 0.0, 0.0, 0.0), (0.009, 0.0, 0.0, 0.002)])
def test_draw_side_by_side_has_no_red_without_removed_strips(
    tmp_path: Path, source: MemorySource, removed: tuple[float, float, float, float]
) -> None:
    whole = ((0.0, 0.0), (600.0, 0.0), (600.0, 400.0), (0.0, 400.0))
    text = write(
        tmp_path,
        source,
        result_of(replace(COPY, placement=replace(PLACEMENT, removed=removed, quad=whole, overlap=whole))),
    )
    page = Page(text)
    red = re.findall(r"--cut:(#\w+)", text)[0]
    assert not page.all("text", "cut")
    assert not any(path.get("fill") == red for path in page.all("path"))


def test_draw_side_by_side_outlines_the_overlap_in_both_images(tmp_path: Path, source: MemorySource) -> None:
    """The overlap is all of the query, and the overlap polygon in the reference, each scaled to the drawing."""
    text = write(tmp_path, source, result_of(COPY))
    images = drawn_images(text)
    outlines = [
        np.array([[float(v) for v in point.split(",")] for point in attributes["points"].split()])
        for attributes in Page(text).all("polygon")
    ]
    assert len(images) == len(outlines) == 2
    polygons = {}
    for outline in outlines:
        side = int(outline[:, 0].max() > images[1][0])
        x, width, height = images[side]
        polygons[side] = (outline - (x, 0)) / (width / 600, height / 400)
    # The overlap is the whole query: (600, 390) at scale .8 covers (480, 312) of the reference.
    assert polygons[1] == pytest.approx(np.array(PLACEMENT.overlap), abs=1)
    assert sorted(polygons[0].max(axis=0).tolist()) == pytest.approx([400, 600], abs=1)
    assert polygons[0].min(axis=0) == pytest.approx([0, 0], abs=1)


def test_draw_side_by_side_outlines_further_copies_and_perspective(tmp_path: Path, source: MemorySource) -> None:
    """The outline of a placement in perspective is not a parallelogram."""
    whole = ((0.0, 0.0), (600.0, 0.0), (600.0, 400.0), (0.0, 400.0))
    angled = replace(
        PLACEMENT, quad=((-300.0, -200.0), (900.0, -100.0), (900.0, 500.0), (-300.0, 600.0)), overlap=whole
    )
    aside = replace(PLACEMENT, quad=((-600.0, 0.0), (600.0, 0.0), (600.0, 800.0), (-600.0, 800.0)), overlap=whole)
    text = write(tmp_path, source, result_of(replace(COPY, placement=angled, more_placements=(aside,))))
    page, images = Page(text), drawn_images(text)
    middle, width = images[1][0], images[0][1]
    outlines = [
        np.array([[float(v) for v in point.split(",")] for point in attributes["points"].split()])
        for attributes in page.all("polygon")
    ]
    query_outlines = [outline * (600 / width, 400 / 320) for outline in outlines if outline[:, 0].max() < middle]
    assert len(outlines) == 3 and len(query_outlines) == 2
    first, second = query_outlines
    a, b, c, d = first
    assert np.abs(a + c - b - d).max() > 10, "a parallelogram"
    assert second == pytest.approx(np.array([(300, 0), (600, 0), (600, 200), (300, 200)]), abs=1.5)


def test_draw_side_by_side_joins_correspondences(tmp_path: Path, source: MemorySource) -> None:
    text = write(tmp_path, source, result_of(COPY))
    page = Page(text)
    (dots,), (joined,) = page.all("path", "dots"), page.all("path", "joined")
    assert dots["d"].count("M") == 2 * len(PLACEMENT.correspondences)
    lines = re.findall(r"M(\d+) \d+L(\d+) \d+", joined["d"])
    assert 0 < len(lines) <= len(PLACEMENT.correspondences)
    middle = drawn_images(text)[1][0]
    assert all(float(left) < middle <= float(right) + 0.5 for left, right in lines)


def test_draw_side_by_side_outlines_changes_with_sign_number_and_the_words_that_differ(
    tmp_path: Path, source: MemorySource
) -> None:
    changes = (
        Change(box=BOX, what="changed", kind="text", before="opens <at> noon", after="opens <at> night"),
        Change(box=BOX, what="added", kind="overlay"),
    )
    text = write(tmp_path, source, result_of(replace(COPY, changes=changes)))
    page = Page(text)
    assert len(page.all("g", "change")) == 4 and text.count(">≠1</text>") == text.count(">+2</text>") == 2
    # Of what was added, the outline is dashed in the reference alone.
    assert len(page.all("polygon", "missing")) == 1 and len(page.all("polygon", "shown")) == 3
    assert "opens &lt;at&gt; <mark>noon</mark>" in text and "opens &lt;at&gt; <mark>night</mark>" in text


def test_draw_side_by_side_draws_no_outline_without_a_placement(tmp_path: Path, source: MemorySource) -> None:
    text = write(tmp_path, source, result_of(replace(COPY, placement=None, verdict="possible")))
    page = Page(text)
    assert len(drawn_images(text)) == 2 and "possibly shows the same image as" in page.text
    assert not page.all("polygon") and not page.all("g", "points") and not page.all("text", "cut")
    assert page.all("span", "possible")


BOX = ((20.0, 80.0), (60.0, 80.0), (60.0, 90.0), (20.0, 90.0))


def test_write_report_shows_sightings_handles_and_reasons(tmp_path: Path, source: MemorySource) -> None:
    source.sightings_by_sha256[ORIGINAL] = [
        Sighting(
            sha256=ORIGINAL, uri="/dump/o.jpg", account="somebody", platform="weibo", posted_at="2024-05-01T00:00:00Z"
        )
    ]
    placement = replace(PLACEMENT, handles=("@sample",), removed_text=(TextLine(text="微博", box=BOX, confidence=0.9),))
    text = Page(write(tmp_path, source, result_of(replace(COPY, placement=placement)))).text
    assert "reference: somebody on weibo · 2024-05-01T00:00:00Z · o.jpg" in text
    assert "80 keypoints agree on one placement" in text
    assert "Handle in the removed part @sample" in text and "微博" in text


# Videos -------------------------------------------------------------------------------------------


def test_write_report_lists_the_segments_that_its_time_lines_draw(tmp_path: Path, source: MemorySource) -> None:
    page = Page(write(tmp_path, source, result_of(SHARED)))
    assert len(page.all("svg", "times")) == 1 and not page.all("svg", "pair")
    assert "A picture 00:02.0–00:12.0 00:40.0–00:50.0" in page.text
    assert "B picture 00:15.0–00:20.0 00:05.0–00:10.0" in page.text
    assert not any("style" in attributes for _, attributes in page.elements), "the policy allows no style attribute"


def test_write_report_shows_the_first_of_many_segments_and_counts_the_others(
    tmp_path: Path, source: MemorySource
) -> None:
    segments = tuple(
        replace(SEGMENT, query=(0.7 * n, 0.7 * n + 0.5), reference=(1.5 * n, 1.5 * n + 0.5)) for n in range(40)
    )
    text = write(tmp_path, source, result_of(replace(SHARED, segments=segments)))
    page = Page(text)
    assert len(page.all("rect", "bar-picture")) == 80
    assert "28 more segments match and are not listed here" in page.text
    assert "Frames of 36 more segments are not shown" in page.text
    assert len(page.all("div", "two")) == 12


def test_write_report_shows_frames_at_the_ends_and_at_the_least_alike_moment(
    tmp_path: Path, source: MemorySource
) -> None:
    """The caption states the time of the frame that is shown."""
    source.weakest = (5.0, 43.0)
    source.gone = {UPLOAD}
    page = Page(write(tmp_path, source, result_of(replace(SHARED, segments=(SEGMENT,)))))
    assert [t for t in source.times[VIDEO] if t is not None] == pytest.approx([2.1, 5.0, 11.9])
    assert [t for t in source.times[UPLOAD] if t is not None] == pytest.approx([40.1, 43.0, 49.9])
    assert "A, least alike query 00:05.0 reference about 00:43.0: kept frame of 00:43.0" in page.text
    assert "A, end query 00:11.9 reference about 00:49.9: kept frame of 00:49.0" in page.text


def test_write_report_links_clips_by_the_name_of_their_segment(tmp_path: Path, source: MemorySource) -> None:
    clips = [
        Clip(pair=(VIDEO, UPLOAD), path=tmp_path / "page-clips" / name, message=f"times {name}", segment=segment)
        for name, segment in (("1.mp4", SHARED.segments[1]), ("2.mp4", SHARED.segments[0]))
    ]
    write_report(
        tmp_path / "page.html",
        results=[result_of(SHARED)],
        clustering=NO_CLUSTERS,
        source=source,
        seal=SEAL,
        clips=clips,
    )
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "Clip B, picture, times 1.mp4 : query left" in page.text and "Clip A, picture, times 2.mp4" in page.text
    assert {"page-clips/1.mp4", "page-clips/2.mp4"} <= {link.get("href") for link in page.all("a")}


def test_write_report_pairs_the_frames_of_a_reversed_segment(tmp_path: Path, source: MemorySource) -> None:
    page = Page(write(tmp_path, source, result_of(replace(SHARED, segments=(replace(SEGMENT, speed=-1.0),)))))
    assert [t for t in source.times[UPLOAD] if t is not None] == pytest.approx([49.9, 45.0, 40.1])
    assert "A, middle query 00:07.0 reference 00:45.0" in page.text


def test_write_report_draws_an_image_in_a_video_with_one_time_line(tmp_path: Path, source: MemorySource) -> None:
    match = replace(
        SHARED,
        relation="image_in_video",
        placement=replace(PLACEMENT, removed=(0.0,) * 4),
        segments=(replace(SEGMENT, query=None, reference=(40.0, 44.0)),),
    )
    result = QueryResult(query="/dump/still.jpg", sha256=IMAGE, kind="image", error=None, matches=(match,))
    page = Page(write(tmp_path, source, result))
    assert len(page.all("svg", "times")) == 1 and len(page.all("rect", "line")) == 1
    assert len(page.all("svg", "pair")) == 1 and "reference: upload.mp4 at 00:42.0" in page.text
    assert [t for t in source.times[UPLOAD] if t is not None] == [42.0]


# Clusters -----------------------------------------------------------------------------------------


def test_write_report_shows_the_source_of_a_group_first(tmp_path: Path, source: MemorySource) -> None:
    results, clustering = everything(source)
    source.sightings_by_sha256[IMAGE] = [replace(source.sightings_by_sha256[IMAGE][0], posted_at="2020-01-01")]
    page = Page(write(tmp_path, source, *results, clustering=clustering))
    assert "c1 · 2 images" in page.text and "weakest link 0.83" in page.text
    assert "(oldest date in this case: /dump/query.jpg · /dump/query.jpg · 2020-01-01 )" in page.text
    assert "source query.jpg" in page.text and "most complete representative query.jpg" in page.text
    figures = page.all("figure")
    assert [attributes.get("class") for attributes in figures[:2]] == ["source", None]


def test_write_report_shows_transcripts_with_languages_and_flags(tmp_path: Path, source: MemorySource) -> None:
    transcript = Transcript(
        model="whisper-base",
        version="v",
        duration=30,
        speech_seconds=20,
        untranscribed_seconds=3,
        segments=(
            TranscriptSegment(start=1, end=9, language="yue", language_probability=0.97, text="佢哋<b>喺度", flags=()),
            rated(
                TranscriptSegment(
                    start=9, end=20, language="en", language_probability=0.9, text="so so so", flags=("repetition",)
                ),
                (0.9, 0.3, 0.9),
            ),
        ),
    )
    hint = SpeechHint(
        name="U.S. read as us", start=10, end=11, heard="the us army", reason="beside 'army'", source="S, 2020"
    )
    source.transcripts[VIDEO] = transcript, (hint,)
    result = QueryResult(query="/dump/talk.mp4", sha256=VIDEO, kind="video", error=None, matches=())
    silent = QueryResult(query="/dump/silent.mp4", sha256=UPLOAD, kind="video", error=None, matches=())
    write_report(
        tmp_path / "page.html",
        results=[result, silent],
        clustering=Clustering(clusters=(), unclustered=2),
        source=source,
        seal=SEAL,
    )
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    words = " ".join(Page(text).words)
    for expected in (
        "Transcripts",
        "00:01.0",
        "yue",
        "佢哋<b>喺度",
        "repetition",
        "language 97 %",
        "⟨so?⟩",
        "◐ doubtful",
        "3 s of speech without text",
        "S, 2020",
    ):
        assert expected in words
    assert text.count("url(#doubt)") == 1 and "silent.mp4" not in words


def test_passages_mark_guesses_and_a_publication_explains_the_marks_once(source: MemorySource) -> None:
    segment = TranscriptSegment(start=1, end=4, language="en", language_probability=0.9, text="they hide it")
    for sha256, last in ((VIDEO, 0.3), (UPLOAD, 0.9)):
        said = rated(segment, (0.9, 0.9, last))
        spoken = Transcript(
            model="m", version="v", duration=9, speech_seconds=3, untranscribed_seconds=0, segments=(said,)
        )
        source.transcripts[sha256] = spoken, ()
    script = Segment(channel="script", query=(0, 5), reference=(0, 5), speed=1.0, mirrored=False, score=0.9)
    match = sample_match(sha256=UPLOAD, kind="video", relation="same_script", segments=(script,))
    result = QueryResult(query="video 1", sha256=VIDEO, kind="video", error=None, matches=(match,))
    images = EmbeddedImages()
    card = build_match_card(result, match, begin_evidence(source, images))
    values = PublicationValues(
        title="t", words=(), by="", left_out=(), files=(), lists=(), log=(1, "a"), sealed_at=None,
        cards=[PageCard(title=name, note="", match=card) for name in "ab"],
    )  # fmt: skip
    page = render_publication(values, images, hashes=False)
    assert page.count('they hide <span class="guess">⟨it?⟩</span>') == 2 and page.count("they hide it") == 2
    assert page.count("whoever quotes it should say so") == 1


def test_write_report_shows_the_text_on_screen_with_its_times(tmp_path: Path, source: MemorySource) -> None:
    box = ((0.0, 0.0), (9.0, 0.0), (9.0, 4.0), (0.0, 4.0))
    lines = [
        VideoTextLine(text=f"line <{n}>", start=float(n), end=n + 2.5, box=box, confidence=0.9)
        for n in range(MAX_SCREEN_LINES + 2)
    ]
    source.video_texts[VIDEO] = tuple(lines)
    result = QueryResult(query="/dump/news.mp4", sha256=VIDEO, kind="video", error=None, matches=())
    write_report(
        tmp_path / "page.html",
        results=[result],
        clustering=Clustering(clusters=(), unclustered=1),
        source=source,
        seal=SEAL,
    )
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    for expected in (
        "news.mp4",
        f"{len(lines)} lines on screen",
        "On screen 00:00.0–00:02.5 line <0>",
        "and 2 more lines",
    ):
        assert expected in page.text


def test_write_report_counts_the_clues_passages_and_lines_that_it_does_not_show(
    tmp_path: Path, source: MemorySource
) -> None:
    source.clues_by_sha256[ORIGINAL] = [
        Clue(kind="device", value=f"phone {number}", source="EXIF", trust="low") for number in range(8)
    ]
    lines = tuple(TextLine(text=f"line {number}", box=BOX, confidence=0.9) for number in range(9))
    image = result_of(replace(COPY, placement=replace(PLACEMENT, removed_text=lines)))
    spoken = TranscriptSegment(start=0.0, end=90.0, language="en", language_probability=0.9, text="good evening")
    transcript = Transcript(
        model="m", version="v", duration=90, speech_seconds=90, untranscribed_seconds=0, segments=(spoken,)
    )
    source.transcripts = {sha256: (transcript, ()) for sha256 in (VIDEO, UPLOAD)}
    script = tuple(
        replace(SEGMENT, channel="script", query=(5.0 * n, 5.0 * n + 4), reference=(5.0 * n, 5.0 * n + 4))
        for n in range(6)
    )
    text = Page(
        write(tmp_path, source, image, result_of(replace(SHARED, relation="same_script", segments=script)))
    ).text
    assert "phone 5" in text and "phone 6" not in text and "reference: 2 more clues" in text
    assert "line 5" in text and "3 more lines of text are not shown." in text
    assert text.count("good evening") >= 8 and "The words of 2 more segments are not shown." in text
