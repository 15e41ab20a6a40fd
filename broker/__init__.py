"""The server side of Redis: the Celery app, the ledger, the store, the embedded server. Knows nothing of speech.

`celery -A broker flower` finds the app here. It is imported only when it is used: most commands never need Celery.
"""

import sys
from pathlib import Path
from typing import Any

# `celery -A …` puts the current folder on the path, imports the module that is named, and takes the folder off again.
# What is imported later (the app below, `chorus`) would then not be found. So the checkout gets an entry of its own,
# also where the folder is on the path already: that entry is the one that Celery removes.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def __getattr__(name: str) -> Any:
    if name == "app":
        from broker import flower_pages  # noqa: PLC0415 - see above
        from broker.app import app  # noqa: PLC0415 - see above

        flower_pages.apply()
        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
