"""Renders documents into files, on this machine's own stack or on a farm elsewhere.

Connects render requests, the model, the stack and the client. Knows nothing of the command line.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Protocol

from broker.settings import FarmSettings
from broker.store import LocalStore, job_key
from chorus.client import Client
from chorus.errors import ChorusError, DiskError, FarmError, JobFailedError, ServerError
from chorus.records import JobRecord
from chorus.states import State
from chorus.submission import Terms
from chorus.terminal import Progress
from tasks import large_sources
from workers.cli import first_start
from workers.cli.book_voices import Voice, farm_voice, introduce, own_voice, with_a_voice_that_is_here
from workers.cli.delivery import deliver, finished_run, made
from workers.cli.render_requests import RenderRequest
from workers.models.resolving import Model
from workers.stack.stack import Stack, StackSpec, ensure

# How long the server may be unreachable during a job: the supervisor restarts our own within a second or two.
OUTAGE_S = 20.0
LOOK_S = 0.2
# If our own voice worker has exited this often while starting, it will not start.
HOPELESS_STARTS = 2
AGAIN = "This was rendered already; --fresh renders it again."


class Audience(AbstractContextManager["Audience"], Protocol):
    """Plays jobs while they are rendered; if its block ends without an error, it first plays them to their end."""

    def __call__(self, client: Client, record: JobRecord) -> None:
        """Play this job too."""
        ...


def render(
    orders: list[RenderRequest],
    settings: FarmSettings,
    progress: Progress,
    *,
    fresh: bool,
    choose: Callable[[], Model],
    audience: Audience | None = None,
    announce: Callable[[Sequence[RenderRequest], Progress], None] = lambda _orders, _progress: None,
) -> None:
    """Render every document. `choose` gives the model of this machine, and may ask the user for it.

    `announce` learns what is left to render before anything is started for it; what it raises ends the command.
    """
    model = None if settings.url else choose()
    own = own_voice(model) if model else None
    for note in first_start.notes(settings, model) if model else ():
        progress.note(note)
    if own:
        orders = with_a_voice_that_is_here(orders, own, progress)
        introduce(own, orders, progress)
    store = LocalStore(settings.store_folder())
    with progress:
        if own and not fresh and audience is None:
            orders = [order for order in orders if not _made_before(order, own, store, progress)]
        if not orders:
            return
        announce(orders, progress)
        with ensure(settings, _spec(settings)) as stack, Client(stack.url) as client:
            voice = own or farm_voice(client)
            if not own:
                introduce(voice, orders, progress)
            course = _Course(client, stack, store, progress, sound=voice.sound if own else "")
            course.run(orders, voice, audience, fresh=fresh)


def _spec(settings: FarmSettings) -> StackSpec:
    """The full stack; for a farm elsewhere only a desk worker, so that this machine's disk is the job's store."""
    return StackSpec(voice=False, url=settings.url) if settings.url else StackSpec()


def _job(order: RenderRequest, voice: Voice) -> str:
    """The job's id, derived from everything that its audio depends on, so that the same command finds its job again."""
    return order.request.digest(order.data, order.cover or b"", voice.sound, voice.voices_digest)


def _made_before(order: RenderRequest, voice: Voice, store: LocalStore, progress: Progress) -> bool:
    """Whether the store has this file already; then it is delivered, and nothing needs to be started for it."""
    job = _job(order, voice)
    epoch = finished_run(store, job, order.request.format)
    if epoch is None:
        return False
    _tell_order(order, progress)
    report = deliver(store, job, epoch, order)
    progress.note(AGAIN)
    progress.result(report, made(report))
    return True


def _tell_order(order: RenderRequest, progress: Progress) -> None:
    count = len(order.document.chapters)
    progress.note(f"{order.title}: {count} chapter{'' if count == 1 else 's'} → {order.target}")


