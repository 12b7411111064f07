"""The publications: drafts that are edited, their checks, their preview and their seal."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from fastapi import Body, Path, Query
from fastapi.responses import HTMLResponse, Response
from msgspec.structs import replace
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from mediafp.report import jsonl
from mediafp.types.errors import FailedChecks, UsageError
from mediafp.types.publications import (
    CHECK_TITLES,
    CoveredBox,
    Draft,
    DraftCheck,
    PublishedAccount,
    PublishedCard,
    PublishedGroup,
    PublishedMatch,
    Redaction,
    SavedDraft,
    SealedPublication,
)
from mediafp.web.asking import Asking
from mediafp.web.draft_cards import add_card
from mediafp.web.pages.review import check_pair
from mediafp.web.site import FormFields, Site, json_response
from mediafp.web.views import View

DraftId = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]
"""Id of a draft in an address."""
MAX_WORDS_CHARS: Final = 20_000
"""Characters of the text of a draft. Chosen, not measured."""
FILES: Final = {"page.html": "text/html; charset=utf-8", "bundle.zip": "application/zip", "page.pdf": "application/pdf"}
"""Files of a sealed publication, with their content types."""
_META_POLICY: Final = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


class DraftUpdate(BaseModel):
    """A draft in place of one of its revisions."""

    revision: int
    draft: dict[str, Any]


def add_publish(site: Site, asking: Asking) -> None:
    """Add the publications."""
    case = site.case

    def overview() -> View:
        drafts, sealed = case.drafts(), case.publications()
        return View(
            template="publish.html.j2",
            values={"drafts": [one for one in drafts if not one.sealed], "sealed": sealed},
            json=lambda: map(_draft_to_json, drafts),
            columns=("id", "title", "revision", "saved_at", "sealed"),
            rows=lambda: ((one.id, one.draft.title, one.revision, one.saved_at, one.sealed) for one in drafts),
        )

    def editor(id: DraftId, failed: Annotated[str, Query(max_length=300)] = "") -> View:
        saved = case.draft(id)
        checks = [] if saved.sealed else case.check_draft(id, originals=False)
        images = [] if saved.sealed else case.draft_images(id)
        return View(
            template="draft.html.j2",
            values={
                "saved": saved,
                "draft": saved.draft,
                "cards": [_card_values(site, card) for card in saved.draft.cards],
                "checks": checks,
                "check_titles": CHECK_TITLES,
                "failed": failed,
                "open_checks": sum(not check.passed for check in checks),
                "images": images,
                "publication": case.publication(id) if saved.sealed else None,
                "max_words": MAX_WORDS_CHARS,
            },
            json=lambda: _draft_to_json(saved),
            columns=("check", "passed", "card", "words"),
            rows=lambda: ((check.name, check.passed, check.card, check.words) for check in checks),
        )

    def preview(id: DraftId) -> Response:
        saved = case.draft(id)
        html = case.publication(id).page.read_text(encoding="utf-8") if saved.sealed else case.preview(id)
        found = _META_POLICY.search(html)
        if found is None:
            raise HTTPException(500, "the page states no policy")
        policy = f"{found[1].replace('&#39;', chr(39))}; frame-ancestors 'self'; sandbox"
        return HTMLResponse(html, headers={"content-security-policy": policy, "x-frame-options": "SAMEORIGIN"})

    def image(id: DraftId, number: Annotated[int, Path(ge=0, le=10_000)]) -> Response:
        images = case.draft_images(id)
        if number >= len(images):
            raise HTTPException(404, "the draft has no such image")
        return Response(images[number].jpeg, media_type="image/jpeg")

    def file(id: DraftId, name: str) -> Response:
        if name not in FILES:
            raise HTTPException(404, "a publication has no such file")
        sealed = case.publication(id)
        content = {
            "page.html": lambda: sealed.page.read_bytes(),
            "bundle.zip": lambda: sealed.bundle.read_bytes(),
            "page.pdf": lambda: case.publication_pdf(id),
        }[name]()
        shown = f"{sealed.page.stem}.{name.rpartition('.')[2]}"
        safe = re.sub("[^A-Za-z0-9._-]", "_", shown)
        headers = {"content-disposition": f'attachment; filename="{safe}"'}
        return Response(content, media_type=FILES[name], headers=headers)

    def new(form: FormFields) -> Response:
        saved = case.save_draft(Draft(title=form.get("title", "").strip()[:300]))
        return site.go(f"/publish/{saved.id}")

    def add(form: FormFields) -> Response:
        """Add a match, a group or an account to the draft that was saved last, or to a new one."""
        card: PublishedCard
        if group := form.get("group"):
            card = PublishedGroup(cluster=group[:40])
        elif account := form.get("account"):
            card = PublishedAccount(account=account[:400])
        else:
            query, reference = form.get("query", ""), form.get("reference", "")
            check_pair("match", query, reference)
            card = case.match_card(query, reference)
        return site.go(f"/publish/{add_card(case, card)}")

    def edit(id: DraftId, form: FormFields) -> Response:
        saved = case.draft(id)
        draft = _edited(saved.draft, form)
        action, _, argument = form.get("do", "save").partition(":")
        draft = _moved(draft, action, argument)
        if action == "uncover":
            kept = tuple(box for number, box in enumerate(draft.redaction.boxes) if str(number) != argument)
            draft = replace(draft, redaction=replace(draft.redaction, boxes=kept))
        if action == "cover":
            draft = _covered(draft, form, case.draft_images(id), argument)
        kept_draft = case.save_draft(draft, id=id, replaces=_number(form.get("revision", ""), "revision"))
        if action == "faces":
            boxes = dict.fromkeys((*draft.redaction.boxes, *case.find_faces(id)))
            draft = replace(draft, redaction=replace(draft.redaction, boxes=tuple(boxes)))
            kept_draft = case.save_draft(draft, id=id, replaces=kept_draft.revision)
        if action == "seal":
            try:
                case.seal(id, revision=kept_draft.revision)
            except FailedChecks as failed:
                return site.go(f"/publish/{id}", failed=str(failed)[:300])
        return site.go(f"/publish/{id}")

    def list_drafts() -> Iterable[jsonl.JsonObject]:
        """Return the drafts of publications, the one that was saved last first."""
        return map(_draft_to_json, case.drafts())

    def get_draft(id: DraftId) -> jsonl.JsonObject:
        """Return a draft with its checks."""
        checks = case.check_draft(id, originals=False)
        return _draft_to_json(case.draft(id)) | {"checks": list(map(_check_to_json, checks))}

    def put_draft(id: DraftId, wanted: DraftUpdate) -> jsonl.JsonObject:
        """Save a draft in place of one of its revisions; 409 if somebody saved another one meanwhile."""
        return _draft_to_json(case.save_draft(_parse(wanted.draft), id=id, replaces=wanted.revision))

    def post_draft(wanted: Annotated[dict[str, Any], Body()]) -> jsonl.JsonObject:
        """Save a new draft."""
        return _draft_to_json(case.save_draft(_parse(wanted)))

    def seal(id: DraftId) -> Response:
        """Check a draft, and write its page and its bundle; 409 with the checks if one of them fails."""
        try:
            return json_response(_sealed_to_json(case.seal(id)))
        except FailedChecks as failed:
            checks = [_check_to_json(check) for check in case.check_draft(id)]
            return json_response({"error": str(failed), "status": 409, "checks": checks}, 409)

    site.add_view("/publish", overview)
    site.add_part("/publish/{id}/preview", preview)
    site.add_part("/publish/{id}/image/{number}", image)
    site.add_part("/publish/{id}/file/{name}", file)
    site.add_action("/publish/new", new)
    site.add_action("/publish/add", add)
    site.add_view("/publish/{id}", editor)
    site.add_action("/publish/{id}", edit)
    site.add_api("/drafts", list_drafts)
    site.add_api("/drafts", post_draft, method="POST")
    site.add_api("/drafts/{id}", get_draft)
    site.add_api("/drafts/{id}", put_draft, method="PUT")
    site.add_api("/drafts/{id}/seal", seal, method="POST")


def _parse(draft: Mapping[str, Any]) -> Draft:
    """Return a draft from its JSON. Raises UsageError."""
    try:
        return msgspec.convert(draft, Draft)
    except msgspec.ValidationError as error:
        raise UsageError(f"cannot read the draft: {error}; see docs/formats.md") from error


def _draft_to_json(saved: SavedDraft) -> jsonl.JsonObject:
    return {
        "id": saved.id,
        "revision": saved.revision,
        "saved_at": saved.saved_at,
        "sealed": saved.sealed,
        "draft": msgspec.to_builtins(saved.draft),
    }


def _check_to_json(check: DraftCheck) -> jsonl.JsonObject:
    return {"name": check.name, "passed": check.passed, "card": check.card, "words": check.words}


def _sealed_to_json(sealed: SealedPublication) -> jsonl.JsonObject:
    names = ("id", "title", "sealed_at", "seal", "page_sha256", "bundle_sha256")
    hashes = [{"name": name, "sha256": sha256} for name, sha256 in sealed.hashes]
    return {**{name: getattr(sealed, name) for name in names}, "hashes": hashes, "log": list(sealed.log)}


def _card_values(site: Site, card: PublishedCard) -> dict[str, object]:
    """Return a card as the editor lists it."""
    match card:
        case PublishedMatch():
            evidence = site.queries.evidence(card.query)
            names = [site.title_of(evidence.sightings(sha256), sha256) for sha256 in (card.query, card.reference)]
            shown = {"sha256": card.query, "address": f"/compare/{card.query}/{card.reference}"}
            return shown | {"card": card, "names": names, "kind": card.relation}
        case PublishedGroup():
            groups = site.clustering.get()
            found = groups.value.find(card.cluster) if groups else None
            name, shown_by = (found[0].name, found[0].representative) if found else (card.cluster, "")
            address = f"/groups/{card.cluster}"
            return {"card": card, "names": [name], "kind": "group", "address": address, "sha256": shown_by}
        case PublishedAccount():
            return {
                "card": card,
                "names": [card.account],
                "kind": "account",
                "address": f"/timeline/{quote(card.account)}",
                "sha256": "",
            }


def _edited(draft: Draft, form: Mapping[str, str]) -> Draft:
    """Return a draft with the fields of the form."""
    cards = tuple(
        replace(
            card,
            title=form.get(f"title_{number}", card.title).strip()[:300],
            note=form.get(f"note_{number}", card.note).strip()[:2_000],
        )
        for number, card in enumerate(draft.cards)
    )
    words = form.get("words", "\n\n".join(draft.words)).replace("\r\n", "\n")[:MAX_WORDS_CHARS]
    hidden = [line.strip() for line in form.get("hidden", "").splitlines() if line.strip()]
    redaction = replace(
        draft.redaction,
        owner="owner" in form,
        letters="letters" in form,
        hashes="hashes" in form,
        hidden=tuple(dict.fromkeys(hidden))[:200],
        looked_at=tuple(name.removeprefix("looked_at_") for name in form if name.startswith("looked_at_")),
    )
    return replace(
        draft,
        title=form.get("title", draft.title).strip()[:300],
        by=form.get("by", draft.by).strip()[:300],
        words=tuple(part.strip() for part in words.split("\n\n") if part.strip()),
        cards=cards,
        redaction=redaction,
    )


def _moved(draft: Draft, action: str, argument: str) -> Draft:
    """Return a draft with a card up or down by one, or without it."""
    if action not in ("up", "down", "drop"):
        return draft
    number, cards = _number(argument, "card"), list(draft.cards)
    if number >= len(cards):
        raise UsageError(f"cannot move card {number}: the draft has {len(cards)} cards; reload the page")
    card = cards.pop(number)
    if action != "drop":
        cards.insert(max(0, number + (1 if action == "down" else -1)), card)
    return replace(draft, cards=tuple(cards))


def _covered(draft: Draft, form: Mapping[str, str], images: Sequence[Any], argument: str) -> Draft:
    """Return a draft that covers the box of the form in one of its images."""
    number = _number(argument, "image")
    if number >= len(images):
        raise UsageError(f"cannot cover a part of image {number}: the draft has {len(images)} images; reload the page")
    left, top, width, height = (_number(form.get(f"{name}_{number}", ""), name) for name in ("x", "y", "w", "h"))
    if not width or not height:
        raise UsageError("cannot cover a box without an area: give its width and height in pixels")
    image = images[number]
    box = CoveredBox(asset=image.sha256, left=left, top=top, right=left + width, bottom=top + height, page=image.page)
    redaction: Redaction = replace(draft.redaction, boxes=(*draft.redaction.boxes, box))
    return replace(draft, redaction=redaction)


def _number(text: str, name: str) -> int:
    """Return a number of a form. Raises UsageError."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise UsageError(f"cannot use {text[:40]!r} as {name}: it is no number; give a whole number from 0 on")
    return int(text)
