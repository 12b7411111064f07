"""The images of a page, each once: inside the page, or as files in a folder beside it."""

import base64
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from markupsafe import Markup, escape

from mediafp.report.output_names import fit_name
from mediafp.types.jpeg import thumbnail_size

MAX_EMBEDDED_BYTES: Final = 2_000_000
"""Bytes of all images of a page from which they lie in a folder beside it: a smaller page is still sent as one file. One
image has about 25,000. Chosen, not measured."""
_OWN_NAME: Final = re.compile(r"[0-9a-f]{64}\.jpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageImage:
    """One image of a page."""

    link: str
    """Path relative to the page, or the id of an element of it."""
    size: tuple[int, int]
    """Width and height, pixels."""


class ImagesTooLarge(Exception):
    """The images of a page are too large together to lie in it."""


class PageImages(Protocol):
    """The images of a page."""

    sources: str
    """Sources that the Content Security Policy of the page permits for images."""

    def add(self, jpeg: bytes) -> PageImage | None:
        """Return a JPEG as an image of the page; None if it is not a thumbnail as mediafp encodes them."""
        ...

    def element(self, image: PageImage, label: str = "") -> Markup:
        """Return the element of an image in HTML, scaled by the style sheet; without a label it is decoration."""
        ...

    def draw(self, image: PageImage, x: float, width: float, height: float) -> str:
        """Return the element of an image at the top of an SVG, stretched to a size in its units."""
        ...

    def definitions(self) -> Markup:
        """Return what the end of the page has to contain."""
        ...


class EmbeddedImages:
    """Images inside a page, as data URIs. Implements `PageImages`."""

    sources = "data:"

    def __init__(self, max_bytes: int | None = None) -> None:
        """Begin without images.

        Args:
            max_bytes: Bytes of all images that the page may contain; None for `MAX_EMBEDDED_BYTES`.
        """
        self._images: dict[bytes, PageImage] = {}
        """The images by their content."""
        self._bytes, self._max_bytes = 0, MAX_EMBEDDED_BYTES if max_bytes is None else max_bytes

    def add(self, jpeg: bytes) -> PageImage | None:
        """Return a JPEG as an image of the page; None if it is not a thumbnail as mediafp encodes them.

        Raises:
            ImagesTooLarge: The page has too many for that.
        """
        if jpeg in self._images:
            return self._images[jpeg]
        size = _find_size(jpeg)
        if size is None:
            return None
        self._bytes += len(jpeg)
        if self._bytes > self._max_bytes:
            raise ImagesTooLarge
        image = PageImage(link=f"p{len(self._images) + 1}", size=size)
        self._images[jpeg] = image
        return image

    def element(self, image: PageImage, label: str = "") -> Markup:
        """Return the element of an image in HTML, scaled by the style sheet; without a label it is decoration."""
        width, height = image.size
        role = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
        return Markup(
            f'<svg class="image" viewBox="0 0 {width} {height}" width="{width}" height="{height}" {role}'
            f' preserveAspectRatio="xMidYMid slice"><use href="#{image.link}"/></svg>'
        )

    def draw(self, image: PageImage, x: float, width: float, height: float) -> str:
        """Return the element of an image at the top of an SVG, stretched to a size in its units."""
        scale = f"{width / image.size[0]:.5g} {height / image.size[1]:.5g}"
        return f'<use href="#{image.link}" transform="translate({x:.1f}) scale({scale})"/>'

    def contents(self) -> Iterator[bytes]:
        """Yield the JPEGs in the order in which they were added."""
        yield from self._images

    def definitions(self) -> Markup:
        """Return an SVG that shows nothing, with the images to which all others refer."""
        images = "".join(
            f'<image id="{image.link}" width="{image.size[0]}" height="{image.size[1]}"'
            f' href="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"/>'
            for jpeg, image in self._images.items()
        )
        return (
            Markup(f'<svg class="definitions" aria-hidden="true"><defs>{images}</defs></svg>') if images else Markup()
        )


class ImageFiles:
    """Images in a folder beside a page, each named by the SHA-256 of its content. Implements `PageImages`.

    Only files whose name and content say that this class wrote them are replaced or removed.
    """

    # A browser may treat each file as an origin of its own, so that 'self' matches none that is opened without a server.
    sources = "'self' file:"

    def __init__(self, folder: Path, descriptor: int) -> None:
        """Use an open folder. `open_image_folder` is the usual way to get one."""
        self._link, self._descriptor = quote(os.fsencode(folder.name)), descriptor
        self._images: dict[bytes, PageImage] = {}
        """The images by the SHA-256 of their content."""

    def add(self, jpeg: bytes) -> PageImage | None:
        """Return a JPEG as an image of the page; None if it is not a thumbnail as mediafp encodes them.

        Raises:
            OSError: Its file cannot be written.
        """
        digest = hashlib.sha256(jpeg)
        if digest.digest() in self._images:
            return self._images[digest.digest()]
        size = _find_size(jpeg)
        if size is None:
            return None
        name = f"{digest.hexdigest()}.jpg"
        self._write(name, jpeg)
        image = self._images[digest.digest()] = PageImage(link=f"{self._link}/{name}", size=size)
        return image

    def element(self, image: PageImage, label: str = "") -> Markup:
        """Return the element of an image in HTML, scaled by the style sheet; without a label it is decoration."""
        return Markup(f'<img class="image" src="{image.link}" alt="{escape(label)}" loading="lazy">')

    def draw(self, image: PageImage, x: float, width: float, height: float) -> str:
        """Return the element of an image at the top of an SVG, stretched to a size in its units."""
        # An image of SVG is loaded at once, even where it is folded.
        return (
            f'<foreignObject x="{x:.1f}" y="0" width="{width:.1f}" height="{height:.1f}">'
            f'<img class="drawn" src="{image.link}" alt="" loading="lazy"></foreignObject>'
        )

    def definitions(self) -> Markup:
        """Return nothing: the images are files."""
        return Markup()

    def remove_unused(self) -> None:
        """Remove the images of earlier pages that this one does not contain."""
        used = {digest.hex() for digest in self._images}
        with os.scandir(self._descriptor) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            if _OWN_NAME.fullmatch(name) and name[:64] not in used and self._is_own(name):
                self._remove(name)

    def _write(self, name: str, jpeg: bytes) -> None:
        """Write a file; a link or another file that has its name is replaced, not followed."""
        part = f".{name}.{os.getpid()}"
        self._remove(part)
        try:
            output = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=self._descriptor)
            with os.fdopen(output, "wb") as file:
                file.write(jpeg)
            os.replace(part, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        finally:
            self._remove(part)

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    def _is_own(self, name: str) -> bool:
        """Return True if the content of a file is what its name says."""
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._descriptor)
        except OSError:
            return False
        with os.fdopen(descriptor, "rb") as file:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return is_file and hashlib.file_digest(file, "sha256").hexdigest() == name[:64]


def images_folder(page: Path) -> Path:
    """Return the folder for the images of a page, next to it."""
    return page.with_name(fit_name(page.stem, "-pictures"))


@contextmanager
def open_image_folder(folder: Path) -> Iterator[ImageFiles]:
    """Give the images in an existing folder.

    Raises:
        OSError: It is not a folder, or it is a link.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield ImageFiles(folder, descriptor)
    finally:
        os.close(descriptor)


def remove_images(folder: Path) -> None:
    """Remove the images of earlier pages from a folder, and the folder if nothing else lies in it."""
    with suppress(OSError):
        with open_image_folder(folder) as images:
            images.remove_unused()
        folder.rmdir()


def _find_size(jpeg: bytes) -> tuple[int, int] | None:
    try:
        return thumbnail_size(jpeg)
    except ValueError:
        return None
