"""The verdict on a match."""

from mediafp.types.matches import Verdict

MIN_COPY_PROBABILITY = 0.8
"""Probability from which a match is called a copy."""
MIN_SCENE_SCORE = 0.15
"""Normalised likeness from which a pair that is hardly a copy is called another picture of the scene, not chance."""


def verdict(likely: float, score: float, *, proven: bool) -> Verdict:
    """By probability; a copy needs proof (a placement, equal hashes, frames in step), and without it is possible.

    `same_scene` where pictures are alike, and yet unlikely to be copies.
    """
    if likely >= MIN_COPY_PROBABILITY and proven:
        return "copy"
    return "same_scene" if score >= MIN_SCENE_SCORE and likely < 0.5 else "possible"
