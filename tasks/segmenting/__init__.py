"""A chapter cut into segments: its sentences, its marks, and where to end a segment that would be too long.

Knows nothing of jobs, queues or audio files.
"""
