"""Images through ingest and match that are easily confused: logos, flags, pages of text, memes, frames, collages."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mediafp.case.case import Case
from mediafp.types.matches import Match, QueryResult
from mediafp.types.runs import AnalysisOptions, IngestOptions

MatchImage = Callable[[Image.Image], QueryResult]


@pytest.fixture
def build_store(case: Case, tmp_path: Path) -> Callable[..., MatchImage]:
    """A function that ingests images by name, and returns a function that matches another image."""

    def build(ocr: bool = False, **images: Image.Image) -> MatchImage:
        (tmp_path / "references").mkdir()
        for name, image in images.items():
            image.save(tmp_path / "references" / f"{name}.png")
        options = IngestOptions(analysis=AnalysisOptions(ocr=ocr))
        outcomes = list(case.ingest([tmp_path / "references"], options))
        assert [outcome.status for outcome in outcomes] == ["added"] * len(images)

        def match(image: Image.Image) -> QueryResult:
            image.convert("RGB").save(tmp_path / "query.jpg", quality=80)
            (result,) = case.match([tmp_path / "query.jpg"], min_probability=0.0, ocr=ocr)
            assert result.error is None
            return result

        return match

    return build


def match_with(result: QueryResult, name: str) -> Match | None:
    """The match with the reference of this name."""
    return next((m for m in result.matches if Path(m.uris[0]).stem == name), None)


def is_reported(match: Match | None) -> bool:
    """True for a match that is reported by default."""
    return match is not None and match.probability >= 0.5


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def page(seed: int, lines: int = 22) -> Image.Image:
    """A page of random words."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (640, 800), "white")
    draw = ImageDraw.Draw(image)
    words = ("people", "truth", "media", "never", "share", "video", "country", "believe", "power", "money", "station")
    for n in range(lines):
        draw.text((30, 30 + n * 34), " ".join(rng.choice(words, 6)), (20, 20, 20), font(24))
    return image


