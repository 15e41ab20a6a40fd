"""Every error that Chorus raises, sorted by whose fault it is: the caller's, the farm's, or something outside.

The message is the sentence the user reads: it names the file, field or value and says what to do.
"""

from typing import ClassVar, Self


class ChorusError(Exception):
    """Any error of Chorus. `code` never changes, `status` suits HTTP, `retry` says whether trying again can help."""

    code: ClassVar[str] = "chorus"
    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1
    remedy: ClassVar[str] = ""
    """Ends each sentence of a kind whose remedy is always the same. Of the others, each sentence holds its own."""

    def __str__(self) -> str:
        said = super().__str__()
        return f"{said} {self.remedy}" if said and self.remedy else said


class CallerError(ChorusError):
    """The request cannot be served as it stands; changing it helps."""

    code = "request"
    status = 400
    exit_code = 2


class SourceError(CallerError):
    """A document cannot be read, or holds nothing to speak."""

    code = "source"
    status = 422


class OptionError(CallerError):
    """A wish, a priority or a want does not exist, or has an impossible value."""

    code = "option"


class SettingError(CallerError):
    """A `CHORUS_*` variable is unknown or has an impossible value."""

    code = "setting"


class ModelError(CallerError):
    """A model or voices file is missing, damaged, or not of Kokoro's shape."""

    code = "model"
    status = 422


class OutputError(CallerError):
    """The finished file cannot be written where it was asked for."""

    code = "output"


class UnknownJobError(CallerError):
    """No job has this id, or it has expired."""

    code = "unknown-job"
    status = 404


class ConflictError(CallerError):
    """The job id is taken by another request, or the job's state does not allow this."""

    code = "conflict"
    status = 409


class FarmError(ChorusError):
    """The farm failed: a step broke, a file was damaged, a process died."""

    code = "farm"


class UnreadableJobError(FarmError):
    """What the server holds of a job is nothing that any release of Chorus wrote."""

    code = "unreadable-job"
    why = "it cannot be read"
    """What is wrong with it, as a part of the sentence."""

    @classmethod
    def because(cls, job: str, why: str, *, failed: bool = False) -> Self:
        """The sentence for this job. `failed`: its record is whole, and says that it failed."""
        if failed:
            error = cls(f"Job {job} is damaged: {why}. Submit it again with --fresh.")
        else:
            error = cls(f"Job {job} cannot be read: {why}. `chorus reset --set-aside` removes it, with all its keys.")
        error.why = why
        return error


class NewerVersionError(FarmError):
    """A newer Chorus wrote this. It is neither guessed at nor deleted."""

    code = "newer-version"

    @classmethod
    def of(cls, what: str, kind: str, version: int, known: int) -> Self:
        """The sentence. `what`: whose it is, `Job a1`; `kind`: what has the version, `record`."""
        return cls(
            f"{what} was written by a newer Chorus ({kind} {version}, this one reads {known}): update Chorus here. "
            "Until then it is left alone."
        )


class JobFailedError(FarmError):
    """The job ended in failure; its record says why."""

    code = "job-failed"


class AudioError(FarmError):
    """The engine returned something that is not speech: empty, silent, not finite, or of an impossible length."""

    code = "audio"
    remedy = "Check the model by `chorus models verify`, or choose another."


class BehindError(FarmError):
    """A listener asked for audio that was freed already. If the job makes a file, that can be saved once it is done."""

    code = "behind"
    status = 410


class OutsideError(ChorusError):
    """Something outside refused: the server, the disk, the network."""

    code = "outside"
    status = 503
    retry = True


class ServerError(OutsideError):
    """Redis or Valkey does not answer, or refuses the password."""

    code = "server"


class DiskError(OutsideError):
    """The disk is full or refuses to write."""

    code = "disk"
    status = 507
