"""What clients read from Redis, parsed: a job's record and a worker's registration. Knows no connection.

chorus/states.py has the states and what leads from one to another.
A worker whose store is full or away pauses the job too; then `waiting` says why. What is asked for stands in the
record's `want` until a worker has applied it; a job with a pending want is not finished.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Self

from chorus.checks import Damage, check_worker_field, count_of, is_unicode, mapping_of, shown
from chorus.errors import NewerVersionError, UnreadableJobError
from chorus.request import PRIORITIES, Request
from chorus.states import OVER, Condition, State, Want, next_state

RECORD_VERSION: Final = 1
"""Of a job's record and its other keys, as this release writes them. A record that names none is of version 1."""
WORKER_VERSION: Final = 1
"""Of a worker's registration, likewise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The finished file of a job that was asked for one."""

    path: str
    """Where it lies, on the machine of its store."""
    store: str
    """The id of the store that holds it."""
    host: str
    """The machine that bound it."""
    size_bytes: int
    frames: int
    """Samples of audio at 24 kHz."""
    format: str

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The result in a job record, where the size stands as `bytes`."""
        told = json.loads(text)
        names = ("path", "store", "host", "frames", "format")
        return cls(size_bytes=told["bytes"], **{name: told[name] for name in names})


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRecord:
    """A job as its record stood when it was read."""

    job: str
    state: State
    want: str = ""
    """What was asked for and not yet applied: `running`, `paused`, `cancelled`, `retry`, `fresh`, or nothing."""
    epoch: int = 1
    """Which run this is: a fresh submit begins the next."""
    request: Request
    digest: str
    """Of request, source and cover: the same id with another digest is a conflict."""
    store: str = ""
    """The id of the store that keeps parts and result."""
    sound: str = ""
    """The model variant the job is pinned to."""
    model: str = ""
    """That model's name for people."""
    model_digest: str = ""
    model_source: str = ""
    """Its licence, and what is known of where its file comes from."""
    variant: str = ""
    """Which of the model's graphs the farm spoke with when the job began, and why."""
    voices: str = ""
    """The digest of the voices file."""
    priority: str = "normal"
    """Its share of the farm among other jobs: `low`, `normal` or `high`."""
    created_ms: int
    started_ms: int | None = None
    running_since_ms: int | None = None
    """When it last began to run, at its start or after a pause."""
    active_ms: int = 0
    """How long it had been running before that."""
    finished_ms: int | None = None
    first_chunk_ms: int | None = None
    """From creation to the first audio of any kind; None until it is known."""
    first_audio_ms: int | None = None
    """The same to the first that is not silence."""
    first_audio_from: str = ""
    """Where that came from: `cold` and `warm` workers speak, `cache` and `primer` were spoken before."""
    chapters_total: int = 0
    chapters_planned: int = 0
    chapters_done: int = 0
    """Chapters whose segments, and those of every chapter before them, are spoken or given up."""
    segments_planned: int = 0
    segments_done: int = 0
    segments_failed: int = 0
    segments_cached: int = 0
    """Of those done: spoken before, by whatever job, and not again."""
    parts_total: int = 0
    parts_done: int = 0
    frames: int = 0
    """Samples of audio published so far."""
    frames_held: int = 0
    """Those of them that are still in Redis: until they are stored, or while somebody may want to hear them."""
    frames_cached: int = 0
    """Of all of them: not spoken again."""
    bound_frames: int = 0
    """Of all of them: encoded into the finished file so far."""
    bind_started_ms: int | None = None
    """When that began."""
    audio_wall_ms: int = 0
    """Time spent speaking them, summed over all workers."""
    characters: int = 0
    """Characters of the source spoken so far."""
    characters_total: int = 0
    g2p_us: int = 0
    """Time spent turning its text into phonemes, in microseconds."""
    spoken_by: Mapping[str, int] = field(default_factory=dict)
    """Segments spoken, by worker id."""
    title: str = ""
    author: str = ""
    series: str = ""
    """As in `Discworld #3`."""
    language: str = ""
    error: str = ""
    """Why it failed, as a sentence."""
    waiting: str = ""
    """Why nothing moves, as a sentence; empty while something does."""
    result: Result | None = None

    @property
    def finished(self) -> bool:
        """Whether it is over and nothing else was asked for."""
        return self.state in OVER and not self.want

    @property
    def planned(self) -> bool:
        """Whether every chapter is cut, so that `segments_planned` is final."""
        return 0 < self.chapters_total <= self.chapters_planned

    @property
    def refused(self) -> bool:
        """Whether it was refused when it was submitted: there is nothing to retry, it can only be submitted again."""
        return self.state is State.FAILED and not self.digest

    def may(self, want: Want) -> bool:
        """Whether the state allows this to be asked for."""
        conditions: tuple[tuple[Condition, object], ...] = (
            ("begun", self.started_ms), ("missing", self.segments_failed),
        )  # fmt: skip
        return next_state(self.state, want, [name for name, holds in conditions if holds]) is not None

    def to_json(self) -> str:
        """One line, for people's programs."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_fields(cls, job: str, record: Mapping[bytes, bytes]) -> Self:
        """The view of a record hash; UnreadableJobError or NewerVersionError, which name the job.

        It must hold at least what `submit` writes. Only what nothing depends on may be damaged: it is left out.
        """
        text = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in record.items()}
        try:
            check_version(job, text.get("version", ""))
            return cls(
                job=job,
                state=_state(text),
                want=text.get("want", ""),
                request=_request(text),
                spoken_by={name.removeprefix(_BY): count_of(text, name) for name in text if name.startswith(_BY)},
                priority=text["priority"] if text.get("priority") in PRIORITIES else "normal",
                result=_result(text),
                **_document(text),
                **_plain_fields(text),
            )
        except Damage as damage:
            raise UnreadableJobError.because(job, str(damage)) from damage


def check_version(job: str, version: str) -> None:
    """NewerVersionError if a job's record is of a later version than this release reads."""
    number = count_of({"version": version}, "version")
    if number > RECORD_VERSION:
        raise NewerVersionError.of(f"Job {job}", "record", number, RECORD_VERSION)