class _Course:
    """Submits the jobs of one command to a running stack and follows them to their end."""

    def __init__(self, client: Client, stack: Stack, store: LocalStore, progress: Progress, *, sound: str) -> None:
        self._client, self._stack, self._store, self._progress = client, stack, store, progress
        self._sound = sound
        """The sound of our own voice worker while it is still starting; empty once it has started."""

    def run(self, orders: list[RenderRequest], voice: Voice, audience: Audience | None, *, fresh: bool) -> None:
        """Submit all jobs, then follow each to its end. An interruption pauses those that were submitted."""
        jobs: list[JobRecord] = []
        try:
            with audience or nullcontext():
                # One by one, so that an interruption pauses those that are already submitted.
                jobs.extend(self._submit(order, voice, fresh=fresh) for order in orders)
                for order, record in zip(orders, jobs, strict=True):
                    self._tell_start(order, record)
                    if audience is not None:
                        audience(self._client, record)
                    finished = self._follow(record)
                    report = deliver(self._store, finished.job, finished.epoch, order)
                    self._progress.result(report, made(report))
        except KeyboardInterrupt:
            self._pause(jobs)
            raise

    def _submit(self, order: RenderRequest, voice: Voice, *, fresh: bool) -> JobRecord:
        job = _job(order, voice)
        if fresh:
            # Otherwise, if this run is interrupted, the next command would deliver the result of the run before it.
            self._store.delete_tree(job_key(job))
        return large_sources.submit(
            self._client,
            self._store,
            order.data,
            order.request,
            job=job,
            cover=order.cover,
            fresh=fresh,
            terms=Terms(sound=voice.sound, priority=order.priority),
        )

    def _tell_start(self, order: RenderRequest, record: JobRecord) -> None:
        _tell_order(order, self._progress)
        if record.want == "fresh":
            return
        if record.state is State.DONE:
            self._progress.note(AGAIN)
        elif record.segments_done:
            planned = f" of {record.segments_planned}" if record.planned else ""
            self._progress.note(f"Resuming after segment {record.segments_done}{planned}.")

    def _follow(self, record: JobRecord) -> JobRecord:
        """Show the job until it is over."""
        while True:
            record = self._look(record.job)
            # Also while nothing changes: then the time left grows.
            self._progress.show(record, starting=self._starting(record))
            if record.finished:
                break
            if record.state is State.PAUSED and record.waiting and not record.want:
                # A worker paused it, not a person: its disk is full or its store unreachable.
                raise DiskError(f"{record.waiting} Then run the same command to resume.")
            time.sleep(LOOK_S)
        if record.state is State.FAILED:
            raise JobFailedError(f"{record.error.rstrip('.')}; run the same command to resume from what was rendered.")
        if record.state is not State.DONE:
            raise JobFailedError(
                f"Job {record.job} was {record.state} by another client: render it again with --fresh."
            )
        return record

    def _look(self, job: str) -> JobRecord:
        """The job's record; waits while the server is being restarted."""
        give_up_at_s = time.monotonic() + OUTAGE_S
        while True:
            if not self._stack.alive():
                raise FarmError("The stack was stopped during the render: run the same command to resume.")
            try:
                return self._client.job(job)
            except ServerError:
                if time.monotonic() > give_up_at_s:
                    raise
            time.sleep(LOOK_S)

    def _starting(self, record: JobRecord) -> bool:
        """Whether our own voice worker is still starting; FarmError if it fails to start."""
        if not self._sound:
            return False
        with suppress(ServerError):
            here = any(worker.sound == self._sound for worker in self._client.workers())
            # After it has registered, it takes up to half a second until the job stops waiting.
            if here and not record.waiting:
                self._sound = ""
                return False
        report = self._stack.run.report()
        for process in report.processes if report else ():
            if process.name == "voice" and process.restarts >= HOPELESS_STARTS:
                words = process.last_words.removeprefix("chorus: ").rstrip(".")
                raise FarmError(f"The voice worker does not start: {words}. See {self._stack.run.log('voice')}.")
        return True

    def _pause(self, jobs: list[JobRecord]) -> None:
        """After Ctrl-C: segments that are being spoken are finished and kept, no others are started."""
        # Without a server nothing runs anyway.
        with suppress(ChorusError):
            for job in jobs:
                record = self._client.job(job.job)
                if record.may("paused"):
                    self._client.want(job.job, "paused")
                    self._progress.note(f"Paused after segment {record.segments_done}. Run the same command to resume.")
