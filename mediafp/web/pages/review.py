"""The review: pairs that wait for a person, and what was decided."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal, cast

from fastapi import Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from mediafp.case.calibration import MIN_DECISIONS
from mediafp.report import jsonl
from mediafp.report.exports.csv import DECISION_COLUMNS, decision_row
from mediafp.types.decisions import Decision, DecisionConflict, DecisionSubject, DecisionValue
from mediafp.types.errors import UsageError
from mediafp.types.matches import Match
from mediafp.types.reviews import ReviewItem
from mediafp.types.sha256 import is_sha256
from mediafp.types.sightings import Sighting
from mediafp.web.asking import Asking
from mediafp.web.pages.calibration import add_calibration
from mediafp.web.paging import Limit, Offset
from mediafp.web.review_state import ReviewState, load_queue
from mediafp.web.site import FormFields, Site, json_response
from mediafp.web.views import View

QUEUE_LENGTH: Final = 30
"""Pairs that a page lists; the next ones follow as these are decided. Chosen, not measured."""
LISTED_DECISIONS: Final = 20
"""Decisions that a page lists; all are in its CSV. Chosen, not measured."""
MAX_NOTE_CHARS: Final = 2_000
"""Characters of a reason. Chosen, not measured."""
Queue = Literal["all", "unsure", "links", "respawn"]
SUBJECT_OF: Final[dict[str, DecisionSubject | None]] = {
    "all": None,
    "unsure": "match",
    "links": "group",
    "respawn": "iteration",
}
"""Subject of the pairs in each queue."""
Name = Annotated[str, Field(min_length=1, max_length=4_096)]


class DecisionRequest(BaseModel):
    """A decision on a pair."""

    a: Name
    b: Name
    decision: DecisionValue
    subject: DecisionSubject = "match"
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] = ""
    replaces: str | None = "own"


class PairRequest(BaseModel):
    """A pair whose decision is taken back."""

    a: Name
    b: Name
    subject: DecisionSubject = "match"


def add_review(site: Site, asking: Asking) -> None:
    """Add the review, and the decisions of forms and of the API."""
    state = ReviewState(site)
    site.page_values["to_review"] = state.count_waiting
    add_calibration(site, state)

    def review(
        of: Queue = "all",
        pair: Annotated[str, Query(max_length=9_000)] = "",
        said: Annotated[str, Query(max_length=40)] = "",
    ) -> View:
        queue = load_queue(site, QUEUE_LENGTH, SUBJECT_OF[of])
        waiting = queue.matches + queue.groups + queue.iterations
        counts = {"all": waiting, "unsure": queue.matches, "links": queue.groups, "respawn": queue.iterations}
        items = queue.items
        chosen = next((item for item in items if pair_name(item) == pair), items[0] if items else None)
        decided = site.case.decisions()
        return View(
            template="review.html.j2",
            values={
                "of": of,
                "counts": counts,
                "waiting": waiting,
                "to_review": waiting,
                "is_computing": site.clustering.last is None or site.accounts.last is None,
                "calibration": state.calibration(),
                "needed": MIN_DECISIONS,
                "items": items,
                "chosen": chosen,
                "sides": _sides(site, chosen) if chosen else (),
                "pair_name": pair_name,
                "decided": decided[:LISTED_DECISIONS],
                "decisions": len(decided),
                "name_of": lambda name: _name(site, name),
                "said": said,
                "max_note": MAX_NOTE_CHARS,
            },
            json=lambda: map(jsonl.review_item_to_json, items),
            columns=DECISION_COLUMNS,
            rows=lambda: (decision_row(jsonl.decision_event_to_json(event)) for event in site.case.decision_history()),
        )

    def decide(form: FormFields) -> Response:
        decision, subject = (
            cast(DecisionValue, form.get("decision", "")[:40]),
            cast(DecisionSubject, form.get("subject", "match")[:40]),
        )
        a, b = form.get("a", ""), form.get("b", "")
        _decide(
            site,
            decision,
            subject,
            a,
            b,
            note=form.get("note", "")[:MAX_NOTE_CHARS],
            replaces=form.get("replaces", "own"),
        )
        return site.go_back(form, otherwise="/review")

    def undo(form: FormFields) -> Response:
        a, b, subject = form.get("a", ""), form.get("b", ""), cast(DecisionSubject, form.get("subject", "match")[:40])
        check_pair(subject, a, b)
        taken = site.case.undo_decision(a, b, subject)
        _ask_again(taken)
        return site.go_back(form, otherwise="/review")

    def _ask_again(taken: Decision) -> None:
        """Answer the queries of a rejected pair again: their saved answers lack the match."""
        for sha256 in (taken.a, taken.b):
            if taken.subject == "match" and taken.decision == "reject" and site.queries.find(sha256):
                asking.start(sha256)

    def list_review(
        *, of: Queue = "all", limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> Iterable[jsonl.JsonObject]:
        """Return the pairs that wait for a decision, the most uncertain and most consequential first.

        Weakest links of groups, and accounts that take up a line after another one, are among them once the groups and the
        accounts are known, which takes some seconds after the start.
        """
        return map(jsonl.review_item_to_json, load_queue(site, limit, SUBJECT_OF[of]).items)

    def list_decisions(*, limit: Limit = 100, offset: Offset = 0) -> Iterable[jsonl.JsonObject]:
        """Return the decisions that hold, the latest first."""
        return map(jsonl.decision_to_json, site.case.decisions()[offset : offset + limit])

    def save_decision(wanted: DecisionRequest) -> Response:
        """Decide on a pair; 409 if another person has decided on it meanwhile."""
        try:
            saved = _decide(
                site, wanted.decision, wanted.subject, wanted.a, wanted.b, note=wanted.note, replaces=wanted.replaces
            )
        except DecisionConflict as conflict:
            standing = jsonl.decision_to_json(conflict.standing) if conflict.standing else None
            return json_response({"error": str(conflict), "status": 409, "standing": standing}, 409)
        return json_response(jsonl.decision_to_json(saved))

    def take_back(wanted: PairRequest) -> Response:
        """Take back the decision on a pair; the one that it replaced holds again."""
        check_pair(wanted.subject, wanted.a, wanted.b)
        try:
            taken = site.case.undo_decision(wanted.a, wanted.b, wanted.subject)
        except DecisionConflict as conflict:
            return json_response({"error": str(conflict), "status": 409}, 409)
        _ask_again(taken)
        return json_response(jsonl.decision_to_json(taken))

    site.add_view("/review", review)
    site.add_action("/decide", decide)
    site.add_action("/decide/undo", undo)
    site.add_api("/review", list_review)
    site.add_api("/decisions", list_decisions)
    site.add_api("/decisions", save_decision, method="POST")
    site.add_api("/decisions", take_back, method="DELETE")


def pair_name(item: ReviewItem) -> str:
    """Return the name of a pair in an address."""
    return f"{item.subject}:{item.a}:{item.b}"


def _decide(
    site: Site, decision: DecisionValue, subject: DecisionSubject, a: str, b: str, *, note: str, replaces: str | None
) -> Decision:
    """Save a decision; the match of a query that is not in the store comes from its saved answer."""
    check_pair(subject, a, b)
    match = _saved_match(site, a, b) if subject == "match" else None
    return site.case.decide(decision, a, b, subject=subject, note=note, replaces=replaces, match=match)


def check_pair(subject: DecisionSubject, a: str, b: str) -> None:
    """Check that the files of a pair are named by their SHA-256, never by a path of this machine. Raises UsageError."""
    for name in (a, b):
        if subject != "iteration" and not is_sha256(name):
            raise UsageError(f"cannot decide on {name[:80]!r}: it is no SHA-256; give 64 hexadecimal digits")


def _saved_match(site: Site, a: str, b: str) -> Match | None:
    """Return the most probable match of two files in the saved answer to one of them; None if there is none."""
    for query, reference in ((a, b), (b, a)):
        saved = site.queries.find(query)
        if saved and saved.result:
            found = [match for match in saved.result.matches if match.sha256 == reference]
            if found:
                return found[0]
    return None


def _sides(site: Site, item: ReviewItem) -> list[dict[str, object]]:
    """Return the two files of a pair as a page shows them: the query first."""
    if item.subject == "iteration":
        return []
    first = item.query or item.a
    evidence = site.queries.evidence(first)
    return [
        {"sha256": sha256, "name": _name(site, sha256), "sightings": _named(evidence.sightings(sha256))}
        for sha256 in (first, item.b if first == item.a else item.a)
    ]


def _named(sightings: Sequence[Sighting]) -> list[Sighting]:
    return [seen for seen in sightings if seen.account_label or seen.platform]


def _name(site: Site, name: str) -> str:
    """Return the name of an asset or a query by its SHA-256, or an account as it is."""
    if len(name) != 64:
        return name
    if sightings := site.queries.evidence(name).sightings(name):
        return site.title_of(sightings, name)
    saved = site.queries.find(name)
    return saved.name if saved else name[:12]
