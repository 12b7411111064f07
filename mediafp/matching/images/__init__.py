"""Two images to a placement, its proof and a verdict.

In: pixels, embeddings and hashes. Out: matches.
Imports: matching and types.
"""
