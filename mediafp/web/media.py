"""Images of evidence: what the sandboxed workers made of the files, never a file itself but as a download."""

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Query
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from mediafp.types.errors import StoreError
from mediafp.web.site import Sha256, Site

Seconds = Annotated[float | None, Query(ge=0, le=1e6, allow_inf_nan=False)]
Row = Annotated[int, Query(ge=0, le=100_000)]
JPEG_TYPE: Final = "image/jpeg"


def add_media(site: Site) -> None:
    """Add the addresses of images."""

    def thumb(sha256: Sha256, t: Seconds = None, page: Row = 0) -> Response:
        """Return the kept frame of an asset or a query that is nearest to a time, or the page of an image."""
        jpeg = _or_missing(lambda: site.queries.evidence(sha256).thumbnail(sha256, t, page))
        return Response(jpeg, media_type=JPEG_TYPE)

    site.add_part("/media/{sha256}/thumb", thumb)


def _or_missing(read: Callable[[], bytes | None]) -> bytes:
    """Return an image. Raises HTTPException if neither the store nor a query has it."""
    try:
        image = read()
    except StoreError as error:
        # Else the file may have an image.
        if not error.concerns_one_file:
            raise
        image = None
    if image is None:
        raise HTTPException(404, "there is no image of this file")
    return image
