"""Which lanes this machine can have: its hardware, trials of its accelerators, and the verdicts that are kept.

Knows no engine.
"""
