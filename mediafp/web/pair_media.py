"""Images and videos of a pair: frames of a second, a picture laid into another one, previews."""

from typing import Annotated, Final

from fastapi import Query
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from mediafp.case.pairs import Pairs
from mediafp.case.previews import Previews
from mediafp.report import jsonl
from mediafp.types.errors import CorruptMedia, StoreError
from mediafp.types.matches import Point
from mediafp.web.media import JPEG_TYPE, Row, Seconds
from mediafp.web.site import FormFields, Sha256, Site, json_response
from mediafp.web.store_messages import STORE_MESSAGES

PREVIEW_TYPE: Final = "video/webm"
FRAME_TIME_HEADER: Final = "x-frame-time"
"""Second of the frame that is sent: of a file that is gone, that of the nearest frame that is kept."""
FRAME_EXACT_HEADER: Final = "x-frame-exact"
"""`1` if the frame is the one that the original shows at the time that was asked for, `0` if it is a kept one near it."""
MAX_SIDE: Final = 1e5
"""Greatest width or height of a reference, pixels."""
Quad = Annotated[str, Query(max_length=200, pattern=r"^-?\d{1,7}(\.\d{1,4})?(,-?\d{1,7}(\.\d{1,4})?){7}$")]
Side = Annotated[float, Query(ge=1, le=MAX_SIDE, allow_inf_nan=False)]


def add_pair_media(site: Site, pairs: Pairs, previews: Previews) -> None:
    """Add the addresses of frames, laid pictures and previews."""

    def frame(sha256: Sha256, t: Seconds = None, page: Row = 0) -> Response:
        """Return the frame that a video shows at a second; of an image, its thumbnail."""
        return _frame(site, pairs, sha256, t, page)

    def laid(sha256: Sha256, quad: Quad, w: Side, h: Side, t: Seconds = None, page: Row = 0) -> Response:
        """Return an image, or the frame of a video, warped into a frame of another one."""
        jpeg = bytes(_frame(site, pairs, sha256, t, page).body)
        values = [float(part) for part in quad.split(",")]
        corners: list[Point] = list(zip(values[::2], values[1::2], strict=True))
        try:
            image = pairs.lay(jpeg, (corners[0], corners[1], corners[2], corners[3]), (w, h))
        except CorruptMedia:
            image = None
        if image is None:
            raise HTTPException(404, "nothing can be laid there")
        return Response(image, media_type=JPEG_TYPE)

    def preview(sha256: Sha256) -> Response:
        """Return the preview of a video if it is ready."""
        path = previews.find(sha256)
        if path is None:
            raise HTTPException(404, "this video is not prepared yet")
        return FileResponse(path, media_type=PREVIEW_TYPE)

    def state(sha256: Sha256) -> Response:
        """Return how far the preview of a video is."""
        return json_response(_state(previews, sha256))

    def prepare(sha256: Sha256, form: FormFields) -> Response:
        """Begin to make the preview of a video."""
        if pairs.asset(sha256) is None:
            raise HTTPException(404, "there is no such file")
        if site.case.is_read_only and not previews.find(sha256):
            return json_response({"state": "failed", "reason": site.translation().gettext(STORE_MESSAGES["read_only"])})
        previews.start(sha256)
        return json_response(_state(previews, sha256), 202)

    site.add_part("/media/{sha256}/frame", frame)
    site.add_part("/media/{sha256}/laid", laid)
    site.add_part("/media/{sha256}/preview", preview)
    site.add_part("/media/{sha256}/preview.json", state)
    site.add_action("/media/{sha256}/preview", prepare, writes=False)


def _frame(site: Site, pairs: Pairs, sha256: str, seconds: float | None, page: int) -> Response:
    try:
        asset = pairs.asset(sha256)
        if asset and asset.kind == "video":
            shown = pairs.frame(sha256, seconds or 0.0)
            if shown:
                headers = {FRAME_TIME_HEADER: f"{shown.seconds:.3f}", FRAME_EXACT_HEADER: str(int(shown.is_exact))}
                return Response(shown.jpeg, media_type=JPEG_TYPE, headers=headers)
        elif asset and (jpeg := site.queries.evidence(sha256).thumbnail(sha256, None, page)):
            return Response(jpeg, media_type=JPEG_TYPE, headers={FRAME_EXACT_HEADER: "1"})
    except StoreError as error:
        if not error.concerns_one_file:
            raise
    raise HTTPException(404, "there is no image of this file")


def _state(previews: Previews, sha256: str) -> jsonl.JsonObject:
    state, reason = previews.state(sha256)
    return {"state": state, "reason": reason}
