"""Promise of two sounds, and its search in an index."""

from collections.abc import Callable

import numpy as np
import pytest
from sound_samples import audio, mixed, noise, side, tune, voice

from mediafp.fingerprints.sound_codes import SoundCodes
from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.matching.sounds import candidates, near_codes, promise
from mediafp.matching.sounds.candidates import find_candidates
from mediafp.matching.sounds.near_codes import NearCodes
from mediafp.matching.sounds.promise import follow, group_bits, may_follow, pair_promise, tracks_promise
from mediafp.matching.sounds.side import VARIANTS, StoredTracks, Variant, sound_sides, stored_tracks
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.neighbours import NearRows
from mediafp.types.sound_prints import PRINT_BITS, VALID_BIT, pack_rows

RATE = 16_000


def fingerprint_of(*tracks: np.ndarray) -> Fingerprint:
    """Return the prints of an asset with these audio tracks."""
    rows = [SoundPrints().extract(audio(samples)) for samples in tracks]
    numbered = [
        pack_rows(np.ascontiguousarray(one.vectors).view("<u8").ravel(), track) for track, one in enumerate(rows)
    ]
    return Fingerprint(
        sha256="f",
        type=SoundPrints.name,
        version=SoundPrints.version,
        spans=np.concatenate([one.spans for one in rows]),
        vectors=np.concatenate(numbered),
        quality=np.concatenate([one.quality for one in rows]),
    )


def index_of(stored: dict[str, np.ndarray]) -> Callable[[np.ndarray, int], NearRows]:
    """Return the search of an index over stored codes."""
    names = list(stored)
    owners = [(n, row) for n, name in enumerate(names) for row in range(len(stored[name]))]
    rows = np.concatenate(list(stored.values()))

    def search(codes: np.ndarray, distance: int) -> NearRows:
        bits = np.bitwise_count(codes[:, None] ^ rows).sum(axis=2, dtype=np.int64)
        query, number = np.nonzero(bits <= distance)
        asset, row = np.array(owners)[number].reshape(-1, 2).T
        return NearRows(assets=names, query=query, asset=asset, row=row, distance=bits[query, number])

    return search


@pytest.fixture(scope="module")
def sounds() -> dict[str, Fingerprint]:
    """Unrelated voices, some that have parts of others, changed, and the same tune with other notes."""
    silence = np.zeros(5 * RATE, np.int16)
    made = {f"{seed}": [voice(seed, 8)] for seed in range(12)}
    made |= {f"tune {seed}": [tune(seed, 10)] for seed in range(2)}
    # Silent parts, so that the rows of the index are not numbered by time.
    made["gap"] = [np.concatenate([voice(0, 8)[: 4 * RATE], silence, voice(1, 8)])]
    made["offset"] = [np.concatenate([voice(20, 2.7), voice(3, 8)[2 * RATE :]])]
    made["tracks"] = [voice(21, 6), np.concatenate([silence, voice(4, 8)[RATE:]])]
    made["slow"], made["fast"] = [voice(1, 8, speed=0.6)], [voice(1, 8, speed=1.9)]
    made["high"] = [voice(2, 8, speed=1.22, pitch=1.22)]
    made["silent"] = [silence]
    return {name: fingerprint_of(*tracks) for name, tracks in made.items()}


def search_in(
    sounds: dict[str, Fingerprint],
) -> tuple[Callable[[np.ndarray, int], NearRows], Callable[[str], StoredTracks]]:
    codes = {
        name: np.concatenate([np.empty((0, 64), np.uint8), *(one.stored_codes.codes for one in sound_sides(rows))])
        for name, rows in sounds.items()
    }
    return index_of(codes), lambda name: stored_tracks(sounds[name])


@pytest.mark.parametrize(
    ("batch_pairs", "block_followed", "max_near_pairs"),
    [
        (candidates.BATCH_PAIRS, promise.BLOCK_FOLLOWED, near_codes.MAX_NEAR_PAIRS),
        (1, 1, near_codes.MAX_NEAR_PAIRS),
        (candidates.BATCH_PAIRS, 100, 300),
    ],
)
def test_candidates_are_all_sounds_with_a_promise(
    sounds: dict[str, Fingerprint],
    monkeypatch: pytest.MonkeyPatch,
    batch_pairs: int,
    block_followed: int,
    max_near_pairs: int,
) -> None:
    monkeypatch.setattr(candidates, "BATCH_PAIRS", batch_pairs)
    monkeypatch.setattr(promise, "BLOCK_FOLLOWED", block_followed)
    for module in (candidates, near_codes):
        monkeypatch.setattr(module, "MAX_NEAR_PAIRS", max_near_pairs)
    search, load = search_in(sounds)
    sides = {name: sound_sides(rows) for name, rows in sounds.items()}
    found = {name: find_candidates(sides[name], search, load, exclude=[name]) for name in sounds}
    promises = {
        (a, b): value
        for a in sounds
        for b in sounds
        if a != b and (value := tracks_promise(sides[a], sides[b])) is not None
    }
    # None is missed, in no variant that counts; and of the others none remains.
    assert {(a, b) for a, others in found.items() for b in others} == set(promises)
    assert promises == {(a, b): tracks_promise(sides[a], sides[b], found[a][b]) for a, b in promises}
    related = {
        ("0", "gap"),
        ("1", "gap"),
        ("3", "offset"),
        ("4", "tracks"),
        ("1", "slow"),
        ("1", "fast"),
        ("2", "high"),
    }
    assert related <= set(promises) and len(promises) < 50
    assert promises == {(a, b): promises[b, a] for a, b in promises}


