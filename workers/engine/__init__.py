"""The engine that `tasks` asks for speech, on this machine's lanes; and the child process for what may crash it.

Knows nothing of queues, jobs or Redis.
"""
