"""The store in one SQLite database.

In: records. Out: records. The only package that uses sqlite3.
Imports: store and types.
"""
