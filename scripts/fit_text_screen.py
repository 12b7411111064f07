#!/usr/bin/env python3
"""Fit the network that names the regions of an image with text: models/text_screen.npz and its entry in the manifest.

    scripts/fit_text_screen.py FOLDER --fonts FONT... [--images N] [--seed S]

FOLDER has photographs. Lines of many sizes, colours and opacities are drawn on every second of N images made from them, which
are saved as JPEG. A first network, fitted on a fifth of the images, selects the cells without text that are hard to tell from it
in the others. A cell of `mediafp.text.ocr.screen` is text if it lies in a line that PP-OCR finds and reads with
confidence, and is skipped if it lies in one that it does not read. The figures that are printed are of the last tenth of the
images, on which the network is not fitted. Fonts without Chinese characters get Latin text alone: name at least one with.
"""

import argparse
import hashlib
import io
import random
import re
import string
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, ImageOps
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from mediafp.text.ocr import screen
from mediafp.text.ocr.detector import TextDetector
from mediafp.text.ocr.recogniser import TextRecogniser
from mediafp.text.ocr.rectify import rectify_line
from mediafp.types import model_files
from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of an upright line, pixels."""
CHINESE = (
    "的一是不了人我在有他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于"
    "起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其"
    "种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却"
    "王李张刘陈杨赵黄若水鱼雪梅阿杰爱吃糖摄影京香港台湾微博抖音快手视频号臺灣張陳劉黃愛國發說們會學時來對開關電話東車風飛魚點"
)
"""Common characters, simplified and traditional."""
MIN_CONFIDENCE = 0.8
"""Confidence of a reading from which its cells are text."""
MIN_CHARACTERS = 3
"""Length of a reading from which its cells are text."""
LINE_HEIGHTS = (9.0, 30.0)
"""Heights, pixels of a level, of the quads whose cells are text in this level; a quad is higher than its letters."""
DETECTION_SIDES = (736, 1400)
"""Longest sides, pixels, at which text is detected, as in the whole image and in the edge strips."""
MAX_TEXT_CELLS = 70
"""Cells with text that are taken from one level of one image."""
MAX_OTHER_CELLS = (200, 80, 40, 20)
"""Cells without text that are taken from each level of an image; a quarter at random, the others hard ones."""
MIN_HARD_PROBABILITY = 0.12
"""Probability of the first network from which a cell without text is hard."""
FIRST_SHARE = 0.2
"""Share of the images from which the first network is fitted."""
HIDDEN_UNITS = 32
"""Size of the network. Chosen, not measured."""
EPOCHS = 10
"""Passes over the cells. Chosen, not measured."""


def random_text(rng: random.Random, chinese: bool) -> str:
    """Return a handle, or some words."""
    letters = (
        CHINESE
        if chinese and rng.random() < 0.6
        else string.ascii_lowercase * 3 + string.ascii_uppercase + string.digits
    )
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(rng.choice((1, 1, 1, 2, 4)))]
    return rng.choice(("@", "@", "")) + rng.choice((" ", "_", "")).join(words)


def draw_line(image: Image.Image, rng: random.Random, fonts: dict[Path, bool]) -> tuple[Image.Image, Box] | None:
    """Return an image with one more line, and the box of the line; None if there is no room for it."""
    file = rng.choice(list(fonts))
    text = random_text(rng, fonts[file])
    size = int(np.exp(rng.uniform(np.log(10), np.log(30)))) if rng.random() < 0.75 else rng.randint(30, 90)
    font = ImageFont.truetype(file, size)
    while font.getlength(text) > 0.95 * image.width and size > 10:
        size -= 2
        font = ImageFont.truetype(file, size)
    layer = Image.new("RGBA", (round(font.getlength(text)) + 6, round(1.45 * size)), (0, 0, 0, 0))
    draw, alpha, style = ImageDraw.Draw(layer), rng.randint(90, 255), rng.random()
    red, green, blue = (255, 255, 255) if rng.random() < 0.65 else (rng.randrange(256) for _ in range(3))
    contrast = 0 if red + green + blue > 380 else 255
    if style < 0.5:
        outline = (contrast, contrast, contrast, alpha // 2)
        draw.text((3, 0), text, (red, green, blue, alpha), font, stroke_width=1, stroke_fill=outline)
    else:
        if style < 0.65:
            draw.text((4, 1), text, (contrast, contrast, contrast, alpha // 2), font)
        draw.text((3, 0), text, (red, green, blue, alpha), font)
    if rng.random() < 0.12:
        layer = layer.rotate(rng.choice((90, 270)), expand=True)
    if layer.width > image.width or layer.height > image.height:
        return None
    left, top = rng.randint(0, image.width - layer.width), rng.randint(0, image.height - layer.height)
    drawn = image.convert("RGBA")
    drawn.alpha_composite(layer, (left, top))
    return drawn.convert("RGB"), (left, top, left + layer.width, top + layer.height)


def make_image(file: Path, rng: random.Random, fonts: dict[Path, bool], with_text: bool) -> tuple[Pixels, list[Box]]:
    """Return BGR pixels of a photograph, saved as JPEG, and the boxes of the lines that were drawn on it."""
    with Image.open(file) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    if rng.random() < 0.25:
        image = ImageOps.scale(image, rng.choice((736, 1080)) / max(image.size))
    boxes: list[Box] = []
    for _ in range(rng.randint(1, 5) if with_text else 0):
        drawn = draw_line(image, rng, fonts)
        if drawn and not any(_overlap(drawn[1], box) for box in boxes):
            image = drawn[0]
            boxes.append(drawn[1])
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=rng.randint(50, 95))
    with Image.open(jpeg) as opened:
        return np.ascontiguousarray(np.asarray(opened.convert("RGB"))[:, :, ::-1]), boxes


def read_boxes(bgr: Pixels, detector: TextDetector, recogniser: TextRecogniser) -> tuple[list[Box], list[Box]]:
    """Return the boxes of the lines that PP-OCR reads with confidence, and of all other lines that it finds and reads."""
    sure: list[Box] = []
    unsure: list[Box] = []
    for side in DETECTION_SIDES:
        for quad in detector.detect(bgr, side / max(bgr.shape[:2])):
            text, confidence = recogniser.recognise(rectify_line(bgr, quad))
            (left, top), (right, bottom) = quad.min(axis=0).tolist(), quad.max(axis=0).tolist()
            if confidence >= MIN_CONFIDENCE and len(text) >= MIN_CHARACTERS:
                sure.append((left, top, right, bottom))
            elif confidence >= 0.5 and len(text) > 1:
                unsure.append((left, top, right, bottom))
    return sure, unsure


def label_cells(shape: tuple[int, int], side: float, sure: list[Box], unsure: list[Box]) -> npt.NDArray[np.int8]:
    """Return 1 for cells of text, -1 for cells that are skipped, 0 for all others; `side` is that of a cell in pixels."""
    labels = np.zeros(shape, np.int8)
    for left, top, right, bottom in (*unsure, *sure):
        rows = slice(max(0, int(top / side - 1)), int(bottom / side) + 2)
        labels[rows, max(0, int(left / side - 1)) : int(right / side) + 2] = -1
    for left, top, right, bottom in sure:
        height = min(bottom - top, right - left) / side * screen.CELL
        if LINE_HEIGHTS[0] <= height <= LINE_HEIGHTS[1]:
            labels[_inner_cells(top, bottom, side), _inner_cells(left, right, side)] = 1
    return labels


def take_cells(
    bgr: Pixels, sure: list[Box], unsure: list[Box], rng: np.random.Generator, first: Pipeline | None
) -> list[tuple[Float32Array, Float32Array]]:
    """Return the windows of cells with text and of cells without, for each level."""
    taken = []
    levels, side = screen.screened_levels(bgr)
    for level, image, limit in zip(screen.LEVELS, levels, MAX_OTHER_CELLS, strict=True):
        cells = screen.cell_features(image)
        labels = label_cells(cells.shape[:2], side * level, sure, unsure).ravel()
        windows = screen.cell_windows(cells).reshape(labels.size, -1)
        text, other = rng.permutation(np.flatnonzero(labels == 1)), rng.permutation(np.flatnonzero(labels == 0))
        hard = other
        if first and len(other):
            hard = other[first.predict_proba(windows[other])[:, 1] >= MIN_HARD_PROBABILITY]
        chosen = np.union1d(other[: limit // 4], hard[: limit - limit // 4])
        taken.append((windows[text[:MAX_TEXT_CELLS]], windows[chosen]))
    return taken


def main() -> None:
    """Fit the network and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    files = [f for f in sorted(arguments.folder.iterdir()) if f.suffix in (".jpg", ".jpeg", ".png")]
    fonts = {file: has_chinese(file) for file in arguments.fonts}
    detector, recogniser = TextDetector(), TextRecogniser()
    taken: list[tuple[Float32Array, Float32Array]] = []
    first: Pipeline | None = None
    for number in range(arguments.images):
        if number == round(FIRST_SHARE * arguments.images):
            first = fit_network(*join_cells(taken))
            taken = []
        rng = random.Random(f"{arguments.seed} {number}")
        bgr, drawn = make_image(rng.choice(files), rng, fonts, number % 2 == 0)
        sure, unsure = read_boxes(bgr, detector, recogniser)
        taken += take_cells(bgr, sure, [*unsure, *drawn], np.random.default_rng(number), first)
    windows, labels = join_cells(taken)
    fitted = len(labels) - len(labels) // 10
    network = fit_network(windows[:fitted], labels[:fitted])
    probabilities = network.predict_proba(windows[fitted:])[:, 1]
    for threshold in (0.3, 0.5, 0.7, 0.9):
        found, passed = (float((probabilities[labels[fitted:] == kind] >= threshold).mean()) for kind in (True, False))
        print(
            f"probability {threshold}: {found:.3f} of {labels[fitted:].sum()} cells of text, {passed:.3f} of the others"
        )
    write_network(*network)


