"""The contract of `HashListStore`: every implementation keeps and searches lists of hashes alike."""

import numpy as np
import pytest

from mediafp.store import Store
from mediafp.types.hashes import HashList, ListedHash, ListedHit

PDQ = bytes(range(32))
FAR = bytes(32 * [255])


def near(hash: bytes, bits: int) -> bytes:
    """Return a hash that differs in the last bits."""
    return (int.from_bytes(hash) ^ ((1 << bits) - 1)).to_bytes(len(hash))


def rows(*hashes: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), -1)


def listed(hash: bytes, label: str = "", algorithm: str = "pdq") -> ListedHash:
    return ListedHash(algorithm=algorithm, hash=hash, label=label)  # type: ignore[arg-type]


def save(store: Store, name: str, *hashes: ListedHash) -> int:
    with store.writing():
        return store.save_listed_hashes(name, hashes)


def test_lists_keep_each_hash_once_with_its_first_label(store: Store) -> None:
    assert store.hash_lists() == [] and store.listed_algorithms() == set()
    assert save(store, "propaganda", listed(PDQ, "甲"), listed(PDQ, "again"), listed(PDQ[:8], "p", "phash")) == 2
    assert save(store, "propaganda", listed(PDQ, "later"), listed(FAR, "new")) == 1
    assert save(store, "other", listed(PDQ)) == 1
    assert store.hash_lists() == [
        HashList(name="other", hashes={"pdq": 1}),
        HashList(name="propaganda", hashes={"pdq": 2, "phash": 1}),
    ]
    assert store.hash_list_names() == ["other", "propaganda"]
    assert [(one.label, one.algorithm) for one in store.listed_hashes("propaganda")] == [
        ("甲", "pdq"),
        ("p", "phash"),
        ("new", "pdq"),
    ]
    assert store.listed_algorithms() == {"pdq", "phash"}


def test_search_returns_hashes_within_the_distance_with_the_smallest_to_any_row(store: Store) -> None:
    save(store, "a", listed(PDQ, "one"), listed(near(PDQ, 40), "two"), listed(PDQ[:8], "other kind", "phash"))
    save(store, "b", listed(near(PDQ, 3), "three"))
    hits = list(store.search_listed_hashes("pdq", rows(near(PDQ, 31), near(PDQ, 5), FAR), 31))
    assert sorted(hits, key=lambda hit: hit.label) == [
        ListedHit(list="a", label="one", algorithm="pdq", distance=5),
        ListedHit(list="b", label="three", algorithm="pdq", distance=2),
        ListedHit(list="a", label="two", algorithm="pdq", distance=9),
    ]
    assert [hit.label for hit in store.search_listed_hashes("pdq", rows(near(PDQ, 37)), 2)] == []
    assert list(store.search_listed_hashes("dhash", rows(PDQ[:8]), 64)) == []


def test_removed_lists_are_searched_no_more(store: Store) -> None:
    save(store, "a", listed(PDQ), listed(FAR))
    save(store, "b", listed(PDQ))
    with store.writing():
        assert (store.remove_hash_list("a"), store.remove_hash_list("a")) == (2, 0)
    assert [hit.list for hit in store.search_listed_hashes("pdq", rows(PDQ), 0)] == ["b"]
    assert store.check_integrity() == []


def test_lists_of_many_blocks_are_searched_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediafp.store.sqlite.hash_lists.BLOCK_HASHES", 16)
    hashes = np.random.default_rng(0).integers(0, 256, (100, 32), np.uint8)
    assert save(store, "long", *(listed(row.tobytes(), str(n)) for n, row in enumerate(hashes))) == 100
    for wanted in (0, 15, 16, 99):
        (hit,) = store.search_listed_hashes("pdq", hashes[wanted : wanted + 1], 31)
        assert (hit.label, hit.distance) == (str(wanted), 0)
    assert store.hash_lists()[0].hashes == {"pdq": 100}
    assert store.check_integrity() == []
