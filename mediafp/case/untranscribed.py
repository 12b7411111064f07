"""The videos of a store that have no transcript."""

from pathlib import Path

from mediafp.store import Store


def find_untranscribed(store: Store) -> list[Path]:
    """Return a path of each video without a transcript whose file is at hand, by SHA-256.

    A video without audio needs none. Whether another version of the model would hear more is not considered.
    """
    paths = []
    for asset in store.assets():
        if asset.kind != "video" or store.find_audio_id(asset.sha256) == "" or store.find_transcript(asset.sha256):
            continue
        paths += [Path(uri) for uri in store.uris(asset.sha256) if Path(uri).is_file()][:1]
    return paths
