"""Kept matches in which the images and the sound of two videos are one match."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import groupby

from mediafp.matching.joined_sound import can_join, describe_other_sound, join_sound
from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import Match
from mediafp.types.media import Asset


def iter_joined(kept: Iterable[KeptMatch], store: Store) -> Iterator[KeptMatch]:
    """Yield kept matches, those of the sound of two videos joined with those of their images where both are copies.

    Args:
        kept: Kept matches with evidence, ordered by both assets.
        store: The store that they come from.
    """
    sounds = cache(partial(_sounds, store))
    for _, group in groupby(kept, key=lambda one: one.pair):
        channels = {one.channel: one for one in group}
        picture, voice = channels.get("picture"), channels.get("voice")
        if picture and voice and picture.match and voice.match and can_join(picture.match, voice.match):
            try:
                seen = voice.match
                if voice.query != picture.query:
                    seen = seen_from(voice, store.asset(picture.query), store)
            except StoreError as error:
                store.on_damage(voice.query, str(error))
            else:
                channels["picture"] = replace(picture, match=join_sound(picture.match, seen))
                del channels["voice"]
        elif picture and picture.match and not voice:
            described = describe_other_sound(
                picture.match, query_sounds=sounds(picture.query), reference_sounds=sounds(picture.reference)
            )
            channels["picture"] = replace(picture, match=described)
        yield from map(_with_reason, channels.values())


def _with_reason(kept: KeptMatch) -> KeptMatch:
    if kept.match is None or kept.match.decision is None:
        return kept
    # NumPy loads with it, which is not needed to list commands.
    from mediafp.case.decided_matches import decided_match

    return replace(kept, match=decided_match(kept.match, kept.match.decision))


def _sounds(store: Store, sha256: str) -> bool:
    """Return True if an asset has sound that can be compared."""
    # NumPy loads with it, which is not needed to list commands.
    from mediafp.fingerprints.sound_prints import SoundPrints

    found = store.fingerprints(SoundPrints.name, SoundPrints.version, {sha256})
    return any(len(fingerprint.vectors) for fingerprint in found)


def seen_from(kept: KeptMatch, asset: Asset, store: Store) -> Match:
    """Return a kept match seen from one of its two assets."""
    from mediafp.matching.reversal import reverse_match

    assert kept.match, "only kept matches with evidence are read"
    if kept.query == asset.sha256:
        return kept.match
    return reverse_match(kept.match, store.asset(kept.query), asset, store.uris(kept.query))
