"""Acts of a person on groups: split, merge, move and take out members, and take it back."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from fastapi import Query
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from mediafp.report import jsonl
from mediafp.types.decisions import Decision
from mediafp.types.sha256 import is_sha256
from mediafp.web.asking import Asking
from mediafp.web.pages.group import GroupId
from mediafp.web.site import FormFields, Site

MEMBER_FIELD: Final = "m:"
"""Start of the name of the checkbox of a member; its SHA-256 follows."""
WAIT_SECONDS: Final = 3.0
"""Time for which an act waits for the groups to be computed anew; then the page says that they are not yet."""
_ID: Final = re.compile("c[1-9][0-9]{0,9}")
Note = Annotated[str, Field(max_length=1_000)]
Id = Annotated[str, Field(pattern="^c[1-9][0-9]{0,9}$")]
Members = Annotated[list[Annotated[str, Field(pattern="^[0-9a-f]{64}$")]], Field(min_length=1, max_length=5_000)]


class SplitBody(BaseModel):
    """Members that leave a group."""

    members: Members
    note: Note = ""


class MergeBody(BaseModel):
    """The other group."""

    other: Id
    note: Note = ""


class MoveBody(BaseModel):
    """A file, which goes to the group of the address."""

    member: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    note: Note = ""


def add_group_actions(site: Site, asking: Asking) -> None:
    """Add what the page of a group does, and the same in the API."""
    case = site.case

    def split(id: GroupId, form: FormFields) -> Response:
        return _show(site, id, "split", case.split_group(id, _picked(form), note=_note(form)))

    def out(id: GroupId, form: FormFields) -> Response:
        # One act for each: what leaves belongs to nothing, not to the others that leave.
        made: list[Decision] = []
        for member in _picked(form):
            made = case.split_group(id, [member], note=_note(form))
        return _show(site, id, "out", made if len(_picked(form)) == 1 else [])

    def move(id: GroupId, form: FormFields) -> Response:
        target = _group_id(form, "target")
        made: list[Decision] = []
        for member in _picked(form):
            made = case.move_member(member, target, note=_note(form))
        return _show(site, target, "move", made if len(_picked(form)) == 1 else [])

    def take(id: GroupId, form: FormFields) -> Response:
        made: list[Decision] = []
        for member in _picked(form):
            made = case.move_member(member, id, note=_note(form))
        return _show(site, id, "move", made)

    def merge(id: GroupId, form: FormFields) -> Response:
        return _show(site, id, "merge", case.merge_groups(id, _group_id(form, "other"), note=_note(form)))

    def undo(id: GroupId, form: FormFields) -> Response:
        case.undo_act(form.get("act", ""))
        return _show(site, id, "undo", [])

    for name, act in {"split": split, "out": out, "move": move, "take": take, "merge": merge, "undo": undo}.items():
        site.add_action(f"/groups/{{id}}/{name}", act)
    _add_api(site)


def _add_api(site: Site) -> None:
    case = site.case

    def split(id: GroupId, body: SplitBody) -> jsonl.JsonObject:
        """Make some members of a group a group of their own, or leave a single one alone; return the decisions and their act."""
        return _decided(case.split_group(id, body.members, note=body.note))

    def merge(id: GroupId, body: MergeBody) -> jsonl.JsonObject:
        """Make two groups one; return the decisions and their act."""
        return _decided(case.merge_groups(id, body.other, note=body.note))

    def move(id: GroupId, body: MoveBody) -> jsonl.JsonObject:
        """Take a file out of its group and into this one; return the decisions and their act."""
        return _decided(case.move_member(body.member, id, note=body.note))

    def undo(act: Annotated[str, Query(min_length=1, max_length=200)]) -> jsonl.JsonObject:
        """Take back an act on groups, by the name that it was returned with."""
        return _decided(case.undo_act(act))

    site.add_api("/groups/{id}/split", split, method="POST")
    site.add_api("/groups/{id}/merge", merge, method="POST")
    site.add_api("/groups/{id}/move", move, method="POST")
    site.add_api("/group-acts", undo, method="DELETE")


def _decided(made: Sequence[Decision]) -> jsonl.JsonObject:
    return {"act": made[0].act if made else "", "decisions": [jsonl.decision_to_json(one) for one in made]}


def _show(
    site: Site, id: str, done: Literal["split", "merge", "move", "out", "undo"], made: Sequence[Decision]
) -> Response:
    """Lead to the page of a group, which says what was done and how to take it back."""
    groups = site.clustering.wait(WAIT_SECONDS)
    if groups and not groups.value.find(id) and (heirs := groups.value.heirs(id)):
        id = heirs[0].id
    return site.go(f"/groups/{id}", done=f"{done}:{made[0].act}" if made else done)


def _picked(form: Mapping[str, str]) -> list[str]:
    """Return the members that were picked. Raises HTTPException if none was."""
    found = [name.removeprefix(MEMBER_FIELD) for name in form if name.startswith(MEMBER_FIELD)]
    found = sorted(name for name in found if is_sha256(name))
    if not found:
        raise HTTPException(400, "no member was picked; pick some, then split, move or take them out")
    return found


def _group_id(form: Mapping[str, str], field: str) -> str:
    id = form.get(field, "").strip()
    if not _ID.fullmatch(id):
        raise HTTPException(400, "no group was named; give its number, as c12")
    return id


def _note(form: Mapping[str, str]) -> str:
    return form.get("note", "").strip()[:1_000]
