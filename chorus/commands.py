"""The client's commands: they ask the farm and print its answers. They know nothing of how a job is done.

The program of a checkout mounts the same commands with its own `Connect`, which starts what is missing.
"""

import json
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import typer

from chorus import options, stack_address, standing_in
from chorus.client import Client
from chorus.command_line import Commands, is_document, new_program, run
from chorus.errors import CallerError, FarmError, JobFailedError, OptionError
from chorus.files import check_output
from chorus.input_file import is_folder
from chorus.job_view import table
from chorus.records import JobRecord
from chorus.request import Wishes
from chorus.settings import ClientSettings
from chorus.sources import read_text
from chorus.sources import sources as sources_of
from chorus.speak import SpeechRequest
from chorus.speak import speak as say_aloud
from chorus.states import State, Want
from chorus.submission import MAX_SOURCE_BYTES, Terms
from chorus.terminal import STAND_IN, complain, made, progress, tell, warn_of_stand_in, width

OPERATOR: Final = (
    "render", "convert", "inspect", "up", "down", "reset", "clean", "doctor", "demo", "status", "metrics", "optimize",
    "models", "phonemize",
)  # fmt: skip
"""The commands that only a checkout has, in the order of its help: workers/commands.py mounts exactly these."""


class Connect(Protocol):
    """How a command gets its client."""

    def __call__(self, url: str, *, work: bool) -> AbstractContextManager[Client]:
        """A client for the farm at `url`, else at the usual address. `work`: the command needs running workers."""
        ...


def connect_to_farm(url: str, *, work: bool) -> Client:  # noqa: ARG001 -- a client alone cannot start a farm
    """A client for a farm that runs already."""
    return Client(url or None)


