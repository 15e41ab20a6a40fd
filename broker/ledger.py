"""The ledger: the truth about every job, kept in Redis by the scripts of `broker/lua`.

Knows nothing of Celery: each call answers with the hints that somebody has to send (broker/hints.py).
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast, get_args

import redis

from broker import damage, scripts
from broker.settings import FarmSettings
from broker.specs import SPEC_VERSION, ChapterPlan, DocumentFacts, SegmentSpec
from chorus import keys
from chorus.errors import FarmError, NewerVersionError, UnreadableJobError
from chorus.keys import JobKeys
from chorus.records import RECORD_VERSION
from chorus.set_aside import put_aside
from chorus.states import State
from chorus.wire import Chunk, encode

# A step is given up when living processes saw it fail so often. Who died may have died of something else.
MAX_FAILURES: Final = 2
ISOLATED_FROM: Final = 3
"""The attempt from which on a segment is spoken in a process of its own: two processes may have died of it."""

ClaimStatus = Literal["ok", "busy", "done", "gone", "unlike"]
"""`ok`: it is taken. `busy`: another attempt holds its lease. `done`: it is over. `gone`: the job does not want it.
`unlike`: the job is to be repeatable, and this worker's samples differ from the others' or may still change."""
CommitStatus = Literal["ok", "again", "enough", "failed", "paused", "done", "gone"]
"""`ok`: it counts. `again`: the step is to be done once more. `enough`: the rest of the chapter is planned later.
`failed`: the step is given up. `paused`: the job waits. `done`: another attempt was first. `gone`: the job does not
want it any more, or its run is over."""
JobStatus = Literal["queued", "running", "paused", "done", "failed", "cancelled", "vanished"]
"""Where the job stands; `vanished`: there is no such job."""
_STATUSES: Final = frozenset(get_args(ClaimStatus)) | frozenset(get_args(CommitStatus)) | frozenset(get_args(JobStatus))
ENDED: Final[frozenset[JobStatus]] = frozenset({"done", "failed", "cancelled", "vanished"})
"""Nothing needs to be done for such a job."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """A message to send: `queue` is one of live, bulk, desk.live, desk, store."""

    queue: str
    step: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a script answered."""

    job: str
    status: ClaimStatus | CommitStatus | JobStatus
    sound: str
    """What the job pinned: its segments' queues carry it."""
    store: str
    hints: tuple[Hint, ...]
    extra: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A step taken. Everything but `status` is empty unless that is `ok`."""

    status: ClaimStatus
    job: str
    step: str
    token: str
    attempt: int = 0
    epoch: int = 0
    spec: SegmentSpec | None = None
    """What is to be spoken; None for a step of the desk."""
    request: str = ""
    sound: str = ""
    store: str = ""
    model: str = ""
    fresh: bool = False
    """Whether this run was asked for anew: nothing is taken from an earlier one."""

    @property
    def number(self) -> int:
        """The n of `segment:n`, `plan:n`, `part:n`."""
        return int(self.step.partition(":")[2] or 0)

    @property
    def is_segment(self) -> bool:
        """Whether it is a segment, and no step of the desk."""
        return self.step.startswith("segment:")

    @property
    def isolated(self) -> bool:
        """Whether it is to be spoken in a process of its own."""
        return self.is_segment and self.attempt >= ISOLATED_FROM

    @property
    def to_speak(self) -> SegmentSpec:
        """What this claim is to speak."""
        if self.spec is None:
            raise FarmError(f"{self.step} of job {self.job} speaks nothing: please report it.")
        return self.spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """What a job gets that did not choose."""

    sound: str = ""
    store: str = ""


AudioOrigin = Literal["cold", "warm", "cache", "primer"]
"""Where a segment's audio is from: a process that had spoken nothing yet or one that had, its disk, or Redis."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentResult:
    """What a commit says of a segment besides its audio."""

    frames: int
    wall_ms: int
    """Inference alone."""
    audible: bool
    """Whether anything is heard in it."""
    worker: str
    """Who spoke it, for the job's statistics."""
    timings: tuple[tuple[str, float, float], ...] = ()
    """Per phoneme: symbol, start and end in seconds."""
    source: AudioOrigin = "warm"


