"""Runs a model: its graph and sessions, the lanes whose threads run them, warm-up, keep-alive, and checks of the audio.

Knows nothing of queues or jobs.
"""
