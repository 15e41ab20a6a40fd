"""One attempt at a step: claim it, do it, commit it, or report its failure. Knows nothing of what a step does.

A Celery message is only a hint `(job, step)`; the ledger decides whether there is work. Results and failures are
sentences, because people read them in Flower.
"""

import logging
from collections.abc import Callable

import redis

from broker import worker_process
from broker.ledger import Claim, Outcome
from chorus.errors import CallerError, ChorusError, DiskError, FarmError, NewerVersionError, UnreadableJobError

# A segment that kills its process is spoken in a child process after two attempts. A desk's step has no child:
# without a limit, one text that kills its process would kill every desk, again and again.
MAX_DESK_ATTEMPTS = 20

log = logging.getLogger(__name__)

Work = Callable[[Claim], tuple[Outcome, str]]
"""Does a claimed step and commits it. Returns the commit's outcome and a sentence about the work."""

UNCLAIMED = {
    "busy": "another attempt is working on it",
    "done": "duplicate",
    "gone": "no longer wanted",
    "unlike": "left to a worker with the samples that the job began with",
}


class StepFailedError(FarmError):
    """A step failed; Flower shows the message."""

    code = "step"


def attempt(job: str, step: str, lane: str, work: Work) -> str:
    """Wait for a free slot, claim the step and do it. A step is never claimed before it can be started."""
    here = worker_process.current()
    with here.free[lane]:
        try:
            claim = here.claim(job, step)
        except (UnreadableJobError, NewerVersionError) as error:
            return f"{step_in_words(step)}: {error}"
        if claim.status != "ok":
            return f"{step_in_words(step)}: {UNCLAIMED[claim.status]}"
        with here.holding(claim):
            return _do(here, claim, work)


def _do(here: worker_process.Process, claim: Claim, work: Work) -> str:
    if claim.attempt > MAX_DESK_ATTEMPTS and not claim.is_segment:
        died = f"{MAX_DESK_ATTEMPTS} attempts at {step_in_words(claim.step)} ended with their process"
        reason = f"{died}: `chorus retry {claim.job}` tries again."
        raise _failed(here, claim, reason, hopeless=True)
    try:
        outcome, sentence = work(claim)
    except redis.RedisError:
        # The failure cannot be reported to a server that is away. The lease expires, and the step is dispatched again.
        raise
    except DiskError as error:
        # The step itself is sound, and the next one would fail on the same disk.
        here.ledger.pause(claim, str(error))
        raise StepFailedError(f"{step_in_words(claim.step)}: {error} The job is paused.") from error
    except (UnreadableJobError, NewerVersionError) as error:
        # The ledger knows: it was asked for this job, and refused.
        raise StepFailedError(f"{step_in_words(claim.step)}: {error}") from error
    except ChorusError as error:
        # A retry does not correct the caller's mistake, and every later step would fail in the same way.
        raise _failed(here, claim, str(error), hopeless=isinstance(error, CallerError)) from error
    except Exception as error:
        # The ledger must learn of every failure, or the job would wait for ever.
        log.exception("%s of job %s", claim.step, claim.job)
        raise _failed(here, claim, f"{type(error).__name__}: {error}", hopeless=False) from error
    here.send(outcome)
    here.served += 1
    here.count()
    return f"{step_in_words(claim.step)}: {UNCLAIMED.get(outcome.status, sentence)}"


def _failed(here: worker_process.Process, claim: Claim, reason: str, *, hopeless: bool) -> StepFailedError:
    sentence = f"{step_in_words(claim.step)}: {reason}"
    # A job that fails as a whole shows the reason alone; a segment's failure marker names the segment as well.
    outcome = here.send(here.ledger.fail(claim, reason if hopeless else sentence, final=hopeless, stop=hopeless))
    again = " Chorus tries it again." if outcome.status == "again" else ""
    return StepFailedError(sentence + again)


def step_in_words(step: str) -> str:
    """A step as a person would write it: `segment 118`, `bind`."""
    return step.replace(":", " ")
