"""The Celery task of a voice worker. Its name is wire format."""

from celery import Celery, Task

from tasks import synthesize
from tasks.engine import Lane
from tasks.steps import attempt


def register(app: Celery) -> None:
    """Make the task known to this process."""

    @app.task(name="chorus.synthesize", bind=True)
    def _synthesize(self: Task, job: str, step: str) -> str:
        lane: Lane = "live" if ".live." in self.request.delivery_info["routing_key"] else "bulk"
        return attempt(job, step, lane, lambda claim: synthesize.speak(claim, lane))
