"""The probabilities fitted on the decisions: how many there are, the fit as a job, and the way back."""

from collections.abc import Iterable

from fastapi.responses import Response

from mediafp.case.calibration import MIN_DECISIONS
from mediafp.report import jsonl
from mediafp.web.review_state import ReviewState
from mediafp.web.site import FormFields, Site


def add_calibration(site: Site, state: ReviewState) -> None:
    """Add what the review page does with all decisions, and the numbers of the API."""

    def fit(form: FormFields) -> Response:
        site.jobs.start("calibrate", "", {})
        return site.go("/jobs")

    def reset(form: FormFields) -> Response:
        site.case.reset_calibration()
        return site.go("/review")

    def list_decisions() -> Iterable[jsonl.JsonObject]:
        """Return, by family of matches, the number of decisions that a fit of the probabilities would use."""
        return (
            {
                "family": one.family,
                "confirmed": one.confirmed,
                "rejected": one.rejected,
                "needed": MIN_DECISIONS,
                "is_fitted": one.is_fitted,
            }
            for one in site.case.count_calibration()
        )

    site.add_action("/review/calibrate", fit)
    site.add_action("/review/calibrate/reset", reset)
    site.add_api("/calibration", list_decisions)
