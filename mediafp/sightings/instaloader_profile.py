"""Accounts that instaloader saves as `NAME_ID.json.xz`, beside the pictures of the account, `DATE_UTC_profile_pic.jpg`."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from mediafp.sightings.json_paths import at, read_json_paths
from mediafp.sightings.post_shape import PostShape
from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordEntry, RecordFormat
from mediafp.sightings.record_keys import path_keys
from mediafp.sightings.sidecar_content import MAX_SIDECAR_BYTES
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.types.media import SidecarFolder

NAME: Final = re.compile(r".+_\d{1,20}\.json\.xz")
PICTURE_NAME: Final = re.compile(r".*_profile_pic\.\w{3,4}", re.IGNORECASE)
NODE_TYPE: Final = "instaloader.node_type"
PROFILE: Final = PostShape(
    platform="instagram",
    fields=at("node", {"account": ("username",), "account_id": ("id", "pk"), "account_name": ("full_name",)}),
    url="https://www.instagram.com/{account}/",
)
"""Shape of an account. The date in the names of its pictures is that of the file at Instagram, not of a post."""


class ProfileFile:
    """An opened account, which is one record of all of its pictures. Implements `RecordFile`."""

    def __init__(self, content: RecordContent, pictures: Sequence[str]) -> None:
        """Take the content, and the names of the pictures."""
        self._content, self._pictures = content, pictures
        self._keys = [key for name in pictures for key in path_keys(name)]

    def entries(self) -> Iterator[RecordEntry]:
        """Yield the record."""
        if self._pictures:
            yield RecordEntry(offset=0, keys=self._keys, names_media=False)

    def read(self, offset: int, warnings: SidecarWarnings) -> Record:
        """Return the sighting of a picture."""
        name = self._content.name
        values = read_json_paths(self._content.read(0, MAX_SIDECAR_BYTES), PROFILE.paths, name, warnings)
        stated = PROFILE.read(values, repr(name), warnings)
        return Record(keys=self._keys, label=self._pictures[0], sightings=[stated] if stated else [])


def open_profile(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> ProfileFile | None:
    """Return an opened account; None if the content is another one, such as a post. Raises UnusableSidecarError."""
    values = read_json_paths(content.read(0, MAX_SIDECAR_BYTES), (NODE_TYPE,), content.name, warnings)
    if values.get(NODE_TYPE) != "Profile":
        return None
    return ProfileFile(content, [name for name in folder.names() if PICTURE_NAME.fullmatch(name)])


INSTALOADER_PROFILE: Final = RecordFormat(
    name="instaloader", matches=lambda name: NAME.fullmatch(name) is not None, open=open_profile
)
