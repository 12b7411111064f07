"""The answer to a query, or about an asset: who used it, where, since when, whose it was, and why."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import Query
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from mediafp.case.answers.answers import MAX_EVIDENCE_MATCHES
from mediafp.case.answers.grouping import count_standings, order_uses
from mediafp.report import jsonl
from mediafp.types.answers import Answer, Groupings, Stretch, Use, UseOrder
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.errors import UsageError
from mediafp.types.instants import DAY_SECONDS, Instant, parse_instant
from mediafp.types.matches import TraceEntry
from mediafp.types.media import TimeSpan
from mediafp.types.saved_queries import Box
from mediafp.web.answer_drawings import BAR_HEIGHT, BAR_WIDTH, draw_bars, draw_cut
from mediafp.web.answer_json import COLUMNS, answer_rows, answer_to_json, groupings_to_json
from mediafp.web.asking import Asking
from mediafp.web.pages.answer_actions import add_answer_actions, answer_values
from mediafp.web.site import FormFields, Sha256, Site
from mediafp.web.store_messages import without_folders
from mediafp.web.translation import page_text
from mediafp.web.views import View

LISTED_USES: Final = 60
"""Uses that a section lists before the user asks for all. Chosen: a row has 1.4 kB, and a page at most 200 kB."""
NAMED_SOURCES: Final = 3
"""Pictures that are named of those that may be the source. Chosen, not measured."""
MAX_STRETCHES: Final = 20
"""Groups of footage, or of words, that have a heading of their own. Chosen, not measured."""
FILM_FRAMES: Final = 5
"""Key frames of a stretch."""
QUERY_FRAMES: Final = 8
"""Key frames of a video from which a part is chosen."""
BOX_PATTERN: Final = r"^\d{1,6}(\.\d{1,2})?(,\d{1,6}(\.\d{1,2})?){3}$"
"""Four numbers: left, top, width, height."""
Probability = Annotated[float, Query(ge=0, le=1, allow_inf_nan=False, alias="min")]
Sort = Annotated[UseOrder, Query()]
Removed = Annotated[Literal["0", "1"] | None, Query()]
BoxText = Annotated[str | None, Query(pattern=BOX_PATTERN, max_length=60)]
Seconds = Annotated[float | None, Query(ge=0, le=1e6, allow_inf_nan=False)]
Flag = Annotated[Literal["0", "1"], Query(alias="all")]
Known = Annotated[str, Query(max_length=20, pattern="^[a-z]*$")]

Pixel = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class PartRequest(BaseModel):
    """Part of an image or of a frame of a video that is asked about."""

    box: tuple[Pixel, Pixel, Pixel, Pixel] = Field(description="Left, top, width and height in pixels.")
    t: float | None = Field(
        None, ge=0, le=1e6, allow_inf_nan=False, description="Time of the frame of a video, seconds."
    )


def add_answer(site: Site, asking: Asking) -> None:
    """Add the page of an answer, what it does, and the same in the API."""
    answers = site.case.answers(site.queries)

    def find(sha256: str) -> Answer:
        answer = answers.find(sha256)
        if answer is None:
            raise HTTPException(404, page_text("this file was not asked about, or is not kept any more; drop it again"))
        if answer.error:
            answer = replace(answer, error=without_folders(answer.error))
        # The case knows a received file by its SHA-256.
        is_named = answer.was_asked or answer.uri is None
        return answer if is_named else replace(answer, name=site.file_name(str(answer.uri)))

    def values_of(answer: Answer, groupings: Groupings, shown: "_Shown") -> dict[str, object]:
        def film(stretch: Stretch) -> list[float]:
            return answers.frame_times(stretch.uses[0].asset.sha256, _reference_span(stretch.uses[0]), FILM_FRAMES)

        footage = [(rows, one) for one in groupings.footage if (rows := shown.rows(one.uses))]
        words = [(rows, one) for one in groupings.words if (rows := shown.rows(one.uses))]
        trace = groupings.trace
        # Where any of several may be the source, one of them is shown, as they are cut alike: the query, or else the first.
        source = trace.source or min(trace.equally_complete, key=lambda one: not trace.is_query(one), default=None)
        source_use = next((use for use in groupings.pictures if source and use.match is source.match), None)
        owners = list(trace.owner_clues().items())

        def names(entries: Sequence[TraceEntry]) -> list[tuple[str, bool]]:
            first = entries[:NAMED_SOURCES]
            return [(site.title_of(one.match.sightings, one.match.sha256), trace.is_query(one)) for one in first]

        counted = groupings.files.values()
        has_frames = answer.kind == "video" and answer.asset is not None and all(answer.asset.size)
        frames = answers.frame_times(answer.sha256, None, QUERY_FRAMES) if has_frames else []
        return {
            "answer": answer,
            "groupings": groupings,
            "shown": shown,
            "pictures": shown.rows(groupings.pictures),
            "footage": [(rows, one, film(one)) for rows, one in footage[:MAX_STRETCHES]],
            "footage_count": len(footage),
            "words_groups": words[:MAX_STRETCHES],
            "words_count": len(words),
            "listed": shown.limit,
            "source": source_use,
            "is_source_known": trace.source is not None,
            "owners": [(clue, names(stating), len(stating)) for clue, stating in owners[:NAMED_SOURCES]],
            "owner_count": len(owners),
            "equally_complete": names(trace.equally_complete),
            "equally_complete_count": len(trace.equally_complete),
            "cut": draw_cut(source_use) if source_use else None,
            "videos": len({use.asset.sha256 for use in groupings.footage_uses}),
            "others": sum(not use.is_query for use in counted),
            "standings": count_standings(counted),
            "least": min((use.match.probability for use in groupings.counted), default=None),
            "same_bytes": all(use.match.has_same_bytes for use in groupings.counted),
            "days_before_video": _days_before(source_use, groupings.footage_uses) if trace.source else None,
            "best_near": max((use.match.probability for use in groupings.near_misses), default=None),
            "uncertain": sum(
                use.match.probability >= DEFAULT_MIN_PROBABILITY or use.match.decision is not None
                for use in groupings.doubtful
            ),
            "weakest": shown.min if shown.min < DEFAULT_MIN_PROBABILITY else None,
            "evidence_limit": MAX_EVIDENCE_MATCHES,
            "has_transcripts": site.case.has_transcripts(),
            "draw_bars": draw_bars,
            "bar": (BAR_WIDTH, BAR_HEIGHT),
            "frames": frames,
            "seconds_shown": min(frames, key=lambda at: abs(at - (shown.seconds or 0.0)), default=0.0)
            if has_frames
            else None,
            "box": _parse_box(shown.box) if shown.box else None,
            "listed_hits": answer.result.listed if answer.result else (),
            **answer_values(site, answer),
        }

    def answer(
        sha256: Sha256,
        min_probability: Probability = DEFAULT_MIN_PROBABILITY,
        sort: Sort = "oldest",
        removed: Removed = None,
        box: BoxText = None,
        t: Seconds = None,
        everything: Flag = "0",
    ) -> View:
        found = find(sha256)
        groupings = answers.group(found, min_probability)
        shown = _Shown(sha256, sort, removed, min_probability, box, t, everything == "1")
        return View(
            template="answer.html.j2",
            values=values_of(found, groupings, shown),
            json=lambda: answer_to_json(answers.quote(found)),
            columns=COLUMNS,
            rows=lambda: answer_rows(groupings),
        )

    def part(
        sha256: Sha256,
        min_probability: Probability = DEFAULT_MIN_PROBABILITY,
        sort: Sort = "oldest",
        removed: Removed = None,
        everything: Flag = "0",
        known: Known = "",
    ) -> Response:
        """Return the changed parts of the page of a query that is being answered; nothing while nothing changes."""
        if site.queries.state(sha256) == known:
            return Response(status_code=204)
        found = find(sha256)
        groupings = answers.group(found, min_probability)
        shown = _Shown(sha256, sort, removed, min_probability, None, None, everything == "1")
        return site.render(
            "answer_found.html.j2",
            values_of(found, groupings, shown)
            | {
                "is_part": True,
                "is_query_new": known in ("waiting", "reading"),
            },
        )

    def ask_part(sha256: str, box: Box, seconds: float | None) -> str:
        find(sha256)
        part_sha256 = answers.add_part(sha256, box, seconds)
        asking.start(part_sha256)
        return part_sha256

    def ask(sha256: Sha256, form: FormFields) -> Response:
        box = ",".join(form.get(name, "") for name in ("left", "top", "width", "height"))
        part_sha256 = ask_part(sha256, _parse_box(box), _parse_seconds(form.get("t")))
        asking.wait(part_sha256)
        return site.go(f"/answer/{part_sha256}")

    def again(sha256: Sha256) -> Response:
        if find(sha256).was_asked:
            asking.start(sha256)
            asking.wait(sha256)
        return site.go(f"/answer/{sha256}")

    def evidence(sha256: Sha256) -> Response:
        found = find(sha256)
        page = answers.evidence_page(found)
        headers = {"content-disposition": f'attachment; filename="evidence-{sha256[:12]}.html"'}
        return Response(page, headers=headers, media_type="text/html; charset=utf-8")

    def match(sha256: Sha256) -> jsonl.JsonObject:
        """Return the matches and near misses of a query or an asset, each with its sightings."""
        return answer_to_json(answers.quote(find(sha256)))

    def groupings(sha256: Sha256, min_probability: Probability = DEFAULT_MIN_PROBABILITY) -> jsonl.JsonObject:
        """Return the uses of a query or an asset by source image, stretch of footage and words."""
        found = find(sha256)
        return groupings_to_json(found, answers.group(found, min_probability))

    def api_ask(sha256: Sha256, request: PartRequest) -> jsonl.JsonObject:
        """Ask about a part of a query or an asset, and return the query that it became."""
        part_sha256 = ask_part(sha256, request.box, request.t)
        asking.wait(part_sha256)
        return answer_to_json(answers.quote(find(part_sha256)))

    add_answer_actions(site, find)
    site.add_view("/answer/{sha256}", answer)
    site.add_part("/answer/{sha256}/part", part)
    site.add_action("/ask/{sha256}", ask)
    site.add_action("/answer/{sha256}/again", again)
    site.add_action("/answer/{sha256}/evidence", evidence, writes=False)
    site.add_api("/match/{sha256}", match)
    site.add_api("/groupings/{sha256}", groupings)
    site.add_api("/ask/{sha256}", api_ask, method="POST")


class _Shown:
    """Which uses a page lists, and in which order: what its address says."""

    def __init__(
        self,
        sha256: str,
        sort: UseOrder,
        removed: str | None,
        min: float,
        box: str | None,
        seconds: float | None,
        is_all: bool,
    ) -> None:
        self.sort, self.removed, self.min, self.is_all = sort, removed, min, is_all
        self.limit = None if is_all else LISTED_USES
        self._sha256, self.box, self.seconds = sha256, box, seconds

    def rows(self, uses: Iterable[Use]) -> list[Use]:
        """Return the uses that the filter accepts, in the order."""
        wanted = {"1": True, "0": False}.get(self.removed or "")
        chosen = (use for use in uses if wanted is None or (use.standing == "removed") is wanted)
        return order_uses(chosen, self.sort)

    def href(self, **changes: object) -> str:
        """Return the address of the same page with other settings; None for the usual one."""
        settings: dict[str, object] = {
            "sort": None if self.sort == "oldest" else self.sort,
            "removed": self.removed,
            "min": None if self.min == DEFAULT_MIN_PROBABILITY else f"{self.min:g}",
            "all": "1" if self.is_all else None,
            "box": self.box,
            "t": None if self.seconds is None else f"{self.seconds:.3f}",
        } | changes
        asked = {name: value for name, value in settings.items() if value is not None}
        return f"/answer/{self._sha256}" + (f"?{urlencode(asked)}" if asked else "")

    def part_href(self, state: str) -> str:
        """Return the address of the parts that have changed since a state."""
        path, _, query = self.href(box=None, t=None).partition("?")
        return f"{path}/part?known={state}" + (f"&{query}" if query else "")


def _parse_box(text: str) -> Box:
    """Return a box from its four numbers. Raises UsageError."""
    if not re.fullmatch(BOX_PATTERN, text):
        raise UsageError(
            "cannot search this part: it has not four numbers; draw a box, or type left, top, width and height"
        )
    left, top, width, height = map(float, text.split(","))
    return left, top, width, height


def _parse_seconds(text: str | None) -> float | None:
    """Return the time of a form; None if it has none. Raises UsageError."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 1e6:
        raise UsageError("cannot search this part: its time is not a number of seconds; choose a frame")
    return seconds


def _reference_span(use: Use) -> TimeSpan | None:
    """Return the longest stretch of a video that shows the query."""
    spans = [one.reference for one in use.match.segments if one.channel == "picture"]
    return max(spans, key=lambda span: (span[1] - span[0], -span[0]), default=None)


def _days_before(source: Use | None, videos: Iterable[Use]) -> int | None:
    """Return the days from the first post of an image to that of the first video; None if unknown or not before.

    Unknown it is too if the month or the year of one of them is all that is known.
    """

    def first(use: Use) -> Instant | None:
        times = [instant for seen in use.sightings if seen.posted_at and (instant := parse_instant(seen.posted_at))]
        return min(times, default=None)

    posted = [at for use in videos if (at := first(use)) is not None]
    if source is None or not posted or (began := first(source)) is None:
        return None
    if max(began.seconds, min(posted).seconds) > DAY_SECONDS:
        return None
    days = int((min(posted).start - began.start) // DAY_SECONDS)
    return days if days > 0 else None