def test_index_of_other_rows_than_the_prints_is_no_error(sounds: dict[str, Fingerprint]) -> None:
    codes = side(voice(1, 8)).stored_codes.codes
    search, load = index_of({"0": codes, "silent": codes, "1": codes}), search_in(sounds)[1]
    found = find_candidates((side(voice(1, 8)),), search, lambda name: load(name) if name != "1" else ())
    # What the rows claim is no promise, which comes from the prints alone.
    assert set(found) <= {"0"}


def test_candidates_of_noisy_copies_at_another_speed_are_found() -> None:
    stored = {f"{seed}": fingerprint_of(voice(seed, 8)) for seed in range(4)}
    query = side(mixed(voice(1, 8, speed=1.05, pitch=0.97), noise(1, 8), -10))
    found = find_candidates((query,), *search_in(stored))
    codes = {name: SoundCodes().extract(audio(voice(int(name), 8))).vectors for name in stored}
    assert find_candidates((query,), index_of(codes), search_in(stored)[1]) == found
    promises = {name: tracks_promise((query,), sound_sides(rows)) for name, rows in stored.items()}
    assert {name for name, value in promises.items() if value} == set(found) >= {"1"}


def test_bits_of_groups_are_those_of_each_pair_by_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promise, "MAX_FOLLOWED_PAIRS", 12)
    rng = np.random.default_rng(5)
    sizes = [0, 1, 2, 5, 12, 30, 3, 0]
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    for variant in (Variant(1.0, 0), Variant(0.88, 2), Variant(2.0, 0)):
        searched, stored, distance = (rng.integers(*limits, len(group)) for limits in ((0, 99), (0, 99), (180, 211)))
        for follows in (follow, may_follow):
            found = group_bits(NearCodes(variant, searched, stored, distance), group, len(sizes), follows)
            for number, size in enumerate(sizes):
                own = np.flatnonzero(group == number)
                own = own[np.argsort(distance[own], kind="stable")][:12]
                bits = [256 - int(distance[n]) for n in own]
                doubles = [
                    promise.DOUBLE_WEIGHT * (bits[a] + bits[b])
                    for a in range(len(own))
                    for b in range(len(own))
                    if follows(
                        (searched[own[b], None] - searched[own[a]]) * variant.speed,
                        stored[own[b], None] - stored[own[a]],
                    ).all()
                ]
                assert found[number] == max([*bits[:1], *doubles], default=0.0)
                assert (size > 0) == (found[number] > 0)


def test_codes_of_several_sounds_at_once_are_those_of_each() -> None:
    rng = np.random.default_rng(3)
    rows = (3, 1, 2, 40, 2, 1, 9)
    prints = [rng.integers(0, 1 << PRINT_BITS, 16 * count, dtype=np.uint64) | np.uint64(VALID_BIT) for count in rows]
    prints[3][60:90] = 0
    ends = np.cumsum([len(one) for one in prints])
    for variant in VARIANTS:
        options = {"hop": 2, "speed": variant.speed, "shift": variant.shift}
        codes, starts = candidates.compute_codes(np.concatenate(prints), ends=ends, **options)
        each = [candidates.compute_codes(one, **options) for one in prints]
        assert (codes == np.concatenate([one for one, _ in each])).all()
        firsts = ends - [len(one) for one in prints]
        assert (starts == np.concatenate([own + first for (_, own), first in zip(each, firsts, strict=True)])).all()


def test_unrelated_sounds_have_no_promise() -> None:
    sides = [side(voice(seed, 6)) for seed in range(10, 14)]
    assert not any(pair_promise(a, b) for n, a in enumerate(sides) for b in sides[:n])


def test_variants_of_long_sounds_are_left_out_with_their_inverse(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = side(voice(1, 8)), side(voice(1, 8, pitch=1.12))
    assert pair_promise(a, b)
    monkeypatch.setattr(near_codes, "MAX_CODE_PAIRS", 2 * near_codes.code_pairs(a, b))
    assert {near.variant for near in near_codes.find_near_codes(a, b)} <= {VARIANTS[0]}
    assert pair_promise(a, b) == pair_promise(b, a)


def test_each_variant_has_its_inverse() -> None:
    assert all(variant.inverse.inverse == variant for variant in VARIANTS)
    assert all(abs(variant.speed * variant.inverse.speed - 1) < 1e-9 for variant in VARIANTS)
