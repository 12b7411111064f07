"""A watched asset is compared as an ingest compares all assets, and with no limit to the number of its copies."""

from dataclasses import replace
from pathlib import Path

import pytest
from mixed_stores import Ingested, open_references

from mediafp.case.comparison import comparer as asset_comparer
from mediafp.case.comparison import run as comparison_run
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.watching import watched_assets
from mediafp.case.watching.watched_assets import WatchedAssets, probable_matches
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.decisions import Decision
from mediafp.types.kept_matches import CHANNELS, KeptMatch, PairFailure
from mediafp.types.matches import Match


def test_direct_matches_are_the_probable_kept_ones_without_rejected_ones(
    ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (asset_comparer, watched_assets):
        monkeypatch.setattr(module, "compare_pair", ingested.compare_once)
    with SqliteStore(tmp_path, create=True) as store:
        references = open_references(store)
        with store.writing():
            for event in sorted(ingested.events):
                ingested.apply(store, event)
        assets = [asset.sha256 for asset in store.assets()]
        direct: dict[tuple[str, str], Match] = {}
        for sha256 in assets:
            watched = WatchedAssets(store, references, {other for other in assets if other < sha256})
            for other, kept in watched.find_matches(sha256, CHANNELS).items():
                assert kept.match
                direct[other, sha256] = kept.match
        list(comparison_run.run_comparisons(store, references))
        best: dict[tuple[str, str], Match] = {}
        for kept in probable_matches(store.kept_matches(), store):
            assert kept.match
            if kept.pair not in best or kept.match.probability > best[kept.pair].probability:
                best[kept.pair] = kept.match
        assert len(best) > 20 and {"same_script", "copy", "image_in_video"} <= {one.relation for one in best.values()}
        assert {pair: match.why for pair, match in direct.items()} == {pair: match.why for pair, match in best.items()}
        (watched_one, other), match = max(best.items(), key=lambda item: item[1].probability)
        assert match.probability > 0.9
        with store.writing():
            store.save_decision(
                Decision(
                    subject="match",
                    a=watched_one,
                    b=other,
                    decision="reject",
                    note="",
                    decided_by="me",
                    decided_at="2026",
                )
            )
        assert watched_one not in WatchedAssets(store, references, {watched_one}).find_matches(other, CHANNELS)


def test_file_that_workers_have_lost_is_not_compared_by_this_process(
    ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watched_assets, "compare_pair", None)
    cat, crop, mirrored = (ingested.records[name].asset.sha256 for name in ("cat", "cat-crop", "cat-mirrored"))
    with SqliteStore(tmp_path, create=True) as store:
        with store.writing():
            for name in ("cat", "cat-crop", "cat-mirrored"):
                ingested.apply(store, ("record", name))
        list(comparison_run.run_comparisons(store, open_references(store)))
        (kept,) = store.kept_pair(*sorted((cat, mirrored)))
        lost = KeptMatch(
            query=cat, reference=crop, channel="picture", promise=1, match=None, failure=PairFailure("oom", "x")
        )
        with store.writing():
            store.database.execute("DELETE FROM kept_match WHERE a = ? AND b = ?", sorted((cat, crop)))
            store.save_pairs(comparison_versions()["picture"], store.last_log_entry()[0], [lost])
        watched = WatchedAssets(store, open_references(store), {crop, mirrored})
        assert watched.find_matches(cat, CHANNELS) == {mirrored: kept}
        assert f"{cat} is not compared with the watched {crop}" in caplog.text and len(caplog.records) == 1
        assert store.lost_pairs() == [lost]
        caplog.clear()
        (unrelated,) = store.kept_pair(*sorted((cat, mirrored)))
        with store.writing():
            store.save_pairs(
                comparison_versions()["picture"], store.last_log_entry()[0], [replace(unrelated, match=None)]
            )
        # It was compared and does not match: no worker is waited for.
        watched = WatchedAssets(store, open_references(store), {mirrored})
        assert watched.find_matches(cat, CHANNELS) == {} and not caplog.text and len(store.lost_pairs()) == 1
        with store.writing():
            store.database.execute("DELETE FROM kept_match WHERE a = ? AND b = ?", unrelated.pair)
        assert watched.find_matches(cat, CHANNELS) == {} and f"the watched {mirrored}" in caplog.text
        # No row said that it was to be compared: the next run in workers does, as the warning promises.
        assert {one.pair for one in store.lost_pairs()} == {unrelated.pair, lost.pair}
