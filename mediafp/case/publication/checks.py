"""The checks that a draft has to pass before it is sealed."""

import re
import socket
from collections import defaultdict
from collections.abc import Iterable, Iterator
from getpass import getuser
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from mediafp.case.originals import check_original
from mediafp.case.publication.content import CardContent, iter_decisive_pairs
from mediafp.case.publication.covers import count_covered
from mediafp.case.publication.page import PreparedDraft, RenderedDraft
from mediafp.report.cards import MatchCard
from mediafp.report.publication_texts import fixed_texts, visible_texts
from mediafp.types.counted_nouns import count_of
from mediafp.types.jpeg import thumbnail_size
from mediafp.types.publications import CHECK_TITLES, CheckName, DraftCheck

_DATA_URI: Final = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/=]*")
_LOADING: Final = re.compile(
    r"<script|<link|<iframe|<object|<embed|<base\b|\bon[a-z]+\s*=\s*[\"']|(?:src|href|action|poster)=\"(?!#|\")",
    re.IGNORECASE,
)
"""Markup by which a page runs or loads something; the page has no links but to its own parts."""
_COMMON_USERS: Final = frozenset(("root", "user", "admin", "guest", "home", "test", "ubuntu", "debian", "runner"))
"""Names of users that say nothing about a person, and may be words of a text."""
MIN_NAME_CHARS: Final = 3
"""Characters from which the name of a user or of a host is searched for: a shorter one is in many words. Chosen, not measured."""


def run_checks(prepared: PreparedDraft, rendered: RenderedDraft, *, originals: bool) -> list[DraftCheck]:
    """Return the checks on a draft, in the order of `CHECK_TITLES`.

    Args:
        prepared: The draft.
        rendered: The page made of it.
        originals: Hash the original files too.
    """
    checks = [
        *_check_cards(prepared),
        *_check_matches(prepared),
        *_check_decisions(prepared),
        *_check_sightings(prepared),
        *(_check_originals(prepared) if originals else [_passed("original", "hashed before the seal")]),
        *_check_images(prepared, rendered),
        *_check_covers(prepared),
        *_check_text(prepared),
        *_check_outputs(prepared, rendered),
    ]
    order = list(CHECK_TITLES)
    return sorted(checks, key=lambda check: (order.index(check.name), check.card if check.card is not None else -1))


def _passed(name: CheckName, words: str) -> DraftCheck:
    return DraftCheck(name=name, passed=True, words=words)


def _failed(name: CheckName, words: str, card: int | None = None) -> DraftCheck:
    return DraftCheck(name=name, passed=False, words=words, card=card)


def _conclude(name: CheckName, failed: list[DraftCheck], words: str) -> list[DraftCheck]:
    """Return the failed checks of a name, or one that passed."""
    return failed or [_passed(name, words)]


def _check_cards(prepared: PreparedDraft) -> list[DraftCheck]:
    draft = prepared.content.draft
    failed = [] if draft.title.strip() else [_failed("cards", "the publication has no title")]
    failed += [] if draft.cards else [_failed("cards", "no card was chosen")]
    return _conclude("cards", failed, count_of(len(draft.cards), "card"))


def _check_matches(prepared: PreparedDraft) -> list[DraftCheck]:
    cards = prepared.content.cards
    failed = [
        _failed("match", "the case does not contain it any more, or it was rejected", number)
        for number, card in enumerate(cards)
        if not card.exists
    ]
    return _conclude("match", failed, f"{len(cards)} of {len(cards)}")


def _check_decisions(prepared: PreparedDraft) -> list[DraftCheck]:
    """Fail for undecided matches, rejected ones, and groups that hang together by one of them."""
    failed = []
    for number, card in enumerate(prepared.content.cards):
        if card.match and not _is_publishable(prepared, card):
            kind = (
                "shows another picture of the same scene" if card.match.verdict == "same_scene" else "is possible only"
            )
            failed.append(_failed("decision", f"the match {kind}, and no person confirmed it", number))
        loose = _loose_members(prepared, card) if card.cluster else []
        if loose:
            names = ", ".join(prepared.content.names[sha256] for sha256 in loose[:5])
            more = f" and {len(loose) - 5} more" if len(loose) > 5 else ""
            failed.append(
                _failed("decision", f"only undecided matches join {names}{more} to the others: decide or split", number)
            )
    return _conclude("decision", failed, "0 undecided")


