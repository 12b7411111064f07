"""Kept matches in which the images and the sound of two videos are one match."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from mediafp.matching.joined_sound import can_join, join_sound
from mediafp.matching.reversal import reverse_match
from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import Match


def iter_joined(kept: Iterable[KeptMatch], store: Store) -> Iterator[KeptMatch]:
    """Yield kept matches, those of the sound of two videos joined with those of their images where both are copies.

    Args:
        kept: Kept matches with evidence, ordered by both assets.
        store: The store that they come from.
    """
    for _, group in groupby(kept, key=lambda one: one.pair):
        channels = {one.channel: one for one in group}
        picture, voice = channels.get("picture"), channels.get("voice")
        if picture and voice and picture.match and voice.match and can_join(picture.match, voice.match):
            try:
                seen = _seen_from(picture.query, voice, store)
            except StoreError as error:
                store.on_damage(voice.query, str(error))
            else:
                channels["picture"] = replace(picture, match=join_sound(picture.match, seen))
                del channels["voice"]
        yield from channels.values()


def _seen_from(sha256: str, kept: KeptMatch, store: Store) -> Match:
    assert kept.match, "it has evidence"
    if kept.query == sha256:
        return kept.match
    query, reference = store.asset(kept.query), store.asset(kept.reference)
    return reverse_match(kept.match, query, reference, store.uris(kept.query))
