"""Probabilities fitted anew on the decisions of a case (Platt scaling), with their errors on other sources."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np

from mediafp.accounts.evidence import join_pairs
from mediafp.accounts.summaries import summarise_accounts
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.decided_pairs import decision_time
from mediafp.case.recalibrated_matches import load_recalibrations
from mediafp.matching.graphs import BoolArray
from mediafp.matching.recalibration import MIN_ODDS_PROBABILITY, logit
from mediafp.store import Store
from mediafp.types.arrays import Float64Array
from mediafp.types.counted_nouns import count_of
from mediafp.types.decisions import DecidedMatch, Decision
from mediafp.types.errors import UsageError
from mediafp.types.recalibration import (
    FAMILIES,
    FAMILY_CHANNELS,
    FAMILY_OF,
    Family,
    FamilyDecisions,
    FamilyFit,
    FitErrors,
    Recalibration,
)

MIN_DECISIONS: Final = 200
"""Decisions of one family from which its probabilities are fitted. Chosen, not measured: with fewer, the errors of two fits
differ by chance alone."""
MIN_OF_EACH: Final = 10
"""Confirmed, and rejected, matches among them that a fit needs. Chosen, not measured."""
FOLDS: Final = 5
"""Folds of the cross-validation, and the least number of sources."""
MAX_SOURCE_SHARE: Final = 0.5
"""Share of the decisions that one source may have if accounts count as sources too. Chosen, not measured: above it, half of the
decisions would be estimated from the other half."""
BINS: Final = 10
"""Equal parts of 0..1 in which probability and share confirmed are compared."""
ERROR_DIGITS: Final = 6
"""Decimal places to which errors are rounded. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """One decision on the surest match of a pair."""

    decision: Decision
    probability: float

    @property
    def is_true(self) -> bool:
        return self.decision.decision == "confirm"


def calibrate_store(store: Store) -> list[FamilyFit]:
    """Fit the probabilities of a store on its decisions, save what is better, and return the fits of all families.

    Raises:
        UsageError: No family has enough decisions, or scikit-learn is missing.
    """
    samples = _load_samples(store)
    _check_number(samples)
    _check_library()
    fits, saved, at = [], [], decision_time()
    sources = _find_sources(store, [sample.decision for family in samples.values() for sample in family])
    for family in FAMILIES:
        own = samples.get(family, [])
        if own:
            fit = _fit_family(own, family, sources)
            fits.append(fit)
            if fit.is_saved:
                saved.append(
                    Recalibration(
                        family=family,
                        slope=fit.slope,
                        intercept=fit.intercept,
                        decisions=len(own),
                        fitted_at=at,
                        version=comparison_versions()[FAMILY_CHANNELS[family]],
                    )
                )
    errors = {
        str(fit.family): {"before": asdict(fit.before), "after": asdict(fit.after)}
        for fit in fits
        if fit.before and fit.after
    }
    with store.writing():
        store.save_recalibrations(saved, errors)
    return fits


def count_decisions(store: Store) -> list[FamilyDecisions]:
    """Return the number of decisions that a fit of each family would use, for families with a decision or a fit."""
    samples, fitted = _load_samples(store), load_recalibrations(store)
    counted = {family: [sample.is_true for sample in samples.get(family, ())] for family in FAMILIES}
    return [
        FamilyDecisions(
            family=family, confirmed=sum(truth), rejected=len(truth) - sum(truth), is_fitted=family in fitted
        )
        for family, truth in counted.items()
        if truth or family in fitted
    ]


def reset_calibration(store: Store) -> int:
    """Remove all fits of a store, so that answers state the probabilities of the model, and return their number."""
    with store.writing():
        removed = len(store.recalibrations())
        if removed:
            store.save_recalibrations([], {})
    return removed


def _load_samples(store: Store) -> dict[Family, list[_Sample]]:
    """Return the decisions on matches by the family of the surest match of the pair, which they are about.

    Of a rejected pair all matches are false, and of a confirmed one the surest is true; whether its weaker ones are is
    unknown. Decisions on pairs without a match are omitted.
    """
    samples: defaultdict[Family, list[_Sample]] = defaultdict(list)
    for decision in store.decisions("match"):
        if decision.decision == "unsure":
            continue
        # What is kept now, if anything is, has the probability of this version.
        matches: Sequence[DecidedMatch] = store.kept_verdicts(decision.a, decision.b) or decision.evidence
        surest = max(matches, key=lambda match: match.probability, default=None)
        family = _family(surest) if surest else None
        if surest and family:
            samples[family].append(_Sample(decision=decision, probability=surest.probability))
    return samples


def _family(match: DecidedMatch) -> Family | None:
    """Return the family of a match; None if its relation is one of another version."""
    return next((family for relation, family in FAMILY_OF.items() if relation == match.relation), None)


def _check_number(samples: Mapping[Family, Sequence[_Sample]]) -> None:
    """Raise UsageError if no family has enough decisions."""
    if any(len(own) >= MIN_DECISIONS for own in samples.values()):
        return
    total = sum(len(own) for own in samples.values())
    by_family = ", ".join(f"{len(own)} of {family.replace('_', ' ')}" for family, own in sorted(samples.items()))
    known = f"{count_of(total, 'decision')} on matches{f' ({by_family})' if by_family else ''}"
    raise UsageError(
        f"cannot fit the probabilities: the case has {known}, and {MIN_DECISIONS} of one kind are needed; decide on more"
        " pairs, sure ones too"
    )


