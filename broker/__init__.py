"""The server side of Redis: the Celery app, the ledger, the store, the embedded server. Knows nothing of speech.

`celery -A broker flower` finds the app here. It is imported only when asked for: most commands never need Celery.
"""

import sys
from pathlib import Path
from typing import Any

# `celery -A …` has the current folder on the path only while it imports what is named, and takes it off again: without
# an entry of our own, whatever is imported later (the app below, `chorus`) would not be found. So even where it stands.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def __getattr__(name: str) -> Any:
    if name == "app":
        from broker import flower_pages  # noqa: PLC0415 - see above
        from broker.app import app  # noqa: PLC0415 - see above

        flower_pages.apply()
        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
