"""Share of altered photographs with a change in their match, and of unaltered copies with one by mistake.

    .venv/bin/python scripts/bench/altered_pictures.py FOLDER [--photos N] [--seed S] [--ocr]

Each photograph of the folder is altered in one place, of 10, 5 or 2 % of its area: the text of a banner, a region replaced by
one of another photograph, an object removed by inpainting, a sticker, a blurred region. The query is the altered photograph at
.6 to .9 of its size as JPEG of quality 70, every third cropped by 5 %. Controls are copies of the same photographs that nothing
was altered in, with other light, colour, sharpness, borders. A change is at the place if the intersection of its box and
the altered box is at least half of their union.
"""

import argparse
import io
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from mediafp.case.case import Case, open_case
from mediafp.types.matches import Change
from mediafp.types.runs import AnalysisOptions, IngestOptions

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
AREAS = (0.10, 0.05, 0.02)
"""Shares of the photograph's area that are altered."""
MIN_PLACE_IOU = 0.5
"""Intersection over union of two boxes from which the place is right."""
HEADLINES = (
    *(
        "MARKET OPENS AT NOON",
        "CITY COUNCIL MEETS TODAY",
        "FERRY TO THE ISLAND",
        "TWELVE NEW SCHOOLS",
        "RAIN EXPECTED SUNDAY",
    ),
    *(
        "MAYOR RESIGNS AFTER VOTE",
        "TROOPS AT THE BORDER",
        "PRICES RISE BY 40 %",
        "HARBOUR CLOSED",
        "HOSPITAL HIT AT NIGHT",
    ),
)
"""Texts of banners; those of the second half replace those of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """A photograph as it is stored, the same altered in a box, and the box."""

    stored: Image.Image
    altered: Image.Image
    box: Box


def main() -> None:
    """Print the figures of each alteration and area, and of each control."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=60, help="Photographs that are altered.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ocr", action="store_true", help="Read text too.")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        cases = list(write_queries(options.folder, Path(scratch), options.photos, options.seed))
        with open_case(Path(scratch) / "store", create=True) as case:
            for _ in case.ingest(
                [Path(scratch) / "references"], IngestOptions(analysis=AnalysisOptions(ocr=options.ocr))
            ):
                pass
            measure(case, cases, ocr=options.ocr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, its stored photograph, what was done, and where it was altered, in pixels of the stored one; None if nowhere."""

    query: Path
    reference: Path
    kind: str
    box: Box | None


def measure(case: Case, cases: Sequence[Query], *, ocr: bool) -> None:
    """Print the shares of queries with a match, with a change, and with a change at the place."""
    rows: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    by_path = {str(one.query): one for one in cases}
    paths = list(by_path)
    for result in case.match(paths, ocr=ocr, speech=None):
        one = by_path[result.query]
        found = [match for match in result.matches if any(uri.endswith(one.reference.name) for uri in match.uris)]
        changes = found[0].changes if found else ()
        at_place = any(one.box is not None and _iou(change, one.box) >= MIN_PLACE_IOU for change in changes)
        rows[one.kind].append((bool(found), bool(changes), at_place))
    print(f"{'edit':<20}{'queries':>8}{'found':>8}{'told':>8}{'place':>8}")
    for kind in sorted(rows):
        _print_row(kind, rows[kind])
    for name, is_control in (("altered", False), ("controls", True)):
        _print_row(name, [row for kind in rows for row in rows[kind] if kind.startswith("control") == is_control])


def _print_row(name: str, rows: Sequence[tuple[bool, bool, bool]]) -> None:
    shares = (sum(row[n] for row in rows) / max(1, len(rows)) for n in range(3))
    print(f"{name:<20}{len(rows):>8}" + "".join(f"{share:>8.3f}" for share in shares))


def _iou(change: Change, box: Box) -> float:
    """Return the intersection over union of a change's bounding box and a box."""
    xs, ys = zip(*change.box, strict=True)
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    width, height = min(right, box[2]) - max(left, box[0]), min(bottom, box[3]) - max(top, box[1])
    shared = float(max(0.0, width) * max(0.0, height))
    return shared / float((right - left) * (bottom - top) + (box[2] - box[0]) * (box[3] - box[1]) - shared)


def write_queries(folder: Path, scratch: Path, photos: int, seed: int) -> Iterator[Query]:
    """Write references and queries into a folder, and yield the queries."""
    rng = random.Random(seed)
    suffixes = (".jpg", ".jpeg", ".png")
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in suffixes and "graphic" not in f.name)
    (scratch / "references").mkdir()
    (scratch / "queries").mkdir()
    chosen = rng.sample(files, min(photos, len(files)))
    for number, file in enumerate(chosen):
        photo = _open(file)
        other = _open(rng.choice([one for one in files if one != file]))
        for kind, alter in ALTERATIONS.items():
            area = AREAS[(number + len(kind)) % len(AREAS)]
            made = alter(photo, other, area, rng)
            # A stored photograph of its own for the banner, which it has too.
            reference = scratch / "references" / (f"{number:04}-{kind}.png" if kind == "text" else f"{number:04}.png")
            made.stored.save(reference)
            query = scratch / "queries" / f"{number:04}-{kind}-{area:g}.jpg"
            box = _save_query(made.altered, made.box, query, rng, crops=number % 3 == 0)
            yield Query(query=query, reference=reference, kind=f"{kind} {area:.0%}", box=box)
        reference = scratch / "references" / f"{number:04}.png"
        for kind in rng.sample(sorted(CONTROLS), 5):
            query = scratch / "queries" / f"{number:04}-control-{kind}.jpg"
            _save_query(CONTROLS[kind](photo), None, query, rng, crops=number % 3 == 0)
            yield Query(query=query, reference=reference, kind=f"control {kind}", box=None)


