"""Write pictures that share a part and are no copies: hard negatives for scripts/calibrate.py.

    .venv/bin/python scripts/shared_parts.py PHOTOS OUT [--kinds KIND...] [--count N] [--seed S]

PHOTOS is a folder of photographs. Of each kind N pairs are made: a logo, or a tiled mark, on two photographs; two
photographs in one news template or one page layout; two charts of one style; two pages of text; two photographs half of
which is one and the same third one. A copy of each reference (cut, shrunk and saved again) is asked for too, so that the
kinds are told from copies of themselves. OUT gets refs/, queries/ and truth.json.
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
Make = Callable[[random.Random, Image.Image], Image.Image]
"""A picture that has the random parts of the first in common with others, and shows the second."""


def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that Pillow has with it."""
    return ImageFont.load_default(size)


def words(chance: random.Random, count: int) -> str:
    """A line of words."""
    return " ".join(chance.choices(WORDS, k=count))


def colour(chance: random.Random) -> tuple[int, int, int]:
    """A strong colour."""
    return (chance.randrange(256), chance.randrange(160), chance.randrange(256))


def mark(chance: random.Random, width: int) -> Image.Image:
    """A channel's mark: a form with letters, transparent around."""
    height = max(12, round(width / chance.uniform(2.2, 3.6)))
    picture = Image.new("RGBA", (width, height))
    draw, ink = ImageDraw.Draw(picture), (*colour(chance), 255)
    form = chance.choice((draw.ellipse, draw.rectangle))
    form((0, 0, height - 1, height - 1), fill=ink, outline=(255, 255, 255, 255), width=max(1, height // 12))
    for _ in range(chance.randint(1, 3)):
        x, y = chance.uniform(0, height * 0.6), chance.uniform(0, height * 0.6)
        draw.line(
            (x, y, x + height * 0.4, y + height * chance.uniform(-0.3, 0.4)), (255, 255, 255, 255), height // 9 + 1
        )
    name = chance.choice(WORDS).upper()[:5] + f" {chance.randrange(10)}"
    draw.text(
        (height * 1.1, height * 0.15),
        name,
        (255, 255, 255, 255),
        font(height * 0.55),
        stroke_width=1,
        stroke_fill="black",
    )
    return picture


def logo(common: random.Random, photo: Image.Image) -> Image.Image:
    """A photograph with a mark of 8 to 35 % of its width, in any corner."""
    width = round(photo.width * common.uniform(0.08, 0.35))
    sign = mark(common, width)
    own = random.Random(photo.tobytes()[:64])
    x = own.choice((0.03, 0.97)) * (photo.width - sign.width)
    y = own.choice((0.03, 0.97)) * (photo.height - sign.height)
    photo = photo.copy()
    photo.paste(sign, (round(x), round(y)), sign)
    return photo


def tiled(common: random.Random, photo: Image.Image) -> Image.Image:
    """A photograph with one translucent mark all over it."""
    sign = mark(common, round(photo.width * 0.22)).rotate(common.choice((0, 20, 30)), expand=True)
    sign.putalpha(sign.getchannel("A").point(lambda a: a * 2 // 5))
    photo = photo.copy()
    for x in range(0, photo.width, sign.width + 20):
        for y in range(0, photo.height, sign.height + 30):
            photo.paste(sign, (x, y), sign)
    return photo


def news(common: random.Random, photo: Image.Image) -> Image.Image:
    """A photograph as a television station shows it: banner, mark, clock."""
    picture = ImageOps.fit(photo, (640, 360))
    draw, ink = ImageDraw.Draw(picture), colour(common)
    top = round(360 * common.uniform(0.72, 0.85))
    draw.rectangle((0, top, 640, 360), ink)
    draw.rectangle((0, top, 150, top + 34), "white")
    draw.text((8, top + 4), "BREAKING", ink, font(24))
    draw.text((160, top + 4), words(common, 4), "white", font(24))
    sign = mark(common, 110)
    picture.paste(sign, (515, 12), sign)
    return picture


def layout(common: random.Random, photo: Image.Image) -> Image.Image:
    """A photograph in a post's page."""
    picture = Image.new("RGB", (600, 800), common.choice(("white", "#15181c")))
    draw, ink = ImageDraw.Draw(picture), (120, 120, 120)
    draw.ellipse((20, 20, 90, 90), colour(common))
    draw.text((110, 30), words(common, 2), ink, font(26))
    draw.text((20, 110), words(common, 5), ink, font(22))
    side = round(600 * common.uniform(0.4, 0.7))
    picture.paste(ImageOps.fit(photo, (side, side * 3 // 4)), (20, 170))
    for n in range(5):
        draw.text((20, 620 + n * 32), words(common, 5), ink, font(20))
    return picture


def chart(common: random.Random, photo: Image.Image) -> Image.Image:
    """A bar chart in a style that others have too; the numbers are its own."""
    own, ink = random.Random(photo.tobytes()[:64]), colour(common)
    picture = Image.new("RGB", (640, 440), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((60, 14), words(common, 4).title(), "black", font(26))
    for n in range(6):
        draw.line((60, 70 + n * 60, 620, 70 + n * 60), (210, 210, 210))
        draw.text((14, 60 + n * 60), str(100 - n * 20), "black", font(18))
    for n in range(8):
        height = own.uniform(20, 290)
        draw.rectangle((80 + n * 68, 370 - height, 124 + n * 68, 370), ink)
        draw.text((80 + n * 68, 382), f"{2015 + n}", "black", font(18))
    return picture


def page(common: random.Random, photo: Image.Image) -> Image.Image:
    """A page of text in a form that others have too."""
    own = random.Random(photo.tobytes()[:64])
    size = common.randint(16, 26)
    picture = Image.new("RGB", (620, 760), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((30, 24), words(common, 3).title(), "black", font(size * 1.4))
    for n in range(round(620 / (size * 1.5))):
        draw.text((30, 90 + n * size * 1.5), words(own, 5), (25, 25, 25), font(size))
    return picture


def halves(common: random.Random, photo: Image.Image) -> Image.Image:
    """A photograph beside a small chart that others stand beside too."""
    picture = Image.new("RGB", (800, 400), "white")
    picture.paste(ImageOps.fit(photo, (560, 400)))
    side = chart(common, Image.new("RGB", (9, 9), colour(common))).resize((236, 180))
    picture.paste(side, (562, 110))
    return picture


KINDS: dict[str, Make] = {
    "logo": logo, "tiled": tiled, "news": news, "layout": layout, "chart": chart, "page": page, "halves": halves,
}  # fmt: skip


def copied(chance: random.Random, picture: Image.Image) -> Image.Image:
    """What a re-post makes of a picture."""
    width, height = picture.size
    left, top, right, bottom = (chance.uniform(0, 0.15) for _ in range(4))
    cut = picture.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )
    return ImageOps.scale(cut, chance.uniform(0.5, 0.9))


def main() -> None:
    """Writes the set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    files = [path for path in sorted(args.photos.iterdir()) if path.suffix in (".jpg", ".png")]
    chance.shuffle(files)
    for part in ("refs", "queries"):
        (args.out / part).mkdir(parents=True)
    truth: dict[str, dict[str, str | None]] = {}

    def photo() -> Image.Image:
        return ImageOps.contain(Image.open(files.pop()).convert("RGB"), (640, 640))

    for kind in args.kinds:
        for number in range(args.count):
            seed, name = f"{args.seed} {kind} {number}", f"{kind}_{number:02}"
            first, second = (KINDS[kind](random.Random(seed), photo()) for _ in range(2))
            first.save(args.out / "refs" / f"{name}.jpg", quality=92)
            for role, query, reference in (
                ("other", second, None),
                ("copy", copied(chance, first), f"{name}.jpg"),
            ):
                query.save(args.out / "queries" / f"{name}_{role}.jpg", quality=chance.randint(60, 85))
                truth[f"{name}_{role}.jpg"] = {"reference": reference, "edit": f"{kind} {role}"}
    (args.out / "truth.json").write_text(json.dumps({"queries": truth}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
