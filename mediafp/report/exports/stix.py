"""A case as a bundle of STIX 2.1: files, accounts, addresses, when they were seen, and which files are the same media."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final, TextIO

from mediafp.report.escaping import escape_unprintable
from mediafp.report.exports.exchange_texts import (
    IN_ANOTHER_LANGUAGE,
    exchange_address,
    exchange_id,
    exchange_name,
    is_media_address,
    mime_type,
    sighting_key,
    sighting_window,
)
from mediafp.report.exports.extras import load_extra
from mediafp.types.exchange import AssetHashes, CaseSeal, ExchangedMatch, ExchangeRecord, Technique
from mediafp.types.matches import format_probability
from mediafp.types.sightings import Sighting

SAME_MEDIA: Final = "same-media-as"
"""Type of the relationships: the two files show or say the same, which says nothing about who used them."""
SAME_SCRIPT: Final = "same-script-as"
"""Type of the relationships of files in which other voices say the same, in the same words or in another language."""
SEEN_BY: Final = "related-to"
"""Type of the relationship of a file and the account or the address of a sighting without a date."""
TECHNIQUE_ADDRESS: Final = (
    "https://github.com/DISARMFoundation/DISARMframeworks/blob/main/generated_pages/techniques/{}.md"
)
_DEFINED_AT: Final = "2026-01-01T00:00:00Z"
"""Time of the objects that are the same in every export. Chosen."""
_SCHEMA_VERSION: Final = "1.1.0"
_SCHEMA_CHANGED_AT: Final = "2026-11-29T00:00:00Z"
"""Time of this version of the extension: a receiver that has an older one replaces it."""
_SCHEMA: Final = (
    "On a file: kind (image or video), width, height (pixels), duration (seconds), pdq, phash, dhash (hexadecimal, of an image or"
    " its first page), pdq_quality (0..100). On a relationship: relation, seen from its source; verdict; probability (0..1);"
    " coverage of source and target (0..1); channel (picture, voice or script); of a script, translated: true if the two say the"
    " same in different languages."
)


def write_stix(
    file: TextIO, records: Iterable[ExchangeRecord], seal: CaseSeal, *, paths: bool = False, of: str = ""
) -> int:
    """Write a case as one bundle, object by object, and return the number of objects.

    Args:
        file: The file to write to.
        records: The assets, by SHA-256.
        seal: The state of the case, which names the bundle.
        paths: Whole paths of files, not only their names.
        of: Asset whose matches alone the records are; "" for the whole case.

    Raises:
        UsageError: The library is missing.
    """
    stix2 = load_extra("stix2", install="mediafp[stix]", purpose="export STIX")
    bundle_id = exchange_id("bundle", seal.case, seal.hash, paths, *([of] if of else []))
    file.write(f'{{"type": "bundle", "id": "bundle--{bundle_id}", "objects": [')
    count = 0
    for value in _Objects(stix2, paths=paths).iterate(records):
        file.write(f"{',' if count else ''}\n{value.serialize()}")
        count += 1
    file.write("\n]}\n")
    return count


class _Objects:
    """The objects of one bundle; each account and address is one object, however often it is seen."""

    def __init__(self, stix2: Any, *, paths: bool) -> None:
        self._stix2 = stix2
        self._paths = paths
        self._written: set[bytes] = set()
        self._identity = f"identity--{exchange_id('identity')}"
        self._extension = f"extension-definition--{exchange_id('extension')}"

    def iterate(self, records: Iterable[ExchangeRecord]) -> Iterator[Any]:
        """Yield the objects of all records, those that others refer to first."""
        yield self._stix2.v21.Identity(
            id=self._identity, created=_DEFINED_AT, modified=_DEFINED_AT, name="mediafp", identity_class="system",
            description="Program that compares media. It states that two files are the same media, never who used them.",
        )  # fmt: skip
        yield self._stix2.v21.ExtensionDefinition(
            id=self._extension, created_by_ref=self._identity, created=_DEFINED_AT, modified=_SCHEMA_CHANGED_AT,
            name="media comparison", schema=_SCHEMA, version=_SCHEMA_VERSION, extension_types=["property-extension"],
        )  # fmt: skip
        for record in records:
            yield from self._of_asset(record)
            for match in record.matches:
                yield self._relationship(match)

    def _of_asset(self, record: ExchangeRecord) -> Iterator[Any]:
        asset, sightings = record.asset.asset, record.asset.sightings
        hashes = {"SHA-256": asset.sha256}
        mime = mime_type(asset, record.hashes.uri)
        media = next((url for seen in sightings if (url := exchange_address(seen.url)) and is_media_address(url)), None)
        artifact = None
        if media:
            # An artefact without its content needs an address from which it can be loaded.
            artifact = self._stix2.v21.Artifact(
                id=f"artifact--{exchange_id('artifact', asset.sha256)}", url=media, hashes=hashes,
                **_stated(mime_type=mime),
            )  # fmt: skip
            yield artifact
        yield self._stix2.v21.File(
            id=_file_id(asset.sha256), hashes=hashes, size=asset.bytes,
            name=exchange_name(record.hashes.uri, paths=self._paths),
            extensions={self._extension: {"extension_type": "property-extension", **_described(record)}},
            **_stated(mime_type=mime, content_ref=artifact.id if artifact else None),
        )  # fmt: skip
        for seen in sightings:
            yield from self._of_sighting(seen, record.added_at)

    def _of_sighting(self, seen: Sighting, added_at: str) -> Iterator[Any]:
        account, address = self._account(seen), self._address(seen)
        others = [one for one in (account, address) if one]
        for one in others:
            if self._is_new(one.id):
                yield one
        file_id, key, window = _file_id(seen.sha256), sighting_key(seen), sighting_window(seen)
        if window:
            observed = self._stix2.v21.ObservedData(
                id=f"observed-data--{exchange_id('observed', *key)}", created_by_ref=self._identity,
                created=added_at, modified=added_at, first_observed=window.first, last_observed=window.last,
                number_observed=1, object_refs=[file_id, *(one.id for one in others)],
            )  # fmt: skip
            if self._is_new(observed.id):
                yield observed
            return
        # An observation must have a date: what is known of one without is a relationship.
        for one in others:
            related = self._stix2.v21.Relationship(
                id=f"relationship--{exchange_id('seen', seen.sha256, one.id)}", created_by_ref=self._identity,
                created=added_at, modified=added_at, relationship_type=SEEN_BY, source_ref=file_id, target_ref=one.id,
                description="seen at an unknown time",
            )  # fmt: skip
            if self._is_new(related.id):
                yield related

    def _account(self, seen: Sighting) -> Any:
        if not (seen.account or seen.account_id):
            return None
        stated = {"account_login": seen.account, "user_id": seen.account_id, "display_name": seen.account_name}
        texts = {name: escape_unprintable(text) for name, text in stated.items() if text}
        # Its id is that of the standard, by these values without the displayed name.
        return self._stix2.v21.UserAccount(
            **texts, **_stated(account_type=seen.platform and escape_unprintable(seen.platform))
        )

    def _address(self, seen: Sighting) -> Any:
        address = exchange_address(seen.url)
        return self._stix2.v21.URL(value=address) if address else None

    def _relationship(self, match: ExchangedMatch) -> Any:
        record = match.record
        found = record.match
        reasons = "; ".join(map(escape_unprintable, found.why))
        relation = f"{record.relation}{IN_ANOTHER_LANGUAGE if record.translated else ''}"
        return self._stix2.v21.Relationship(
            id=f"relationship--{exchange_id('match', record.a, record.b, record.channel)}", created_by_ref=self._identity,
            created=match.at, modified=match.at,
            relationship_type=SAME_SCRIPT if record.relation == "same_script" else SAME_MEDIA,
            source_ref=_file_id(record.a), target_ref=_file_id(record.b), confidence=int(100 * found.probability),
            description=f"{relation}, {found.verdict}, probability {format_probability(found.probability, 4)}: {reasons}",
            extensions={self._extension: {
                "extension_type": "property-extension", "relation": record.relation, "verdict": found.verdict,
                "probability": found.probability, "coverage": list(record.coverage), "channel": record.channel,
                **({} if record.translated is None else {"translated": record.translated}),
            }},
            **_stated(
                labels=[f"DISARM:{one.id}" for one in match.techniques],
                external_references=[_reference(one) for one in match.techniques],
            ),
        )  # fmt: skip

    def _is_new(self, id: str) -> bool:
        """Return True if an object was not written yet, and note it."""
        digest = hashlib.sha256(id.encode()).digest()[:16]
        is_new = digest not in self._written
        self._written.add(digest)
        return is_new


def _file_id(sha256: str) -> str:
    return f"file--{exchange_id('file', sha256)}"


def _stated(**values: Any) -> dict[str, Any]:
    """Return the values that are known and not empty."""
    return {name: value for name, value in values.items() if value}


def _reference(technique: Technique) -> dict[str, str]:
    address = TECHNIQUE_ADDRESS.format(technique.id)
    return {"source_name": "DISARM", "external_id": technique.id, "description": technique.name, "url": address}


def _described(record: ExchangeRecord) -> dict[str, Any]:
    """Return what the standard has no property for: kind, size, length and hashes of an image."""
    asset = record.asset.asset
    width, height = asset.size
    duration = asset.properties.get("duration")
    return {"kind": asset.kind} | _stated(width=width, height=height, duration=duration) | image_hashes(record.hashes)


def image_hashes(hashes: AssetHashes) -> dict[str, Any]:
    """Return the hashes of an image, or of its first page, in hexadecimal, and the quality of PDQ; none of a video."""
    if hashes.kind != "image":
        return {}
    values: dict[str, Any] = {name: one.vectors[0].tobytes().hex() for name, one in hashes.rows.items()}
    if "pdq" in hashes.rows:
        values["pdq_quality"] = round(100 * float(hashes.rows["pdq"].quality[0]))
    return values
