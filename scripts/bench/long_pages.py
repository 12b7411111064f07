"""Copies of captures of long pages that are found, and pages of one make with other content that are taken for them.

    .venv/bin/python scripts/bench/long_pages.py FOLDER [--styles N] [--seed S]

Pages are drawn with the photographs of the folder: accounts with posts, articles, texts, chats, shops, forms, and strips of
photographs. Two pages of each style have its header, account and footer, and other content; so have pages that share one
photograph. Copies are smaller, cropped, or longer, with a banner, another picture, a caption or a watermark on them, and long
photographs on another ground. Each query is matched with all references (`match`), and then every file is ingested and
compared with every other (`relate`). A pair counts if its probability is one half or more.
"""

import argparse
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from mediafp.case.case import Case, open_case
from mediafp.types.runs import AnalysisOptions, IngestOptions

CONTENT = ("posts", "article", "text", "chat", "shop", "form", "photographs")
EDITS = ("smaller", "cropped", "longer", "banner", "picture", "caption", "watermark")
WORDS = (
    *("time", "year", "people", "way", "day", "thing", "world", "school", "state", "family"),
    *("group", "country", "hand", "part", "place", "week", "company", "system", "night"),
)
COLOURS = ("#1b3a6b", "#aa2211", "#0a7a45", "#6a1b9a", "#222222")
PROBABLE = 0.5


@dataclass(slots=True, kw_only=True)
class Style:
    """What two pages of one make share.

    Attributes:
        width: Pixels of each page.
        size: Height of its letters in pixels.
        dark: True for light letters on a dark ground.
        accent: Colour of its header and footer.
        title: Words in its header.
        avatar: Picture of its account.
    """

    width: int
    size: int
    dark: bool
    accent: str
    title: str
    avatar: Image.Image
    ground: str = field(init=False)
    ink: str = field(init=False)

    def __post_init__(self) -> None:
        self.ground, self.ink = ("#15202b", "white") if self.dark else ("white", "#111111")


