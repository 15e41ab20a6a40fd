"""This machine's own stack: the server, the workers and Flower under one supervisor.

Knows nothing of jobs, and nothing of the command line.
"""
