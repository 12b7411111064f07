"""Files of posts of X, one JSON record a line or an element of a list: twarc, snscrape, twint, and the archive of an account."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from mediafp.sightings.json_paths import read_json_paths
from mediafp.sightings.json_spans import Span, SpanScanner, line_spans, read_value
from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordEntry, RecordFormat
from mediafp.sightings.record_keys import id_key
from mediafp.sightings.sidecar_content import UnusableSidecarError, open_sidecar, read_bytes
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.tweet_records import Post, read_posts
from mediafp.sightings.values import FieldValues
from mediafp.types.media import SidecarFolder

LINE_SUFFIXES: Final = (".jsonl", ".ndjson", ".jl", ".jsonl.gz", ".jsonl.xz", ".ndjson.gz")
NAMES: Final = re.compile(
    r"(?!.*(?:\d{5}|\d{4}-\d\d|_utc|\.info\.))[^.]{1,60}\.json(?:\.gz)?"
    r"|(?!.*\d{15}).*(?:tweet|twitter|timeline).*\.json(?:\.gz|\.xz)?"
    r"|(?!note-)(?:.*[-_])?tweets?(?:-part\d+)?\.js"
)
"""Lower-case names of files with one list, or with lines in spite of their suffix, and of those of an archive. Sidecars of
one media file are not opened for nothing: most have an id or a date in their name."""
ACCOUNT_NAME: Final = "account.js"
"""Name of the file of an archive that states whose it is."""
ACCOUNT_PATHS: Final = tuple(f"account.{key}" for key in ("username", "accountId", "accountDisplayName"))
MARKS: Final = re.compile(
    rb'"(?:id_str|author_id|edit_history_tweet_ids|rawContent|full_text)"|"_type"\s*:\s*"snscrape|"tweet"\s*:'
)
"""Keys and values of which the head of a file has one."""
MEDIA_MARKS: Final = re.compile(rb'"(?:media\w*|photos|thumbnail|pictures|video)"')
"""Keys of which a record with media has one; most records have none."""
_ASSIGNMENT: Final = re.compile(rb"\s*window\.YTD\.\w+\.part\d+\s*=\s*")
"""Text before the list in a file of an archive."""
_SPACE: Final = b"\xef\xbb\xbf \r\n\t"
NUMBER_BITS: Final = 16
"""Bits of the number by which a part of a post is read again that number it in its record."""
PART_BITS: Final = 2
_DIGITS: Final = re.compile(r"(?<!\d)\d{5,20}(?!\d)")
_VIDEO_NUMBER: Final = re.compile(r"/(?:ext_tw_video|amplify_video)(?:_thumb)?/(\d{15,20})/")
"""Number of a video in its address and in that of its thumbnail, after which some tools name it."""
_KEY_CHARS: Final = (15, 16)
"""Characters of the key in the address of a picture, and of most videos."""


class TweetFile:
    """An opened file of posts. Implements `RecordFile`."""

    def __init__(self, content: RecordContent, start: int, account: Mapping[str, object]) -> None:
        """Take the content, the offset of its first value, and the owner of an archive."""
        self._content, self._start, self._account = content, start, account

    def entries(self) -> Iterator[RecordEntry]:
        """Yield each post that has media, and each that it quotes, in the order of the file."""
        damaged = 0
        for span in self._spans():
            record = self._content.read(span.offset, span.length)
            try:
                posts = self._posts(record, SidecarWarnings()) if MEDIA_MARKS.search(record) else []
            except UnusableSidecarError:
                damaged += 1
                continue
            # A byte order mark, or spaces, may be before the object.
            offset = span.offset + max(record.find(b"{"), 0)
            for number, post in enumerate(posts):
                for part_number, part in enumerate(_own_parts(post)):
                    if keys := _keys(post, part):
                        place = (offset << NUMBER_BITS) | (number << PART_BITS) | part_number
                        # Media of quoted posts are seldom saved.
                        yield RecordEntry(offset=place, keys=keys, names_media=not part)
        if damaged:
            raise UnusableSidecarError(f"{damaged:,} of its records are damaged")

    def _spans(self) -> Iterator[Span]:
        head = self._content.head()[self._start :].lstrip(_SPACE)
        line, end, _ = head.partition(b"\n")
        if head[:1] == b"[":
            return SpanScanner(self._content.read, [()], self._start).spans()
        if line.rstrip().endswith(b"}") or not end:
            return line_spans(self._content.read, self._start)
        return SpanScanner(self._content.read, None, self._start).spans()

    def read(self, offset: int, warnings: SidecarWarnings) -> Record:
        """Return the sightings of a post, and of the one that it repeats; or those of a post that it quotes."""
        number = offset & ((1 << NUMBER_BITS) - 1)
        posts = self._posts(read_value(self._content.read, offset >> NUMBER_BITS), warnings)
        try:
            post = posts[number >> PART_BITS]
            part = _own_parts(post)[number & ((1 << PART_BITS) - 1)]
        except IndexError as error:
            raise UnusableSidecarError("it changed while it was read") from error
        label = f"post {_identifier(post, part)} of {self._content.name!r}"
        keys = _media_keys(post, part)
        return Record(
            keys=_keys(post, part), label=keys[0] if keys else label, sightings=parse_post(post, part, label, warnings)
        )

    def _posts(self, record: bytes, warnings: SidecarWarnings) -> list[Post]:
        return read_posts(record, self._content.name, self._account, warnings)


def parse_post(post: Post, part: str, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    """Return the sightings of a post, and of the one that it repeats; or those of a post that it quotes.

    Args:
        post: The post.
        part: Path of the post that it quotes; "" for itself.
        label: Name of the post in warnings.
        warnings: Receives a line for each value that is not usable.
    """
    repeated = post.shape.repeated
    if part or not repeated or not _identifier(post, repeated):
        stated = [post.shape.post(part).read(post.values, label, warnings)]
    else:
        shapes = post.shape.post("", "repost"), post.shape.post(repeated, "original")
        stated = [shape.read(post.values, label, warnings) for shape in shapes]
        # A repost has the text of its original, cut.
        stated[0].pop("text", None)
    return [fields for fields in stated if fields]


def media_ids(path: str) -> Sequence[str]:
    """Return the keys of media, and the ids of posts, that the path of a media file may contain, the most telling first."""
    name = PurePath(path).name
    stem = re.split(r"[.?:]", name, maxsplit=1)[0]
    stems = [stem, re.sub(r"_(?:large|orig|medium|small|thumb|\d{1,2})$", "", stem)]
    stems += [part for one in stems for mark in "-_" for part in (one.partition(mark)[2], one.rpartition(mark)[0])]
    stems += [part for length in _KEY_CHARS for part in (stem[-length:], stem[:length]) if len(part) == length]
    folder = PurePath(path).parent.name
    digits = _DIGITS.findall(stem) + ([folder] if folder.isascii() and folder.isdigit() else [])
    return [one for one in dict.fromkeys((*stems, *digits)) if one]


def is_tweet_file_name(name: str) -> bool:
    """Return True if a file of a lower-case name may hold posts."""
    return name.endswith((*LINE_SUFFIXES, ACCOUNT_NAME)) or NAMES.fullmatch(name) is not None


def open_tweets(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> TweetFile | None:
    """Return an opened file of posts; None if the content is of another format."""
    head = content.head()
    # The file that states whose an archive is has no posts, and is read with those that have.
    if not MARKS.search(head) and content.name.lower() != ACCOUNT_NAME:
        return None
    match = _ASSIGNMENT.match(head)
    start = match.end() if match else 0
    account = _read_account(folder, warnings) if match else {}
    return TweetFile(content, start, account)


def _read_account(folder: SidecarFolder, warnings: SidecarWarnings) -> Mapping[str, object]:
    """Return the owner of an archive; nothing if another file than the archive's states it."""
    with open_sidecar(folder, ACCOUNT_NAME, warnings) as file:
        content = read_bytes(file, warnings) if file else None
    match = _ASSIGNMENT.match(content) if content else None
    if content is None or match is None:
        return {}
    try:
        listed = content[match.end() :].strip().removeprefix(b"[").removesuffix(b"]")
        values = read_json_paths(listed, ACCOUNT_PATHS, ACCOUNT_NAME, warnings)
    except UnusableSidecarError as error:
        warnings.add(f"skipped {ACCOUNT_NAME!r}: {error}")
        return {}
    return {path.removeprefix("account."): value for path, value in values.items()}


