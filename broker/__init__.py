"""The server side of Redis: the Celery app, the ledger, the store, the embedded server. Knows nothing of speech.

`celery -A broker flower` finds the app here. It is imported only when asked for: most commands never need Celery.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "app":
        from broker.app import app  # noqa: PLC0415 - see above

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
