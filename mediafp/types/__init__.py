"""Nouns, errors and protocols of all packages, and the pure functions on them.

In and out: plain values.
Imports: nothing of mediafp.
"""