class ClientCommands:
    """The commands, with one way to connect."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def mount(self, app: typer.Typer) -> None:
        """Add them to this program."""
        commands: tuple[Callable[..., None], ...] = (
            self.submit, self.follow, self.jobs, self.pause, self.resume, self.cancel, self.retry, self.save, self.say,
            self.voices, self.url,
        )  # fmt: skip
        for command in commands:
            app.command()(command)

    @options.with_wishes("text", "document", "file", format="m4b")
    def submit(  # noqa: PLR0913 -- a command line has as many options as it has
        self,
        sources: options.Sources,
        *,
        wishes: Wishes,
        cover: options.Cover = None,
        one_book: options.OneBook = False,
        priority: options.Urgency = "normal",
        job: Annotated[
            str, typer.Option("--job", metavar="ID", help="The job's id. Default: a new one.", show_default=False)
        ] = "",
        fresh: options.Fresh = False,
        as_json: options.AsJson = False,
        url: options.Url = "",
    ) -> None:
        """Hand documents to the farm and print their jobs' ids."""
        named = sources_of(sources, one_book=one_book)
        if job and len(named) > 1:
            raise OptionError(f"--job {job} names one job, but {len(named)} documents were given: submit them singly.")
        terms = Terms(priority=options.as_priority(priority))
        with self._connect(url, work=True) as client:
            for source in named:
                wishes["name"] = source.name
                record = client.submit(source.given(), job=job or None, cover=cover, fresh=fresh, terms=terms, **wishes)
                tell(record.to_json() if as_json else record.job)

    def follow(self, job: options.Job, *, as_json: options.AsJson = False, url: options.Url = "") -> None:
        """Show a job's progress until it is finished."""
        with self._connect(url, work=True) as client, progress(as_json=as_json) as shown:
            job = client.find(job)
            for record in client.watch(job):
                shown.show(record)
            _check_done(record)
            warn_of_stand_in(record, client.workers())
            counts = {"frames": record.frames, "failed": record.segments_failed, "cached": record.segments_cached}
            shown.result({"job": job, **counts}, made(record))

    def jobs(
        self,
        *,
        page: Annotated[
            int,
            typer.Option(
                "--page",
                metavar="NUMBER",
                help="Which page of fifty jobs, the newest first.",
                parser=options.whole_number("--page", 1, 1_000_000),
            ),
        ] = 1,
        as_json: options.AsJson = False,
        url: options.Url = "",
    ) -> None:
        """List the jobs."""
        with self._connect(url, work=False) as client:
            records, now_ms = client.jobs(page - 1), client.now_ms()
        lines = [record.to_json() for record in records] if as_json else table(records, now_ms, width())
        for line in lines:
            tell(line)
        if not records and not as_json:
            tell("No jobs.")

    def pause(self, job: options.Job, *, url: options.Url = "") -> None:
        """Pause a job. What is being spoken is finished; nothing new is begun until the job is resumed."""
        self._want(job, "paused", url, "will pause: what is being spoken is finished first")

    def resume(self, job: options.Job, *, url: options.Url = "") -> None:
        """Go on with a paused job."""
        self._want(job, "running", url, "goes on", work=True)

    def cancel(self, job: options.Job, *, url: options.Url = "") -> None:
        """End a job for good."""
        self._want(job, "cancelled", url, "is cancelled")

    def retry(self, job: options.Job, *, url: options.Url = "") -> None:
        """Speak a job's failed segments again, and nothing else."""
        self._want(job, "retry", url, "tries again what failed", work=True)

    def save(
        self,
        job: options.Job,
        *,
        output: options.Output = None,
        url: options.Url = "",
    ) -> None:
        """Fetch a job's finished file. The audio of a job without one is written as WAV."""
        if output is not None and not is_folder(output):
            check_output(output)
        with self._connect(url, work=False) as client:
            tell(str(client.save(client.find(job), output or Path())))

    @options.with_wishes("text")
    def say(
        self,
        text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say; `-` reads it from standard input.")],
        *,
        output: Annotated[
            Path | None,
            typer.Option(
                "-o",
                "--output",
                metavar="FILE",
                help="The file to write; `-` is standard output.",
                show_default=False,
                parser=options.path("--output"),
            ),
        ] = None,
        wishes: Wishes,
        lead_ms: options.LeadMs = None,
        url: options.Url = "",
    ) -> None:
        """Speak a text now. On the loudspeaker, into `-o FILE`, or as a WAV stream to `-o -`."""
        speech = SpeechRequest(
            text=read_text(MAX_SOURCE_BYTES) if text == "-" else text,
            wishes=wishes,
            output=output,
            lead_ms=lead_ms,
        )
        say_aloud(speech, lambda: self._connect(url, work=True))

    def voices(self, *, as_json: options.AsJson = False, url: options.Url = "") -> None:
        """List the voices that the farm's workers can speak with."""
        with self._connect(url, work=False) as client:
            found, workers = client.voices(), client.workers()
        if not found:
            raise FarmError(
                "No voice worker is registered: start one with `celery -A workers.voice worker` in a checkout."
            )
        for name, models in found.items():
            tell(json.dumps({"voice": name, "models": models}) if as_json else name)
        if any(worker.stand_in for worker in workers):
            complain(STAND_IN)
            complain(standing_in.LANGUAGES)

    def url(self, *, url: options.Url = "") -> None:
        """Print the server's address, with its password. For `export CHORUS_URL=$(chorus url)`."""
        found = stack_address.address(ClientSettings.load(url=url))
        with Client(found) as client:
            client.ping()
        tell(found)

    def _want(self, job: str, want: Want, url: str, sentence: str, *, work: bool = False) -> None:
        with self._connect(url, work=work) as client:
            record = client.want(client.find(job), want)
        tell(f"Job {record.job} {sentence}.")


def client_commands(app: typer.Typer, connect: Connect = connect_to_farm) -> None:
    """Add the client's commands to a program."""
    ClientCommands(connect).mount(app)


def _check_done(record: JobRecord) -> None:
    if record.refused:
        raise JobFailedError(f"Job {record.job} was refused: {record.error} Correct that, and submit it again.")
    if record.state is State.FAILED:
        raise JobFailedError(f"Job {record.job} failed: {record.error} `chorus retry {record.job}` goes on from there.")
    if record.state is State.CANCELLED:
        raise JobFailedError(f"Job {record.job} was cancelled: submit it again with --fresh.")


def _needs_a_checkout(context: typer.Context) -> None:
    """Says where the operator's commands are."""
    name = context.info_name
    raise CallerError(f"`{name}` needs a checkout of Chorus, not the package alone: there it is `./bin/chorus {name}`.")


class PackageCommands(Commands):
    """A document is no command here: it is for a farm."""

    def no_command(self, ctx: Any, word: str) -> str:
        """The sentence for a word that is no command."""
        if not is_document(word):
            return super().no_command(ctx, word)
        return f"{word!r} is no command: `chorus submit {shlex.quote(word)}` hands the document to a farm."


def program() -> typer.Typer:
    """The program of the package."""
    app = new_program("Documents in, speech out, on a farm of workers.", PackageCommands)
    client_commands(app)
    ignoring = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    for name in OPERATOR:
        app.command(name, hidden=True, context_settings=ignoring)(_needs_a_checkout)
    return app


def main() -> None:
    """The `chorus` command."""
    sys.exit(run(program()))