_BY = "spoken_by:"
_TEXTS = (
    "digest", "store", "sound", "model", "model_digest", "model_source", "variant", "voices", "error", "waiting",
    "first_audio_from",
)  # fmt: skip
_TIMES = ("started_ms", "finished_ms", "first_chunk_ms", "first_audio_ms", "running_since_ms", "bind_started_ms")
_COUNTS = (
    "epoch", "created_ms", "chapters_total", "chapters_planned", "chapters_done", "segments_planned", "segments_done",
    "segments_failed", "segments_cached", "parts_total", "parts_done", "frames", "frames_held", "frames_cached",
    "bound_frames", "active_ms", "audio_wall_ms", "characters", "characters_total", "g2p_us",
)  # fmt: skip


def _plain_fields(text: Mapping[str, str]) -> dict[str, Any]:
    counts = {name: count_of(text, name) for name in _COUNTS}
    times = {name: count_of(text, name) for name in _TIMES if text.get(name)}
    return {**counts, **times, **{name: text.get(name, "") for name in _TEXTS}}


def _state(text: Mapping[str, str]) -> State:
    if "state" not in text:
        raise Damage("its record has no state")
    try:
        return State(text["state"])
    except ValueError:
        raise Damage.of("its state", text["state"]) from None


def _request(text: Mapping[str, str]) -> Request:
    if "request" not in text:
        raise Damage("its record has no request")
    mapping_of("its request", text["request"])
    request = Request.from_record(text["request"])
    if "\\ud" in text["request"].lower() and not is_unicode(request.to_json()):
        raise Damage("its request is no Unicode")
    return request


def _result(text: Mapping[str, str]) -> Result | None:
    try:
        return Result.from_json(text["result"]) if text.get("result") else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _document(text: Mapping[str, str]) -> dict[str, Any]:
    try:
        document = mapping_of("its document", text.get("document") or "{}")
    except Damage:
        document = {}
    return {name: str(document.get(name) or "") for name in ("title", "author", "series", "language")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """One worker process as it registered itself at its last heartbeat."""

    id: str
    host: str
    pid: int
    role: str
    """`voice` speaks; `desk` plans, stores and binds."""
    sound: str = ""
    """The model variant it serves; empty for a desk."""
    model: str = ""
    model_digest: str = ""
    voices_digest: str = ""
    stand_in: bool = False
    """Whether its model is the stand-in voice."""
    variant: str = ""
    """Which of the model's graphs it has loaded: `raw` for the file as it is, `original`, `fast`, a lossy one."""
    variant_why: str = ""
    """Why, with its numbers."""
    samples: str = ""
    """Workers with the same value speak the same samples; empty while that may still change, or where they differ."""
    model_source: str = ""
    """Its licence, and what is known of where its file comes from."""
    slots: Mapping[str, int] = field(default_factory=dict)
    """Segments spoken at once, by lane."""
    voices: tuple[str, ...] = ()
    store: str = ""
    """The id of the store it opens."""
    started_ms: int = 0
    served: int = 0
    """Steps done since it started."""
    counters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What it counted since it started: of `cache` and `primer` or of `phonemes`, by name."""
    tagger: str = ""
    """What tells English nouns from verbs at this desk, with its version."""
    seen_ms: int = 0
    """Its last heartbeat, by the server's clock."""

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The view of a registration; what a newer worker adds is passed over.

        NewerVersionError for one of a later version, Damage for what no worker wrote.
        """
        told = mapping_of("it", text)
        version = told.get("version", 1)
        if isinstance(version, int) and version > WORKER_VERSION:
            raise NewerVersionError.of(f"Worker {shown(str(told.get('id')))}", "registration", version, WORKER_VERSION)
        known = {one.name: told[one.name] for one in fields(cls) if one.name in told}
        for name, value in known.items():
            check_worker_field(name, value)
        try:
            return cls(**{**known, "voices": tuple(told.get("voices", ()))})
        except TypeError as error:
            raise Damage("it lacks its id, host, process or role") from error

    def to_json(self) -> str:
        """As `chorus:worker:<id>` holds it."""
        return json.dumps(asdict(self), ensure_ascii=False)
