"""Write fixtures/evidence.png, the image of the README: a real report on a scene that this script draws.

    .venv/bin/python scripts/readme_picture.py [--chromium PROGRAM]

The script ingests a landscape with a handle at the bottom and a mirrored avatar that was cropped from it, writes the report,
and takes a screenshot of the match with chromium.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from mediafp.case.case import open_case

TARGET = Path(__file__).parent.parent / "fixtures" / "evidence.png"
SEED = 11
SIZE = (960, 720)
HANDLE = "@example_user88"
WINDOW = (1200, 1400)


def noise(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Return smooth noise (height, width), 0..1, with about `cells` cells across."""
    small = rng.random((cells * 3 // 4, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize(SIZE, Image.Resampling.BICUBIC)).clip(0, 1)


def landscape() -> Image.Image:
    """Return a drawing of hills, a lake and a village at dusk."""
    rng = np.random.default_rng(SEED)
    wide, tall = SIZE
    down = np.linspace(0, 1, tall)[:, None]
    cloud = sum(noise(rng, 4 << n) / 2**n for n in range(1, 6))
    sky = np.stack([60 + 190 * down + 50 * cloud, 70 + 95 * down + 45 * cloud, 130 + 5 * down + 40 * cloud], 2)
    image = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse((610, 190, 690, 270), fill=(255, 226, 160))
    across = np.arange(wide)
    for layer, (base, height, colour) in enumerate(
        ((300, 150, (92, 84, 120)), (360, 110, (66, 70, 96)), (410, 70, (44, 58, 66)))
    ):
        ridge = base - height * sum(
            np.sin(across / (130 - 34 * layer) * 2**n + rng.random() * 6) / 2**n for n in range(5)
        ) / 2.4  # fmt: skip
        draw.polygon([(0, tall), *zip(across.tolist(), ridge.tolist(), strict=True), (wide, tall)], fill=colour)
    lake = ImageOps.flip(image.crop((0, 210, wide, 470))).filter(ImageFilter.GaussianBlur(2))
    image.paste(Image.blend(lake, Image.new("RGB", lake.size, (40, 70, 100)), 0.35), (0, 470))
    draw = ImageDraw.Draw(image)
    for _ in range(420):
        x, y, length = rng.integers((0, 475, 8), (wide, tall, 50)).tolist()
        draw.line((x, y, x + length, y), fill=(150, 150, 170))
    for _ in range(26):
        x, y, side = rng.integers((20, 400, 18), (900, 462, 46)).tolist()
        wall = tuple(rng.integers(90, 210, 3).tolist())
        draw.rectangle((x, y, x + side, y + side), fill=wall)
        draw.polygon(((x - 4, y), (x + side / 2, y - side * 0.6), (x + side + 4, y)), fill=(120, 46, 40))
        for n in range(2):
            left = x + side * (0.16 + 0.44 * n)
            draw.rectangle((left, y + side * 0.3, left + side * 0.2, y + side * 0.6), fill=(255, 214, 120))
    grain = rng.normal(0, 7, (tall, wide, 1))
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))


def main() -> None:
    """Write the image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromium", default="chromium")
    chromium = parser.parse_args().chromium
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        photo, font = landscape(), ImageFont.load_default(26)
        width = font.getlength(HANDLE)
        ImageDraw.Draw(photo).text((photo.width - width - 16, photo.height - 44), HANDLE, "white", font)
        (work / "media").mkdir()
        photo.save(work / "media" / "weibo_4812.jpg", quality=92)
        avatar = ImageOps.mirror(photo.crop((150, 60, 720, 630))).resize((400, 400))
        avatar.save(work / "media" / "persona_avatar.jpg", quality=70)
        with open_case(work / "store", create=True) as case:
            for _ in case.ingest([work / "media"]):
                pass
            case.report(work / "page.html", clips=False)
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                   "--hide-scrollbars", "--force-device-scale-factor=1.5", f"--user-data-dir={work / 'profile'}",
                   f"--window-size={WINDOW[0]},{WINDOW[1]}", f"--screenshot={work / 'page.png'}"]  # fmt: skip
        # Only the card of the match is shown, without what is above it; the policy would not permit this style sheet.
        page = (work / "page.html").read_text(encoding="utf-8")
        page = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        hidden = "header,h2,.lead,main>:not(.group),.gallery,.more,footer,.card:not(#m1),.facts div+div"
        style = f"<style>{hidden}{{display:none!important}}main{{padding-top:16px}}</style>"
        (work / "card.html").write_text(page.replace("</head>", style + "</head>"), encoding="utf-8")
        subprocess.run([chromium, *options, (work / "card.html").as_uri()], check=True, capture_output=True)
        shot = Image.open(work / "page.png").convert("RGB")
    edge = np.asarray(shot)[:, shot.width // 2].astype(int)
    bottom = int(np.flatnonzero(np.abs(edge - edge[-1]).sum(axis=1) > 6).max())
    TARGET.parent.mkdir(exist_ok=True)
    shot.crop((60, 0, shot.width - 60, bottom + 30)).quantize(192).save(TARGET, optimize=True)
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
