"""Parts that all HTML pages share: the policy, the templates, and the file that a page is written to."""

import base64
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Final

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from mediafp.report.page_images import (
    EmbeddedImages,
    ImagesTooLarge,
    PageImages,
    images_folder,
    open_image_folder,
    remove_images,
)
from mediafp.report.template_environment import new_environment
from mediafp.types.version import __version__

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src {images}; style-src {style}; {script}base-uri 'none'; form-action 'none'"
)
"""Content Security Policy (W3C) of every page: no other script or style than its own, and images only from within the page or
from beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageForm:
    """Style sheets in `templates/` that a page contains, joined, and its script; None for a page without one."""

    styles: tuple[str, ...]
    script: str | None


REPORT_FORM: Final = PageForm(styles=("page.css.j2", "dark.css.j2"), script="page.js.j2")
"""Form of the pages that their reader works with."""
PAPER_FORM: Final = PageForm(styles=("page.css.j2", "paper.css.j2"), script=None)
"""Form of a page that is given to others: dark on light everywhere, and without a script."""
PageValues = Callable[[PageImages], Mapping[str, object]]
"""Function that returns the values of a template, given the images of the page."""


def write_page(path: Path, template: str, build_values: PageValues) -> None:
    """Write the page of a template in `templates/`, and a folder beside it if its images are too large for one file.

    The page is replaced once it is complete. Images of an earlier page that it does not contain are removed.

    Args:
        path: The page.
        template: Name of the template.
        build_values: Function that returns its values, called a second time if the images are too large. Iterators
            among them are exhausted part by part, so that the page is never in memory as a whole.

    Raises:
        OSError: The page or the folder cannot be written.
    """
    folder = images_folder(path)
    with tempfile.TemporaryFile(dir=path.parent) as draft:

        def render(images: PageImages) -> None:
            draft.seek(0)
            draft.truncate()
            values = build_values(images)
            parts = stream_template(template, images=images, form=REPORT_FORM, **values)
            draft.writelines(part.encode("utf-8", "replace") for part in parts)

        try:
            render(EmbeddedImages())
        except ImagesTooLarge:
            folder.mkdir(exist_ok=True)
            with open_image_folder(folder) as images:
                render(images)
                _copy(draft, path)
                images.remove_unused()
        else:
            _copy(draft, path)
            remove_images(folder)


def stream_template(
    template: str, *, images: PageImages, form: PageForm = REPORT_FORM, **values: object
) -> Iterator[str]:
    """Yield the HTML page of a template in `templates/`; no value can add markup, hide text or load anything."""
    environment = _environment()
    style, script = _read_form(form)
    policy = page_policy(form, images.sources)
    return environment.get_template(template).generate(
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        policy=Markup(policy),
        images=images,
        **values,
    )


def page_policy(form: PageForm, images: str) -> str:
    """Return the Content Security Policy of the pages of a form; `images` are the sources that it permits for images."""
    style, script = _read_form(form)
    return CONTENT_SECURITY_POLICY.format(
        images=images,
        style=_hash_source(style),
        script=f"script-src {_hash_source(script)}; " if script else "",
    )


def _read_form(form: PageForm) -> tuple[str, str]:
    """Return the style sheet of a form, and its script, "" without one."""
    return "".join(map(read_template, form.styles)), read_template(form.script) if form.script else ""


@cache
def _environment() -> Environment:
    """Return the environment of all templates, which keeps those that it has compiled."""
    return new_environment(PackageLoader("mediafp.report", "templates"))


def read_template(name: str) -> str:
    """Return the source of a file in `templates/`."""
    environment = _environment()
    assert environment.loader is not None, "the environment has a loader"
    return environment.loader.get_source(environment, name)[0]


def _hash_source(text: str) -> str:
    """Return the source of a policy that permits the style sheet or the script of a text alone."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _copy(draft: IO[bytes], path: Path) -> None:
    draft.seek(0)
    with path.open("wb") as page:
        shutil.copyfileobj(draft, page)
