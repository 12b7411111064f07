"""Pictures that are easily mistaken for one another, and pictures that are hard to read: what is said of each."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps
from typer.testing import CliRunner

from mediafp.case.case import Case, open_case
from mediafp.cli.app import app
from mediafp.types.matches import Match, QueryResult
from mediafp.types.runs import AnalysisOptions, IngestOptions

QUIET = IngestOptions(analysis=AnalysisOptions(ocr=False))
Ask = Callable[[Image.Image], QueryResult]


@pytest.fixture
def shelf(case: Case, tmp_path: Path) -> Callable[..., Ask]:
    """Takes pictures in, by their names, and gives what asks about another one; text is read where that is wanted."""

    def fill(text: bool = False, **pictures: Image.Image) -> Ask:
        (tmp_path / "dump").mkdir()
        for name, picture in pictures.items():
            picture.save(tmp_path / "dump" / f"{name}.png")
        options = IngestOptions(analysis=AnalysisOptions(ocr=text))
        assert {outcome.status for outcome in case.ingest([tmp_path / "dump"], options)} == {"added"}

        def ask(picture: Image.Image) -> QueryResult:
            picture.convert("RGB").save(tmp_path / "query.jpg", quality=80)
            (answer,) = case.match([tmp_path / "query.jpg"], min_probability=0.0, ocr=text)
            assert answer.error is None
            return answer

        return ask

    return fill


def of(answer: QueryResult, name: str) -> Match | None:
    """The match with the picture of this name."""
    return next((m for m in answer.matches if Path(m.uris[0]).stem == name), None)


def is_related(match: Match | None) -> bool:
    """Whether it is shown by default."""
    return match is not None and match.probability >= 0.5


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def page(seed: int, lines: int = 22) -> Image.Image:
    """A page of text: words at random."""
    chance = np.random.default_rng(seed)
    picture = Image.new("RGB", (640, 800), "white")
    draw = ImageDraw.Draw(picture)
    words = ("people", "truth", "media", "never", "share", "video", "country", "believe", "power", "money", "station")
    for n in range(lines):
        draw.text((30, 30 + n * 34), " ".join(chance.choice(words, 6)), (20, 20, 20), font(24))
    return picture


def logo(size: int) -> Image.Image:
    """A channel's mark: a disc with letters."""
    picture = Image.new("RGBA", (size * 3, size))
    draw = ImageDraw.Draw(picture)
    draw.ellipse(
        (0, 0, size - 1, size - 1), fill=(200, 20, 30, 255), outline=(255, 255, 255, 255), width=max(1, size // 12)
    )
    draw.text(
        (size * 1.15, size * 0.1), "NEWS 9", (255, 255, 255, 255), font(size * 0.6), stroke_width=2, stroke_fill="black"
    )
    return picture


def with_logo(photo: np.ndarray, size: int) -> Image.Image:
    picture, mark = Image.fromarray(photo), logo(size)
    picture.paste(mark, (picture.width - mark.width - 10, 10), mark)
    return picture


# What is easily mistaken --------------------------------------------------------------------------
def test_two_photographs_with_one_logo_are_no_match(shelf: Callable[..., Ask], photos: dict[str, np.ndarray]) -> None:
    ask = shelf(cat=with_logo(photos["cat"], 40), temple=with_logo(photos["temple"], 40))
    found = ask(with_logo(photos["rocket"], 40))
    assert not any(is_related(m) for m in found.matches), found.matches
    assert is_related(of(ask(with_logo(photos["temple"], 70)), "temple"))


def test_striped_flags_hold_too_little_and_those_with_arms_match_themselves(shelf: Callable[..., Ask]) -> None:
    """Three stripes look alike to the embedding whatever their colours."""

    def flag(*colours: str) -> Image.Image:
        picture = Image.new("RGB", (600, 400))
        draw = ImageDraw.Draw(picture)
        for n, colour in enumerate(colours):
            draw.rectangle((n * 200, 0, n * 200 + 199, 399), fill=colour)
        return picture

    def with_arms(stars: int) -> Image.Image:
        picture, chance = flag("#aa151b", "#f1bf00", "#aa151b"), np.random.default_rng(stars)
        draw = ImageDraw.Draw(picture)
        for _ in range(stars):
            x, y, side = chance.uniform((205, 60, 12), (370, 320, 34))
            draw.regular_polygon(
                (x, y, side), 5, rotation=float(chance.uniform(0, 72)), fill="#202060", outline="white"
            )
        return picture

    ask = shelf(france=flag("#0055a4", "#ffffff", "#ef4135"), arms=with_arms(24))
    for other in (flag("#009246", "#ffffff", "#ce2b37"), flag("#000000", "#fae042", "#ed2939"), with_arms(31)):
        assert not any(is_related(m) for m in ask(other).matches)
    assert is_related(of(ask(with_arms(24).resize((300, 200))), "arms"))


def test_pages_of_text_match_themselves_and_not_one_another(shelf: Callable[..., Ask]) -> None:
    ask = shelf(one=page(1), two=page(2))
    again = ask(page(1).crop((0, 60, 640, 700)).resize((480, 480)))
    assert is_related(of(again, "one")) and not is_related(of(again, "two"))
    assert not any(is_related(m) for m in ask(page(3)).matches)


def test_memes_on_one_template_are_related_and_no_copies(
    shelf: Callable[..., Ask], photos: dict[str, np.ndarray]
) -> None:
    def meme(top: str, bottom: str) -> Image.Image:
        picture = Image.fromarray(photos["cat"]).resize((600, 400))
        draw = ImageDraw.Draw(picture)
        for text, y in ((top, 10), (bottom, 330)):
            draw.text((300, y), text, "white", font(52), stroke_width=3, stroke_fill="black", anchor="ma")
        return picture

    first = meme("WHEN THE BUS", "IS LATE AGAIN")
    ask = shelf(text=True, first=first)
    related = of(ask(meme("NOBODY TOLD ME", "ABOUT MONDAYS")), "first")
    assert related is not None and related.verdict == "possible" and 0.5 <= related.probability < 0.8
    assert "other text" in related.why[0]
    same = of(ask(first.resize((300, 200))), "first")
    assert same is not None and same.verdict == "copy"
    plain = of(ask(Image.fromarray(photos["cat"])), "first")
    assert plain is not None and plain.verdict == "copy", "the picture without text is the same picture"


def frames(clip: Path, *seconds: float) -> list[Image.Image]:
    """Frames of a clip."""
    made = []
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            if len(made) < len(seconds) and frame.time is not None and frame.time >= seconds[len(made)]:
                made.append(Image.fromarray(frame.to_ndarray(format="rgb24")))
    assert len(made) == len(seconds)
    return made


def test_frames_of_one_shot_a_moment_apart_are_copies_and_later_ones_are_not(
    shelf: Callable[..., Ask], clips: dict[str, Path]
) -> None:
    """Nobody can tell the next frame from a copy; one in which the person has moved is another picture."""
    start, next_frame, later = frames(clips["carphone"], 0.0, 0.04, 3.0)
    ask = shelf(start=start)
    assert is_related(of(ask(next_frame), "start"))
    moved = of(ask(later), "start")
    assert moved is None or moved.verdict != "copy", moved


def test_a_collage_finds_each_of_its_pictures_and_every_copy(
    shelf: Callable[..., Ask], photos: dict[str, np.ndarray]
) -> None:
    names = ("cat", "temple", "rocket", "motorcycle")
    ask = shelf(**{name: Image.fromarray(photos[name]) for name in names})
    sheet = Image.new("RGB", (800, 600), "white")
    for n, name in enumerate(names):
        sheet.paste(ImageOps.fit(Image.fromarray(photos[name]), (390, 290)), (n % 2 * 405, n // 2 * 305))
    found = ask(sheet)
    assert all(is_related(of(found, name)) for name in names), found.matches
    twice = Image.new("RGB", (800, 300), "white")
    for n in range(2):
        twice.paste(ImageOps.fit(Image.fromarray(photos["temple"]), (390, 290)), (n * 405, 5))
    match = of(ask(twice), "temple")
    assert match is not None and match.placement and len(match.more_placements) == 1
    assert "2 times" in match.why[0]


# What is hard to read -----------------------------------------------------------------------------
def hard(folder: Path, photo: np.ndarray) -> None:
    """Pictures of odd forms, those in `plain` without anything on them."""
    plain, shown = folder / "plain", folder / "shown"
    plain.mkdir()
    shown.mkdir()
    for name, colour in (("white", "white"), ("grey", "#777777"), ("red", "#cc0000")):
        Image.new("RGB", (400, 300), colour).save(plain / f"{name}.png")
        Image.new("RGB", (8, 8), colour).save(plain / f"tiny_{name}.png")
        Image.new("RGB", (20_000, 50), colour).save(plain / f"long_{name}.png")
    Image.fromarray(np.full((300, 400), 40_000, np.uint16)).save(plain / "deep_blank.png")
    Image.new("P", (64, 64), 3).save(plain / "one_frame.gif")
    picture = Image.fromarray(photo)
    picture.resize((8, 8)).save(shown / "tiny.png")
    picture.resize((20_000, 50)).save(shown / "long.png")
    picture.convert("CMYK").save(shown / "cmyk.jpg", quality=90)
    Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(shown / "deep.png")
    clear = picture.quantize(64)
    clear.save(shown / "palette.png", transparency=0)
    picture.quantize(128).save(shown / "one_frame.gif")
    picture.save(shown / "bad_exif.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff broken", quality=90)


def test_odd_pictures_are_read_and_plain_ones_match_nothing(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    hard(tmp_path, photos["temple"])
    outcomes = list(case.ingest([tmp_path / "plain", tmp_path / "shown"], QUIET))
    assert all(outcome.status in ("added", "known") for outcome in outcomes), outcomes
    for answer in case.match([tmp_path / "plain"], min_probability=0.0, ocr=False):
        assert answer.error is None
        wrong = [m for m in answer.matches if m.sha256 != answer.sha256 and m.probability >= 0.5]
        assert not wrong, (answer.query, wrong)
    Image.fromarray(photos["temple"]).save(tmp_path / "whole.jpg", quality=85)
    (answer,) = case.match([tmp_path / "whole.jpg"], ocr=False, top=20)
    found = {Path(uri).stem for m in answer.matches for uri in m.uris}
    assert {"cmyk", "deep", "palette", "one_frame", "bad_exif"} <= found


# The cut, the strip and the handle ----------------------------------------------------------------
@pytest.fixture
def stolen(tmp_path: Path, photos: dict[str, np.ndarray]) -> Iterator[tuple[Case, Path]]:
    """A case that holds a photograph with a handle at its foot, and a picture that was cut from it."""
    dump = tmp_path / "dump"
    dump.mkdir()
    photo = Image.fromarray(photos["portrait"])
    ImageDraw.Draw(photo).text((300, 474), "@sample_user88", "white", font(24), stroke_width=1, stroke_fill="black")
    photo.save(dump / "weibo.jpg", quality=92)
    (dump / "sightings.csv").write_text("file,account,platform,posted_at\nweibo.jpg,owner,weibo,2021-05-03\n")
    photo.crop((40, 0, 480, 440)).resize((220, 220)).save(tmp_path / "persona.jpg", quality=75)
    with open_case(tmp_path / "store", create=True) as case:
        yield case, dump


def handles_of(case: Case, query: Path, **options: bool) -> tuple[str, ...]:
    (answer,) = case.match([query], **options)
    (match,) = answer.matches
    assert match.placement
    return match.placement.handles


def test_the_handle_is_read_at_ingest_and_needs_no_file_later(stolen: tuple[Case, Path], tmp_path: Path) -> None:
    case, dump = stolen
    list(case.ingest([dump]))
    (dump / "weibo.jpg").unlink()
    assert handles_of(case, tmp_path / "persona.jpg", ocr=False) == ("@sample_user88",)
    assert [hit.source for hit in case.search("sample user88")] == ["picture"]


def test_a_reference_without_text_is_read_when_it_is_matched(stolen: tuple[Case, Path], tmp_path: Path) -> None:
    case, dump = stolen
    list(case.ingest([dump], QUIET))
    assert handles_of(case, tmp_path / "persona.jpg", ocr=False) == ()
    assert handles_of(case, tmp_path / "persona.jpg") == ("@sample_user88",), "from its file"
    (dump / "weibo.jpg").unlink()
    assert handles_of(case, tmp_path / "persona.jpg") == ("@sample_user88",), "from its thumbnail"


def test_text_is_read_later_where_it_was_left_out(stolen: tuple[Case, Path], tmp_path: Path) -> None:
    case, dump = stolen
    (dump / "copy.jpg").write_bytes((dump / "weibo.jpg").read_bytes())
    list(case.ingest([dump], QUIET))
    assert {outcome.status for outcome in case.ingest([dump])} == {"known", "skipped"}
    assert handles_of(case, tmp_path / "persona.jpg", ocr=False) == ("@sample_user88",)
    list(case.ingest([dump]))
    assert case._store.check_integrity() == []


def test_a_trace_names_the_source_its_account_and_the_handle(stolen: tuple[Case, Path], tmp_path: Path) -> None:
    case, dump = stolen
    list(case.ingest([dump]))
    case.close()
    page = tmp_path / "trace.html"
    words = ["--store", str(tmp_path / "store"), "trace", str(tmp_path / "persona.jpg")]
    done = CliRunner().invoke(app, [*words, "--json", "--report", str(page)])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    (match,) = told["matches"]
    assert told["source"] == match["sha256"] and match["extent"] > 1.2
    assert match["first_seen"].startswith("2021-05-03")
    assert [(s["account"], s["platform"]) for s in match["sightings"]] == [("owner", "weibo")]
    assert match["placement"]["handles"] == ["@sample_user88"]
    html = page.read_text(encoding="utf-8")
    assert "@sample_user88" in html and "least cut" in html and "2021-05-03" in html
    shown = CliRunner().invoke(app, words).output
    assert "least cut" in shown and "owner on weibo" in shown and "cut away: @sample_user88" in shown


def test_the_trace_of_a_stranger_finds_nothing(
    stolen: tuple[Case, Path], tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    case, dump = stolen
    list(case.ingest([dump], QUIET))
    case.close()
    Image.fromarray(photos["coffee"]).save(tmp_path / "other.jpg")
    done = CliRunner().invoke(app, ["--store", str(tmp_path / "store"), "trace", str(tmp_path / "other.jpg")])
    assert done.exit_code == 1 and "nothing found" in done.output and "turned down" in done.output