class Painter:
    """Draws the parts of pages; everything follows from the seed."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.random = random.Random(seed)
        suffixes = (".jpg", ".jpeg", ".png")
        self.photos = sorted(file for file in folder.rglob("*") if file.suffix.lower() in suffixes)
        if not self.photos:
            raise SystemExit(f"{folder}: no photographs")

    def photo(self, width: int, height: int) -> Image.Image:
        """Return one of the photographs, cut to a size."""
        with Image.open(self.random.choice(self.photos)) as opened:
            return ImageOps.fit(opened.convert("RGB"), (max(1, width), max(1, height)))

    def words(self, width: float, size: int) -> str:
        """Return words that fill a width in letters of a size."""
        line, font = self.random.choice(WORDS), ImageFont.load_default(size)
        while font.getlength(longer := f"{line} {self.random.choice(WORDS)}") <= width:
            line = longer
        return line

    def style(self) -> Style:
        """Return a style by chance."""
        width = self.random.choice((540, 720, 828, 1_080))
        return Style(
            width=width,
            size=int(width * self.random.uniform(0.03, 0.042)),
            dark=self.random.random() < 0.3,
            accent=self.random.choice(COLOURS),
            title=self.words(width * 0.5, width // 14),
            avatar=self.photo(width // 6, width // 6),
        )

    def strip(self, style: Style, height: float, colour: str | None = None) -> Image.Image:
        """Return an empty strip across a page."""
        return Image.new("RGB", (style.width, max(1, int(height))), colour or style.ground)

    def text(self, style: Style, height: float, left: float = 0.05, right: float = 0.95) -> Image.Image:
        """Return a strip with lines of words between two shares of its width."""
        image = self.strip(style, height)
        draw, font, x = ImageDraw.Draw(image), ImageFont.load_default(style.size), left * style.width
        for y in range(style.size // 2, int(height) - style.size, style.size * 3 // 2):
            draw.text((x, y), self.words((right - left) * style.width, style.size), style.ink, font)
        return image

    def header(self, style: Style) -> Image.Image:
        """Return the header of a site, with its title and the picture of its account."""
        image = self.strip(style, style.width * 0.2, style.accent)
        font = ImageFont.load_default(style.width // 14)
        ImageDraw.Draw(image).text((style.width * 0.04, style.width * 0.06), style.title, "white", font)
        image.paste(style.avatar, (style.width * 4 // 5, 10))
        return image

    def footer(self, style: Style) -> Image.Image:
        """Return the footer of a site, with five round buttons."""
        image = self.strip(style, style.width * 0.15, style.accent)
        for n in range(5):
            x, y = style.width * (0.07 + 0.19 * n), style.width * 0.04
            ImageDraw.Draw(image).ellipse(
                (x, y, x + style.width * 0.07, y + style.width * 0.07), outline="white", width=3
            )
        return image

    def posts(self, style: Style) -> Iterator[Image.Image]:
        """Yield the parts of some posts of one account."""
        for _ in range(self.random.randint(3, 7)):
            head = self.strip(style, style.width * 0.2)
            head.paste(
                style.avatar.resize((style.width // 9, style.width // 9)), (style.width // 30, style.width // 30)
            )
            font = ImageFont.load_default(style.size)
            ImageDraw.Draw(head).text((style.width * 0.18, style.width * 0.06), style.title, style.ink, font)
            yield head
            yield self.text(style, style.size * 1.5 * self.random.randint(2, 4))
            yield self.photo(style.width, int(style.width * self.random.uniform(0.4, 0.6)))

    def article(self, style: Style) -> Iterator[Image.Image]:
        """Yield the parts of an article."""
        yield self.photo(style.width, style.width // 2)
        for _ in range(self.random.randint(2, 4)):
            yield self.text(style, style.width * self.random.uniform(0.4, 0.8))
            yield self.photo(style.width, int(style.width * self.random.uniform(0.3, 0.5)))

    def long_text(self, style: Style) -> Iterator[Image.Image]:
        """Yield a text without pictures."""
        yield self.text(style, style.width * self.random.uniform(2, 4))

    def chat(self, style: Style) -> Iterator[Image.Image]:
        """Yield the messages of a chat."""
        for _ in range(self.random.randint(10, 20)):
            left = self.random.choice((0.05, 0.45))
            image = self.text(style, style.size * 1.5 * self.random.randint(2, 4), left, left + 0.5)
            box = (left * style.width - 8, 2, (left + 0.5) * style.width + 8, image.height - 4)
            ImageDraw.Draw(image).rounded_rectangle(box, 12, outline=style.accent, width=3)
            yield image

    def shop(self, style: Style) -> Iterator[Image.Image]:
        """Yield rows of two products."""
        side = int(style.width * 0.45)
        for _ in range(self.random.randint(3, 6)):
            image = self.strip(style, style.width * 0.65)
            for x in (style.width // 40, style.width * 21 // 40):
                image.paste(self.photo(side, side), (x, 10))
                draw, font = ImageDraw.Draw(image), ImageFont.load_default(style.size)
                draw.text((x, side + 16), self.words(side, style.size), style.ink, font)
                draw.rectangle((x, side * 1.2, x + side, side * 1.35), fill=style.accent)
            yield image

    def form(self, style: Style) -> Iterator[Image.Image]:
        """Yield the lines of a form, of which each style has its own labels."""
        labels = random.Random(style.title)
        for _ in range(24):
            image = self.strip(style, style.width * 0.09)
            draw, font = ImageDraw.Draw(image), ImageFont.load_default(style.size)
            draw.rectangle((style.width * 0.03, 2, style.width * 0.97, image.height), outline="#888888", width=2)
            draw.text((style.width * 0.05, style.size * 0.7), " ".join(labels.sample(WORDS, 2)), style.ink, font)
            draw.text(
                (style.width * 0.45, style.size * 0.7), self.words(style.width * 0.4, style.size), style.ink, font
            )
            yield image

    def photographs(self, style: Style) -> Iterator[Image.Image]:
        """Yield some photographs."""
        for _ in range(self.random.randint(3, 5)):
            yield self.photo(style.width, style.width)

    def parts(self, kind: str, style: Style) -> list[Image.Image]:
        """Return the parts of a page of one kind, from the top."""
        makers: dict[str, Callable[[Style], Iterator[Image.Image]]] = {
            "posts": self.posts,
            "article": self.article,
            "text": self.long_text,
            "chat": self.chat,
            "shop": self.shop,
            "form": self.form,
            "photographs": self.photographs,
        }
        content = list(makers[kind](style))
        return content if kind == "photographs" else [self.header(style), *content, self.footer(style)]


def join(parts: Iterable[Image.Image]) -> Image.Image:
    """Return parts below each other."""
    below = list(parts)
    image, top = Image.new("RGB", (below[0].width, sum(part.height for part in below))), 0
    for part in below:
        image.paste(part, (0, top))
        top += part.height
    return image


def edit(kind: str, parts: list[Image.Image], style: Style, painter: Painter) -> Image.Image:
    """Return the copy of a page; `kind` is one of `EDITS`."""
    page = join(parts)
    width, height = page.size
    rng, draw = painter.random, ImageDraw.Draw(page)
    font = ImageFont.load_default(width // 16)
    match kind:
        case "cropped":
            return page.crop((0, int(height * rng.uniform(0, 0.3)), width, int(height * rng.uniform(0.75, 1))))
        case "longer":
            return join([*parts[:-1], painter.text(style, height * 0.2), parts[-1]])
        case "banner":
            top = height * rng.uniform(0.3, 0.7)
            draw.rectangle((0, top, width, top + width * 0.35), fill="#333333")
        case "picture":
            page.paste(painter.photo(width * 9 // 10, width // 2), (width // 20, int(height * rng.uniform(0.3, 0.6))))
        case "caption":
            bar = painter.strip(style, width * 0.2, "black")
            ImageDraw.Draw(bar).text((10, 10), painter.words(width * 0.9, width // 16), "yellow", font)
            return join([bar, page])
        case "watermark":
            for top in range(0, height, width):
                draw.text((width * rng.uniform(0.1, 0.5), top), "@some_account", "#aaaaaa", font, stroke_width=1)
    return page


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A query and a reference by the names of their files, what was done, and if one is a copy of the other."""

    query: str
    reference: str
    kind: str
    is_copy: bool


