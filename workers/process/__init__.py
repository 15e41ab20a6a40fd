"""One process of ours: how it starts and ends, its children, its memory, how long its start took.

Knows nothing of speech, so that every other room may use it.
"""