def _is_publishable(prepared: PreparedDraft, card: CardContent) -> bool:
    assert card.match, "the card has a match"
    ((a, b),) = iter_decisive_pairs(card)
    return card.match.verdict == "copy" or prepared.decisions.is_confirmed(a, b)


def _loose_members(prepared: PreparedDraft, card: CardContent) -> list[str]:
    """Return the members of a group that no copy and no confirmed match joins, directly or not, to its representative."""
    assert card.cluster, "the card has a group"
    members = set(card.members)
    copies: defaultdict[str, set[str]] = defaultdict(set)
    for edge in prepared.content.store.kept_copies():
        if edge.a in members and edge.b in members:
            copies[edge.a].add(edge.b)
            copies[edge.b].add(edge.a)
    joined, waiting = {card.members[0]}, [card.members[0]]
    while waiting:
        member = waiting.pop()
        found = (copies[member] | prepared.decisions.joined_with(member)) & (members - joined)
        joined |= found
        waiting += found
    return [member for member in card.members if member not in joined]


def _check_sightings(prepared: PreparedDraft) -> list[DraftCheck]:
    """Say of which cards and files nothing is known but their content; a case without sidecars has none."""
    content = prepared.content
    unseen = [
        str(number)
        for number, card in enumerate(content.cards, 1)
        if card.assets and not any(content.sightings(sha256) for sha256 in card.assets)
    ]
    undated = sum(not any(s.date for s in content.sightings(sha256)) for sha256 in content.assets)
    files = count_of(len(content.assets), "file")
    words = f"no date is known of {undated} of {files}" if undated else "every file has a date"
    unknown = f"; no account, address or date at all on card {', '.join(unseen)}" if unseen else ""
    return [_passed("sightings", words + unknown)]


def _check_originals(prepared: PreparedDraft) -> list[DraftCheck]:
    """Fail for each original whose bytes have changed; one that is not on the disk is named."""
    content = prepared.content
    failed, gone = [], []
    for sha256 in content.assets:
        state = check_original(content.store, sha256)
        if state == "changed":
            failed += [
                _failed(
                    "original", f"the original of {content.names[sha256]} was changed since it was ingested", number
                )
                for number, card in enumerate(content.cards)
                if sha256 in card.assets
            ][:1]
        elif state == "unreachable":
            gone.append(content.names[sha256])
    words = f"original not on disk: {', '.join(gone[:5])}" + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    return _conclude("original", failed, words if gone else f"{len(content.assets)} of {len(content.assets)}")


def _check_images(prepared: PreparedDraft, rendered: RenderedDraft) -> list[DraftCheck]:
    """Fail for each image that cannot be shown, and for each placement that is not drawn."""
    content = prepared.content
    images, placements = [], []
    for number, card in enumerate(content.cards):
        for shown in card.shown:
            asset = content.assets[shown.sha256]
            if all(asset.size) and not prepared.evidence.thumbnail(shown.sha256, None, shown.page):
                images.append(_failed("picture", f"{content.names[shown.sha256]} cannot be shown", number))
        page_card = rendered.cards[number].match
        if (
            page_card
            and card.match
            and (card.match.placement or card.match.segments)
            and not _is_drawn(card, page_card)
        ):
            placements.append(_failed("placement", "the match is not drawn: a picture is missing", number))
    drawn = sum(bool(card.match and (card.match.pair or card.match.frames)) for card in rendered.cards)
    return [
        *_conclude("picture", images, count_of(len(rendered.images), "picture")),
        *_conclude("placement", placements, f"{drawn} drawn"),
    ]


def _is_drawn(card: CardContent, drawn: MatchCard) -> bool:
    """Return True if a card shows both sides: an image in its place, or frames of two videos with images that match."""
    assert card.query and card.match, "the card has a match"
    if "image" in (card.query.kind, card.match.kind):
        return drawn.pair is not None
    return bool(drawn.frames) or all(segment.channel != "picture" for segment in card.match.segments)


def _check_covers(prepared: PreparedDraft) -> list[DraftCheck]:
    """Fail where something is covered in one image and no placement says where another one shows it."""
    content, failed = prepared.content, []
    looked_at = content.draft.redaction.looked_at
    for shown, other in prepared.left_out.covers.uncarried:
        if other not in looked_at and all(content.assets[other].size):
            number = next(n for n, card in enumerate(content.cards) if other in card.assets)
            names = content.names
            words = f"a part of {names[shown.sha256]} is covered, and no placement says where {names[other]} shows it"
            failed.append(_failed("covers", f"{words}: cover it there too, or say that it was checked", number))
    stray = [box for box in content.draft.redaction.boxes if box.asset not in content.assets]
    covered = count_covered(prepared.left_out.covers, content.assets)
    words = f"parts of {count_of(covered, 'picture')} are covered" if covered else "nothing is covered"
    boxes = "1 box is" if len(stray) == 1 else f"{len(stray)} boxes are"
    return _conclude("covers", failed, words + (f"; {boxes} in no picture of a card" if stray else ""))


