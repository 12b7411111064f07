"""Zip, tar and web archives to their members.

In: an open archive. Out: members with their content in blocks of bytes, within limits.
Imports: types.
"""
