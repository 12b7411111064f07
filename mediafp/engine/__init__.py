"""Tasks on files: decoding, fingerprints, OCR and transcription.

In: open files. Out: validated results, without a store.
Imports: ingest, fingerprints, text and types.
"""