def _open(file: Path) -> Image.Image:
    with Image.open(file) as opened:
        return opened.convert("RGB")


def _save_query(image: Image.Image, box: Box | None, path: Path, rng: random.Random, *, crops: bool) -> Box | None:
    """Save a query smaller, recompressed and perhaps cropped; return the part of the box that it shows."""
    width, height = image.size
    if crops:
        left, top = rng.uniform(0, 0.05) * width, rng.uniform(0, 0.05) * height
        shown = (round(left), round(top), round(left + 0.95 * width), round(top + 0.95 * height))
        image = image.crop(shown)
        if box:
            box = max(box[0], shown[0]), max(box[1], shown[1]), min(box[2], shown[2]), min(box[3], shown[3])
    scale = rng.uniform(0.6, 0.9)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    image.save(path, quality=70)
    return box


def _choose_box(photo: Image.Image, area: float, rng: random.Random, *, detailed: bool) -> tuple[int, int, int, int]:
    """Return a box of that share of the area; of eight places the one with most detail if `detailed`."""
    width, height = photo.size
    ratio = rng.uniform(0.7, 1.4)
    w = min(0.8 * width, (area * width * height * ratio) ** 0.5)
    h = min(0.8 * height, area * width * height / w)
    grey = cv2.cvtColor(np.array(photo), cv2.COLOR_RGB2GRAY)
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.5), cv2.CV_32F))
    best, most = (0, 0, 0, 0), -1.0
    for _ in range(8 if detailed else 1):
        left, top = rng.uniform(0.06, 0.94) * (width - w), rng.uniform(0.06, 0.94) * (height - h)
        box = round(left), round(top), round(left + w), round(top + h)
        detail = float(edges[box[1] : box[3], box[0] : box[2]].mean())
        if detail > most:
            best, most = box, detail
    return best


