"""Write images that share a part and are not copies: hard negatives for scripts/calibrate.py.

    .venv/bin/python scripts/shared_parts.py PHOTOS OUT [--kinds KIND...] [--count N] [--seed S]

PHOTOS is a folder of photographs. N pairs of each kind are made: two photographs with one logo, or with one tiled watermark;
two photographs in one news template or in one page layout; two charts of one style; two pages of text of one layout; two
photographs beside the same chart. Each reference also gets a query that is a copy of it (cropped, scaled down and saved
again), so that the kinds are separated from copies of themselves. OUT gets refs/, queries/ and truth.json.
"""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

WORDS = (
    "people",
    "truth",
    "media",
    "never",
    "share",
    "video",
    "country",
    "believe",
    "hidden",
    "power",
    "money",
    "news",
    "station",
    "before",
    "again",
    "market",
    "price",
    "report",
    "growth",
    "city",
    "water",
    "energy",
    "health",
    "school",
    "police",
    "court",
    "army",
    "minister",
    "river",
    "bridge",
    "border",
    "trade",
    "election",
)
Render = Callable[[random.Random, Image.Image], Image.Image]
"""Function that renders an image from a generator, whose draws a pair of images shares, and a photograph of its own."""


def load_font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that is part of Pillow."""
    return ImageFont.load_default(size)


def random_words(rng: random.Random, count: int) -> str:
    """Return a line of words."""
    return " ".join(rng.choices(WORDS, k=count))


def random_colour(rng: random.Random) -> tuple[int, int, int]:
    """Return a random RGB colour with a green value below 160."""
    return (rng.randrange(256), rng.randrange(160), rng.randrange(256))


def draw_logo(rng: random.Random, width: int) -> Image.Image:
    """Return the logo of a channel, a shape with letters on a transparent background."""
    height = max(12, round(width / rng.uniform(2.2, 3.6)))
    image = Image.new("RGBA", (width, height))
    draw, ink = ImageDraw.Draw(image), (*random_colour(rng), 255)
    draw_shape = rng.choice((draw.ellipse, draw.rectangle))
    draw_shape((0, 0, height - 1, height - 1), fill=ink, outline=(255, 255, 255, 255), width=max(1, height // 12))
    for _ in range(rng.randint(1, 3)):
        x, y = rng.uniform(0, height * 0.6), rng.uniform(0, height * 0.6)
        draw.line((x, y, x + height * 0.4, y + height * rng.uniform(-0.3, 0.4)), (255, 255, 255, 255), height // 9 + 1)
    name = rng.choice(WORDS).upper()[:5] + f" {rng.randrange(10)}"
    draw.text(
        (height * 1.1, height * 0.15),
        name,
        (255, 255, 255, 255),
        load_font(height * 0.55),
        stroke_width=1,
        stroke_fill="black",
    )
    return image


def render_logo(shared: random.Random, photo: Image.Image) -> Image.Image:
    """Return a photograph with a logo of 8 to 35 % of its width in a corner."""
    width = round(photo.width * shared.uniform(0.08, 0.35))
    logo = draw_logo(shared, width)
    own = _photo_rng(photo)
    x = own.choice((0.03, 0.97)) * (photo.width - logo.width)
    y = own.choice((0.03, 0.97)) * (photo.height - logo.height)
    photo = photo.copy()
    photo.paste(logo, (round(x), round(y)), logo)
    return photo


def render_watermark(shared: random.Random, photo: Image.Image) -> Image.Image:
    """Return a photograph covered by a tiled translucent logo."""
    logo = draw_logo(shared, round(photo.width * 0.22)).rotate(shared.choice((0, 20, 30)), expand=True)
    logo.putalpha(logo.getchannel("A").point(lambda a: a * 2 // 5))
    photo = photo.copy()
    for x in range(0, photo.width, logo.width + 20):
        for y in range(0, photo.height, logo.height + 30):
            photo.paste(logo, (x, y), logo)
    return photo


def render_news(shared: random.Random, photo: Image.Image) -> Image.Image:
    """Return a photograph as a television station shows it, with a banner, a caption and a logo."""
    image = ImageOps.fit(photo, (640, 360))
    draw, ink = ImageDraw.Draw(image), random_colour(shared)
    top = round(360 * shared.uniform(0.72, 0.85))
    draw.rectangle((0, top, 640, 360), ink)
    draw.rectangle((0, top, 150, top + 34), "white")
    draw.text((8, top + 4), "BREAKING", ink, load_font(24))
    draw.text((160, top + 4), random_words(shared, 4), "white", load_font(24))
    logo = draw_logo(shared, 110)
    image.paste(logo, (515, 12), logo)
    return image


def render_layout(shared: random.Random, photo: Image.Image) -> Image.Image:
    """Return a photograph in the page of a post."""
    image = Image.new("RGB", (600, 800), shared.choice(("white", "#15181c")))
    draw, ink = ImageDraw.Draw(image), (120, 120, 120)
    draw.ellipse((20, 20, 90, 90), random_colour(shared))
    draw.text((110, 30), random_words(shared, 2), ink, load_font(26))
    draw.text((20, 110), random_words(shared, 5), ink, load_font(22))
    side = round(600 * shared.uniform(0.4, 0.7))
    image.paste(ImageOps.fit(photo, (side, side * 3 // 4)), (20, 170))
    for n in range(5):
        draw.text((20, 620 + n * 32), random_words(shared, 5), ink, load_font(20))
    return image


def render_chart(shared: random.Random, photo: Image.Image) -> Image.Image:
    """Return a bar chart of a shared style, with the values of the photograph's generator."""
    own, ink = _photo_rng(photo), random_colour(shared)
    image = Image.new("RGB", (640, 440), "white")
    draw = ImageDraw.Draw(image)
    draw.text((60, 14), random_words(shared, 4).title(), "black", load_font(26))
    for n in range(6):
        draw.line((60, 70 + n * 60, 620, 70 + n * 60), (210, 210, 210))
        draw.text((14, 60 + n * 60), str(100 - n * 20), "black", load_font(18))
    for n in range(8):
        height = own.uniform(20, 290)
        draw.rectangle((80 + n * 68, 370 - height, 124 + n * 68, 370), ink)
        draw.text((80 + n * 68, 382), f"{2015 + n}", "black", load_font(18))
    return image


