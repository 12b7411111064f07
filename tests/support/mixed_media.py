"""A small set of media whose files share content in every way that is compared."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from media_files import write_video
from PIL import Image

from mediafp.types.matches import TextLine

BAR = 40
"""Height of the bar with a handle below the image `bar`, in pixels."""
SHOT_FRAMES = 3
"""Frames of each shot of a video, one a second."""
HANDLE_LINE = TextLine(
    text="微博 @样例用户", box=((6.0, 246.0), (150.0, 246.0), (150.0, 274.0), (6.0, 274.0)), confidence=0.98
)
"""The text of the image `bar`, which is drawn in its bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedMedia:
    """Paths of the files by name."""

    images: dict[str, Path]
    videos: dict[str, Path]

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return [*self.images.values(), *self.videos.values()]


def write_mixed_media(folder: Path, photos: dict[str, np.ndarray]) -> MixedMedia:
    """Write crops, mirrored images, a screenshot, look-alikes, flat images, an animation, equal hashes, and videos."""
    folder.mkdir()
    cat, temple, flower, rocket, coffee = (
        _fit(photos[name], (320, 240)) for name in ("cat", "temple", "flower", "rocket", "coffee")
    )
    shots = _zoom(cat, SHOT_FRAMES), _zoom(temple, SHOT_FRAMES), _zoom(flower, SHOT_FRAMES)
    images = {
        "cat": cat,
        "cat-crop": cat[40:200, 60:280],
        "cat-mirrored": cat[:, ::-1],
        "temple": temple,
        "page": _page(temple),
        "other-page": _page(coffee),
        "frame": shots[2][1],
        "bar": np.vstack((rocket, np.full((BAR, 320, 3), 255, np.uint8))),
        "without-bar": rocket[8:],
        "grey": np.full((200, 200, 3), 128, np.uint8),
        "grey-2": np.full((200, 220, 3), 132, np.uint8),
        "coffee": coffee,
    }
    written = {name: folder / f"{name}.png" for name in images}
    for name, path in written.items():
        Image.fromarray(np.ascontiguousarray(images[name])).save(path, compress_level=1)
    # Of the same hash, but of other bytes.
    written["coffee-2"] = folder / "coffee-2.jpg"
    Image.fromarray(coffee).save(written["coffee-2"], quality=60)
    written["animation"] = folder / "animation.gif"
    frames = [Image.fromarray(shot).resize((160, 120)) for shot in (cat, flower)]
    frames[0].save(written["animation"], save_all=True, append_images=frames[1:], duration=500)
    videos = {
        "long": [*shots[0], *shots[1], *shots[2]],
        "part": [*shots[1], *shots[2]],
        "backwards": [*shots[2], *shots[1]][::-1],
        "mirrored": [shot[:, ::-1] for shot in (*shots[0], *shots[1])],
    }
    return MixedMedia(
        images=written,
        videos={
            name: write_video(folder / f"{name}.mkv", *map(np.ascontiguousarray, shots), rate=1)
            for name, shots in videos.items()
        },
    )


def _page(image: np.ndarray) -> np.ndarray:
    """Return a screenshot of a page that shows an image."""
    page = np.full((480, 320, 3), 245, np.uint8)
    page[60:210, 40:240] = _fit(image, (200, 150))
    page[240:420:24, 40:280] = 90
    return page


def _fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def _zoom(image: np.ndarray, count: int) -> list[np.ndarray]:
    """Return ever smaller parts of an image, enlarged to its size: the frames of a zoom."""
    height, width = image.shape[:2]
    return [
        _fit(
            image[n * height // 16 : height - n * height // 16, n * width // 16 : width - n * width // 16],
            (width, height),
        )
        for n in range(count)
    ]