def _ellipse(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    return mask


def alter_text(photo: Image.Image, other: Image.Image, area: float, rng: random.Random) -> Altered:
    """Change the headline of a banner, which the stored photograph has too."""
    width, height = photo.size
    banner = max(18, round(area * height))
    top = round(rng.uniform(0.6, 0.94) * (height - banner))
    half = len(HEADLINES) // 2
    texts = rng.choice(HEADLINES[:half]), rng.choice(HEADLINES[half:])
    ground = rng.choice([(200, 16, 30), (20, 30, 90), (250, 250, 250)])
    ink = (10, 10, 10) if min(ground) > 200 else (255, 255, 255)
    images = []
    for text in texts:
        image = photo.copy()
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, top, width, top + banner), fill=ground)
        size = banner * 0.7
        while size > 6 and ImageFont.load_default(size).getlength(text) > 0.95 * width:
            size *= 0.95
        draw.text((width * 0.03, top + banner / 2), text, fill=ink, font=ImageFont.load_default(size), anchor="lm")
        images.append(image)
    differs = np.abs(np.array(images[0], np.int16) - np.array(images[1], np.int16)).max(axis=2) > 60
    ys, xs = np.nonzero(differs)
    box = (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
    return Altered(stored=images[0], altered=images[1], box=box)


def alter_face(photo: Image.Image, other: Image.Image, area: float, rng: random.Random) -> Altered:
    """Replace a region by the middle of another photograph, blended by a soft edge or by Poisson's equation."""
    box = _choose_box(photo, area, rng, detailed=True)
    size = (box[2] - box[0], box[3] - box[1])
    side = min(other.size)
    face = ImageOps.fit(other.crop(((other.width - side) // 2, 0, (other.width + side) // 2, side)), size)
    mask = _ellipse(photo.size, box)
    if rng.random() < 0.5:
        local = np.array(mask.crop(box))
        centre = (box[0] + size[0] // 2, box[1] + size[1] // 2)
        blended = cv2.seamlessClone(np.array(face), np.array(photo), local, centre, cv2.NORMAL_CLONE)
        altered = Image.fromarray(blended)
    else:
        pasted = photo.copy()
        pasted.paste(face, box)
        altered = Image.composite(pasted, photo, mask.filter(ImageFilter.GaussianBlur(2)))
    return Altered(stored=photo, altered=altered, box=box)


def alter_removed(photo: Image.Image, other: Image.Image, area: float, rng: random.Random) -> Altered:
    """Remove a region by inpainting."""
    box = _choose_box(photo, area, rng, detailed=True)
    painted = cv2.inpaint(np.array(photo), np.array(_ellipse(photo.size, box)), 5, cv2.INPAINT_TELEA)
    return Altered(stored=photo, altered=Image.fromarray(painted), box=box)


def alter_sticker(photo: Image.Image, other: Image.Image, area: float, rng: random.Random) -> Altered:
    """Draw a sticker: an ellipse with a rim and two marks."""
    box = _choose_box(photo, area, rng, detailed=False)
    altered = photo.copy()
    draw = ImageDraw.Draw(altered)
    fill = rng.choice([(250, 210, 40), (230, 40, 60), (40, 140, 230), (250, 250, 250), (20, 20, 20)])
    rim = (255, 255, 255) if min(fill) < 200 else (30, 30, 30)
    draw.ellipse(
        (box[0], box[1], box[2] - 1, box[3] - 1), fill=fill, outline=rim, width=max(2, (box[2] - box[0]) // 16)
    )
    w, h = box[2] - box[0], box[3] - box[1]
    for x in (0.33, 0.67):
        at = (box[0] + x * w, box[1] + 0.4 * h)
        draw.ellipse((at[0] - w / 12, at[1] - h / 12, at[0] + w / 12, at[1] + h / 12), fill=rim)
    return Altered(stored=photo, altered=altered, box=box)


def alter_blurred(photo: Image.Image, other: Image.Image, area: float, rng: random.Random) -> Altered:
    """Blur a region."""
    box = _choose_box(photo, area, rng, detailed=True)
    blurred = photo.filter(ImageFilter.GaussianBlur((box[2] - box[0]) / 8))
    altered = Image.composite(blurred, photo, _ellipse(photo.size, box))
    return Altered(stored=photo, altered=altered, box=box)


ALTERATIONS: dict[str, Callable[[Image.Image, Image.Image, float, random.Random], Altered]] = {
    "text": alter_text,
    "face": alter_face,
    "removed": alter_removed,
    "sticker": alter_sticker,
    "blurred": alter_blurred,
}


def _vignette(photo: Image.Image) -> Image.Image:
    y, x = np.mgrid[-1 : 1 : photo.height * 1j, -1 : 1 : photo.width * 1j]
    return Image.fromarray((np.array(photo) * (1 - 0.3 * (x**2 + y**2))[..., None]).clip(0, 255).astype(np.uint8))


def _noise(photo: Image.Image) -> Image.Image:
    noise = np.random.default_rng(1).normal(0, 10, (photo.height, photo.width, 3))
    return Image.fromarray((np.array(photo) + noise).clip(0, 255).astype(np.uint8))


def _jpeg_30(photo: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=30)
    with Image.open(buffer) as opened:
        return opened.convert("RGB")


CONTROLS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "none": lambda photo: photo,
    "bright": lambda photo: ImageEnhance.Brightness(photo).enhance(1.35),
    "dark": lambda photo: ImageEnhance.Brightness(photo).enhance(0.65),
    "contrast": lambda photo: ImageEnhance.Contrast(photo).enhance(1.5),
    "saturated": lambda photo: ImageEnhance.Color(photo).enhance(1.7),
    "grey": lambda photo: photo.convert("L").convert("RGB"),
    "warm": lambda photo: Image.fromarray((np.array(photo) * (1.1, 1, 0.8)).clip(0, 255).astype(np.uint8)),
    "blur": lambda photo: photo.filter(ImageFilter.GaussianBlur(2)),
    "sharp": lambda photo: photo.filter(ImageFilter.UnsharpMask(2, 150, 2)),
    "border": lambda photo: ImageOps.expand(photo, round(0.06 * photo.width), (0, 0, 0)),
    "vignette": _vignette,
    "noise": _noise,
    "jpeg 30": _jpeg_30,
    "mirrored": ImageOps.mirror,
    "equalised": lambda photo: ImageOps.autocontrast(photo, cutoff=2),
    "rotated": lambda photo: photo.rotate(4, resample=Image.Resampling.BICUBIC),
}


if __name__ == "__main__":
    main()
