"""The videos of a store that have no transcript."""

from pathlib import Path

from mediafp.store import Store


def find_untranscribed(store: Store) -> list[Path]:
    """Return a path of each video with a sound without a transcript whose file is at hand, by SHA-256.

    A video without audio needs none. Whether another version of the model would hear more is not considered, nor whether a video
    that an older version transcribed has further sounds.
    """
    paths = []
    for asset in store.assets():
        if asset.kind != "video" or not _lacks_transcript(store, asset.sha256):
            continue
        paths += [Path(uri) for uri in store.uris(asset.sha256) if Path(uri).is_file()][:1]
    return paths


def _lacks_transcript(store: Store, sha256: str) -> bool:
    sounds = store.sounds(sha256)
    if sounds is None:
        return store.find_transcript(sha256) is None
    return any(store.best_transcript(sound.audio_sha256) is None for sound in sounds)
