"""Write fixtures/answer.png, the image of the README: a page of the workbench on a scene that this script draws.

    .venv/bin/python scripts/readme_picture.py [--chromium PROGRAM]

The script ingests a landscape with a handle at the bottom and a mirrored avatar that was cropped from it, asks the workbench
about another copy of the avatar, and takes a screenshot of the answer with chromium.
"""

import argparse
import secrets
import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from playwright.sync_api import sync_playwright

from mediafp.case.case import Case, open_case
from mediafp.web.app import create_app
from mediafp.web.server import new_server, open_listener
from mediafp.web.settings import ServeSettings

TARGET = Path(__file__).parent.parent / "fixtures" / "answer.png"
SEED = 11
SIZE = (960, 720)
HANDLE = "@example_user88"
WINDOW = (1280, 960)
POSTS = """file,account,platform,posted_at,removed_at
weibo_4812.jpg,@example_user88,weibo,2021-05-03T08:12:00Z,
second_avatar.jpg,pier_voices,twitter,2026-05-22T10:00:00Z,2026-11-09T00:00:00Z
"""


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
    chromium = shutil.which(parser.parse_args().chromium)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        photo, font = landscape(), ImageFont.load_default(26)
        width = font.getlength(HANDLE)
        ImageDraw.Draw(photo).text((photo.width - width - 16, photo.height - 44), HANDLE, "white", font)
        (work / "media").mkdir()
        photo.save(work / "media" / "weibo_4812.jpg", quality=92)
        avatar = ImageOps.mirror(photo.crop((150, 60, 720, 630))).resize((400, 400))
        avatar.save(work / "media" / "second_avatar.jpg", quality=85)
        (work / "media" / "posts.csv").write_text(POSTS, encoding="utf-8")
        avatar.save(work / "persona_avatar.jpg", quality=70)
        with open_case(work / "harbour-lights" / "store", create=True) as case:
            for _ in case.ingest([work / "media"]):
                pass
            shot = take_screenshot(case, work / "persona_avatar.jpg", work / "page.png", chromium)
    TARGET.parent.mkdir(exist_ok=True)
    shot.quantize(192).save(TARGET, optimize=True)
    print(TARGET, TARGET.stat().st_size, "bytes")


def take_screenshot(case: Case, query: Path, target: Path, chromium: str | None) -> Image.Image:
    """Return the page of the answer to a file, as a browser shows it after the file was dropped."""
    listener = open_listener("127.0.0.1", 0)
    settings = ServeSettings(host="127.0.0.1", port=listener.getsockname()[1], token=secrets.token_urlsafe(32))
    server = new_server(create_app(case, settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": WINDOW[0], "height": WINDOW[1]}, device_scale_factor=1.25)
            page.goto(settings.link)
            page.set_input_files("input[type=file]", query)
            page.wait_for_url("**/answer/*", timeout=60_000)
            page.wait_for_selector("text=copy .", timeout=60_000)
            page.wait_for_timeout(1_000)
            page.screenshot(path=target)
            browser.close()
    finally:
        server.should_exit = True
        thread.join()
    return Image.open(target).convert("RGB")


if __name__ == "__main__":
    main()