def _own_parts(post: Post) -> Sequence[str]:
    """Return the paths of the posts that have sightings of their own: a repeated one is read with the post."""
    return [part for part in post.shape.parts if not part or part != post.shape.repeated]


def _identifier(post: Post, part: str) -> str:
    prefix = f"{part}." if part else ""
    return str(next((value for key in ("id_str", "id") if (value := post.values.get(prefix + key))), ""))


def _keys(post: Post, part: str) -> list[str]:
    """Return the keys of a post: of its media, and of its id; none if it has no media."""
    keys = _media_keys(post, part)
    identifiers = [identifier for one in _joined_parts(post, part) if (identifier := _identifier(post, one))]
    return [id_key(one) for one in dict.fromkeys((*keys, *identifiers))] if keys else []


def _media_keys(post: Post, part: str) -> list[str]:
    """Return the keys of the media of a post, and of the one that it repeats."""
    paths = [path for one in _joined_parts(post, part) for path in post.shape.media_paths[one]]
    urls = [url for path in paths for url in _texts(post.values.get(path))]
    names = [url.partition("?")[0].rpartition("/")[2] for url in urls]
    numbers = [match[1] for url in urls if (match := _VIDEO_NUMBER.search(url))]
    return [*(key for name in names if (key := re.split(r"[.:]", name, maxsplit=1)[0])), *dict.fromkeys(numbers)]


def _joined_parts(post: Post, part: str) -> Iterable[str]:
    """Return the paths of the posts that are read together."""
    return [part] if part else dict.fromkeys(("", post.shape.repeated))


def _texts(value: object) -> list[str]:
    """Return the texts in a value, which is one, or a list, also of lists."""
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []


TWEETS: Final = RecordFormat(name="tweets", matches=is_tweet_file_name, open=open_tweets, media_ids=media_ids)
