"""The engine that `tasks` asks for speech, opened on this machine's lanes; and the child that speaks what may kill it.

Knows nothing of queues, jobs or Redis.
"""
