"""Runs a model: sessions, the lanes whose threads run them, warm-up, keep-alive, and checks on what comes out.

Knows nothing of queues or jobs.
"""
