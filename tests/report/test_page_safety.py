"""Pages show any text of a file as it is, isolated, and load or run nothing."""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hostile_text import hidden_characters, hostile_texts, with_text
from hypothesis import given, settings
from sample_matches import sample_match, sample_placement

from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.report.evidence_page import write_report
from mediafp.report.evidence_source import EvidenceFrame
from mediafp.report.html import stream_template
from mediafp.report.page_images import EmbeddedImages
from mediafp.report.trace_page import write_trace
from mediafp.types.clusters import Cluster, Clustering, ClusterMember
from mediafp.types.matches import Clip, QueryResult, Segment, TextLine, Trace, TraceEntry
from mediafp.types.media import Asset
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SpeechHint, Transcript, TranscriptSegment
from mediafp.types.video_text import VideoTextLine

IMAGE, VIDEO = "1" * 64, "2" * 64
BOX = ((5.0, 5.0), (50.0, 5.0), (50.0, 20.0), (5.0, 20.0))
PLACEMENT = sample_placement(
    removed=(0.1, 0.0, 0.0, 0.0),
    removed_text=(TextLine(text="t", box=BOX, confidence=1.0),),
    handles=("@a", "@b"),
    correspondences=tuple(((9.0 * n, 7.0 * n), (9.0 * n, 7.0 * n)) for n in range(9)),
)
COPY = sample_match(sha256=IMAGE, uris=("u",), placement=PLACEMENT, why=("reason", "another"))
SCRIPT = sample_match(
    sha256=VIDEO,
    uris=("u",),
    kind="video",
    relation="same_script",
    segments=(
        Segment(channel="script", query=(0.0, 5.0), reference=(0.0, 5.0), speed=1.0, mirrored=False, score=1.0),
        Segment(channel="picture", query=(0.0, 5.0), reference=(0.0, 5.0), speed=1.0, mirrored=False, score=1.0),
    ),
    why=("reason",),
)
CLUE = Clue(kind="k", value="v", source="s", trust="low")
SIGHTING = Sighting(sha256=IMAGE, uri="u", account="a", platform="p", url="l", posted_at="d", source="s")
TRANSCRIPT = Transcript(
    model="m",
    version="v",
    duration=9,
    speech_seconds=5,
    untranscribed_seconds=1,
    segments=(
        TranscriptSegment(start=0, end=2, language="l", language_probability=0.9, text="t", flags=("f", "g")),
        TranscriptSegment(start=2, end=5, language="l", language_probability=0.9, text="t"),
    ),
)
HINT = SpeechHint(name="n", start=0, end=1, heard="h", reason="r", source="s")
SCREEN_LINE = VideoTextLine(text="t", start=1, end=2, box=((0.0, 0.0),) * 4, confidence=0.9)
SEAL = (7, "9" * 64)
IDENTIFIERS = {"sha256", "relation", "verdict", "kind", "segments", "id", "representative"}
"""Fields that the program sets itself: a page depends on their values."""


def filled(value: Any, text: str) -> Any:
    """Return a record with a text in every field that a file can decide."""
    changed = with_text(value, text)
    for name in IDENTIFIERS & set(getattr(type(value), "__dataclass_fields__", ())):
        object.__setattr__(changed, name, getattr(value, name))
    return changed


