"""A small case made of real images and clips that installed packages ship.

In: an empty folder. Out: a store and two pages in it.
Imports: case and types.
"""
