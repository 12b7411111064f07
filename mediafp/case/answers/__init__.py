"""Answers to queries and about assets: who used a file, where, since when, and why.

In: saved queries, kept matches, originals. Out: answers, their uses by source image, footage and words, parts of images.
Imports: case, engine and the layers below.
"""
