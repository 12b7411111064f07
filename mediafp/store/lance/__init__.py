"""The bits and codes of an index in a Lance table, in a folder or on an object store.

In: rows of an index. Out: the nearest rows of query rows. The assets of the rows stay in files of the store.
Imports: types, and `store.row_index`, whose index searches them.
"""
