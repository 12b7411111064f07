"""Probabilities fitted anew on the decisions of a case: the map of each family of matches, and its errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from mediafp.types.kept_matches import Channel
from mediafp.types.matches import Relation

type Family = Literal["images", "videos", "images_in_videos", "sounds", "transcripts"]
"""Matches whose probabilities come from one model, and are fitted together."""
FAMILIES: Final[tuple[Family, ...]] = get_args(Family.__value__)
FAMILY_OF: Final[Mapping[Relation, Family]] = {
    "copy": "images",
    "image_in_video": "images_in_videos",
    "same_video": "videos",
    "contains": "videos",
    "contained_in": "videos",
    "shares_footage": "videos",
    "same_voice": "sounds",
    "same_script": "transcripts",
}
"""Family of each relation."""
FAMILY_CHANNELS: Final[Mapping[Family, Channel]] = {
    "images": "picture",
    "images_in_videos": "picture",
    "videos": "picture",
    "sounds": "voice",
    "transcripts": "script",
}
"""Channel by which the matches of a family are compared: a new version of the comparison ends the fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitErrors:
    """Errors of some probabilities against the decisions."""

    log_loss: float
    brier: float
    """Mean squared difference of the probability from 1 for a confirmed match, and from 0 for a rejected one."""
    calibration_error: float
    """Mean difference of probability and share confirmed over ten equal parts of 0..1, weighted by their matches (ECE)."""
    false_positives: int
    """Rejected matches with a probability of .5 or more."""
    false_negatives: int
    """Confirmed matches below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """Map of the probabilities of one family: logit of the new one = slope × logit of the model's + intercept."""

    family: Family
    slope: float
    intercept: float
    decisions: int
    """Decisions that it was fitted on."""
    fitted_at: str
    version: str
    """Version of the comparison whose probabilities it maps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyDecisions:
    """Decisions on matches of one family."""

    family: Family
    confirmed: int
    rejected: int
    is_fitted: bool
    """True if answers state probabilities that were fitted on decisions."""

    @property
    def count(self) -> int:
        """Number of both."""
        return self.confirmed + self.rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFit:
    """Result of fitting one family.

    Attributes:
        family: The family.
        confirmed: Confirmed matches.
        rejected: Rejected matches.
        sources: Groups of files that folds keep together.
        before: Errors of the model's own probabilities; None if nothing was fitted.
        after: Errors of the fitted ones, each by a fit on other sources.
        slope: Slope of the fit on all decisions.
        intercept: Intercept of it.
        is_saved: True if it was better and is used from now on.
        reason: Why it is not used; empty if it is.
    """

    family: Family
    confirmed: int
    rejected: int
    sources: int
    before: FitErrors | None = None
    after: FitErrors | None = None
    slope: float = 1.0
    intercept: float = 0.0
    is_saved: bool = False
    reason: str = ""
