"""This machine's stack: the server, the workers and Flower, started and restarted by one supervisor.

Knows nothing of jobs, and nothing of the command line.
"""
