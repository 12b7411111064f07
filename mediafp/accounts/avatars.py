"""Avatars: the profile images of accounts, as the names of files and the captions of posts state them."""

import re
from typing import Final

from mediafp.types.sightings import Sighting

_WORDS: Final = (
    r"avatars?|pfp|user_?pics?|profile|profile[ _-]?(?:pic|picture|photo|image|img)s?|head_?(?:img|image|pic|shot)s?"
)
_NAME: Final = re.compile(rf"(?<![a-z])(?:{_WORDS})(?![a-z])|头像|頭像|大头照", re.IGNORECASE)
"""Names of files: those that gallery-dl (`avatar …`), instaloader (`…_profile_pic.jpg`) and people give."""
_FOLDER: Final = re.compile(
    r"(?:avatars?|profile[ _-]?(?:pic|picture|photo|image)s?|用户头像|头像|頭像)(?: ?图片)?", re.IGNORECASE
)
"""Names of folders that contain avatars only, such as `profile_pictures` in the export of Telegram."""
_ADDRESS: Final = re.compile(r"/profile_images/|//tva(?:x)?\d*\.sinaimg\.cn/|/avatars?/", re.IGNORECASE)
"""Addresses at which X, Weibo and other platforms keep avatars."""
_CAPTION: Final = re.compile(r"\b(?:profile (?:pic|picture|photo|image)|avatar|pfp)\b|头像|頭像", re.IGNORECASE)
MAX_CAPTION_CHARS: Final = 60
"""Characters of a caption that can state that its image is an avatar, as "updated the profile picture"; a longer text is
about something. Chosen, not measured."""


def is_avatar(sighting: Sighting) -> bool:
    """Return True if a sighting of an image states that it is the profile image of the account."""
    parts = re.split(r"[/\\]", sighting.uri)
    stem = parts[-1].rpartition(".")[0] or parts[-1]
    if _NAME.search(stem) or (len(parts) > 1 and _FOLDER.fullmatch(parts[-2])):
        return True
    if sighting.url and _ADDRESS.search(sighting.url):
        return True
    return any(len(caption) <= MAX_CAPTION_CHARS and _CAPTION.search(caption) for caption in sighting.captions)
