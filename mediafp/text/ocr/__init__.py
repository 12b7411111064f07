"""Optical character recognition (PP-OCR).

In: image pixels. Out: text lines with their quads and confidences.
Imports: types.
"""
