"""Every error a user can meet, sorted by whose fault it is: the caller's, ours, or the outside's.

The message is the sentence the user reads: it names the file, field or value and says what to do.
"""

from typing import ClassVar


class ChorusError(Exception):
    """The root of the tree; `code` is stable, `status` hints at HTTP, `retry` says whether trying again helps."""

    code: ClassVar[str] = "chorus"
    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1


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
    """An option has a value we do not know: a voice, language, format, chapter or speed."""

    code = "option"


class SettingError(CallerError):
    """A `CHORUS_*` variable is unknown or has an impossible value."""

    code = "setting"


class ModelError(CallerError):
    """A model or voices file is missing, damaged, or not Kokoro's shape."""

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
    """Our side failed: a step broke, a file was damaged, a process died."""

    code = "farm"


class JobFailedError(FarmError):
    """The job ended in failure; its record says where."""

    code = "job-failed"


class AudioError(FarmError):
    """The engine returned something that is not speech: empty, silent, not finite, or of an impossible length."""

    code = "audio"


class BehindError(FarmError):
    """A reader asked for audio that was already freed; a finished file job can be saved instead."""

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
