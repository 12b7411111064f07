"""Photographs with a watermark, for tests of OCR."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def watermarked(
    photo: np.ndarray, text: str, size: int, at: tuple[float, float], font: Path | None = None
) -> Image.Image:
    """Return a photograph with a translucent watermark; `at` are shares of the width and the height."""
    image = Image.fromarray(photo)
    draw = ImageDraw.Draw(image, "RGBA")
    image_font = ImageFont.truetype(font, size) if font else ImageFont.load_default(size)
    position = (image.width * at[0], image.height * at[1])
    draw.text(position, text, (255, 255, 255, 215), image_font, stroke_width=1, stroke_fill=(0, 0, 0, 120))
    return image
