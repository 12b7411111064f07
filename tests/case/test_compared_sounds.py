"""The comparison of the audio of all assets: by an index, in batches and once for each pair, as by comparing each with each."""

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingest_records import add_records
from mixed_stores import Row, kept_rows, open_references
from sound_samples import audio, mixed, noise, tune, voice

from mediafp.case.comparison import comparer, run, sounds
from mediafp.fingerprints.registry import computed_types
from mediafp.matching.sounds.candidates import find_candidates
from mediafp.matching.sounds.side import VARIANTS, Variant
from mediafp.store.row_index.search_threads import searches_alone
from mediafp.store.sqlite import comparisons
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.fingerprint_types import no_rows
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting

RATE = 16_000


def make_sounds() -> list[np.ndarray]:
    """Return voices that others share at an offset, faster, higher, in noise or under music, and unrelated ones."""
    talks = [voice(seed, 7) for seed in range(5)]
    silence = np.zeros(2 * RATE, np.int16)
    return [
        *talks,
        np.concatenate([voice(30, 2.3), talks[0][RATE:]]),
        np.concatenate([talks[0][: 4 * RATE], silence, talks[1]]),
        voice(1, 7, speed=1.12),
        voice(2, 7, speed=0.6),
        voice(2, 7, pitch=1.12),
        voice(3, 7, speed=1.22, pitch=1.22),
        mixed(talks[3], tune(1, 4), 0),
        mixed(talks[4], noise(1, 7), -6),
        tune(2, 6),
        tune(3, 6),
        silence,
        *(voice(seed, 5) for seed in range(40, 44)),
    ]


def make_record(samples: np.ndarray) -> IngestRecord:
    sha256 = hashlib.sha256(samples.tobytes()).hexdigest()
    made = []
    for type in computed_types("video", reference_crops=False):
        rows = type.extract(audio(samples)) if type.consumes == "audio" else no_rows(type)
        made.append(
            Fingerprint(
                sha256=sha256,
                type=type.name,
                version=type.version,
                spans=rows.spans,
                vectors=rows.vectors,
                quality=rows.quality,
            )
        )
    duration = len(samples) / RATE
    return IngestRecord(
        asset=Asset(sha256=sha256, kind="video", bytes=1_000, properties={"format": "wav", "duration": duration}),
        sightings=(Sighting(sha256=sha256, uri=f"/{sha256}.wav"),),
        fingerprints=tuple(made),
    )


@pytest.fixture(scope="module")
def records() -> list[IngestRecord]:
    return [make_record(samples) for samples in make_sounds()]


@contextmanager
def filled_store(folder: Path, records: list[IngestRecord]) -> Iterator[SqliteStore]:
    with SqliteStore(folder, create=True) as store:
        add_records(store, *records)
        yield store


def compare(store: SqliteStore, **options: Any) -> list[Row]:
    list(run.run_comparisons(store, open_references(store), **options))
    return [row for row in kept_rows(store) if row[2] == "voice"]


@pytest.fixture(scope="module")
def expected(records: list[IngestRecord], tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Rows that are kept if each asset is compared with all others in all variants, without an index."""
    everyone = {record.asset.sha256: set(VARIANTS) for record in records}

    def find_all(*_: object, exclude: Collection[str]) -> dict[str, set[Variant]]:
        return {sha256: variants for sha256, variants in everyone.items() if sha256 not in exclude}

    with (
        pytest.MonkeyPatch.context() as patch,
        filled_store(tmp_path_factory.mktemp("all") / "store", records) as store,
    ):
        patch.setattr(sounds, "find_candidates", find_all)
        patch.setattr(sounds.SoundPromises, "known", lambda *_: (frozenset(), {}))
        rows = compare(store, jobs=1)
    matched = {row[:2] for row in rows if row[5] == "same_voice" and float(str(row[7])) > 0.5}
    assert len(matched) >= 8
    return rows


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Assets that each search has left out."""
    left_out: list[set[str]] = []

    def find(*arguments: Any, exclude: Collection[str]) -> dict[str, set[Variant]]:
        left_out.append(set(exclude))
        return find_candidates(*arguments, exclude=exclude)

    monkeypatch.setattr(sounds, "find_candidates", find)
    return left_out


def test_each_pair_is_searched_for_once(
    tmp_path: Path, records: list[IngestRecord], expected: list[Row], searched: list[set[str]]
) -> None:
    with filled_store(tmp_path / "store", records) as store:
        assert compare(store, jobs=1) == expected
    assert sorted(map(len, searched)) == list(range(1, len(records) + 1))


@pytest.mark.parametrize("jobs", [2, 5])
def test_threads_keep_the_same_rows(
    tmp_path: Path, records: list[IngestRecord], expected: list[Row], searched: list[set[str]], jobs: int
) -> None:
    with filled_store(tmp_path / "store", records) as store:
        assert compare(store, jobs=jobs) == expected
    assert len(searched) == len(records)


def test_assets_that_come_later_are_searched_for_among_all(
    tmp_path: Path, records: list[IngestRecord], expected: list[Row], searched: list[set[str]]
) -> None:
    half = len(records) // 2
    with filled_store(tmp_path / "store", records[:half]) as store:
        running = run.ComparisonRun(store, open_references(store), jobs=1)
        versions = comparer.comparison_versions()
        running.add(store.pending_comparisons(versions))
        # In the middle of the run, more are there, and one has changed.
        add_records(store, *records[half:-2])
        with store.writing():
            comparisons.note_change(store.database, records[0].asset.sha256, "voice")
        running.add(store.pending_comparisons(versions))
        while running.is_busy:
            running.wait()
            running.save()
        running.close()
        add_records(store, *records[-2:])
        assert compare(store, jobs=1) == expected
    # The last ones, and the first of them, are searched for among all that a former run has compared.
    assert sorted(map(len, searched[-2:])) == [1, 2]


def test_last_assets_are_searched_for_by_all_processors(
    tmp_path: Path, records: list[IngestRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: list[bool] = []

    def find(*_: object, exclude: Collection[str]) -> dict[str, set[Variant]]:
        alone.append(searches_alone())
        return {}

    monkeypatch.setattr(sounds, "find_candidates", find)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    with filled_store(tmp_path / "store", records) as store:
        versions = {
            channel: version for channel, version in comparer.comparison_versions().items() if channel == "voice"
        }
        monkeypatch.setattr(run, "comparison_versions", lambda: versions)
        list(run.run_comparisons(store, open_references(store), jobs=1))
    assert alone == [True] * (len(records) - 2) + [False] * 2


def test_promises_of_changed_assets_are_found_anew() -> None:
    promises = sounds.SoundPromises()
    promises.add("a", 1, {"b": 0.7, "c": 0.9})
    assert promises.known("b", 1) == ({"a"}, {"a": 0.7}) and promises.known("d", 1) == ({"a"}, {})
    # The index has b in its present state since the second generation.
    assert promises.known("b", 2) == (frozenset(), {})
    promises.add("b", 2, {"c": 0.8})
    assert promises.known("c", 1) == ({"a", "b"}, {"a": 0.9, "b": 0.8})
    assert promises.known("c", 2) == ({"b"}, {"b": 0.8})
    promises.drop("c")
    assert promises.known("c", 1) == ({"a", "b"}, {})
