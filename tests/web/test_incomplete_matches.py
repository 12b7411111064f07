"""The page and the object of a file of the case state what may be missing among its matches."""

from pathlib import Path

import pytest
from group_case import make_group_case
from served_case import served

from mediafp.case import open_case
from mediafp.case.comparison.versions import comparison_versions
from mediafp.types.kept_matches import KeptMatch, PairFailure


@pytest.mark.parametrize("cause", ["lost", "partial"])
def test_answer_states_what_its_matches_may_lack(tmp_path: Path, cause: str) -> None:
    with open_case(make_group_case(tmp_path / "store"), on_damage=lambda *_: None) as case, served(case) as workbench:
        store = case._store
        a, b = sorted(asset.sha256 for asset in store.assets() if asset.kind == "image")[:2]
        # The result without a warning is kept for the next page.
        assert workbench.get(f"/api/match/{a}").json()["warnings"] == []
        version = comparison_versions()["picture"]
        with store.writing():
            if cause == "lost":
                failure = PairFailure("oom", "no memory")
                pair = KeptMatch(query=a, reference=b, channel="picture", promise=1, match=None, failure=failure)
                store.database.execute("DELETE FROM kept_match WHERE a = ? AND b = ?", (a, b))  # type: ignore[attr-defined]
                store.save_pairs(version, store.last_log_entry()[0], [pair])
            else:
                pending = next(one for one in store.pending_comparisons({"picture": ""}) if one.sha256 == b)
                store.save_comparison(pending, version, store.last_log_entry()[0], [], is_partial=True)
        (warning,) = workbench.get(f"/api/match/{a}").json()["warnings"]
        stated = "no memory" if cause == "lost" else "1 file was compared with a part of the rows"
        assert stated in warning
        assert stated in workbench.get(f"/answer/{a}").text
