"""The engine on one machine: sandboxed worker processes, threads for speech, other programs.

In: open files and audio. Out: validated results.
Imports: as the package engine.
"""
