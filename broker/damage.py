"""Tells a job whose keys are damaged from a server that refuses, and says what is wrong with the job.

A script reads one job's keys alone, so what it cannot read is that job's fault: other jobs go on. A server that has no
memory left, is a replica, or forbids a command would refuse every job, and no job is to blame for that.
"""

import re
from typing import Final

import redis

from chorus.checks import shown
from chorus.keys import JobKeys, kind_of
from chorus.record_access import of_another_type

_REFUSED: Final = re.compile(r"UNREADABLE (.*?)(?: script: .*)?$", re.DOTALL)
"""What a script of ours says itself. The server may add which script it was."""
_SERVERS_FAULT: Final = re.compile(
    r"OOM|READONLY|MISCONF|NOPERM|NOREPLICAS|LOADING|MASTERDOWN|BUSY|CLUSTERDOWN|ACL|permission|not allowed|can't run"
    r"|[Uu]nknown|killed|memory"
)
_IN_SCRIPT: Final = re.compile(r"user_script")
_TRAIL: Final = re.compile(r"^.*user_script: ?\d+: ?|\s*script: .*$", re.DOTALL)


def is_damage(error: "redis.ResponseError") -> bool:
    """Whether a script failed for what it found in the job's keys."""
    text = str(error)
    if _REFUSED.search(text) or of_another_type(error):
        return True
    # redis-py has classes of its own for most of what a server refuses.
    return type(error) is redis.ResponseError and bool(_IN_SCRIPT.search(text)) and not _SERVERS_FAULT.search(text)


def reason(connection: "redis.Redis", job: str, error: "redis.ResponseError") -> str:
    """What is wrong, as the middle of a sentence."""
    if told := _REFUSED.search(str(error)):
        return shown(told[1], 160)
    return _wrong_type(connection, job) or f"the ledger stumbled over it ({shown(_TRAIL.sub('', str(error)), 120)})"


def _wrong_type(connection: "redis.Redis", job: str) -> str:
    names = JobKeys(job).all
    with connection.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.type(name)
        kinds = [kind.decode() for kind in pipe.execute()]
    wrong = (
        f"its key {name} is a {kind} and no {kind_of(name)}"
        for name, kind in zip(names, kinds, strict=True)
        if kind not in ("none", kind_of(name))
    )
    return next(wrong, "")
