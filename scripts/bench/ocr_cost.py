"""CPU seconds of OCR of one image, and the lines that it finds: photographs with and without text, and pages of text.

    .venv/bin/python scripts/bench/ocr_cost.py FOLDER --font FONT [--count N] [--seed S]

FOLDER has photographs. N of them are read as they are; N get a translucent handle of 12 to 26 pixels, most of them at the
bottom; N get a caption of up to four lines; a tenth of N are screenshots of posts. Photographs in which text is found count as
photographs with text of their own: their lines cannot be checked. FONT has Chinese characters. One process and one thread;
the models are loaded before.
"""

import argparse
import io
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps
from threadpoolctl import threadpool_limits

from mediafp.matching.images.handles import extract_handles
from mediafp.text.ocr.reader import get_ocr_reader

LIMITS = {"no text": 0.06, "handle": 0.25, "caption": 0.25}
"""CPU seconds of an image, mean."""
NAMES = ("李若水", "王小鱼", "张雪梅", "刘明月", "陈阿杰", "mei_lin", "xiao-chen", "sunny")
TAILS = ("", "摄影", "在上海", "_2019", "88")
CAPTIONS = (
    *(
        "转发之前请先核实消息来源",
        "这张照片拍摄于北京",
        "网友爆料称现场一片混乱",
        "官方尚未对此作出回应",
        "香港街頭今日有大批市民聚集",
    ),
    *(
        "Share this before it is deleted",
        "Police confirmed the report",
        "You will not believe this",
        "Posted 3 hours ago",
    ),
)


def draw_handle(image: Image.Image, rng: random.Random, font: Path) -> tuple[Image.Image, list[str]]:
    """Return a photograph with a translucent handle, and the handle."""
    handle, size, alpha = "@" + rng.choice(NAMES) + rng.choice(TAILS), rng.randint(12, 26), rng.randint(100, 230)
    while ImageFont.truetype(font, size).getlength(handle) > 0.9 * image.width and size > 10:
        size -= 1
    drawn = ImageFont.truetype(font, size)
    left = rng.choice((1.0, 1.0, 0.5, 0.0)) * (image.width - drawn.getlength(handle) - 8) + 4
    top = rng.choice((1.0, 1.0, 1.0, rng.random())) * (image.height - 1.5 * size) + 1
    layer = Image.new("RGBA", image.size)
    outline = int(rng.random() < 0.7)
    ImageDraw.Draw(layer).text(
        (left, top), handle, (255, 255, 255, alpha), drawn, stroke_width=outline, stroke_fill=(0, 0, 0, alpha // 2)
    )
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB"), [handle]


def draw_caption(image: Image.Image, rng: random.Random, font: Path) -> tuple[Image.Image, list[str]]:
    """Return a photograph with some lines of text, and the lines."""
    size, lines = max(16, image.width // 20), rng.sample(CAPTIONS, rng.randint(1, 4))
    top = rng.uniform(0.02, 0.9) * max(0, image.height - 1.5 * size * len(lines))
    drawn, draw = ImageFont.truetype(font, size), ImageDraw.Draw(image)
    draw.text((image.width * 0.04, top), "\n".join(lines), "white", drawn, stroke_width=2, stroke_fill="black")
    return image, [line for line in lines if drawn.getlength(line) < 0.94 * image.width]


def draw_page(rng: random.Random, font: Path) -> tuple[Image.Image, list[str]]:
    """Return a page of text, as of a screenshot, and its lines."""
    page, ink = rng.choice((("white", "black"), ((21, 24, 28), "white")))
    image, size = Image.new("RGB", (1080, 1920), page), rng.randint(26, 40)
    lines = [rng.choice(CAPTIONS) for _ in range(1800 // (2 * size))]
    for n, line in enumerate(lines):
        ImageDraw.Draw(image).text((30, 40 + 2 * size * n), line, ink, ImageFont.truetype(font, size))
    return image, lines


def iter_images(
    files: list[Path], rng: random.Random, font: Path, count: int
) -> Iterator[tuple[str, Image.Image, list[str]]]:
    """Return kind, image and lines of text of all images."""
    for n in range(count):
        with Image.open(files[n % len(files)]) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        yield "no text", image, []
        yield "handle", *draw_handle(image, rng, font)
        yield "caption", *draw_caption(image.copy(), rng, font)
        if n % 10 == 0:
            yield "page", *draw_page(rng, font)


def save_again(image: Image.Image, quality: int) -> np.ndarray:
    """Return the pixels of an image after JPEG."""
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=quality)
    with Image.open(jpeg) as opened:
        return np.asarray(opened.convert("RGB"))


def main() -> None:
    """Print the CPU time of each kind of image beside its limit, and the lines that are found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--font", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    files = [f for f in sorted(arguments.folder.rglob("*")) if f.suffix.lower() in (".jpg", ".jpeg", ".png")]
    rng = random.Random(arguments.seed)
    rng.shuffle(files)
    cv2.setNumThreads(1)
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    found: defaultdict[str, list[bool]] = defaultdict(list)
    with threadpool_limits(1):
        reader = get_ocr_reader()
        for kind, image, expected in iter_images(files, rng, arguments.font, arguments.count):
            pixels = save_again(image, rng.randint(60, 95))
            start = time.process_time()
            lines, _ = reader.read(pixels, image.size)
            spent = time.process_time() - start
            texts = [line.text.replace(" ", "") for line in lines]
            seconds["text of its own" if kind == "no text" and texts else kind].append(spent)
            if kind == "handle":
                found[kind].append(expected[0] in extract_handles(line.text for line in lines))
            else:
                found[kind] += [any(line.replace(" ", "") in text for text in texts) for line in expected]
    for kind, values in seconds.items():
        limit = f", limit {LIMITS[kind]}" if kind in LIMITS else ""
        read = f"; {sum(found[kind])} of {len(found[kind])} read exactly" if found[kind] else ""
        cost = f"mean {mean(values):.4f}, median {median(values):.4f}, maximum {max(values):.3f} CPU s"
        print(f"{kind}: {len(values)} images, {cost}{limit}{read}")


if __name__ == "__main__":
    main()
