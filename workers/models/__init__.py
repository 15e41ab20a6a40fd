"""Kokoro's files on this machine: which are published, how they are fetched and verified, which model is chosen.

Opens no session.
"""
