"""Fingerprint types: images, audio or a transcript to comparable rows.

In: pixels, samples, transcripts. Out: fingerprints.
Imports: types.
"""
