"""Light and colour of one image as a function of those of another one, fitted to the pixels that both show."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array

FIT_ROUNDS = 4
"""Rounds of the fit, in each of which pixels far from the last result count less. Chosen, not measured."""
CLIPPED = (6, 249)
"""Values of a channel up to which, and from which, a pixel may be black or white by clipping. Chosen, not measured."""
CLIPPED_WEIGHT = 0.02
"""Weight of such a pixel in the fit, against 1 of another one. Chosen, not measured."""
RIDGE = 1e-3
"""Regularisation of the fit. Chosen, not measured."""
MIN_SPREAD = 2.0
"""Grey levels of the smallest spread of the fit: below, every pixel counts in full. Chosen, not measured."""
PLAUSIBLE_SPREAD = 20.0
"""Grey levels of the smallest spread of what brightness and contrast alone leave: an edit of colours leaves as much. Chosen, not
measured."""
LARGE_DIFFERENCE = 25.0
"""Grey levels from which a larger difference counts no more in the error of a fit: it is what was changed. Chosen, not
measured."""
MIN_GAIN = 0.05
"""Factor on contrast below which an image is as good as flat, and that map is not inverted. Chosen, not measured."""
TERMS = 15
"""Terms of the map of colours: the colours and their products, and the place, which a vignette needs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContrastMap:
    """Brightness and contrast of each channel.

    Attributes:
        gains: Factor (3,) on each channel.
        offsets: Grey levels (3,) that are added then.
    """

    gains: Float64Array
    offsets: Float64Array

    @property
    def inverse(self) -> "ContrastMap":
        """The map in the other direction."""
        return ContrastMap(gains=1 / self.gains, offsets=-self.offsets / self.gains)

    def apply(self, image: Float32Array) -> Float32Array:
        """Return an image (H, W, 3) in that light."""
        return np.clip(image * self.gains.astype(np.float32) + self.offsets.astype(np.float32), 0, 255)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColourMap:
    """Colours as functions of all channels and of the place.

    Attributes:
        coefficients: Coefficients (N, 3) of the terms.
        error: Mean error of the fit in grey levels.
    """

    coefficients: Float32Array
    error: float

    def apply(self, image: Float32Array) -> Float32Array:
        """Return an image (H, W, 3) in those colours."""
        mapped = (self.coefficients.T @ _terms(image)).T
        return np.ascontiguousarray(np.clip(mapped, 0, 255).reshape(image.shape))


def fit_contrast(source: Float32Array, target: Float32Array, kept: npt.NDArray[np.bool_]) -> ContrastMap:
    """Return the brightness and contrast that bring an image nearest to another one.

    Args:
        source: The image (H, W, 3).
        target: The other one.
        kept: True (H, W) for the pixels that count.
    """
    return _fit_contrast(*(image[kept].T.astype(np.float64) for image in (source, target)))[0]


def fit_colours(source: Float32Array, target: Float32Array, kept: npt.NDArray[np.bool_]) -> ColourMap:
    """Return the map that brings the colours of an image nearest to those of another one; arguments as of `fit_contrast`."""
    terms = _terms(source)[:, kept.ravel()].astype(np.float64)
    values = target[kept].T.astype(np.float64)
    # What is white or black in the target may have been any brighter or darker.
    clipped = [np.flatnonzero((channel <= CLIPPED[0]) | (channel >= CLIPPED[1])) for channel in values]
    # Products of colours could map the colour of a sticker, which occurs nowhere else, to what it covers.
    _, plausible = _fit_contrast(terms[1:4] * 255, values)
    weights = plausible
    coefficients, errors = np.zeros((TERMS, 3)), np.zeros(len(weights))
    for _ in range(FIT_ROUNDS):
        # The sums over all pixels serve the three channels; from each, its clipped pixels are taken but for their small weight.
        weighted = terms * weights
        normal, right = weighted @ terms.T + RIDGE * np.eye(TERMS), weighted @ values.T
        for channel, pixels in enumerate(clipped):
            lost = weighted[:, pixels] * (1 - CLIPPED_WEIGHT)
            coefficients[:, channel] = np.linalg.solve(
                normal - lost @ terms[:, pixels].T, right[:, channel] - lost @ values[channel, pixels]
            )
        errors = np.abs(np.clip(coefficients.T @ terms, 0, 255) - values).max(axis=0)
        weights = plausible * _robust_weights(errors, MIN_SPREAD)
    error = float(np.minimum(errors, LARGE_DIFFERENCE).mean())
    return ColourMap(coefficients=coefficients.astype(np.float32), error=error)


def _fit_contrast(colours: Float64Array, values: Float64Array) -> tuple[ContrastMap, Float64Array]:
    """Return the map of colours (3, N) to values, and a weight (N,) of each pixel, small where it is far from explaining them."""
    weights = np.ones(colours.shape[1])
    means, gains = np.zeros((2, 3)), np.zeros(3)
    for _ in range(FIT_ROUNDS):
        total = max(float(weights.sum()), 1e-6)
        means = np.stack([each @ weights / total for each in (colours, values)])
        centred, wanted = colours - means[0][:, None], values - means[1][:, None]
        gains = (centred * wanted) @ weights / np.maximum(centred**2 @ weights, 1e-6)
        weights = _robust_weights(np.abs(centred * gains[:, None] - wanted).max(axis=0), PLAUSIBLE_SPREAD)
    return ContrastMap(gains=gains, offsets=means[1] - gains * means[0]), weights


def _robust_weights(errors: Float64Array, min_spread: float) -> Float64Array:
    """Return weights (N,) that fall with the errors, measured by twice their median."""
    spread = max(min_spread, 2 * float(np.median(errors)))
    return np.asarray(1 / (1 + (errors / spread) ** 2) ** 2, np.float64)


def _terms(image: Float32Array) -> Float32Array:
    """Return the terms (N, H x W) of the pixels of an image (H, W, 3)."""
    height, width = image.shape[:2]
    red, green, blue = (image[..., channel] / 255 for channel in range(3))
    y = np.broadcast_to(np.linspace(-1, 1, height, dtype=np.float32)[:, None], (height, width))
    x = np.broadcast_to(np.linspace(-1, 1, width, dtype=np.float32), (height, width))
    grey, radius = (red + green + blue) / 3, x * x + y * y
    colours = (np.ones_like(red), red, green, blue, red * red, green * green, blue * blue)
    products = (red * green, red * blue, green * blue)
    return np.stack((*colours, *products, x, y, radius, radius * grey, grey**3), dtype=np.float32).reshape(TERMS, -1)
