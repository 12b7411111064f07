"""Types, errors and protocols of all packages, and the pure functions on them.

In and out: plain values. The exception is model_files, which also checks, joins and copies the packaged model files.
Imports: nothing of mediafp.
"""
