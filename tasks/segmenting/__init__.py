"""Cuts a chapter into segments: finds its sentences, applies its marks, and ends segments that would be too long.

Knows nothing of jobs, queues or audio files.
"""
