"""The command `publish`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case, selected_store
from mediafp.cli.output import print_json, print_line, print_message, print_table
from mediafp.types.counted_nouns import count_of
from mediafp.types.errors import UsageError

if TYPE_CHECKING:
    from mediafp.case import Case
    from mediafp.types.publications import Draft, DraftCheck, PublishedCard, SealedPublication

OUTPUTS: Final = {".html": b"<!doctype", ".zip": b"pk", ".pdf": b"%pdf", ".json": b"{"}
"""Suffixes of what the command writes, each with the first bytes of such a file in lower case: only one of them is replaced."""


def publish(
    out: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="Page .html, bundle .zip, .pdf, or draft .json.", show_default=False),
    ] = None,
    draft: Annotated[
        str | None, typer.Option(help="Draft to seal: a JSON file, or the id of a saved one.", show_default=False)
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(help="Card with a match of this file; --with names the other.", show_default=False),
    ] = None,
    other: Annotated[
        list[str] | None, typer.Option("--with", help="Other file of each --match, in order.", show_default=False)
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Card with a group, as c3 of cluster.", show_default=False)
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option(help="Card with the time line of an account.", show_default=False)
    ] = None,
    title: Annotated[str, typer.Option(help="Title.")] = "",
    words: Annotated[list[str] | None, typer.Option(help="A paragraph of text.", show_default=False)] = None,
    by: Annotated[str, typer.Option(help="Who publishes it.")] = "",
    letters: Annotated[bool, typer.Option("--letters", help="Name accounts by letters.")] = False,
    show_owner: Annotated[
        bool, typer.Option("--show-owner", help="Show marks and names of owners of pictures.")
    ] = False,
    no_hashes: Annotated[bool, typer.Option("--no-hashes", help="Print no hashes of files.")] = False,
    faces: Annotated[bool, typer.Option("--faces", help="Cover faces; needs the extra faces.")] = False,
    hide: Annotated[
        list[str] | None, typer.Option(help="Further name or word to leave out.", show_default=False)
    ] = None,
    verify: Annotated[
        Path | None, typer.Option(help="Check the seal of a page or a bundle instead.", show_default=False)
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Seal chosen matches, groups and accounts as a page for others.

    Without OUT, the drafts and the sealed publications are listed. Write a draft to OUT.json to change it by hand: its boxes
    cover parts of images. Exit status: 0, or 2 if a check fails or a seal is broken; each failed check is listed.
    """
    if verify:
        _verify(verify, store, as_json=as_json)
        return
    if out is not None:
        _check_output(out)
    with open_selected_case(store) as case:
        if out is None:
            _list(case, as_json=as_json)
        elif draft is None:
            pairs = _pair_files(match or [], other or [])
            cards = [*(case.match_card(*pair) for pair in pairs), *_other_cards(group or [], account or [])]
            hidden = {"letters": letters, "owner": not show_owner, "hashes": not no_hashes, "hidden": tuple(hide or [])}
            made = _make_draft(cards, title, words or [], by, hidden)
            _write_output(case, out, _add_faces(case, made) if faces else made, None, as_json=as_json)
        elif any((match, other, group, account, title, words, by, letters, show_owner, no_hashes, hide)):
            raise UsageError("cannot use --draft with options that make another draft; change the draft instead")
        elif _is_file(draft) or faces:
            read = _read_draft(Path(draft)) if _is_file(draft) else case.draft(draft).draft
            _write_output(case, out, _add_faces(case, read) if faces else read, None, as_json=as_json)
        else:
            _write_output(case, out, case.draft(draft).draft, draft, as_json=as_json)


def _add_faces(case: "Case", draft: "Draft") -> "Draft":
    """Return a draft that covers the faces in its images too."""
    from msgspec.structs import replace

    boxes = dict.fromkeys((*draft.redaction.boxes, *case.find_faces(draft)))
    return replace(draft, redaction=replace(draft.redaction, boxes=tuple(boxes)))


def _check_output(out: Path) -> None:
    """Raise UsageError if a file cannot be written, or would replace one of another kind."""
    if out.suffix not in OUTPUTS:
        raise UsageError(f"cannot write '{out}': its suffix is none of {', '.join(OUTPUTS)}; choose another name")
    try:
        is_other = out.exists() and not (out.is_file() and _begins_with(out, OUTPUTS[out.suffix]))
        has_folder = out.parent.is_dir()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write {str(out)!r}: {error}; choose another path") from error
    if is_other:
        raise UsageError(f"cannot write '{out}': the file exists and is something else; choose another path")
    if not has_folder:
        raise UsageError(f"cannot write '{out}': '{out.parent}' is not a folder; create it first")


def _begins_with(file: Path, start: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(start)).lower() == start


