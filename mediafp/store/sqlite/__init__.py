"""A store in one SQLite database.

In: records. Out: records. The only package that imports sqlite3.
Imports: store and types.
"""
