"""Zip and tar archives to their members.

In: an open archive. Out: members as blocks of bytes, within limits.
Imports: types.
"""
