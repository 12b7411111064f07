"""The command `cluster`."""

from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, progress_bar
from mediafp.report import jsonl


def cluster(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Group near-duplicate images and videos.

    A shared intro, clip or song alone does not put two videos into one cluster.
    """
    with open_selected_case(store) as case, progress_bar() as bar:
        task = bar.add_task("comparing", total=case.count_assets())
        asset_matches = []
        for asset, matches in case.match_all():
            asset_matches.append((asset, matches))
            bar.advance(task)
        clustering = case.cluster(asset_matches)
    if as_json:
        print_json(jsonl.clustering_to_json(clustering))
        return
    for group in clustering.clusters:
        print_line()
        details = f"  {len(group.members)} {group.kind}s, weakest link {group.weakest_link:.2f}"
        print_line((group.id, "bold"), details)
        for member in group.members:
            mark = "*" if member.sha256 == group.representative else " "
            print_line(f"  {mark} {member.uris[0]}")
    print_line()
    print_line(f"{len(clustering.clusters)} clusters, {clustering.unclustered} files in none (* representative)")
