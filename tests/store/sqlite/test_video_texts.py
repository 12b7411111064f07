"""Text on screen in the store: saving, searching, integrity."""

from ingest_records import execute_raw

from mediafp.case.case import Case
from mediafp.types.video_text import VideoText, VideoTextLine

BOX = ((1.0, 2.0), (9.0, 2.0), (9.0, 6.0), (1.0, 6.0))


def text_of(*lines: tuple[str, float, float], version: str = "1") -> VideoText:
    return VideoText(
        version=version,
        lines=tuple(VideoTextLine(text=t, start=a, end=b, box=BOX, confidence=0.9) for t, a, b in lines),
    )


def save(case: Case, sha256: str, text: VideoText) -> None:
    with case._store.writing():
        case._store.save_video_text(sha256, text)


def test_video_text_returns_what_was_saved_last(case: Case, asset: str) -> None:
    assert case._store.video_text(asset) is None and not case._store.has_video_text(asset, "1")
    for _ in range(2):
        save(case, asset, text_of(("突发新闻", 1.0, 9.5), ("MADE INCHINA", 2.0, 4.0)))
    assert case._store.video_text(asset) == text_of(("突发新闻", 1.0, 9.5), ("MADE INCHINA", 2.0, 4.0)).lines
    assert case._store.has_video_text(asset, "1") and not case._store.has_video_text(asset, "2")
    assert len(list(case._store.iter_log("read_video"))) == 1, "an equal text is logged once"
    save(case, asset, text_of(version="2"))
    assert case._store.video_text(asset) == () and list(case.search("突发新闻")) == []


def test_search_finds_a_line_on_screen_with_its_time(case: Case, asset: str) -> None:
    save(
        case,
        asset,
        text_of(("突发新闻：港口关闭", 1.0, 9.5), ("Officials say", 2.0, 4.0), ("nothing at all", 4.0, 6.0)),
    )
    (hit,) = case.search("港口")
    assert (hit.sha256, hit.source, hit.start, hit.end) == (asset, "screen", 1.0, 9.5)
    (hit,) = case.search('"say nothing"')
    assert (hit.start, hit.end) == (2.0, 6.0), "two subtitles are one sentence"
    assert len(list(case.search("港口", ["screen", "speech"]))) == 1
    assert list(case.search("港口", ["picture"])) == []


def test_check_integrity_finds_altered_and_damaged_texts_on_screen(case: Case, asset: str) -> None:
    before = case._store.check_integrity()  # problems of the record of the fixture, which other tests check
    save(case, asset, text_of(("as it was", 0.0, 1.0)))
    assert case._store.check_integrity() == before
    execute_raw(case._store, "UPDATE video_text SET data = replace(data, 'was', 'is')")
    added = [problem for problem in case._store.check_integrity() if problem not in before]
    assert added == [
        f"the text on screen of {asset} differs from the custody log",
        f"the passages of {asset} differ from its text on screen",
    ]
    execute_raw(case._store, "UPDATE video_text SET data = '[[1, 2]]'")
    assert any("is damaged" in problem for problem in case._store.check_integrity())
    execute_raw(case._store, "DELETE FROM video_text")
    added = [problem for problem in case._store.check_integrity() if problem not in before]
    assert added == [
        f"the text on screen of {asset} is in the custody log, and missing from the store",
        f"video {asset} has passages and no text on screen",
    ]
