"""The processes that work: voice and desk, their sessions and models, this machine's stack, the operator's commands."""

import os

# onnxruntime since 1.29 tells its maker about every session, and keeps a database in the user's cache for what it could
# not send. It decides once, when it is loaded, and nothing here loads it before this line.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
