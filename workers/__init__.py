"""The processes that work: voice and desk, their sessions and models, this machine's stack, the operator's commands."""
