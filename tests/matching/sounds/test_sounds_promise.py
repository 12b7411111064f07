"""Promise of two sounds, and its search in an index."""

import numpy as np
import pytest
from sound_samples import audio, mixed, noise, side, voice

from mediafp.fingerprints.sound_codes import SoundCodes
from mediafp.matching.sounds import near_codes
from mediafp.matching.sounds.near_codes import MAX_DISTANCE
from mediafp.matching.sounds.promise import pair_promise, promising_assets, search_codes
from mediafp.matching.sounds.side import VARIANTS, Variant
from mediafp.types.neighbours import Neighbour

RATE = 16_000


def neighbours(codes: np.ndarray, stored: dict[str, np.ndarray]) -> list[list[Neighbour]]:
    """Return what the index returns for each code."""
    return [
        [
            Neighbour(name, row, float(distance))
            for name, rows in stored.items()
            for row, distance in enumerate(np.bitwise_count(rows ^ code).sum(axis=1).tolist())
            if distance <= MAX_DISTANCE
        ]
        for code in codes
    ]


def test_the_index_finds_every_candidate() -> None:
    sounds = {f"{seed}": voice(seed, 8) for seed in range(4)}
    # A silence, so that the rows of the index are not numbered by time.
    sounds["gap"] = np.concatenate([voice(0, 3), np.zeros(5 * RATE, np.int16), voice(1, 8)])
    stored = {name: SoundCodes().extract(audio(samples)).vectors for name, samples in sounds.items()}
    query = side(mixed(voice(1, 8, speed=1.05, pitch=0.97), noise(1, 8), -10))
    found: dict[str, set[Variant]] = {name: set() for name in sounds}
    for part in search_codes(query):
        for name in promising_assets(part, neighbours(part.codes, stored)):
            found[name].add(part.variant)
    promises = {name: pair_promise(query, side(samples)) for name, samples in sounds.items()}
    candidates = {name for name, promise in promises.items() if promise}
    assert all(found[name] for name in candidates)
    # No other variant promises anything, so that these alone are compared.
    assert promises == {name: pair_promise(query, side(samples), found[name]) for name, samples in sounds.items()}
    assert {"1", "gap"} <= candidates


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
