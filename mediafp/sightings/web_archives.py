"""Captures of web archives to the fields of a sighting."""

import base64
import re
from typing import Final

from mediafp.sightings.post_urls import read_url
from mediafp.types.sightings import SightingFields
from mediafp.types.web_captures import WebCapture

WEB_ARCHIVE_SOURCE: Final = "web archive"
"""Source of the sightings."""
MAX_UPLOAD_MS: Final = 3_600_000
"""Milliseconds by which a file was uploaded to X before the post that it belongs to. Chosen, not measured."""
_X_KEY: Final = re.compile(r"https?://pbs\.twimg\.com/(?:media|tweet_video_thumb)/([\w-]{12})[\w-]{3}\b", re.ASCII)
"""Address of a picture on X, whose name begins with its number in base 64."""
_X_NUMBER: Final = re.compile(
    r"https?://(?:pbs|video)\.twimg\.com/(?:ext_tw_video|amplify_video)(?:_thumb)?/(\d{15,20})/", re.ASCII
)
"""Address of a video on X, or of its thumbnail."""
_X_CLOCK_BITS: Final = 22
"""Bits of a number of X below those of its time in milliseconds."""


def capture_fields(capture: WebCapture) -> SightingFields:
    """Return what the capture of a file states: the page that showed it, or the address of the file itself.

    A page shows files of others too, as of replies and advertisements. So account and post are stated only for a file on X
    whose number says that it was uploaded for this post, and the platform only for a page that is no guess.
    """
    url = capture.page_url or capture.url
    stated = {} if capture.is_page_guessed else read_url(url)
    is_of_post = stated.get("platform") == "twitter" and _is_uploaded_for(stated.get("post_id", ""), capture.url)
    return SightingFields(
        platform=stated.get("platform"),
        account=stated.get("account") if is_of_post else None,
        post_id=stated.get("post_id") if is_of_post else None,
        url=url or None,
        captured_at=capture.captured_at or None,
        title=capture.page_title or None,
        source=WEB_ARCHIVE_SOURCE,
    )


def capture_warnings(capture: WebCapture, name: str) -> tuple[str, ...]:
    """Return a warning if it was guessed which page showed a file."""
    if not capture.is_page_guessed:
        return ()
    return (f"guessed that {name!r} is of the page {capture.page_url!r}: it was opened last before",)


def _is_uploaded_for(post_id: str, file_url: str) -> bool:
    """Return True if the numbers of a post and of a file on X have times that are close, the file's first."""
    number = 0
    if match := _X_KEY.match(file_url):
        number = int.from_bytes(base64.urlsafe_b64decode(match[1])[:8])
    elif match := _X_NUMBER.match(file_url):
        number = int(match[1])
    if not number or not (post_id.isascii() and post_id.isdigit()):
        return False
    return 0 <= (int(post_id) >> _X_CLOCK_BITS) - (number >> _X_CLOCK_BITS) <= MAX_UPLOAD_MS
