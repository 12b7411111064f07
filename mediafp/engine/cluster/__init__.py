"""Tasks on the nodes of a Ray cluster, each in a sandboxed worker process of its node.

In: open files. Out: validated results, as from the engine on one machine.
Imports: engine.local, and what it imports. Ray is imported on first use.
"""
