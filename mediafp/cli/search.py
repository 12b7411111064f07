"""The command `search`."""

from collections.abc import Mapping
from typing import Annotated, Final, get_args

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import Part, first_path, print_json, print_line
from mediafp.report import jsonl
from mediafp.report.doubted_words import state_doubt
from mediafp.types.errors import UsageError
from mediafp.types.file_sounds import sound_name
from mediafp.types.timestamps import format_span
from mediafp.types.transcripts import LINE_SEPARATOR, SearchHit, SearchSource

PLACES: Final[Mapping[SearchSource, str]] = {
    "picture": "in the image",
    "title": "title",
    "post": "post",
    "account": "account",
    "clue": "clue",
}
"""Names of the texts without times."""


def search(
    text: Annotated[str, typer.Argument(help='Words, or a "phrase in quotes".', show_default=False)],
    sources: Annotated[
        str | None,
        typer.Option(
            "--in",
            help="Search only these texts: speech, picture, screen, title, post, account, clue.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search speech, text in images and on screen, posts, accounts and clues.

    Simplified and traditional Chinese characters match each other, and a number matches however it is written.
    """
    found = False
    chosen = _parse_sources(sources) if sources is not None else None
    with open_selected_case(store) as case:
        for hit in case.search(text, chosen):
            found = True
            if as_json:
                print_json(jsonl.hit_to_json(hit))
            else:
                _print_hit(hit)
    if not found:
        if not as_json:
            print_line("nothing found")
        raise typer.Exit(ExitStatus.NOTHING_FOUND)


def _parse_sources(names: str) -> list[SearchSource]:
    """Return the sources in a list with commas. Raises UsageError for an unknown one."""
    chosen: list[SearchSource] = []
    for name in names.split(","):
        source = next((known for known in get_args(SearchSource) if known == name.strip()), None)
        if source is None:
            known_names = ", ".join(get_args(SearchSource))
            raise UsageError(f"cannot search in {name.strip()!r}: there is no such text; choose from {known_names}")
        chosen.append(source)
    return chosen


def _print_hit(hit: SearchHit) -> None:
    position = 0
    passage: list[Part] = []

    def in_one_line(start: int, end: int | None = None) -> str:
        return hit.text[start:end].replace("\n", LINE_SEPARATOR)

    for start, end in hit.marks:
        passage += [in_one_line(position, start), (in_one_line(max(position, start), end), "bold yellow")]
        position = max(position, end)
    place = PLACES.get(hit.source) or format_span((hit.start, hit.end))
    place += " on screen" if hit.source == "screen" else ""
    if hit.track is not None and (hit.track, hit.channel) != (0, None):
        place += f" in {sound_name(hit.track, hit.channel)}"
    doubt = state_doubt(hit.certainty)
    passage += [in_one_line(position), f"  ({doubt})" if doubt else ""]
    print_line(f"{first_path(hit.uris)}  {place}  ", *passage)
