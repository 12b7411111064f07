"""Images to lines of text (PP-OCR).

In: pixels. Out: text lines with their quads.
Imports: types.
"""
