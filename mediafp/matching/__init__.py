"""Candidates to verified matches, and matches to clusters.

In: a query and references. Out: matches with their evidence; clusters.
Imports: types.
"""
