"""The Celery tasks of a desk worker. Their names are wire format. Knows nothing of how a step is done."""

from typing import Unpack

from celery import Celery

from broker import worker_process
from chorus.client import Client
from chorus.request import Wishes
from tasks import bind, part, plan
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

    @app.task(name="chorus.submit")
    def _submit(text: str, *, job: str | None = None, **wishes: Unpack[Wishes]) -> str:
        """Submit a job from an application that has only Celery. docs/architecture.md shows the call."""
        with Client(worker_process.current().app.conf.broker_url) as client:
            return f"job {client.submit(text, job=job, **wishes).job}: submitted"
