"""An attempt at a step: claim it, work, commit, or say that it failed. Knows nothing of what the steps do.

A Celery message is only a hint `(job, step)`; the ledger decides whether there is work. Results and failures are
sentences, because people read them in Flower.
"""

import logging
from collections.abc import Callable

import redis

from broker import worker_process
from broker.ledger import Claim, Outcome
from chorus.errors import CallerError, ChorusError, DiskError, FarmError

# A segment that kills its process does so to a child in the end. The desk has no child: were there no end to its
# attempts, one text that kills would keep every desk from working.
MAX_DESK_ATTEMPTS = 20

log = logging.getLogger(__name__)

Work = Callable[[Claim], tuple[Outcome, str]]
"""Does a claimed step and commits it; answers what the commit said, and what to say of it."""

UNCLAIMED = {
    "busy": "another attempt is at it",
    "done": "duplicate",
    "gone": "not wanted any more",
}


class StepFailedError(FarmError):
    """What Flower shows of a step that failed."""

    code = "step"


def attempt(job: str, step: str, lane: str, work: Work) -> str:
    """Take the step and do it. The claim waits for a free slot: what is claimed is being worked on."""
    here = worker_process.current()
    with here.free[lane]:
        claim = here.claim(job, step)
        if claim.status != "ok":
            return f"{told(step)}: {UNCLAIMED[claim.status]}"
        with here.holding(claim):
            return _do(here, claim, work)


def _do(here: worker_process.Process, claim: Claim, work: Work) -> str:
    if claim.attempt > MAX_DESK_ATTEMPTS and not claim.is_segment:
        ended = f"{MAX_DESK_ATTEMPTS} processes ended over {told(claim.step)}"
        reason = f"{ended}; `chorus retry {claim.job}` tries it again."
        raise _failed(here, claim, reason, hopeless=True)
    try:
        outcome, sentence = work(claim)
    except redis.RedisError:
        # Nothing can be told to a server that is away; the lease ends and the step is given on.
        raise
    except DiskError as error:
        # Nothing is wrong with the step, and the next one would meet the same disk.
        here.ledger.pause(claim, str(error))
        raise StepFailedError(f"{told(claim.step)}: {error} The job is paused.") from error
    except ChorusError as error:
        # The caller's mistakes do not go away by trying again, and concern all that would follow.
        raise _failed(here, claim, str(error), hopeless=isinstance(error, CallerError)) from error
    except Exception as error:
        # Whatever it was, the ledger must know, or the job would wait for ever.
        log.exception("%s of job %s", claim.step, claim.job)
        raise _failed(here, claim, f"{type(error).__name__}: {error}", hopeless=False) from error
    here.send(outcome)
    here.served += 1
    here.count()
    return f"{told(claim.step)}: {UNCLAIMED.get(outcome.status, sentence)}"


def _failed(here: worker_process.Process, claim: Claim, reason: str, *, hopeless: bool) -> StepFailedError:
    sentence = f"{told(claim.step)}: {reason}"
    # A job that fails as a whole says the reason alone; a segment's marker names its segment.
    outcome = here.send(here.ledger.fail(claim, reason if hopeless else sentence, final=hopeless, stop=hopeless))
    again = " It is tried again." if outcome.status == "again" else ""
    return StepFailedError(sentence + again)


def told(step: str) -> str:
    """A step as people call it: `segment 118`, `bind`."""
    return step.replace(":", " ")
