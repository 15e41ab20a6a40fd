"""The Celery tasks of a desk worker. Their names are wire format. Knows nothing of how a step is done."""

from typing import Any

from celery import Celery

from tasks import bind, part, plan, submit_message
from tasks.steps import attempt


def register(app: Celery) -> None:
    """Define the tasks on this Celery app."""
    planner = plan.Planner()

    @app.task(name="chorus.plan")
    def _plan(job: str, step: str) -> str:
        return attempt(job, step, "desk", planner.plan)

    @app.task(name="chorus.part")
    def _part(job: str, step: str) -> str:
        return attempt(job, step, "desk", part.assemble)

    @app.task(name="chorus.bind")
    def _bind(job: str, step: str) -> str:
        return attempt(job, step, "desk", bind.bind)

    # Any arguments at all: a call that does not fit a signature would fail before we could write the job's record.
    @app.task(name="chorus.submit", base=submit_message.SubmitTask)
    def _submit(*arguments: Any, **keywords: Any) -> str:
        return submit_message.submit(arguments, keywords)
