"""The workbench: local pages and an API over one open case.

In: a case and settings. Out: HTML pages, JSON objects of docs/formats.md, files.
Imports: case, report (output formats) and types.
"""
