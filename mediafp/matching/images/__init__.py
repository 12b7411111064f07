"""An image and the images or video frames of a store to placements, probabilities and verdicts.

In: pixels, embeddings and hashes. Out: `Match` with `Placement`.
Imports: mediafp.matching and mediafp.types.
"""
