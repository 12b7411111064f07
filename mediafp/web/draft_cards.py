"""Cards that pages and jobs add to the publication that is being written."""

from typing import Final

from msgspec.structs import replace

from mediafp.case import Case
from mediafp.types.errors import UsageError
from mediafp.types.publications import Draft, PublishedCard

MAX_CARDS: Final = 200
"""Cards of a draft. Chosen, not measured."""


def add_card(case: Case, card: PublishedCard) -> str:
    """Add a card to the draft that was saved last, or to a new one, unless it has it already; return the id of the draft.

    Raises:
        UsageError: The draft is full.
    """
    saved = next((one for one in case.drafts() if not one.sealed), None)
    draft = saved.draft if saved else Draft()
    if saved and any(_subject(one) == _subject(card) for one in draft.cards):
        return saved.id
    if len(draft.cards) >= MAX_CARDS:
        raise UsageError(f"cannot add the card: the draft has {MAX_CARDS}; seal it, and begin another one")
    changed = replace(draft, cards=(*draft.cards, card))
    return case.save_draft(changed, id=saved.id if saved else None, replaces=saved.revision if saved else 0).id


def _subject(card: PublishedCard) -> PublishedCard:
    """Return a card without its words."""
    return replace(card, title="", note="")