def _check_text(prepared: PreparedDraft) -> list[DraftCheck]:
    """Fail, if names are hidden, for each image whose text was not read: the name may be in it."""
    content = prepared.content
    if not prepared.left_out.names:
        return [_passed("text", "no name is hidden")]
    failed = [
        _failed(
            "text",
            f"the text in {content.names[shown.sha256]} was not read: read it, or say that it was checked",
            number,
        )
        for number, card in enumerate(content.cards)
        for shown in card.shown
        if not shown.page
        and shown.sha256 not in content.draft.redaction.looked_at
        and not content.is_text_read(shown.sha256)
    ]
    return _conclude("text", failed, "the text in every picture was read")


def _check_outputs(prepared: PreparedDraft, rendered: RenderedDraft) -> Iterator[DraftCheck]:
    """Search the page, its lists and the names of its files for what may not be in them."""
    draft = prepared.content.draft
    outputs = list(_output_texts(rendered))
    names, common = prepared.left_out.names.without(fixed_texts())
    found = next((found for text in outputs if (found := names.find(text))), None)
    if found is None:
        words = f"; not searched for, as every page contains it: {', '.join(common)}" if common else ""
        yield _passed("names", f"0 found{words}")
    else:
        cards = [(n, f"{c.title} {c.note}") for n, c in enumerate(draft.cards)]
        number = next((n for n, text in cards if names.find(text)), None)
        yield _failed("names", f"{found!r} is to be hidden: take it out of the title, the words or the note", number)
    places = [place for place in _machine_names(prepared) if any(_contains(text, place) for text in outputs)]
    yield _failed("machine", f"{places[0]!r} is in the page") if places else _passed("machine", "0 found")
    loads = _LOADING.search(_DATA_URI.sub("", rendered.html))
    bad = [name for name, jpeg in rendered.images.items() if not _is_plain(jpeg)]
    if loads or bad:
        yield _failed("loads", f"{loads[0]!r} is in the page" if loads else f"{bad[0]} has metadata")
    else:
        yield _passed("loads", "0 found")


def _contains(text: str, place: str) -> bool:
    """Return True if a text contains a path, or a name as a word."""
    return place in text if "/" in place else re.search(rf"\b{re.escape(place)}\b", text) is not None


def _output_texts(rendered: RenderedDraft) -> Iterable[str]:
    """Yield everything in which a name could be read, also with the escapes of addresses undone."""
    lists = [content.decode() for content in rendered.lists.values()]
    for text in (*visible_texts(rendered.html), *lists, "\n".join(rendered.images)):
        yield text
        yield unquote(text)


def _machine_names(prepared: PreparedDraft) -> Iterator[str]:
    """Yield paths and names of this machine that may not be in a publication."""
    store = prepared.content.store
    typed = "\n".join(_typed_texts(prepared))
    yield from {str(store.folder.absolute()), str(Path.home())} - {"/"}
    for sha256 in prepared.content.assets:
        yield from (uri for uri in store.uris(sha256) if uri.startswith("/"))
    # The names of persons and hosts are words that the author may use on purpose.
    for name in (*_user_and_host(), *prepared.decisions.persons):
        if len(name) >= MIN_NAME_CHARS and name not in _COMMON_USERS and name not in typed:
            yield name
    yield "file://"


def _user_and_host() -> Iterator[str]:
    try:
        user = getuser()
    except (OSError, KeyError):
        user = ""
    yield from {user, socket.gethostname()} - {"localhost"}


def _typed_texts(prepared: PreparedDraft) -> Iterator[str]:
    draft = prepared.content.draft
    yield from (draft.title, draft.by, *draft.words)
    for card in draft.cards:
        yield from (card.title, card.note)


def _is_plain(jpeg: bytes) -> bool:
    """Return True if a image is a JPEG as this program writes it, without metadata."""
    try:
        thumbnail_size(jpeg)
    except ValueError:
        return False
    return True
