"""The content of a store in the form that the cards of a publication read: redacted."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import count
from typing import Final

from mediafp.accounts.evidence import AVATAR_REASON, CLUE_WORDS, IMAGE_REASON, PROBABLE_REASON
from mediafp.case.evidence import TRANSCRIPT_CACHE_SIZE, StoredEvidence
from mediafp.case.publication.content import CardContent, DraftContent
from mediafp.case.publication.covers import Polygon, Shown, box_polygon, cover_image
from mediafp.case.publication.decisions import Decisions
from mediafp.case.publication.redaction import LeftOut
from mediafp.matching.images.change_evidence import with_changes
from mediafp.report.evidence_source import EvidenceFrame
from mediafp.types.errors import CorruptMedia
from mediafp.types.matches import Change, Match, Placement, Point, QueryResult, Segment
from mediafp.types.media import Asset
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.timelines import Timeline
from mediafp.types.transcripts import SpeechHint, Transcript
from mediafp.types.video_text import VideoTextLine
from mediafp.types.written_words import replace_text

COVERED_CACHE_SIZE = 256
"""Covered images kept in memory while a page is written, some 50 kB each. Chosen, not measured."""
_NAMED_FILE: Final = re.compile(r"""(?<=: )cannot process (?:'.*'|".*"): """, re.DOTALL)
"""The part of a warning of version 0.13 or older that names the file."""


class RedactedEvidence:
    """Assets of a draft without what it leaves out. Implements `EvidenceSource`."""

    def __init__(self, content: DraftContent, left_out: LeftOut, decisions: Decisions) -> None:
        """Use the content of a draft.

        Args:
            content: The draft.
            left_out: What it leaves out.
            decisions: The decisions, whose persons are not named.
        """
        self._content, self._left_out, self._decisions = content, left_out, decisions
        self._stored = StoredEvidence(content.store, content.views.thumbnails)
        # A card reads the transcript once for each matching segment.
        self.transcript = lru_cache(TRANSCRIPT_CACHE_SIZE)(self._load_transcript)
        self._cover = lru_cache(COVERED_CACHE_SIZE)(self._cover_image)
        self._image_names: dict[bytes, str] = {}
        """Name of the file of each image that was asked for."""
        self.shown: dict[tuple[Shown, bytes], float | None] = {}
        """Everything that was asked for, each with the image as it is without covers, and the time of a frame."""

    def asset(self, sha256: str) -> Asset:
        """Return one asset."""
        return self._content.assets[sha256]

    def sightings(self, sha256: str) -> list[Sighting]:
        """Return where and when the asset was seen, under the name that it has on the page."""
        return list(dict.fromkeys(map(self.redact_sighting, self._content.sightings(sha256))))

    def clues(self, sha256: str) -> list[Clue]:
        """Return nothing: clues come from metadata and file names."""
        return []

    def warnings(self, sha256: str) -> Sequence[str]:
        """Return the warnings of an asset's analysis, without the name of its file and without hidden names."""
        return [self.replace(_NAMED_FILE.sub("", warning)) for warning in self._stored.warnings(sha256)]

    def thumbnail(self, sha256: str, seconds: float | None = None, page: int = 0) -> bytes | None:
        """Return the image nearest to a time, or of a page, with what is covered; None if there is none."""
        if self._content.assets[sha256].kind == "video":
            (frame,) = self.frames(sha256, [seconds or 0.0])
            return frame.jpeg if frame else None
        jpeg = self._stored.thumbnail(sha256, seconds, page)
        covered = self._cover(jpeg, Shown(sha256, page)) if jpeg else None
        if jpeg and covered:
            self.shown.setdefault((Shown(sha256, page), jpeg), None)
            self._image_names.setdefault(covered, self._slug(sha256) + (f"-page-{page + 1}" if page else ""))
        return covered

    def frames(
        self, sha256: str, times: Sequence[float], *, from_original: bool = False
    ) -> Sequence[EvidenceFrame | None]:
        """Return the kept frame nearest to each time: a page is the same whether the original is at hand or not."""
        found: list[EvidenceFrame | None] = []
        for frame in self._stored.frames(sha256, times):
            covered = self._cover(frame.jpeg, Shown(sha256)) if frame else None
            if frame and covered:
                self.shown.setdefault((Shown(sha256), frame.jpeg), frame.seconds)
                self._image_names.setdefault(covered, f"{self._slug(sha256)}-at-{frame.seconds:.1f}s")
            found.append(replace(frame, jpeg=covered) if frame and covered else None)
        return found

    def cover(self, shown: Shown, jpeg: bytes) -> bytes | None:
        """Return an image that was asked for with what is covered; None if it is damaged."""
        return self._cover(jpeg, shown)

    def name_images(self, jpegs: Iterable[bytes]) -> dict[str, bytes]:
        """Return images that this object gave, by names of files for them: `image-1.jpg`, `video-2-at-31.0s.jpg`."""
        named: dict[str, bytes] = {}
        for jpeg in jpegs:
            stem = self._image_names[jpeg]
            numbered = (f"{stem}.jpg" if n == 1 else f"{stem}-{n}.jpg" for n in count(1))
            named[next(name for name in numbered if name not in named)] = jpeg
        return named

    def least_alike(self, query_sha256: str, reference_sha256: str, segment: Segment) -> tuple[float, float] | None:
        """Return the times at which a segment of their frames is least alike; None if unknown."""
        return self._stored.least_alike(query_sha256, reference_sha256, segment)

    def _load_transcript(self, sha256: str) -> tuple[Transcript, tuple[SpeechHint, ...]] | None:
        """Return the best transcript without hidden names, and no hints; None if there is none."""
        transcribed = self._stored.transcript(sha256)
        if transcribed is None:
            return None
        segments = tuple(replace_text(s, self.replace(s.text)) for s in transcribed[0].segments)
        return replace(transcribed[0], segments=segments), ()

    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        """Return nothing: a publication lists no text on screen."""
        return None

    def replace(self, text: str) -> str:
        """Return a text without hidden names."""
        return self._left_out.names.replace(text)

    def redact_sighting(self, sighting: Sighting) -> Sighting:
        """Return a sighting without hidden names; its address goes with any of them, or if letters stand for accounts."""
        label = self._left_out.label(sighting)
        names = self._left_out.names
        is_named = label is None and not self._content.draft.redaction.letters
        url = sighting.url if is_named and not (sighting.url and names.find(sighting.url)) else None
        return replace(
            sighting,
            account=label or (self.replace(sighting.account) if sighting.account else None),
            account_name=None if label else sighting.account_name and self.replace(sighting.account_name),
            account_id=None if label else sighting.account_id,
            platform=sighting.platform and self.replace(sighting.platform),
            url=url,
        )

    def result(self, card: CardContent) -> tuple[QueryResult, Match]:
        """Return the match of a card for the drawing of it, with the names that the assets have on the page."""
        assert card.query and card.match, "only a card with a match is drawn"
        query, match = card.query, card.match
        names = self._content.names
        shown = with_changes(match, tuple(self._redact_change(change, card) for change in match.changes))
        redacted = replace(
            shown,
            uris=(names[match.sha256],),
            placement=self._redact_placement(match.placement, card) if match.placement else None,
            more_placements=tuple(self._redact_placement(placement, card) for placement in match.more_placements),
            why=tuple(self.replace(reason) for reason in shown.why if not self._decisions.is_decision(reason)),
            sightings=(),
            clues=(),
        )
        result = QueryResult(
            query=names[query.sha256], sha256=query.sha256, kind=query.kind, error=None, matches=(redacted,)
        )
        return result, redacted

    def redact_timeline(self, timeline: Timeline) -> Timeline:
        """Return a time line with letters instead of names, if the draft says so, and without hidden names."""
        keys = {
            account.key: self._key(account.platform, account.account or account.key) for account in timeline.accounts
        }
        change: Callable[[str | None], str | None] = lambda text: text and self.replace(text)  # noqa: E731
        accounts = tuple(
            replace(
                account,
                key=keys[account.key],
                account=self._key(account.platform, account.account) if account.account else None,
                account_id=None,
                account_name=None,
                names=tuple(
                    replace(name, name=self._key(account.platform, name.name))
                    for name in ([] if self._left_out.letters else account.names)
                ),
                platform=change(account.platform),
                shared_with=(),
                more_shared_with=0,
                iteration_of=keys.get(account.iteration_of or ""),
                iteration_because=tuple(filter(None, map(self._redact_reason, account.iteration_because))),
            )
            for account in timeline.accounts
        )
        events = tuple(
            replace(event, account=None, account_key=keys.get(event.account_key or ""), uri="", url=None, post_id=None)
            for event in timeline.events
        )
        return replace(timeline, events=events, accounts=accounts)

    def _redact_reason(self, reason: str) -> str | None:
        """Return what accounts have in common without the value of a clue, which comes from metadata, and without persons."""
        if reason in (AVATAR_REASON, PROBABLE_REASON, IMAGE_REASON):
            return reason
        if self._decisions.is_decision(reason):
            return "confirmed by a person"
        return next((words for words in CLUE_WORDS.values() if reason.startswith(words)), None)

    def _slug(self, sha256: str) -> str:
        return self._content.names[sha256].replace(" ", "-")

    def _key(self, platform: str | None, name: str) -> str:
        return self._left_out.letters.get((platform, name)) or self.replace(name)

    def _redact_placement(self, placement: Placement, card: CardContent) -> Placement:
        """Return a placement without the texts and the points of the parts that are covered."""
        query, reference, *_ = card.shown
        is_covered, names = self._left_out.is_covered, self._left_out.names
        hides_owner = self._content.draft.redaction.owner
        return replace(
            placement,
            removed_text=tuple(
                line
                for line in placement.removed_text
                if not (hides_owner or is_covered(reference, line.box) or names.find(line.text))
            ),
            handles=tuple(handle for handle in placement.handles if not (hides_owner or names.find(handle))),
            correspondences=tuple(
                (a, b)
                for a, b in placement.correspondences
                if not (is_covered(query, _point_box(a)) or is_covered(reference, _point_box(b)))
            ),
        )

    def _redact_change(self, change: Change, card: CardContent) -> Change:
        """Return a change without the words of what is covered, and without hidden names."""
        reference, is_covered = card.shown[1], self._left_out.is_covered
        if is_covered(reference, change.box):
            return replace(change, kind="object", before=None, after=None)
        return replace(
            change,
            before=change.before and self.replace(change.before),
            after=change.after and self.replace(change.after),
        )

    def _cover_image(self, jpeg: bytes, shown: Shown) -> bytes | None:
        """Return a image with what is covered; None, which leaves it out, if it is damaged."""
        try:
            polygons = self._left_out.covers.polygons.get(shown, ())
            asset, decode = self._content.assets[shown.sha256], self._content.views.thumbnails.decode_apart
            return cover_image(jpeg, asset, shown.page, polygons, decode)
        except CorruptMedia:
            return None


def _point_box(point: Point) -> Polygon:
    """Return the pixel around a point."""
    x, y = point
    return box_polygon((x - 0.5, y - 0.5, x + 0.5, y + 0.5))
