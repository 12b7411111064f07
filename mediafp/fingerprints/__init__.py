"""Fingerprint types: comparable rows of images, audio or transcripts.

In: pixels, samples, transcripts. Out: fingerprints.
Imports: types.
"""
