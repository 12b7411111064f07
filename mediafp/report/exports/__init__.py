"""Results as tables for other programs.

In: results. Out: rows of text.
Imports: report and types.
"""
