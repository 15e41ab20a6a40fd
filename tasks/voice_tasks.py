"""The Celery task of a voice worker. Its name is wire format. Knows nothing of how a segment is spoken."""

from celery import Celery, Task

from tasks import synthesize
from tasks.engine import Lane
from tasks.steps import attempt


def register(app: Celery) -> None:
    """Define the task on this Celery app."""

    @app.task(name="chorus.synthesize", bind=True)
    def _synthesize(self: Task, job: str, step: str) -> str:
        lane: Lane = "live" if ".live." in self.request.delivery_info["routing_key"] else "bulk"
        return attempt(job, step, lane, lambda claim: synthesize.speak(claim, lane))
