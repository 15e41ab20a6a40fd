"""Maintains a voice worker while it serves: idle sessions, memory, and the commands that come through Celery.

Knows nothing of what is spoken.
"""
