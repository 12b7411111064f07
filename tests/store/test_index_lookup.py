"""Assets of an index are found by their SHA-256, one or many at once."""

import numpy as np

from mediafp.store.row_index.lookup import AssetLookup


def test_each_asset_is_found_alone_and_among_others_though_first_bytes_collide() -> None:
    rng = np.random.default_rng(1)
    digests = rng.integers(0, 256, (200, 32), np.uint8)
    digests[100:110, :8] = digests[5, :8]  # as in a forged file
    void = np.array([7, 104])
    lookup = AssetLookup(digests, void)
    expected = np.arange(200)
    expected[void] = -1
    assert lookup.find(digests).tolist() == expected.tolist()
    assert [lookup.find_one(digest.tobytes()) for digest in digests] == expected.tolist()


def test_absent_assets_are_not_found() -> None:
    rng = np.random.default_rng(2)
    digests, others = rng.integers(0, 256, (2, 50, 32), np.uint8)
    others[0], others[1] = 0, 255  # before and behind all
    for lookup in (AssetLookup(digests, np.array([], np.int64)), AssetLookup(digests[:0], np.array([], np.int64))):
        assert set(lookup.find(others).tolist()) == {lookup.find_one(other.tobytes()) for other in others} == {-1}
