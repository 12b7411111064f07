"""Clues that several assets share."""

from dataclasses import dataclass
from typing import Final

IDENTIFYING_KINDS: Final = frozenset((
    "weibo_uid", "account_id", "post_id", "media_id", "media_key", "weibo_picture", "editor_project", "editor_template",
    "document_id", "upload_mark", "transmission_reference", "device_serial", "job_id", "content_id",
))  # fmt: skip
"""Kinds of clues whose values belong to one account, post, project, document or device. Thousands of unrelated files share a
program, a device model or a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedClue:
    """A value that the files of several assets state."""

    kind: str
    value: str
    others: tuple[str, ...]
    """SHA-256 of the other assets that state it, sorted."""
