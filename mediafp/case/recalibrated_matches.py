"""Matches with the probabilities that were fitted on the decisions of a case."""

from collections.abc import Mapping
from dataclasses import replace

from mediafp.case.comparison.versions import comparison_versions
from mediafp.matching.recalibration import model_threshold, recalibrate
from mediafp.matching.verdicts import MIN_COPY_PROBABILITY
from mediafp.store import Store
from mediafp.types.matches import Match, format_probability
from mediafp.types.recalibration import FAMILY_CHANNELS, FAMILY_OF, Family, Recalibration


def load_recalibrations(store: Store) -> Mapping[Family, Recalibration]:
    """Return the fits of a store by family, without those of the probabilities of another version."""
    versions = comparison_versions()
    return {one.family: one for one in store.recalibrations() if one.version == versions[FAMILY_CHANNELS[one.family]]}


def recalibrate_match(match: Match, fitted: Mapping[Family, Recalibration]) -> Match:
    """Return a match with its fitted probability, and the reason that says so; the match itself if there is no fit.

    A copy whose fitted probability is too low for one is possible. None becomes a copy: that needs a proof.
    """
    fit = fitted.get(FAMILY_OF[match.relation])
    if fit is None:
        return match
    probability = recalibrate(match.probability, fit)
    is_demoted = match.verdict == "copy" and probability < MIN_COPY_PROBABILITY
    stated = format_probability(match.probability, 2)
    reason = f"the probability is fitted on {fit.decisions} decisions of this case; the model states {stated}"
    return replace(
        match,
        probability=probability,
        verdict="possible" if is_demoted else match.verdict,
        model_probability=match.probability,
        why=(*match.why, reason),
    )


def model_minimum(store: Store, min_probability: float) -> float:
    """Return the lowest probability of the model whose match may have some probability after all fits."""
    thresholds = [model_threshold(min_probability, fit) for fit in load_recalibrations(store).values()]
    return min([min_probability, *thresholds]) if min_probability else 0.0