def _check_library() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "cannot fit the probabilities: scikit-learn is not installed; install it with: pip install 'mediafp[fit]'"
        ) from error


def _find_sources(store: Store, decisions: Sequence[Decision]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the source of each decided file by its copies and decided pairs, and by its accounts besides."""
    pairs = [(one.a, one.b) for one in decisions]
    decided = {sha256 for pair in pairs for sha256 in pair}
    # Two files that resemble each other are of one source, whatever was decided on them.
    copies = [(edge.a, edge.b) for edge in store.kept_copies() if edge.a in decided or edge.b in decided]
    by_files = join_pairs([*pairs, *copies])
    sightings = [seen for seen in store.iter_sightings() if seen.sha256 in by_files]
    keys = summarise_accounts(sightings, {}).keys
    accounts = [(seen.sha256, f"account {key}") for seen, key in zip(sightings, keys, strict=True) if key]
    return by_files, join_pairs([*pairs, *copies, *accounts])


def _fit_family(
    samples: Sequence[_Sample], family: Family, sources: tuple[Mapping[str, str], Mapping[str, str]]
) -> FamilyFit:
    """Return the fit of one family, with its errors on sources that it was not fitted on."""
    truth = np.array([sample.is_true for sample in samples])
    probabilities = np.array([sample.probability for sample in samples])
    groups = _choose_groups(samples, sources)
    found = FamilyFit(family=family, confirmed=int(truth.sum()), rejected=int((~truth).sum()), sources=len(set(groups)))
    if obstacle := _find_obstacle(truth, found.sources):
        return replace(found, reason=obstacle)
    logits = np.array([logit(probability) for probability in probabilities.tolist()])
    predicted, slope, intercept = _cross_validate(logits, truth, groups)
    before, after = _measure(probabilities, truth), _measure(predicted, truth)
    reason = ""
    if slope <= 0:
        reason = "higher probabilities are not confirmed more often"
    elif after.log_loss >= before.log_loss or after.brier >= before.brier:
        reason = "it is no better on other sources than the model's own probabilities"
    return replace(
        found, before=before, after=after, slope=slope, intercept=intercept, is_saved=not reason, reason=reason
    )


def _choose_groups(samples: Sequence[_Sample], sources: tuple[Mapping[str, str], Mapping[str, str]]) -> list[str]:
    """Return the source of each sample: by files and accounts, unless one source has most of them; then by files."""
    by_files, by_accounts = ([source[sample.decision.a] for sample in samples] for source in sources)
    largest = Counter(by_accounts).most_common(1)[0][1]
    return by_accounts if largest <= MAX_SOURCE_SHARE * len(samples) else by_files


def _find_obstacle(truth: BoolArray, sources: int) -> str:
    """Return why a family cannot be fitted; empty if it can."""
    confirmed, rejected = int(truth.sum()), int((~truth).sum())
    if len(truth) < MIN_DECISIONS:
        return f"it has {count_of(len(truth), 'decision')}, and {MIN_DECISIONS} are needed"
    if min(confirmed, rejected) < MIN_OF_EACH:
        return f"{confirmed} are confirmed and {rejected} rejected, and {MIN_OF_EACH} of each are needed"
    if sources < FOLDS:
        return f"all decisions are about {sources} sources, and {FOLDS} are needed"
    return ""


def _cross_validate(logits: Float64Array, truth: BoolArray, groups: Sequence[str]) -> tuple[Float64Array, float, float]:
    """Return the probability of each sample by a fit on other sources, and slope and intercept of the fit on all."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    column = logits[:, None]
    # Sources by number in the order of their names, so that the order of the decisions does not matter.
    numbers = np.unique(groups, return_inverse=True)[1]
    predicted = cross_val_predict(
        LogisticRegression(), column, truth, groups=numbers, cv=GroupKFold(FOLDS), method="predict_proba"
    )[:, 1]
    fitted = LogisticRegression().fit(column, truth)
    return predicted, float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _measure(probabilities: Float64Array, truth: BoolArray) -> FitErrors:
    """Return the errors of probabilities."""
    bounded = np.clip(probabilities, MIN_ODDS_PROBABILITY, 1 - MIN_ODDS_PROBABILITY)
    parts = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    sums = np.bincount(parts, probabilities, BINS) - np.bincount(parts, truth, BINS)
    return FitErrors(
        log_loss=round(float(-np.where(truth, np.log(bounded), np.log1p(-bounded)).mean()), ERROR_DIGITS),
        brier=round(float(((probabilities - truth) ** 2).mean()), ERROR_DIGITS),
        calibration_error=round(float(np.abs(sums).sum() / len(truth)), ERROR_DIGITS),
        false_positives=int(((probabilities >= 0.5) & ~truth).sum()),
        false_negatives=int(((probabilities < 0.5) & truth).sum()),
    )
