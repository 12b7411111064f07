"""The command `demo`: a small case of real photographs and clips, and of typical edits of them.

In: a folder. Out: a case in it, and its matches on standard output.
Imports: as the package cli.
"""
