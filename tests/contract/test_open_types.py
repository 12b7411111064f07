"""A fingerprint type of another package, defined in this file alone, is computed, stored, indexed, verified and exported."""

import json
import os
import sqlite3
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from mediafp.case.case import Case, open_case
from mediafp.case.row_indexes import TypeIndex
from mediafp.fingerprints import registry
from mediafp.types.fingerprint_types import check_rows
from mediafp.types.fingerprints import Fingerprint, Metric, TimedRows, pack_fingerprint
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import AnalysisOptions, IngestOptions

SLOTS = 33
SECONDS = 4


class Loudness:
    """32 bits for each second of audio: the slots of 1/33 s that are louder than the slot before."""

    name = "toy_loudness"
    version = "1"
    consumes: Literal["audio"] = "audio"
    metric: Metric = "hamming"
    columns = (SLOTS - 1) // 8
    max_rows = None

    def extract(self, audio: Audio) -> TimedRows:
        """Return a row for each full second."""
        seconds = len(audio.samples) // AUDIO_SAMPLE_RATE
        slot_samples = AUDIO_SAMPLE_RATE // SLOTS
        samples = audio.samples[: seconds * AUDIO_SAMPLE_RATE].reshape(seconds, -1)[:, : SLOTS * slot_samples]
        energy = (samples.reshape(seconds, SLOTS, slot_samples).astype(np.float64) ** 2).mean(axis=2)
        starts = audio.start + np.arange(seconds, dtype=np.float64)
        return TimedRows(
            spans=np.column_stack((starts, starts + 1)),
            vectors=np.packbits(energy[:, 1:] > energy[:, :-1], axis=1),
            quality=np.minimum(1, energy.max(axis=1, initial=0.0) / 1e6).astype(np.float32),
        )


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install this file as a package with an entry point, for this process and those that it starts."""
    package = tmp_path / "installed" / "toy-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        f"[{registry.ENTRY_POINT_GROUP}]\n{Loudness.name} = {Path(__file__).stem}:Loudness\n"
    )
    folders = (str(package.parent), str(Path(__file__).parent))
    for folder in folders:
        monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))
    forget_types()
    yield
    monkeypatch.undo()
    forget_types()


def forget_types() -> None:
    registry._entry_points.cache_clear()
    registry.fingerprint_type.cache_clear()


def write_wav(path: Path, seed: int) -> Path:
    """Write noise of changing loudness."""
    rng = np.random.default_rng(seed)
    loudness = rng.uniform(500, 8_000, SECONDS * 20).repeat(AUDIO_SAMPLE_RATE // 20)
    samples = np.clip(rng.normal(size=len(loudness)) * loudness, -32_767, 32_767).astype("<i2")
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return path


def ingest(case: Case, folder: Path) -> list[tuple[str, tuple[str, ...]]]:
    options = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
    return [(outcome.status, outcome.warnings) for outcome in case.ingest([folder], options)]


def run_cli(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # No helper of tests/support: workers import this module as a package of its own, and do not find them.
    command = [sys.executable, "-m", "mediafp", "--store", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def stored_loudness(case: Case) -> list[Fingerprint]:
    return list(case._store.fingerprints(Loudness.name, Loudness.version))


def test_type_of_another_package_is_stored_indexed_verified_and_exported(installed: None, tmp_path: Path) -> None:
    assert Loudness.name in registry.declarations()
    folder = tmp_path / "store"
    for name, seed in (("one", 1), ("two", 2)):
        write_wav(tmp_path / "media" / f"{name}.wav", seed)
    with open_case(folder, create=True) as case:
        assert [status for status, _ in ingest(case, tmp_path / "media")] == ["added", "added"]

        # Stored, with spans of its own, though the files have no frames.
        stored = stored_loudness(case)
        assert [len(fingerprint.vectors) for fingerprint in stored] == [SECONDS, SECONDS]
        for fingerprint in stored:
            assert fingerprint.spans[:, 1] - fingerprint.spans[:, 0] == pytest.approx(np.ones(SECONDS))
            assert fingerprint.quality.min() > 0.1
            rows = TimedRows(fingerprint.spans, fingerprint.vectors, fingerprint.quality)
            check_rows(registry.declaration(Loudness.name), rows)
            assert len(next(f for f in case._store.fingerprints("pdq", registry.fingerprint_type("pdq").version)
                            if f.sha256 == fingerprint.sha256).vectors) == 0  # fmt: skip

        # Indexed.
        declared = registry.declaration(Loudness.name)
        index = TypeIndex(case._store, declared, Loudness.version).rows
        assert len(index) == 2 * SECONDS
        for fingerprint in stored:
            neighbours = index.search(fingerprint.vectors, 1)
            nearest = [neighbours.of_query(row) for row in range(SECONDS)]
            assert [(hit.sha256, hit.row, hit.score) for (hit,) in nearest] == [
                (fingerprint.sha256, row, 0.0) for row in range(SECONDS)
            ]
        sha256 = stored[0].sha256

    # Verified.
    verified = run_cli(folder, "verify")
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout

    # Exported.
    lines = [json.loads(line) for line in run_cli(folder, "export", "jsonl").stdout.splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert {"type": Loudness.name, "version": "1"} in line["fingerprints"]

    # The integrity check finds damage.
    damaged = Fingerprint(
        sha256=sha256,
        type=Loudness.name,
        version="1",
        spans=stored[0].spans[:, ::-1].copy(),
        vectors=stored[0].vectors.copy(),
        quality=stored[0].quality.copy(),
    )
    with closing(sqlite3.connect(folder / "case.sqlite")) as database, database:
        changed = database.execute(
            "UPDATE fingerprint SET data = ? WHERE sha256 = ? AND type = ?",
            (pack_fingerprint(damaged), sha256, Loudness.name),
        )
        assert changed.rowcount == 1
    verified = run_cli(folder, "verify")
    assert verified.returncode == 2
    assert f"fingerprint {Loudness.name} of {sha256}" in verified.stdout + verified.stderr
    assert "ends before it starts" in verified.stdout + verified.stderr


def test_type_that_is_installed_later_is_computed_by_the_next_ingest(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    write_wav(tmp_path / "media" / "one.wav", 3)
    folder = tmp_path / "store"
    with open_case(folder, create=True) as case:
        assert [status for status, _ in ingest(case, tmp_path / "media")] == ["added"]
        (asset,) = case._store.assets()
        before = case._store.fingerprint_types(asset.sha256)
        assert stored_loudness(case) == []
    request.getfixturevalue("installed")
    with open_case(folder) as case:
        assert [status for status, _ in ingest(case, tmp_path / "media")] == ["known"]
        assert case._store.fingerprint_types(asset.sha256) == sorted([*before, (Loudness.name, "1")])
        assert len(stored_loudness(case)[0].vectors) == SECONDS
        # It is not computed again.
        count = len(list(case._store.iter_log("refreshed")))
        assert [status for status, _ in ingest(case, tmp_path / "media")] == ["known"] and count == 1
        assert len(list(case._store.iter_log("refreshed"))) == count
    assert run_cli(folder, "verify").returncode == 0
    lines = run_cli(folder, "export", "jsonl").stdout.splitlines()
    assert len(lines) == 1 and Loudness.name in lines[0]


def test_type_that_is_no_longer_installed_does_not_damage_the_store(
    installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wav(tmp_path / "media" / "one.wav", 4)
    with open_case(tmp_path / "store", create=True) as case:
        assert [status for status, _ in ingest(case, tmp_path / "media")] == ["added"]
    monkeypatch.delenv("PYTHONPATH")
    verified = run_cli(tmp_path / "store", "verify")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [("name", "other", "it is named 'other'"), ("consumes", "transcript", "consumes 'transcript'")],
)
def test_fingerprint_type_rejects_an_entry_point_that_it_cannot_use(
    installed: None, monkeypatch: pytest.MonkeyPatch, attribute: str, value: str, reason: str
) -> None:
    monkeypatch.setattr(sys.modules[Path(__file__).stem].Loudness, attribute, value)
    with pytest.raises(registry.UsageError, match=reason) as error:
        registry.fingerprint_type("toy_loudness")
    assert "toy_loudness" in str(error.value) and f"{Path(__file__).stem}:Loudness" in str(error.value)
