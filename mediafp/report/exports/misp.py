"""A case as an event of MISP: files, images, posts and videos, and which files are the same media."""

import json
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, Final, TextIO

from mediafp.report.doubted_words import mark_guesses
from mediafp.report.escaping import escape_character, escape_unprintable, replace_hidden
from mediafp.report.exports.exchange_texts import (
    IN_ANOTHER_LANGUAGE,
    exchange_address,
    exchange_id,
    exchange_name,
    exchange_text,
    mime_type,
    sighting_key,
    to_instant,
)
from mediafp.report.exports.extras import load_extra
from mediafp.report.exports.stix import image_hashes
from mediafp.types.exchange import CaseSeal, ExchangeRecord, Technique
from mediafp.types.matches import format_probability
from mediafp.types.sightings import Sighting

SAME_MEDIA: Final = "similar"
"""Type of the references between files that are the same media: MISP's own type for objects that are alike."""
SEEN_IN: Final = "included-in"
"""Type of the references from a file to the post that showed it."""
_POST_TYPES: Final[Mapping[str, str]] = {
    "twitter": "Twitter", "facebook": "Facebook", "linkedin": "LinkedIn", "reddit": "Reddit", "instagram": "Instagram",
}  # fmt: skip
"""Platforms as the template of a post names them; it names others as they are."""


def write_misp(
    file: TextIO,
    records: Iterable[ExchangeRecord],
    seal: CaseSeal,
    *,
    title: str,
    paths: bool = False,
    of: str = "",
) -> int:
    """Write a case as one event, object by object, and return the number of objects.

    Nothing in it is marked for detection, and it is meant for the receiving organisation alone until that decides otherwise.

    Args:
        file: The file to write to.
        records: The assets, by SHA-256.
        seal: The state of the case, which names the event: a later export of the same case updates it.
        title: Title of the event.
        paths: Whole paths of files, not only their names.
        of: Asset whose matches alone the records are, which have an event of their own; "" for the whole case.

    Raises:
        UsageError: The library is missing.
    """
    pymisp = load_extra("pymisp", install="mediafp[misp]", purpose="export MISP")
    event = pymisp.MISPEvent()
    event.from_dict(
        uuid=exchange_id("event", seal.case, *([of] if of else [])), info=title, date=(seal.at or "1970-01-01")[:10],
        distribution=0, analysis=0, threat_level_id=4,
    )  # fmt: skip
    head = event.to_json(sort_keys=True).rstrip().removesuffix("}").rstrip()
    file.write(f'{{"Event": {head}, "Object": [')
    count = 0
    objects = _Objects(pymisp, paths=paths)
    for value in objects.iterate(records):
        file.write(f"{',' if count else ''}\n{_one_line(value)}")
        count += 1
    tags = [{"name": f"DISARM:{one.id} {one.name}"} for one in sorted(objects.techniques)]
    file.write(f'\n], "Tag": {json.dumps(tags)}}}}}\n')
    return count


