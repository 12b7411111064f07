"""The printed list of clusters: merges and splits have a line of their own."""

import pytest
from typer.testing import CliRunner

from mediafp.cli.app import app
from mediafp.types.clusters import Cluster, Clustering, ClusterMember


class ClusteredCase:
    """A case of three clusters: one unchanged, one merged, one split off."""

    def __enter__(self) -> "ClusteredCase":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def count_assets(self) -> int:
        return 6

    def cluster(self, *_: object) -> Clustering:
        return Clustering(
            clusters=tuple(
                Cluster(
                    id=name,
                    was=was,
                    kind="image",
                    representative=name,
                    weakest_link=0.9,
                    members=(ClusterMember(sha256=name, uris=(f"/{name}.jpg", f"/{name}-2.jpg")),),
                    edges=(),
                )
                for name, was in (("c1", ()), ("c4", ("c2", "c4")), ("c9", ("c3",)))
            ),
            unclustered=0,
        )


def test_cluster_prints_merges_and_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediafp.case.open_case", lambda *_, **__: ClusteredCase())
    lines = [line.strip() for line in CliRunner().invoke(app, ["cluster"]).stdout.splitlines()]
    assert lines[lines.index("* /c1.jpg (and 1 more path)") - 1].startswith("c1 ")
    assert lines[lines.index("* /c4.jpg (and 1 more path)") - 1] == "joins members of c2, c4"
    assert lines[lines.index("* /c9.jpg (and 1 more path)") - 1] == "split off c3"
