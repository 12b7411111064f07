"""Sightings to accounts, lines of iterations, time lines and pairs of accounts that share media.

In: sightings, clues, and which assets are near-duplicates. Out: `Account`, `Timeline` and `Cosharing`.
Imports: types.
"""