def render_page(shared: random.Random, photo: Image.Image) -> Image.Image:
    """Return a page of text of a shared layout and title, with the words of the photograph's generator."""
    own = _photo_rng(photo)
    size = shared.randint(16, 26)
    image = Image.new("RGB", (620, 760), "white")
    draw = ImageDraw.Draw(image)
    draw.text((30, 24), random_words(shared, 3).title(), "black", load_font(size * 1.4))
    for n in range(round(620 / (size * 1.5))):
        draw.text((30, 90 + n * size * 1.5), random_words(own, 5), (25, 25, 25), load_font(size))
    return image


def render_halves(shared: random.Random, photo: Image.Image) -> Image.Image:
    """Return a photograph beside a small shared chart."""
    image = Image.new("RGB", (800, 400), "white")
    image.paste(ImageOps.fit(photo, (560, 400)))
    chart = render_chart(shared, Image.new("RGB", (9, 9), random_colour(shared))).resize((236, 180))
    image.paste(chart, (562, 110))
    return image


def _photo_rng(photo: Image.Image) -> random.Random:
    """Return a generator seeded by the first pixels of a photograph."""
    return random.Random(photo.tobytes()[:64])


KINDS: dict[str, Render] = {
    "logo": render_logo,
    "tiled": render_watermark,
    "news": render_news,
    "layout": render_layout,
    "chart": render_chart,
    "page": render_page,
    "halves": render_halves,
}


def make_copy(rng: random.Random, image: Image.Image) -> Image.Image:
    """Return an image as a repost has it, cropped and scaled down."""
    width, height = image.size
    left, top, right, bottom = (rng.uniform(0, 0.15) for _ in range(4))
    cropped = image.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )
    return ImageOps.scale(cropped, rng.uniform(0.5, 0.9))


def main() -> None:
    """Write the set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    files = [path for path in sorted(args.photos.iterdir()) if path.suffix in (".jpg", ".png")]
    rng.shuffle(files)
    for part in ("refs", "queries"):
        (args.out / part).mkdir(parents=True)
    truth: dict[str, dict[str, str | None]] = {}

    def next_photo() -> Image.Image:
        return ImageOps.contain(Image.open(files.pop()).convert("RGB"), (640, 640))

    for kind in args.kinds:
        for number in range(args.count):
            seed, name = f"{args.seed} {kind} {number}", f"{kind}_{number:02}"
            first, second = (KINDS[kind](random.Random(seed), next_photo()) for _ in range(2))
            first.save(args.out / "refs" / f"{name}.jpg", quality=92)
            for role, query, reference in (
                ("other", second, None),
                ("copy", make_copy(rng, first), f"{name}.jpg"),
            ):
                query.save(args.out / "queries" / f"{name}_{role}.jpg", quality=rng.randint(60, 85))
                truth[f"{name}_{role}.jpg"] = {"reference": reference, "edit": f"{kind} {role}"}
    (args.out / "truth.json").write_text(json.dumps({"queries": truth}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
