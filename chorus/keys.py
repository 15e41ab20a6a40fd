"""Every key Chorus keeps in Redis: its name, type, meaning and TTL. Pure: knows no connection.

All keys of a job share a hash tag, its id in braces, so that a Redis cluster keeps them together: `chorus:{a1}:stream`
for job a1. They share one TTL too: UNFINISHED_S until the job is finished, FINISHED_S afterwards.
"""

import re
from typing import Final

from chorus.errors import OptionError

UNFINISHED_S: Final = 30 * 24 * 3600
"""TTL of an unfinished job's keys."""
FINISHED_S: Final = 3600
"""TTL of a finished job's keys: time enough to fetch the result."""
GLOBAL_S: Final = UNFINISHED_S + 24 * 3600
"""TTL of the lists of jobs, renewed at every submit: longer than the longest-lived job they name."""
WORKER_S: Final = 10
"""TTL of a worker's registration, renewed by its heartbeat."""
PRIMER_S: Final = 300
"""How long a live job's first segment is kept after it was last spoken or used."""

INBOX: Final = "chorus:inbox"
"""List of job ids: "look at this job". TTL GLOBAL_S."""
JOBS: Final = "chorus:jobs"
"""Sorted set, job id to created ms: all known jobs. TTL GLOBAL_S."""
ACTIVE: Final = "chorus:active"
"""Sorted set, job id to created ms: the jobs that the reaper looks at. TTL GLOBAL_S."""
REAPER: Final = "chorus:reaper"
"""String: held by the one process that looks for expired leases. TTL: a few of its rounds."""
WORKERS: Final = "chorus:workers"
"""Sorted set, worker id to last seen ms. TTL GLOBAL_S."""
PRIMERS: Final = "chorus:primers"
"""Hash, digest of text, voice and model to the first segment of a live job, to be used again. TTL PRIMER_S."""
PRIMERS_USED: Final = "chorus:primers:used"
"""Sorted set, those digests to the time they were last spoken or used, in ms. TTL PRIMER_S."""
SET_ASIDE: Final = "chorus:set-aside"
"""Sorted set, what could not be read (JSON of chorus.set_aside.SetAsideEntry) to the time it was found, in ms; the
latest thousand. TTL GLOBAL_S."""
SET_ASIDE_TOTAL: Final = "chorus:set-aside:total"
"""String: how many entries were ever set aside. TTL GLOBAL_S."""
_WORKER: Final = "chorus:worker:"
_MOVED: Final = "chorus:set-aside:key:"

GLOBAL_KINDS: Final = {
    INBOX: "list", JOBS: "zset", ACTIVE: "zset", REAPER: "string", WORKERS: "zset", PRIMERS: "hash",
    PRIMERS_USED: "zset", SET_ASIDE: "zset", SET_ASIDE_TOTAL: "string",
}  # fmt: skip
"""The keys that belong to no job and no worker, with their Redis types."""
EVERY_RECORD: Final = "chorus:{*}:record"
"""The pattern of all jobs' records."""
_JOB_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_JOB_KEY: Final = re.compile(r"chorus:\{[A-Za-z0-9._-]{1,64}\}:([a-z]+)")


def worker(worker_id: str) -> str:
    """The key of a worker's registration: string, the JSON of chorus.records.Worker. TTL WORKER_S."""
    return _WORKER + worker_id


def moved(key: str) -> str:
    """Where one of GLOBAL_KINDS is moved if somebody wrote it with another Redis type: of any type. TTL GLOBAL_S."""
    return _MOVED + key.removeprefix("chorus:")


def is_moved(key: str) -> bool:
    """Whether this is such a key."""
    return key.startswith(_MOVED)


def is_job_id(job: str) -> bool:
    """Whether this may be a job's id."""
    # "." and ".." pass as characters but are folders.
    return bool(_JOB_ID.fullmatch(job) and job.strip("."))


def job_id_of(entry: bytes) -> str:
    """The job's id that an entry of a list of jobs is; empty if it is none."""
    text = entry.decode("ascii", "replace")
    return text if is_job_id(text) else ""


def check_job_id(job: str) -> str:
    """The id itself, or OptionError: it becomes part of key and file names."""
    if not is_job_id(job):
        raise OptionError(f"Job id {job!r} cannot be used: take 1 to 64 letters, digits, dots, dashes or underscores.")
    return job


class _Key:
    """One key of every job: its Redis type and its meaning. It is stored under the attribute's name, or under `stored`.

    Two keys keep the names they were first stored under, so that a job of an earlier release can go on.
    """

    def __init__(self, kind: str, meaning: str, *, stored: str = "") -> None:
        self.kind = kind
        self.meaning = meaning
        self.name = stored

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    def __get__(self, keys: "JobKeys", owner: type | None = None) -> str:
        return f"chorus:{{{keys.job}}}:{self.name}"


class JobKeys:
    """The keys of one job. Their order here is the order of KEYS in every Lua script that takes them all."""

    __slots__ = ("job",)

    record = _Key("hash", "The job: its request, state and progress. See chorus/records.py.")
    source = _Key("string", "The document's bytes, until it is planned.")
    cover = _Key("string", "The cover picture's bytes; absent without one.")
    steps = _Key("hash", "Step (`plan:k`, `segment:n`, `part:m`, `bind`) to its state's letter.")
    specs = _Key("hash", "Segment number to its spec as JSON: its text, phonemes and pause.")
    owners = _Key("hash", "Step to the token of the claim that holds it.")
    attempts = _Key("hash", "Step to how often it was claimed.")
    sends = _Key("hash", "Step to how often its hint was sent.")
    segment_leases = _Key("zset", "Segment steps sent or running, by deadline ms.", stored="flights")
    desk_leases = _Key("zset", "Plan, part and bind steps sent or running, by deadline ms.", stored="errands")
    stream = _Key("stream", "The audio: see chorus/wire.py.")
    entries = _Key("hash", "Segment to the ids of its stream entries.")
    parts = _Key("hash", "Part number to JSON: its chapter, its segments, how many of them are missing.")
    chapters = _Key("hash", "Chapter number to JSON: its title, segments, characters and digest.")
    readers = _Key("hash", "Listener to its cursor, JSON `segment` and `deadline_ms`.")

    def __init__(self, job: str) -> None:
        self.job = check_job_id(job)

    @property
    def all(self) -> tuple[str, ...]:
        """Every key, in the scripts' order."""
        return tuple(f"chorus:{{{self.job}}}:{name}" for name in _JOB_KINDS)

    @classmethod
    def attributes(cls) -> tuple[str, ...]:
        """The attributes' names, in the same order."""
        return tuple(name for name, key in vars(cls).items() if isinstance(key, _Key))


_JOB_KINDS: Final = {key.name: key.kind for key in vars(JobKeys).values() if isinstance(key, _Key)}


def kind_of(key: str) -> str:
    """The Redis type declared here for this key; empty for any other key."""
    if match := _JOB_KEY.fullmatch(key):
        return _JOB_KINDS.get(match[1], "")
    if key.startswith(_WORKER):
        return "string"
    return GLOBAL_KINDS.get(key, "")
