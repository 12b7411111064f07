"""Verdict on a match, from its probability, its score and its proof."""

from mediafp.types.matches import Verdict

MIN_COPY_PROBABILITY = 0.8
"""Probability from which a proven match is called `copy`. Chosen, not measured."""
MAX_SCENE_PROBABILITY = 0.5
"""Probability below which two similar images are called `same_scene`. Chosen, not measured."""
MIN_SCENE_SCORE = 0.15
"""Score from which an unlikely copy is called another image of the same scene. Unrelated images reach it in 0.5 % of the
pairs of a query with its 14 best candidates (development set)."""


def verdict(probability: float, score: float, *, proven: bool) -> Verdict:
    """Return the verdict on a match.

    Args:
        probability: Calibrated probability of the match, 0..1.
        score: Similarity after score normalisation; 0 for transcripts.
        proven: True if a verified placement, matching hashes or aligned frames prove a copy. A match without proof is
            `possible` at best, however probable it is.
    """
    if probability >= MIN_COPY_PROBABILITY and proven:
        return "copy"
    return "same_scene" if score >= MIN_SCENE_SCORE and probability < MAX_SCENE_PROBABILITY else "possible"