def join_cells(taken: list[tuple[Float32Array, Float32Array]]) -> tuple[Float32Array, npt.NDArray[np.bool_]]:
    """Return all windows, and True for those with text."""
    kinds = [np.full(len(part), kind) for pair in taken for part, kind in zip(pair, (True, False), strict=True)]
    return np.concatenate([part for pair in taken for part in pair]), np.concatenate(kinds)


def fit_network(windows: Float32Array, labels: npt.NDArray[np.bool_]) -> Pipeline:
    """Return a scaler and a network that are fitted on windows."""
    network = MLPClassifier((HIDDEN_UNITS,), batch_size=512, max_iter=EPOCHS, learning_rate_init=2e-3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        pipeline.fit(windows, labels)
    return pipeline


def write_network(scaler: StandardScaler, network: MLPClassifier) -> None:
    """Write the weights, which contain the scaling of the features, and their hash into the manifest."""
    hidden = network.coefs_[0] / scaler.scale_[:, None]
    weights = {
        "hidden_weights": hidden,
        "hidden_bias": network.intercepts_[0] - scaler.mean_ @ hidden,
        "weights": network.coefs_[1][:, 0],
        "bias": network.intercepts_[1],
    }
    file = model_files.models_folder() / "text_screen.npz"
    with file.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **{name: values.astype(np.float32) for name, values in weights.items()})
    manifest = model_files.models_folder() / "manifest.toml"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    entry = r'(name = "text_screen"\nversion = "[^"]*"\nsha256 = ")[^"]*'
    text = re.sub(entry, rf"\g<1>{sha256}", manifest.read_text(encoding="utf-8"))
    manifest.write_text(text, encoding="utf-8")
    print(f"wrote {file}, sha256 {sha256}")


def has_chinese(file: Path) -> bool:
    """Return True if a font has Chinese characters."""
    font = ImageFont.truetype(file, 20)
    masks = {bytes(font.getmask(character)) for character in "的国愛"}
    return len(masks) == 3


def _overlap(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _inner_cells(start: float, end: float, side: float) -> slice:
    """Return the cells whose centres lie between two positions; at least the one in the middle."""
    first, last = int(np.ceil(max(0.0, start) / side - 0.5)), int(np.floor(end / side - 0.5))
    if last < first:
        first = last = int((start + end) / 2 / side)
    return slice(first, last + 1)


if __name__ == "__main__":
    main()