class HostileSource:
    """An `EvidenceSource` with one text in every field."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.jpeg = encode_thumbnail(np.full((80, 100, 3), 99, np.uint8), 100)

    def asset(self, sha256: str) -> Asset:
        kind: Any = "image" if sha256 == IMAGE else "video"
        return Asset(sha256=sha256, kind=kind, bytes=1, properties={"width": 100, "height": 80, "duration": 9.0})

    def warnings(self, sha256: str) -> list[str]:
        return [self.text]

    def clues(self, sha256: str) -> list[Clue]:
        return [filled(CLUE, self.text)]

    def sightings(self, sha256: str) -> list[Sighting]:
        return [filled(SIGHTING, self.text)]

    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        return (filled(SCREEN_LINE, self.text),) if sha256 == VIDEO else None

    def transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        return (filled(TRANSCRIPT, self.text), (filled(HINT, self.text),)) if sha256 == VIDEO else None

    def thumbnail(self, sha256: str, seconds: float | None = None, page: int = 0) -> bytes | None:
        return self.jpeg

    def frames(self, sha256: str, times: Sequence[float], *, from_original: bool = False) -> list[EvidenceFrame | None]:
        return [EvidenceFrame(jpeg=self.jpeg, seconds=time, is_exact=False) for time in times]

    def least_alike(self, query_sha256: str, reference_sha256: str, segment: Segment) -> tuple[float, float] | None:
        return None


def evidence_page(text: str) -> str:
    """Return a page with matches, transcripts, hints, clips and clusters, all of whose texts are one."""
    results = [
        QueryResult(query=text, sha256=sha256, kind="image", error=None, matches=(filled(match, text),))
        for sha256, match in ((IMAGE, COPY), (VIDEO, SCRIPT))
    ]
    member = ClusterMember(sha256=IMAGE, uris=(text,))
    cluster = Cluster(id="c1", kind="image", representative=IMAGE, weakest_link=0.9, members=(member,), edges=())
    # No folder has a lone surrogate, or a slash, in its name.
    folder_name = text.encode("utf-8", "ignore").decode().replace("/", "")
    clip = Clip(pair=(VIDEO, VIDEO), path=Path("/reports") / f"{folder_name}-clips" / "1.mp4", message="")
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        write_report(
            page,
            results=results,
            clustering=Clustering(clusters=(cluster,), unclustered=0),
            source=HostileSource(text),
            seal=SEAL,
            clips=[clip],
        )
        return page.read_text(encoding="utf-8")


def trace_page(text: str) -> str:
    """Return the page of a trace, with a near miss, all of whose texts are one."""
    match = filled(COPY, text)
    entry = TraceEntry(match=replace(match, sightings=(filled(SIGHTING, text),)), first_seen=text, extent=1.5)
    result = QueryResult(query=text, sha256=IMAGE, kind="image", error=None, matches=(match,), near_misses=(match,))
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        owned = replace(
            entry, match=replace(entry.match, clues=(Clue(kind="account", value=text, source=text, trust="low"),))
        )
        traced = Trace(result=result, entries=(entry,), source=entry, equally_complete=(owned,))
        write_trace(page, traced, HostileSource(text), seal=SEAL)
        return page.read_text(encoding="utf-8")


PAGES: dict[str, Callable[[str], str]] = {"evidence": evidence_page, "trace": trace_page}
FEW = settings(derandomize=True, deadline=None, max_examples=15)
CONTROLS = (
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\u061c\ufeff\U000e0041\u2028\x1b\x9b\x08"
)
VOID = {"meta", "input", "img", "br"}
BLOCKS = {"p", "li", "td", "h1", "h2", "h3", "figcaption", "title", "text"}


class Elements(HTMLParser):
    """Every element with its attributes, and every text with the elements around it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(page)
        self.close()
        assert not self._open, "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append((tag, attributes))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        isolating = [t for t, a in self._open if t == "bdi" or a.get("unicode-bidi") == "isolate" or t in BLOCKS]
        self.texts.append((tuple(isolating), data))


@pytest.mark.parametrize("name", PAGES)
def test_no_text_is_hidden_or_reorders_a_page(name: str) -> None:
    page = PAGES[name](f"a{CONTROLS}b")
    assert not hidden_characters(page, allowed="\n")
    shown = (
        "a\\u202a\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069\\u200b\\u200e\\u200f\\u061c\\ufeff\\U000e0041"
    )
    assert page.count(shown) > 12


@pytest.mark.parametrize("name", PAGES)
@FEW
@given(text=hostile_texts(min_size=1))
def test_any_text_adds_no_element_no_attribute_and_no_hidden_character(name: str, text: str) -> None:
    page, plain = (Elements(PAGES[name](value)) for value in (text, "x"))
    assert [(tag, sorted(attributes)) for tag, attributes in page.elements] == [
        (tag, sorted(attributes)) for tag, attributes in plain.elements
    ]
    assert not hidden_characters("".join(shown for _, shown in page.texts), allowed="\n")
    assert not hidden_characters("".join(value for _, attributes in page.elements for value in attributes.values()))


@pytest.mark.parametrize("name", PAGES)
def test_letters_from_right_to_left_are_isolated_from_their_neighbours(name: str) -> None:
    """Each is an element of its own, so that neither a name nor a time beside it moves."""
    texts = Elements(PAGES[name]("שלום")).texts
    hebrew = [(around, text) for around, text in texts if any(unicodedata.bidirectional(c) == "R" for c in text)]
    assert len(hebrew) > 12
    for around, text in hebrew:
        assert around[-1] in ("bdi", "tspan", "title", "text", "h3"), (around, text)
        assert around[-1] in ("bdi", "title") or text.replace("שלום", "").strip() == "", (around, text)