def _pair_files(files: list[str], others: list[str]) -> list[tuple[str, str]]:
    """Return both files of each match. Raises UsageError if one is missing."""
    if len(files) != len(others):
        raise UsageError(f"cannot pair {len(files)} --match with {len(others)} --with; name both files of each match")
    return list(zip(files, others, strict=True))


def _other_cards(groups: list[str], accounts: list[str]) -> "list[PublishedCard]":
    from mediafp.types.publications import PublishedAccount, PublishedGroup

    return [
        *(PublishedGroup(cluster=name) for name in groups),
        *(PublishedAccount(account=name) for name in accounts),
    ]


def _make_draft(
    cards: "list[PublishedCard]", title: str, words: list[str], by: str, redaction: dict[str, Any]
) -> "Draft":
    from mediafp.types.publications import Draft, Redaction

    return Draft(title=title, words=tuple(words), by=by, cards=tuple(cards), redaction=Redaction(**redaction))


def _is_file(draft: str) -> bool:
    return draft.endswith(".json") or Path(draft).is_file()


def _read_draft(path: Path) -> "Draft":
    from mediafp.types.publications import parse_draft

    try:
        return parse_draft(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the draft '{path}': {error.strerror}; name a JSON file") from error


def _write_output(case: "Case", out: Path, draft: "Draft", id: str | None, *, as_json: bool) -> None:
    """Write a draft as it is, or what it is sealed as; `id` is that of the saved draft."""
    from mediafp.types.publications import format_draft

    if out.suffix == ".json":
        _write(out, format_draft(draft))
        print_line(f"draft: {out}; seal it with: mediafp publish OUT.html --draft {out}")
        return
    checks = case.check_draft(draft)
    if not all(check.passed for check in checks):
        for check in checks:
            _print_check(check)
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)
    sealed = case.seal(id or case.save_draft(draft).id)
    if out.suffix == ".pdf":
        _write(out, case.publication_pdf(sealed.id))
    else:
        _write(out, (sealed.page if out.suffix == ".html" else sealed.bundle).read_bytes())
    if as_json:
        print_json(_publication_to_json(sealed))
    else:
        print_line(f"{out}: sealed as {sealed.seal}")
        print_line(f"publication {sealed.id}; keep the seal elsewhere, and check with: mediafp publish --verify")


def _print_check(check: "DraftCheck") -> None:
    where = "" if check.card is None else f", card {check.card + 1}"
    state = ("passed", "green") if check.passed else ("FAILED", "red")
    print_message(state, f" {check.name}{where}: {check.words}")


def _verify(file: Path, store: Path | None, *, as_json: bool) -> None:
    """Check a page or a bundle by itself, and against the publications of the store if there is one."""
    from mediafp.case import default_store_folder, verify_publication

    checked = verify_publication(file, selected_store(store) or default_store_folder())
    if as_json:
        print_json({"seal": checked.seal, "problems": list(checked.problems), "publication": checked.known_as})
    else:
        for problem in checked.problems:
            print_line(problem, style="red")
        if not checked.problems:
            known = f", publication {checked.known_as} of this case" if checked.known_as else ""
            print_line(f"nothing was changed since it was sealed as {checked.seal}{known}")
    if checked.problems:
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write '{out}': {error.strerror}; choose another path") from error


def _list(case: "Case", *, as_json: bool) -> None:
    """Print the drafts and the sealed publications."""
    drafts, publications = case.drafts(), case.publications()
    if as_json:
        for saved in drafts:
            print_json(
                {
                    "draft": saved.id,
                    "revision": saved.revision,
                    "saved_at": saved.saved_at,
                    "title": saved.draft.title,
                    "sealed": saved.sealed,
                }
            )
        for sealed in publications:
            print_json(_publication_to_json(sealed))
        return
    if drafts:
        rows = [
            (saved.id, saved.saved_at, count_of(len(saved.draft.cards), "card"), saved.draft.title) for saved in drafts
        ]
        print_table(("draft", "saved", "cards", "title"), rows)
    for sealed in publications:
        print_line(f"sealed {sealed.sealed_at}: {sealed.page}")
    print_line(f"{count_of(len(drafts), 'draft')}, {count_of(len(publications), 'sealed publication')}")


def _publication_to_json(sealed: "SealedPublication") -> dict[str, object]:
    return {
        "publication": sealed.id,
        "title": sealed.title,
        "sealed_at": sealed.sealed_at,
        "seal": sealed.seal,
        "page": str(sealed.page),
        "page_sha256": sealed.page_sha256,
        "bundle": str(sealed.bundle),
        "bundle_sha256": sealed.bundle_sha256,
        "log": {"entries": sealed.log[0], "seal": sealed.log[1]},
    }