def write_pages(folder: Path, scratch: Path, styles: int, seed: int) -> list[Pair]:
    """Write references and queries, and return the pairs of which the answer is known."""
    pairs: list[Pair] = []

    def save(image: Image.Image, side: str, name: str, painter: Painter) -> str:
        if side == "queries":
            zoom = painter.random.uniform(0.45, 1)
            image = image.resize((max(256, int(image.width * zoom)), max(256, int(image.height * zoom))))
        (scratch / side).mkdir(exist_ok=True)
        image.save(scratch / side / f"{name}.jpg", quality=painter.random.choice((60, 75, 85)))
        return f"{name}.jpg"

    for kind in CONTENT:
        for number in range(styles):
            painter = Painter(folder, f"{seed} {kind} {number}")
            style = painter.style()
            pages = [painter.parts(kind, style) for _ in range(2)]
            names = [save(join(page), "references", f"{kind}{number}{n}", painter) for n, page in enumerate(pages)]
            pairs.append(Pair(query=names[0], reference=names[1], kind=kind, is_copy=False))
            for done in painter.random.sample(EDITS, 3):
                copy = save(edit(done, pages[0], style, painter), "queries", f"{kind}{number}-{done}", painter)
                pairs.append(Pair(query=copy, reference=names[0], kind=done, is_copy=True))
                pairs.append(Pair(query=copy, reference=names[1], kind=kind, is_copy=False))
    for number in range(2 * styles):
        painter = Painter(folder, f"{seed} shared {number}")
        shared = [painter.style() for _ in range(2)]
        shared[1].width, shared[1].size = shared[0].width, shared[0].size
        photo = painter.photo(shared[0].width, shared[0].width // 2)
        sides: list[str] = []
        for side, style in zip(("references", "queries"), shared, strict=True):
            style.avatar = painter.photo(style.width // 6, style.width // 6)
            parts = painter.parts("article", style)
            parts.insert(painter.random.randint(1, len(parts) - 1), photo)
            sides.append(save(join(parts), side, f"shared{number}-{side}", painter))
        pairs.append(Pair(query=sides[1], reference=sides[0], kind="one photograph", is_copy=False))
        pairs.append(_write_other_ground(painter, number, save))
    return pairs


def _write_other_ground(painter: Painter, number: int, save: Callable[[Image.Image, str, str, Painter], str]) -> Pair:
    """Write a long photograph, and the middle of it on another ground."""
    size = (1_200, int(1_200 / painter.random.uniform(2.3, 3.2)))
    photo, ground, mask = painter.photo(*size), painter.photo(*size), Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((size[0] * 0.07, size[1] * 0.06, size[0] * 0.93, size[1] * 0.97), fill=255)
    cut = Image.composite(photo, ground, mask.filter(ImageFilter.GaussianBlur(3)))
    reference = save(photo, "references", f"long{number}", painter)
    return Pair(
        query=save(cut, "queries", f"ground{number}", painter), reference=reference, kind="ground", is_copy=True
    )


def measure(case: Case, scratch: Path, pairs: list[Pair]) -> dict[tuple[str, str], float]:
    """Return the probabilities of all matches of the files of a folder, by the names of query and reference."""
    paths = sorted((scratch / "references").iterdir()) + sorted((scratch / "queries").iterdir())
    asked = {pair.query for pair in pairs}
    return {
        (Path(result.query).name, Path(uri).name): match.probability
        for result in case.match([path for path in paths if path.name in asked], ocr=False, speech=None)
        for match in result.matches
        for uri in match.uris
    }


def main() -> None:
    """Print the shares of copies that are found and of pages of one make that are called one, by kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--styles", type=int, default=4, help="Styles of pages of each kind.")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    ingested = IngestOptions(analysis=AnalysisOptions(ocr=False))
    with tempfile.TemporaryDirectory() as name, open_case(Path(name) / "store", create=True) as case:
        scratch = Path(name)
        pairs = write_pages(options.folder, scratch, options.styles, options.seed)
        for way, side in (("match", "references"), ("relate", "queries")):
            for _ in case.ingest([scratch / side], ingested):
                pass
            found = measure(case, scratch, pairs)
            print_table(way, pairs, found)


def print_table(way: str, pairs: list[Pair], found: dict[tuple[str, str], float]) -> None:
    """Print for each kind the number of pairs, and the share that is probable."""
    rows: dict[tuple[bool, str], list[bool]] = defaultdict(list)
    for pair in pairs:
        probable = found.get((pair.query, pair.reference), 0.0) >= PROBABLE
        for kind in (pair.kind, "all"):
            rows[pair.is_copy, kind].append(probable)
    print(f"{way:<10}{'kind':<18}{'pairs':>7}{'probable':>10}")
    for (is_copy, kind), probables in sorted(rows.items(), reverse=True):
        name = "copies" if is_copy else "unlike"
        print(f"{name:<10}{kind:<18}{len(probables):>7}{sum(probables) / len(probables):>10.3f}")


if __name__ == "__main__":
    main()