def logo(size: int) -> Image.Image:
    """The logo of a channel: a disc with letters."""
    image = Image.new("RGBA", (size * 3, size))
    draw = ImageDraw.Draw(image)
    draw.ellipse(
        (0, 0, size - 1, size - 1), fill=(200, 20, 30, 255), outline=(255, 255, 255, 255), width=max(1, size // 12)
    )
    draw.text(
        (size * 1.15, size * 0.1), "NEWS 9", (255, 255, 255, 255), font(size * 0.6), stroke_width=2, stroke_fill="black"
    )
    return image


def with_logo(photo: np.ndarray, size: int) -> Image.Image:
    image, mark = Image.fromarray(photo), logo(size)
    image.paste(mark, (image.width - mark.width - 10, 10), mark)
    return image


def test_two_photographs_with_one_logo_do_not_match(
    build_store: Callable[..., MatchImage], photos: dict[str, np.ndarray]
) -> None:
    match = build_store(cat=with_logo(photos["cat"], 40), temple=with_logo(photos["temple"], 40))
    unrelated = match(with_logo(photos["rocket"], 40))
    assert not any(is_reported(m) for m in unrelated.matches), unrelated.matches
    assert is_reported(match_with(match(with_logo(photos["temple"], 70)), "temple"))


def test_striped_flags_match_only_with_their_own_arms(build_store: Callable[..., MatchImage]) -> None:
    """Three stripes have similar embeddings in any colours."""

    def flag(*colours: str) -> Image.Image:
        image = Image.new("RGB", (600, 400))
        draw = ImageDraw.Draw(image)
        for n, colour in enumerate(colours):
            draw.rectangle((n * 200, 0, n * 200 + 199, 399), fill=colour)
        return image

    def with_arms(stars: int) -> Image.Image:
        image, rng = flag("#aa151b", "#f1bf00", "#aa151b"), np.random.default_rng(stars)
        draw = ImageDraw.Draw(image)
        for _ in range(stars):
            x, y, side = rng.uniform((205, 60, 12), (370, 320, 34))
            draw.regular_polygon((x, y, side), 5, rotation=float(rng.uniform(0, 72)), fill="#202060", outline="white")
        return image

    match = build_store(france=flag("#0055a4", "#ffffff", "#ef4135"), arms=with_arms(24))
    for other in (flag("#009246", "#ffffff", "#ce2b37"), flag("#000000", "#fae042", "#ed2939"), with_arms(31)):
        assert not any(is_reported(m) for m in match(other).matches)
    assert is_reported(match_with(match(with_arms(24).resize((300, 200))), "arms"))


def test_page_of_text_matches_only_itself(build_store: Callable[..., MatchImage]) -> None:
    match = build_store(one=page(1), two=page(2))
    part = match(page(1).crop((0, 60, 640, 700)).resize((480, 480)))
    assert is_reported(match_with(part, "one")) and not is_reported(match_with(part, "two"))
    assert not any(is_reported(m) for m in match(page(3)).matches)


def test_memes_on_one_template_are_possible_matches_and_no_copies(
    build_store: Callable[..., MatchImage], photos: dict[str, np.ndarray]
) -> None:
    def meme(top: str, bottom: str) -> Image.Image:
        image = Image.fromarray(photos["cat"]).resize((600, 400))
        draw = ImageDraw.Draw(image)
        for text, y in ((top, 10), (bottom, 330)):
            draw.text((300, y), text, "white", font(52), stroke_width=3, stroke_fill="black", anchor="ma")
        return image

    first = meme("WHEN THE BUS", "IS LATE AGAIN")
    match = build_store(ocr=True, first=first)
    related = match_with(match(meme("NOBODY TOLD ME", "ABOUT MONDAYS")), "first")
    assert related is not None and related.verdict == "possible" and 0.5 <= related.probability < 0.8
    assert "other text" in related.why[0]
    same = match_with(match(first.resize((300, 200))), "first")
    assert same is not None and same.verdict == "copy"
    plain = match_with(match(Image.fromarray(photos["cat"])), "first")
    assert plain is not None and plain.verdict == "copy", "an image without the caption is the same image"


def frames(clip: Path, *seconds: float) -> list[Image.Image]:
    """Frames of a clip."""
    images: list[Image.Image] = []
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            if len(images) < len(seconds) and frame.time is not None and frame.time >= seconds[len(images)]:
                images.append(Image.fromarray(frame.to_ndarray(format="rgb24")))
    assert len(images) == len(seconds)
    return images


def test_next_frame_of_a_shot_matches_and_a_later_one_is_no_copy(
    build_store: Callable[..., MatchImage], clips: dict[str, Path]
) -> None:
    """The next frame is as similar as a copy; a frame in which the person has moved is another image."""
    start, next_frame, later = frames(clips["carphone"], 0.0, 0.04, 3.0)
    match = build_store(start=start)
    assert is_reported(match_with(match(next_frame), "start"))
    moved = match_with(match(later), "start")
    assert moved is None or moved.verdict != "copy", moved


def test_collage_matches_each_of_its_images_and_every_copy(
    build_store: Callable[..., MatchImage], photos: dict[str, np.ndarray]
) -> None:
    names = ("cat", "temple", "rocket", "motorcycle")
    match = build_store(**{name: Image.fromarray(photos[name]) for name in names})
    sheet = Image.new("RGB", (800, 600), "white")
    for n, name in enumerate(names):
        sheet.paste(ImageOps.fit(Image.fromarray(photos[name]), (390, 290)), (n % 2 * 405, n // 2 * 305))
    result = match(sheet)
    assert all(is_reported(match_with(result, name)) for name in names), result.matches
    twice = Image.new("RGB", (800, 300), "white")
    for n in range(2):
        twice.paste(ImageOps.fit(Image.fromarray(photos["temple"]), (390, 290)), (n * 405, 5))
    repeated = match_with(match(twice), "temple")
    assert repeated is not None and repeated.placement and len(repeated.more_placements) == 1
    assert "2 times" in repeated.why[0]
