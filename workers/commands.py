"""The program of a checkout, `bin/chorus`: the client's commands and the operator's.

It parses, calls and prints, and does no work itself. A command imports what is slow to import.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from broker.settings import FarmSettings
from chorus import options, standing_in
from chorus.client import Client
from chorus.command_line import Commands, is_document, new_program, run
from chorus.commands import OPERATOR, ClientCommands, client_commands
from chorus.input_file import is_folder
from chorus.job_view import clock
from chorus.request import Wishes
from chorus.screen_text import printable
from chorus.states import State
from chorus.terminal import complain, progress, tell
from workers.cli import explaining, machine_commands, model_commands, status_commands
from workers.cli.model_commands import StandIn, choose_model, tell_of_preparing

if TYPE_CHECKING:
    from tasks.inspection import Inspection

RENDER: Final = "render"


@contextmanager
def connect(url: str, *, work: bool) -> Iterator[Client]:
    """A client for the farm that is named, else for this machine's stack, which is started if the command needs it."""
    from broker.embedded import locate  # noqa: PLC0415 - see above
    from chorus.errors import ServerError  # noqa: PLC0415
    from chorus.stack_address import NOTHING_RUNS  # noqa: PLC0415
    from workers.stack.stack import ensure  # noqa: PLC0415

    settings = FarmSettings.load(url=url)
    if settings.url:
        with Client(settings.url) as client:
            yield client
    elif work:
        if not locate(settings):
            choose_model(settings)
        tell_of_preparing(settings)
        with ensure(settings) as stack, Client(stack.url) as client:
            yield client
            if not stack.run.keep.exists():
                _tell_of_waiting(client)
    elif own := locate(settings):
        with Client(own) as client:
            yield client
    else:
        raise ServerError(NOTHING_RUNS)


def _tell_of_waiting(client: Client) -> None:
    """Say that jobs are left to do, since the stack that this command started ends with it."""
    waiting = [record for record in client.jobs() if not record.finished and record.state is not State.PAUSED]
    if waiting:
        jobs = f"Job {waiting[0].job} waits" if len(waiting) == 1 else f"{len(waiting)} jobs wait"
        complain(f"{jobs} until the stack runs: `chorus up` keeps it running.")


class CommandGroup(Commands):
    """`chorus BOOK` means `chorus render BOOK`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Take a first word that is no command, but is a file or looks like one, for a book."""
        word = args[0] if args else ""
        if self.get_command(ctx, word) is None and (word == "-" or is_document(word)):
            args = [RENDER, *args]
        return super().resolve_command(ctx, args)


app = new_program("Documents in, speech out, on a job queue. `chorus BOOK` renders a book.", CommandGroup)


@options.with_wishes("text", "document", "file")
def render(  # noqa: PLR0913 - a command line has as many options as it has
    sources: options.Sources,
    *,
    output: options.Output = None,
    wishes: Wishes,
    cover: options.Cover = None,
    one_book: options.OneBook = False,
    priority: options.Urgency = "normal",
    fresh: options.Fresh = False,
    captions: Annotated[
        str, typer.Option("--captions", metavar="srt|vtt", help="Write captions beside the file.", show_default=False)
    ] = "",
    play: Annotated[bool, typer.Option("--play", help="Play it while it is made.")] = False,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="Do not ask, however long a folder's audio will be.")
    ] = False,
    as_json: options.AsJson = False,
    stand_in: StandIn = False,
    url: options.Url = "",
) -> None:
    """Turn documents into audiobooks. The same command again goes on where it stopped."""
    from tasks.parts import playback  # noqa: PLC0415 - see above
    from workers.cli import announcing, render_requests, rendering  # noqa: PLC0415

    settings = model_commands.with_stand_in(FarmSettings.load(url=url), stand_in=stand_in)
    asked = render_requests.Options(
        output=output,
        wishes=wishes,
        cover=cover,
        one_book=one_book,
        priority=options.as_priority(priority),
        captions=captions,
    )
    rendering.render(
        render_requests.checked_requests(sources, asked),
        settings,
        progress(as_json=as_json),
        fresh=fresh,
        choose=lambda: choose_model(settings),
        audience=playback.Playback(settings) if play else None,
        announce=announcing.Announcement(
            folders=[source for source in sources if is_folder(source)],
            ask=_go_on if _at_terminal() and not yes and not as_json else None,
        ),
    )


def _at_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _go_on(question: str) -> None:
    """Ask; a no ends the command."""
    if not typer.confirm(question):
        tell("Nothing was rendered.")
        raise typer.Exit(1)


@options.with_wishes("text", "document")
def inspect(
    sources: options.Sources,
    *,
    wishes: Wishes,
    one_book: options.OneBook = False,
    as_json: options.AsJson = False,
) -> None:
    """Show what is in documents. Chapters, words, segments, how long they will last, what is left out and why."""
    from chorus.sources import sources as named  # noqa: PLC0415 - see above
    from tasks import inspection  # noqa: PLC0415
    from workers.cli import render_requests  # noqa: PLC0415

    for source in named(list(render_requests.files(sources)), one_book=one_book):
        found = inspection.inspect_source(source, wishes)
        if as_json:
            tell(json.dumps(asdict(found), ensure_ascii=False))
        else:
            _show(found)


def _show(found: "Inspection") -> None:
    title = Text(printable(found.title))
    table = Table("", "chapter", "words", "segments", "length", title=title, title_justify="left", box=None)
    for row in found.chapters:
        chapter = Text(printable(row.title))
        table.add_row(str(row.number), chapter, str(row.words), str(row.segments), clock(row.estimated_s))
    table.add_row("", "in all", str(found.words), str(found.segments), clock(found.estimated_s), style="bold")
    Console(emoji=False, highlight=False).print(table)
    for left_out in found.left_out:
        tell(f"Left out: {left_out}")


_FUNCTIONS: Final[Mapping[str, Callable[..., None]]] = {
    **{
        command.__name__: command
        for command in (
            render, inspect, *machine_commands.COMMANDS, *status_commands.COMMANDS, model_commands.optimize,
            explaining.phonemize,
        )
    },
    "convert": render,
}  # fmt: skip
_GROUPS: Final = {"models": model_commands.models_app}
for name in OPERATOR:
    if name in _GROUPS:
        app.add_typer(_GROUPS[name], name=name)
    else:
        app.command(name, hidden=name == "convert")(_FUNCTIONS[name])
client_commands(app, connect)


# After the client's own, which it stands for here.
@app.command("voices")
def voices(*, as_json: options.AsJson = False, url: options.Url = "") -> None:
    """List the voices. Those of the farm that --url or CHORUS_URL names, else those of this machine's model."""
    from workers.models import resolving, voicebank  # noqa: PLC0415 - see above

    settings = FarmSettings.load(url=url)
    if settings.url:
        ClientCommands(connect).voices(as_json=as_json, url=url)
        return
    model = resolving.resolve(settings)
    for name in voicebank.load(model.voices_path):
        tell(json.dumps({"voice": name, "models": [model.name]}) if as_json else name)
    if model.stand_in:
        complain(f"these are the {standing_in.NAME}'s; `{standing_in.PULL}` fetches Kokoro's real ones.")
        complain(standing_in.LANGUAGES)


def main(arguments: Sequence[str] | None = None) -> None:
    """The `chorus` command of a checkout."""
    sys.exit(run(app, arguments))


if __name__ == "__main__":
    main()
