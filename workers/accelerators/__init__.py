"""Which lanes this machine can have: its hardware, measurements of its accelerators, and the verdicts that are kept.

Knows nothing of engines.
"""
