"""Grounds of transparent images: white strokes on nothing are invisible on white, where programs mostly show them."""

from typing import Final

import numpy as np
from PIL import Image

from mediafp.types.arrays import Float32Array
from mediafp.types.pages import Ground

GROUND_VALUES: Final[dict[Ground, int]] = {"white": 255, "black": 0, "grey": 128}
"""Level of the three channels of each ground, in the order in which one is preferred where they show equally much."""
VISIBILITY_SIDE: Final = 128
"""Pixels of the longer side at which grounds are compared."""
VISIBLE_LEVELS: Final = 48.0
"""Difference of a pixel from the ground, levels of 0..255, mean of the channels, from which it is visible in full. Chosen, not
measured."""
CONTRAST_WEIGHT: Final = 0.25
"""Weight of the mean contrast, 0..1, beside the share that is visible: of two grounds that show everything, the one with more
contrast is better. Chosen, not measured."""
MIN_GAIN: Final = 0.1
"""Gain of a less preferred ground over the preferred one from which it is taken. Chosen, not measured: photographs show equally
well on all."""
MIN_SECOND_SHOWN: Final = 0.4
"""Least that a second ground must show, on the scale of the first, to be a rendering of its own. Chosen, not measured."""
MIN_DIFFERENCE: Final = 12.0
"""Mean difference of two renderings, levels of 0..255, from which both are kept: a twentieth of the area is transparent
between white and black. Chosen, not measured."""


def choose_grounds(rgba: Image.Image) -> list[Ground]:
    """Return the ground that shows most of what is drawn, and the next best one if the image is clearly another on it.

    Args:
        rgba: An image in mode RGBA.
    """
    small = rgba if max(rgba.size) <= VISIBILITY_SIDE else rgba.reduce(-(-max(rgba.size) // VISIBILITY_SIDE))
    values: Float32Array = np.asarray(small, np.float32)
    opacity, colours = values[..., 3] / np.float32(255), values[..., :3]
    drawn = float(opacity.sum())
    if not drawn:
        return ["white"]
    shown = {ground: _shown(opacity, colours, level) for ground, level in GROUND_VALUES.items()}
    best = _preferred(shown)
    rest = {ground: value for ground, value in shown.items() if ground != best}
    second = _preferred(rest)
    difference = float((1 - opacity).mean()) * abs(GROUND_VALUES[best] - GROUND_VALUES[second])
    is_kept = rest[second] >= MIN_SECOND_SHOWN and difference >= MIN_DIFFERENCE
    return [best, second] if is_kept else [best]


def on_ground(rgba: Image.Image, ground: Ground) -> Image.Image:
    """Return an image in mode RGBA on a ground, as mode RGB."""
    level = GROUND_VALUES[ground]
    below = Image.new("RGBA", rgba.size, (level, level, level, 255))
    return Image.alpha_composite(below, rgba).convert("RGB")


def _shown(opacity: Float32Array, colours: Float32Array, level: int) -> float:
    """Return how much of what is drawn a ground shows: the share that is visible, and its contrast."""
    contrast = np.abs(colours - np.float32(level)).mean(axis=-1)
    seen = np.minimum(1, contrast / VISIBLE_LEVELS) + CONTRAST_WEIGHT / 255 * contrast
    return float((opacity * seen).sum() / opacity.sum())


def _preferred(shown: dict[Ground, float]) -> Ground:
    """Return the first ground of the order that is not clearly worse than the best one."""
    most = max(shown.values())
    return next(ground for ground in GROUND_VALUES if shown.get(ground, -1.0) > most - MIN_GAIN)
