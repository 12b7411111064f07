"""Tasks on files, without a store: decoding, fingerprints, OCR and transcription; and the comparison of two stored assets.

In: open files, thumbnails, parts of assets. Out: validated results.
Imports: ingest, fingerprints, text and types; `comparison` also matching.
"""
