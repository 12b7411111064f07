"""The evidence page, written from evidence in memory."""

import base64
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from evidence_in_memory import (
    BOX,
    COPY,
    HOSTILE,
    IMAGE,
    NO_CLUSTERS,
    ORIGINAL,
    PLACEMENT,
    SEAL,
    SEGMENT,
    SHARED,
    UPLOAD,
    VIDEO,
    MemorySource,
    Page,
    everything,
    result_of,
    write,
)
from PIL import Image
from rated_words import rated
from sample_matches import sample_match

from mediafp.report.evidence_page import MAX_SCREEN_LINES, write_report
from mediafp.report.page_images import EmbeddedImages
from mediafp.report.publication_page import (
    PageCard,
    PublicationValues,
    begin_evidence,
    build_match_card,
    render_publication,
)
from mediafp.types.clusters import Clustering
from mediafp.types.matches import Clip, QueryResult, Segment, TextLine
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SpeechHint, Transcript, TranscriptSegment
from mediafp.types.video_text import VideoTextLine


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
