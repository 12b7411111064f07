"""The command line: parses options, calls `mediafp.case`, prints results.

In: arguments. Out: text or JSON on standard output, messages on standard error, an exit status.
Imports: case, types, and the output formats in report.
"""