class Ledger:
    """One process's access to the ledger. Thread-safe, as redis-py's pool is."""

    def __init__(self, connection: "redis.Redis", settings: FarmSettings) -> None:
        self.redis = connection
        self._lease_ms = int(settings.lease_s * 1000)
        self.note_farm({}, {})
        self._scripts = scripts.register(connection)

    def note_farm(
        self, slots: Mapping[str, int], voices: Mapping[str, Mapping[str, str]], *, memory_tight: bool = False
    ) -> None:
        """Remember how many segments of each sound the registered workers speak at once: the windows follow it.

        While the server's memory is tight they stay shut. `voices`, by sound: `model`, `model_digest`, `variant` and
        `voices` digest, for the job's record.
        """
        self._farm = _json({"slots": slots, "voices": voices, "memory_tight": memory_tight})

    def advance(self, job: str, pins: Pins, *, may_reap: bool = True) -> Outcome:
        """Do whatever this job needs now."""
        return self._run("advance", job, _json(asdict(pins)), int(may_reap))

    def claim(self, job: str, step: str, token: str, *, samples: str = "", graph: str = "") -> Claim:
        """Take a step, if it is there to take. `samples` and `graph`: those of the worker, as it registered them."""
        outcome = self._run("claim", job, step, token, samples, graph)
        status = cast("ClaimStatus", outcome.status)
        if not outcome.extra:
            return Claim(status=status, job=job, step=step, token=token)
        attempt, epoch, spec, request, model, fresh = outcome.extra
        try:
            to_speak = SegmentSpec.from_json(spec) if spec else None
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise self._give_up(job, f"its {step.replace(':', ' ')} lacks what there is to speak") from error
        return Claim(
            status=status,
            job=job,
            step=step,
            token=token,
            attempt=int(attempt),
            epoch=int(epoch),
            spec=to_speak,
            request=request.decode(),
            sound=outcome.sound,
            store=outcome.store,
            model=model.decode(),
            fresh=fresh == b"1",
        )

    def renew(self, claim: Claim) -> bool:
        """Keep a step; False: it is no longer ours."""
        return self._run("renew", claim.job, claim.step, claim.token).status == "ok"

    def tell_bound(self, claim: Claim, frames: int) -> bool:
        """Keep a bind, and say how many frames it has encoded so far, 0 when it begins; False: it is no longer ours."""
        return self._run("renew", claim.job, claim.step, claim.token, frames).status == "ok"

    def release(self, claim: Claim) -> None:
        """Give a step back unfinished: its lease ends now, and the next tick sends it again."""
        self._run("renew", claim.job, claim.step, claim.token, lease_ms=0)

    def extend(
        self, claim: Claim, specs: Iterable[SegmentSpec], *, first_index: int, document: DocumentFacts | None
    ) -> Outcome:
        """Hand over segments of the chapter that is being planned, the first of them with what the document is."""
        told = document.to_json() if document else ""
        return self._commit("extend", claim, told, first_index, *(spec.to_json() for spec in specs))

    def commit_plan(self, claim: Claim, chapter: ChapterPlan) -> Outcome:
        """The chapter is planned to its end; its first segment's number and their count are the ledger's to know."""
        return self._commit("commit_plan", claim, chapter.to_json())

    def commit_segment(self, claim: Claim, chunks: Iterable[Chunk], told: SegmentResult) -> Outcome:
        """Publish a segment's audio."""
        about = {name: getattr(told, name) for name in ("frames", "wall_ms", "audible", "worker", "source")}
        entries = [[part for field in encode(chunk).items() for part in field] for chunk in chunks]
        flat = (value for entry in entries for value in entry)
        return self._commit("commit_segment", claim, _json(about), _json(told.timings), len(entries[0]), *flat)

    def commit_part(self, claim: Claim) -> Outcome:
        """The part lies in the store."""
        return self._commit("commit_part", claim)

    def commit_bind(self, claim: Claim, result: Mapping[str, Any]) -> Outcome:
        """The finished file lies in the store."""
        return self._commit("commit_bind", claim, _json(result))

    def fail(self, claim: Claim, reason: str, *, final: bool, stop: bool = False) -> Outcome:
        """This process saw a step fail. Not final: it is tried again. Stop: the whole job fails with it."""
        return self._commit("fail", claim, reason, 0 if final else MAX_FAILURES, int(stop))

    def pause(self, claim: Claim, reason: str) -> Outcome:
        """The outside refuses, and would refuse the next step too: the job waits, says why, and goes on on resume."""
        return self._commit("pause", claim, reason)

    def _commit(self, script: str, claim: Claim, *rest: bytes | str | int) -> Outcome:
        return self._run(script, claim.job, claim.step, claim.token, claim.epoch, *rest)

    def _run(self, script: str, job: str, *rest: bytes | str | int, lease_ms: int | None = None) -> Outcome:
        arguments = [self._farm, self._lease_ms if lease_ms is None else lease_ms, *rest]
        try:
            status, sound, store, hints, extra = self._scripts[script](keys=list(JobKeys(job).all), args=arguments)
        except redis.ResponseError as error:
            if not damage.is_damage(error):
                raise
            raise self._give_up(job, damage.reason(self.redis, job, error)) from error
        if status == b"newer":
            raise _newer(job, *extra)
        pairs = (hint.decode().split(" ", 1) for hint in hints)
        return Outcome(
            job=job,
            status=_known(status.decode()),
            sound=sound.decode(),
            store=store.decode(),
            hints=tuple(Hint(queue=queue, step=step) for queue, step in pairs),
            extra=tuple(value if isinstance(value, bytes) else str(value).encode() for value in extra),
        )

    def _give_up(self, job: str, why: str) -> UnreadableJobError:
        """Set a job aside that cannot be worked with, so that it is met once. If its record is whole, it fails."""
        sentence, state = f"What the server holds of it is damaged: {why}. Submit it again with --fresh.", b""
        with suppress(redis.ResponseError):
            answer = self._scripts["give_up"](keys=list(JobKeys(job).all), args=[self._farm, self._lease_ms, sentence])
            state = answer[0]
        put_aside(self.redis, keys.ACTIVE, job.encode(), why)
        return UnreadableJobError.because(job, why, failed=state == State.FAILED.value.encode())


def _newer(job: str, what: bytes, version: bytes) -> NewerVersionError:
    known = RECORD_VERSION if what == b"record" else SPEC_VERSION
    return NewerVersionError.of(f"Job {job}", what.decode(), int(float(version)), known)


def _known(status: str) -> ClaimStatus | CommitStatus | JobStatus:
    if status not in _STATUSES:
        raise FarmError(f"The ledger answered {status!r}, which this release does not know: update Chorus.")
    return cast("ClaimStatus | CommitStatus | JobStatus", status)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
