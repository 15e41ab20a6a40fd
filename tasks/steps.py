"""An attempt at a step: claim it, work, commit, or say that it failed. Knows nothing of what the steps do.

A Celery message is only a hint `(job, step)`; the ledger decides whether there is work. Results and failures are
sentences, because people read them in Flower.
"""

import logging
from collections.abc import Callable

import redis

from broker import process
from broker.ledger import Claim, Outcome
from chorus.errors import CallerError, ChorusError, DiskError, FarmError

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
    here = process.current()
    with here.free[lane]:
        claim = here.claim(job, step)
        if claim.status == "poison":
            died = f"{claim.attempt - 1} processes died over it"
            here.send(here.ledger.fail(claim, f"{told(step)}: {died}.", final=True))
            raise StepFailedError(f"{told(step)}: given up, {died}.")
        if claim.status != "ok":
            return f"{told(step)}: {UNCLAIMED[claim.status]}"
        with here.upkeep.holding(claim):
            return _do(here, claim, work)


def _do(here: process.Process, claim: Claim, work: Work) -> str:
    try:
        outcome, sentence = work(claim)
    except redis.RedisError:
        # Nothing can be told to a server that is away; the lease ends and the step is given on.
        raise
    except ChorusError as error:
        # The caller's mistakes and full disks do not go away by trying again, and concern all that would follow.
        raise _failed(here, claim, str(error), hopeless=isinstance(error, CallerError | DiskError)) from error
    except Exception as error:
        # Whatever it was, the ledger must know, or the job would wait for ever.
        log.exception("%s of job %s", claim.step, claim.job)
        raise _failed(here, claim, f"{type(error).__name__}: {error}", hopeless=False) from error
    here.send(outcome)
    here.served += 1
    return f"{told(claim.step)}: {sentence if outcome.status == 'ok' else UNCLAIMED[outcome.status]}"


def _failed(here: process.Process, claim: Claim, reason: str, *, hopeless: bool) -> StepFailedError:
    sentence = f"{told(claim.step)}: {reason}"
    # A job that fails as a whole says the reason alone; a segment's marker names its segment.
    outcome = here.send(here.ledger.fail(claim, reason if hopeless else sentence, final=hopeless, stop=hopeless))
    again = " It is tried again." if outcome.status == "again" else ""
    return StepFailedError(sentence + again)


def told(step: str) -> str:
    """A step as people call it: `segment 118`, `bind`."""
    return step.replace(":", " ")
