"""Text in media: speech to transcripts, and text in images to lines.

In: audio samples and image pixels. Out: transcripts and OCR results.
Imports: types.
"""
