"""Nouns and errors, and the pure functions on them.

In and out: plain values.
Imports: nothing of mediafp.
"""
