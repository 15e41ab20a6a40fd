"""`python -m workers.process.celery_worker workers.voice`: what `celery -A workers.voice worker` does, started sooner.

Celery's own program imports every command it has, an interactive shell and Flower among them, before it starts a
worker: half of the time until a worker's own modules are imported. The stack's supervisor starts its workers like this.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from celery.bin.base import CLIContext
from celery.bin.worker import worker


def main(arguments: Sequence[str]) -> None:
    """Run the worker whose app is in the module that is named first; the rest are Celery's options for it."""
    module, *options = arguments
    context = CLIContext(app=import_module(module).app, no_color=False, workdir=None)
    # Celery's configuration asks for the command's name when it complains.
    worker.main(args=options, prog_name=worker.name, obj=context)


if __name__ == "__main__":
    main(sys.argv[1:])
