"""Kokoro's files on this machine: what is published, how it is fetched and verified, which model was chosen.

Opens no session.
"""