class _Objects:
    """The objects of one event."""

    def __init__(self, pymisp: Any, *, paths: bool) -> None:
        self._pymisp = pymisp
        self._paths = paths
        self.techniques: set[Technique] = set()
        """Techniques that the objects show, complete after the last of them."""

    def iterate(self, records: Iterable[ExchangeRecord]) -> Iterator[Any]:
        """Yield the objects of all records: of each asset its file, what it shows, and the posts that showed it."""
        for record in records:
            posts = {post.uuid: post for seen in record.asset.sightings if (post := self._post(seen, record))}
            described = self._image(record)
            file = self._file(record)
            for other in (*([described] if described else ()), *posts.values()):
                self._refer(file, other.uuid, SEEN_IN if other is not described else "related-to")
            for match in record.matches:
                found = match.record.match
                self.techniques.update(match.techniques)
                reasons = "; ".join(map(escape_unprintable, found.why))
                techniques = "".join(f"; DISARM {one.id} {one.name}" for one in match.techniques)
                what = "same script" if match.record.relation == "same_script" else "same media"
                what += IN_ANOTHER_LANGUAGE if match.record.translated else ""
                probability = format_probability(found.probability, 4)
                comment = f"{what}: {match.record.relation}, {found.verdict}, probability {probability}"
                self._refer(
                    file, _object_id("file", match.record.b), SAME_MEDIA, f"{comment}: {reasons}{techniques}",
                    channel=match.record.channel,
                )  # fmt: skip
            yield file
            if described:
                yield described
            yield from posts.values()

    def _file(self, record: ExchangeRecord) -> Any:
        asset = record.asset.asset
        names = dict.fromkeys(exchange_name(seen.uri, paths=self._paths) for seen in record.asset.sightings)
        hashes = (f"{name}: {value}" for name, value in image_hashes(record.hashes).items())
        return self._object("file", _object_id("file", asset.sha256), [
            ("sha256", asset.sha256), ("size-in-bytes", asset.bytes), ("mimetype", mime_type(asset, record.hashes.uri)),
            *(("filename", name) for name in names), *(("text", text) for text in hashes),
        ])  # fmt: skip

    def _image(self, record: ExchangeRecord) -> Any:
        """Return what is known of an image besides its file, None if that is nothing: its text, its addresses, its thumbnail."""
        asset, sightings = record.asset.asset, record.asset.sightings
        if asset.kind != "image":
            return None
        addresses = list(dict.fromkeys(url for seen in sightings if (url := exchange_address(seen.url))))
        account = next((seen.account_label for seen in sightings if seen.account_label), None)
        text = exchange_text("\n".join(line.text for line in record.asset.text or ()))
        address, further = next(iter(addresses), None), addresses[1:]
        if text and record.thumbnail:
            return self._object("ocrized-image", _object_id("ocrized-image", asset.sha256), [
                ("image", f"{asset.sha256}.jpg"), ("ocr-text", text), ("reference", address),
            ], attached=record.thumbnail)  # fmt: skip
        if text:
            times = sorted(instant for seen in sightings if seen.date and (instant := to_instant(seen.date)))
            return self._object("meme-image", _object_id("meme-image", asset.sha256), [
                ("document-text", text), ("username", account), ("link", address),
                *(("crosspost", url) for url in further),
                ("first-seen", times[0] if times else None), ("last-seen", times[-1] if times else None),
            ])  # fmt: skip
        if not (address or record.thumbnail):
            return None
        return self._object("image", _object_id("image", asset.sha256), [
            ("filename", exchange_name(record.hashes.uri, paths=self._paths)), ("link", address), ("username", account),
            ("attachment", f"{asset.sha256}.jpg" if record.thumbnail else None),
        ], attached=record.thumbnail)  # fmt: skip

    def _post(self, seen: Sighting, record: ExchangeRecord) -> Any:
        """Return the post of a sighting, None if nothing of it is known that the template of a post needs."""
        address, text = exchange_address(seen.url), exchange_text(seen.text)
        key = _object_id("post", *sighting_key(seen))
        if seen.platform == "youtube" and (seen.title or address):
            transcript = record.asset.transcript
            spoken = exchange_text(" ".join(map(mark_guesses, transcript.segments))) if transcript else None
            return self._object("youtube-video", key, [
                ("video-title", exchange_text(seen.title)), ("link", address), ("channel-name", seen.account_name),
                ("creator", seen.account or seen.account_id), ("description", text), ("video-transcript", spoken),
            ], comment=_times(seen))  # fmt: skip
        if not (address or text):
            return None
        numbers = [seen.post_id] if seen.platform == "twitter" and (seen.post_id or "").isdecimal() else []
        platform = seen.platform and _POST_TYPES.get(seen.platform, seen.platform)
        return self._object("microblog", key, [
            ("post", text), ("title", exchange_text(seen.title)), ("link", address), ("type", platform),
            ("username", seen.account or seen.account_id), ("display-name", seen.account_name), ("language", seen.language),
            ("creation-date", to_instant(seen.posted_at) if seen.posted_at else None),
            ("removal-date", to_instant(seen.removed_at) if seen.removed_at else None),
            *(("twitter-id", number) for number in numbers),
        ], comment=_times(seen))  # fmt: skip

    def _object(
        self,
        name: str,
        uuid: str,
        values: Iterable[tuple[str, Any]],
        *,
        comment: str = "",
        attached: bytes | None = None,
    ) -> Any:
        """Return an object with the values that are known; the ids of its attributes follow from its own.

        Args:
            name: Name of its template.
            uuid: Its id.
            values: Names and values of its attributes.
            comment: Text about it.
            attached: Content of its attachment, if it has one.
        """
        made = self._pymisp.MISPObject(name, strict=True, standalone=False)
        made.uuid = uuid
        if comment:
            made.comment = comment
        for number, (relation, value) in enumerate(values):
            if value in (None, "") or (isinstance(value, str) and not value.strip()):
                continue
            stated = replace_hidden(value, escape_character, keep="\t\n") if isinstance(value, str) else value
            content = {"data": BytesIO(attached)} if attached and relation in ("image", "attachment") else {}
            made.add_attribute(
                relation, value=stated, uuid=exchange_id("attribute", uuid, relation, number), to_ids=False, **content
            )
        return made

    def _refer(self, source: Any, target: str, relation: str, comment: str = "", *, channel: str = "") -> None:
        source.add_reference(
            target, relation, comment, uuid=exchange_id("reference", source.uuid, target, relation, channel)
        )


def _object_id(*parts: object) -> str:
    return exchange_id("misp", *parts)


def _times(seen: Sighting) -> str:
    """Return the times of a sighting as exactly as they are stated, which may be less than the template of a post can say."""
    times = {"posted": seen.posted_at, "captured": seen.captured_at, "removed": seen.removed_at}
    return "; ".join(f"{name} {time}" for name, time in times.items() if time)


def _one_line(value: Any) -> str:
    return json.dumps(json.loads(value.to_json()), sort_keys=True, ensure_ascii=False)
