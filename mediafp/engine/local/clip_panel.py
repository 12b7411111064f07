"""The panel that a clip shows in place of the frames of an audio file."""

from typing import Final

PANEL_SIZE: Final = (640, 360)
"""Width and height of a panel, pixels."""
NAME_CHARS: Final = 48
"""Characters of a name that fit on a panel."""
MAX_DRAWN_CHARACTER: Final = "\u024f"
"""Last character that the built-in font of Pillow has, the end of the Latin letters."""
INK, PAPER = (214, 221, 228), (29, 38, 47)
"""Colours of text and ground."""


def draw_panel(name: str, sha256: str) -> bytes:
    """Return a panel as RGB pixels: the name of a file, the first digits of its SHA-256, and that it has no frames.

    Each character that the font does not have is drawn as a dot.
    """
    from PIL import Image, ImageDraw, ImageFont

    drawable = "".join(c if c.isprintable() and c <= MAX_DRAWN_CHARACTER else "·" for c in name)
    if len(drawable) > NAME_CHARS:
        drawable = f"{drawable[: NAME_CHARS // 2 - 2]} … {drawable[2 - NAME_CHARS // 2 :]}"
    image = Image.new("RGB", PANEL_SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    middle, height = PANEL_SIZE[0] / 2, PANEL_SIZE[1] / 2
    for text, size, y in ((drawable, 24, height - 30), (sha256[:12], 18, height + 6), ("no frames", 18, height + 34)):
        draw.text((middle, y), text, fill=INK, font=ImageFont.load_default(size), anchor="mm")
    return image.tobytes()
