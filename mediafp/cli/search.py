"""The command `search`."""

from typing import Annotated

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import Part, print_json, print_line
from mediafp.report import jsonl
from mediafp.types.timestamps import format_span
from mediafp.types.transcripts import SearchHit


def search(
    text: Annotated[str, typer.Argument(help='Words, or a "phrase in quotes".', show_default=False)],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the transcripts, and the text in images.

    Simplified and traditional Chinese characters match each other.
    """
    found = False
    with open_selected_case(store) as case:
        for hit in case.search(text):
            found = True
            if as_json:
                print_json(jsonl.hit_to_json(hit))
            else:
                _print_hit(hit)
    if not found:
        if not as_json:
            print_line("nothing found")
        raise typer.Exit(ExitStatus.NOTHING_FOUND)


def _print_hit(hit: SearchHit) -> None:
    position = 0
    passage: list[Part] = []
    for start, end in hit.marks:
        passage += [hit.text[position:start], (hit.text[max(position, start) : end], "bold yellow")]
        position = max(position, end)
    place = "in the image" if hit.source == "picture" else format_span((hit.start, hit.end))
    print_line(f"{hit.uris[0]}  {place}  ", *passage, hit.text[position:])
