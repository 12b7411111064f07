"""Audio to transcripts, and images to lines of text.

In: samples and pixels. Out: transcripts and OCR results.
Imports: types.
"""