@pytest.mark.parametrize("name", PAGES)
def test_pages_run_no_other_script_and_load_nothing(name: str) -> None:
    page = Elements(PAGES[name]("javascript:alert(1)//"))
    policies = [a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert [p.split("; ")[:2] for p in policies] == [["default-src 'none'", "img-src data:"]]
    assert "unsafe" not in policies[0]
    assert ("meta", {"name": "referrer", "content": "no-referrer"}) in page.elements
    governed = [tag for tag, attributes in page.elements if tag != "meta" or "http-equiv" in attributes]
    assert governed[:3] == ["html", "head", "meta"], "the policy comes before everything that it governs"
    for tag, attributes in page.elements:
        assert tag != "script" or not attributes, "the script of the page alone, whose hash the policy contains"
        assert tag not in ("iframe", "object", "embed", "link", "base", "form")
        assert "style" not in attributes and not [a for a in attributes if a.startswith("on")], (tag, attributes)
        for attribute in ("src", "href", "action", "srcset", "poster", "data"):
            if attribute in attributes:
                assert re.match(
                    r"data:image/jpeg;base64,|#(m\d+|p\d+|c1|others|transcripts)$|[A-Za-z0-9%._~-]+/1\.mp4$",
                    attributes[attribute],
                ), attributes


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("tag", ["style", "script"])
def test_the_policy_allows_the_style_sheet_and_the_script_of_the_page_alone(name: str, tag: str) -> None:
    text = PAGES[name]("x")
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert f"{tag}-src 'sha256-{digest}';" in policy


def test_the_script_turns_no_text_of_a_page_into_markup_or_code() -> None:
    script = (files("mediafp.report") / "templates" / "page.js.j2").read_text("utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|XMLHttp|import", script
    )
    assert "{{" not in script and "{%" not in script, "nothing is written into it"


@pytest.mark.parametrize("name", PAGES)
def test_correspondences_are_hidden_without_a_script(name: str) -> None:
    """The rule needs the check box and the sections of the cards to be children of one element."""
    text = PAGES[name]("x")
    assert "#show-points:not(:checked) ~ * .points { display:none; }" in text
    main = text.partition("<main>")[2]
    assert re.search(r'^  <input type="checkbox" id="show-points" checked>', main, re.MULTILINE)
    assert re.search(r'^  <section class="group".*?<details class="card match"', main, re.MULTILINE | re.DOTALL)
    assert '<label class="toggle" for="show-points">' in main


def test_a_value_of_a_template_cannot_bypass_the_escaping() -> None:
    """Not even one that a template prints without a filter, such as the title."""
    values = {
        "rows": [], "total": 0, "query_image": "", "source": None, "first_posted": None,
        "owners": (), "more_owners": 0, "is_tied": False,
        "warnings": (), "handles": [], "near_misses": [], "seal": SEAL, "more_matches": 0, "equally_complete": (),
        "title": "a\u202e<b>\u200b",
    }  # fmt: skip
    page = "".join(stream_template("trace_page.html.j2", images=EmbeddedImages(), **values))
    assert "<title>a\\u202e&lt;b&gt;\\u200b</title>" in page and not hidden_characters(page, allowed="\n")


def test_page_of_a_trace_states_the_clues_of_each_possible_source(tmp_path: Path) -> None:
    """Without a known source none was stated, although each entry of the page has them."""
    uid = Clue(kind="weibo_uid", value="1669879400", source="file name", trust="high")
    entries = tuple(
        TraceEntry(match=replace(COPY, uris=(f"{name}.jpg",), sha256=sha256, clues=clues), first_seen=None, extent=1.0)
        for name, sha256, clues in (("a", IMAGE, (uid,)), ("b", VIDEO, (uid,)), ("c", VIDEO, ()))
    )
    result = QueryResult(query="q", sha256=IMAGE, kind="image", error=None, matches=tuple(one.match for one in entries))
    traced = Trace(result=result, entries=entries, source=None, equally_complete=entries)
    write_trace(tmp_path / "page.html", traced, HostileSource("x"), seal=SEAL)
    page = " ".join(re.sub("<[^>]+>", "", (tmp_path / "page.html").read_text(encoding="utf-8")).split())
    assert "weibo uid 1669879400 (file name, trust: high)clue to the owner, of a.jpg (the image itself), b.jpg" in page
    assert "no date decides which is the source" in page


def test_entry_of_the_traced_image_at_another_path_is_marked_as_the_source_and_comes_first(tmp_path: Path) -> None:
    """None was: the source has the sightings of the path that was asked about too, and was taken for another match."""
    other = TraceEntry(match=replace(COPY, uris=("part.jpg",), sha256=VIDEO), first_seen=None, extent=0.5)
    listed = TraceEntry(match=replace(COPY, uris=("again.jpg",)), first_seen=None, extent=1.0)
    own = replace(listed, match=replace(COPY, uris=("asked.jpg", "again.jpg")))
    result = QueryResult(query="asked.jpg", sha256=IMAGE, kind="image", error=None, matches=(other.match, listed.match))
    traced = Trace(result=result, entries=(other, listed), source=own)
    write_trace(tmp_path / "page.html", traced, HostileSource("x"), seal=SEAL)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    rows = re.findall(r'<a class="named" href="#m(\d)">.*?</td>', page, re.DOTALL)
    marked = re.findall(r'href="#m(\d)">(?:(?!</td>).)*most complete</span>', page, re.DOTALL)
    assert rows == ["1", "2"] and marked == ["2"]
    assert page.index('id="m2"') < page.index('id="m1"')
