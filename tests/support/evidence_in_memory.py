"""Evidence in memory, and the page that it gives."""

from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from sample_matches import sample_match, sample_placement

from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.report.evidence_page import write_report
from mediafp.report.evidence_source import EvidenceFrame
from mediafp.types.clusters import Cluster, Clustering, ClusterMember, Edge
from mediafp.types.matches import Match, QueryResult, Segment, TextLine
from mediafp.types.media import Asset
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SpeechHint, Transcript
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


BOX = ((20.0, 80.0), (60.0, 80.0), (60.0, 90.0), (20.0, 90.0))
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
