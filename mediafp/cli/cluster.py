"""The command `cluster`."""

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import first_path, print_json, print_line, progress_bar
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.matches import format_probability


def cluster(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Group near-duplicate images and videos.

    A shared intro, clip or song alone does not put two videos into one cluster.
    """
    with open_selected_case(store) as case, progress_bar() as bar:
        clustering = case.cluster(comparison_progress(bar, case))
    if as_json:
        print_json(jsonl.clustering_to_json(clustering))
        return
    for group in clustering.clusters:
        print_line()
        joined = (
            f"weakest link {format_probability(group.weakest_link, 2)}" if group.weakest_pair else "joined by decisions"
        )
        details = f"  {len(group.members)} {group.kind}s, {joined}"
        print_line((group.id, "bold"), details)
        if group.was:
            print_line("    " + ("joins members of " if len(group.was) > 1 else "split off ") + ", ".join(group.was))
        for member in group.members:
            mark = "*" if member.sha256 == group.representative else " "
            print_line(f"  {mark} {first_path(member.uris)}")
    print_line()
    counted = f"{count_of(len(clustering.clusters), 'cluster')}, {count_of(clustering.unclustered, 'file')} in none"
    print_line(f"{counted} (* representative)")
