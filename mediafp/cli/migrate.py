"""The command `migrate`."""

from typing import Annotated

import typer

from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line
from mediafp.types.counted_nouns import count_of


def migrate(
    index: Annotated[
        str | None,
        typer.Option(
            metavar="s3://BUCKET/PREFIX|FOLDER|local",
            help="Move the index there; local: into the store.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print where the index of the case lies, or move it, row by row.

    With s3://, the fingerprints that are searched leave this machine: to the endpoint in AWS_ENDPOINT_URL, else to AWS.
    Credentials come from the environment, or from the profile in AWS_PROFILE. All else of the case stays in the store.
    Needs the extra: pip install 'mediafp[cluster]'. Start `mediafp serve` again afterwards.
    """
    with open_selected_case(store) as case:
        moved = list(case.migrate(index)) if index is not None else []
        address = case.index_address
    if as_json:
        print_json(
            {
                "index": address,
                "moved": [{"type": one.type, "assets": one.assets, "rows": one.rows} for one in moved],
            }
        )
        return
    for one in moved:
        print_line(f"{one.type}: {count_of(one.rows, 'row')} of {count_of(one.assets, 'asset')}")
    print_line(f"index: {address}")
