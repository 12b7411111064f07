"""The commands `decide` and `decisions`."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line
from mediafp.report import jsonl
from mediafp.types.decisions import OWN, Decision, DecisionEvent


class Value(StrEnum):
    """Argument that says what is decided."""

    CONFIRM, REJECT, UNSURE = "confirm", "reject", "unsure"


class Subject(StrEnum):
    """Value of `--subject`."""

    MATCH, GROUP, ITERATION = "match", "group", "iteration"


FileArgument = Annotated[
    str, typer.Argument(help="SHA-256 or path of a file; or an account, of an iteration.", show_default=False)
]


def decide(
    decision: Annotated[Value, typer.Argument(help="What is decided.", show_default=False)],
    a: FileArgument,
    b: FileArgument,
    note: Annotated[str, typer.Option(help="The reason, in your words.", show_default=False)] = "",
    subject: Annotated[
        Subject, typer.Option(help="Same media; one group; or an account that is another's re-spawn.")
    ] = Subject.MATCH,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take this decision back; the one before it holds again.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="Who decides. Default: your login name.", show_default=False)] = None,
    replaces: Annotated[
        str, typer.Option(help="Time of another person's decision that this one replaces.", show_default=False)
    ] = OWN,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Confirm or reject that two files are the same media.

    A rejected match is in no answer, group or report, also when a file is forgotten and comes again. Every decision and
    its undoing stay in the custody log.
    """
    with open_selected_case(store) as case:
        if undo:
            made = case.undo_decision(a, b, subject.value, decided_by=by, replaces=replaces, decision=decision.value)
        else:
            made = case.decide(decision.value, a, b, note=note, subject=subject.value, decided_by=by, replaces=replaces)
    if as_json:
        print_json(jsonl.decision_to_json(made) | {"undone": undo})
    else:
        print_line(("taken back: " if undo else "", "yellow"), *_describe(made))


def decisions(
    history: Annotated[
        bool, typer.Option("--history", help="List everything decided and taken back, from the log.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV that is safe to open in a spreadsheet.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was decided, by whom, when and why.

    The latest come first; with --history, the oldest.
    """
    with open_selected_case(store) as case:
        listed: list[Decision] | list[DecisionEvent] = list(case.decision_history()) if history else case.decisions()
    if as_csv:
        _print_csv(listed, history=history)
        return
    for one in listed:
        if as_json:
            print_json(_to_json(one))
        elif isinstance(one, DecisionEvent):
            taken_back = f"taken back by {one.by}: " if one.what == "undecided" else ""
            print_line((one.at, "dim"), f" {taken_back}", *_describe(one.decision))
        else:
            print_line(*_describe(one))
    if not as_json and not listed:
        print_line("nothing was decided")


def _to_json(one: Decision | DecisionEvent) -> dict[str, Any]:
    return jsonl.decision_event_to_json(one) if isinstance(one, DecisionEvent) else jsonl.decision_to_json(one)


def _print_csv(listed: list[Decision] | list[DecisionEvent], *, history: bool) -> None:
    from mediafp.report.exports import csv

    columns = csv.DECISION_COLUMNS if history else csv.DECISION_COLUMNS[4:]
    csv.write_csv(sys.stdout, columns, (csv.decision_row(_to_json(one)) for one in listed), byte_order_mark=True)


def _describe(made: Decision) -> list[str | tuple[str, str]]:
    note = f": {made.note}" if made.note else ""
    act = f" ({made.act})" if made.act else ""
    colour = {"confirm": "green", "reject": "red", "unsure": "yellow"}[made.decision]
    return [(made.decision, colour), f" {made.subject} {made.a} {made.b}, {made.sentence}{note}{act}"]
