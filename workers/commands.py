"""The operator's commands, `bin/chorus` in a checkout: the client's, and those that run this machine's stack.

Parses, calls, prints. What is heavy to import is imported by the command that needs it.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from broker.settings import FarmSettings
from chorus import options
from chorus.client import Client
from chorus.commands import ClientCommands, client_commands, run
from chorus.terminal import clock, progress, tell

if TYPE_CHECKING:
    from workers.models import Model
    from workers.stack import StackStatus

RENDER: Final = "render"


def settings_for(url: str = "") -> FarmSettings:
    """The environment's settings; `--url` goes before CHORUS_URL."""
    settings = FarmSettings.load()
    return settings.model_copy(update={"url": url}) if url else settings


@contextmanager
def connect(url: str, *, work: bool) -> Iterator[Client]:
    """A client for the farm that is named, else for this machine's stack, which is started where work needs it."""
    from broker.embedded import locate  # noqa: PLC0415 - see above
    from chorus.errors import ServerError  # noqa: PLC0415
    from workers.stack import ensure  # noqa: PLC0415

    settings = settings_for(url)
    if settings.url:
        with Client(settings.url) as client:
            yield client
    elif work:
        with ensure(settings) as stack, Client(stack.url) as client:
            yield client
    elif own := locate(settings):
        with Client(own) as client:
            yield client
    else:
        raise ServerError("Nothing runs on this machine: `chorus up` starts the stack, `--url` names one elsewhere.")


class Program(typer.core.TyperGroup):
    """`chorus BOOK` means `chorus render BOOK`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """A first word that is no command but a file, or looks like one, is a book."""
        word = args[0] if args else ""
        if self.get_command(ctx, word) is None and (Path(word).exists() or Path(word).suffix or "/" in word):
            args = [RENDER, *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Program,
    name="chorus",
    help="Documents in, speech out, on a job queue. `chorus BOOK` renders a book.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="Kokoro's files on this machine.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(models_app, name="models")


@app.command(RENDER)
@app.command("convert", hidden=True)
def render(  # noqa: PLR0913 - a command line has as many options as it has
    sources: options.Sources,
    *,
    output: options.Output = None,
    form: Annotated[str, typer.Option("-f", "--format", help="wav, flac, mp3, opus or m4b.", show_default=False)] = "",
    voice: options.Voice = options.DEFAULT_VOICE,
    speed: options.Speed = 1.0,
    language: options.Language = "",
    chapters: options.Chapters = "",
    title: options.Title = "",
    author: options.Author = "",
    cover: options.Cover = None,
    on_error: options.OnFailure = "silence",
    fresh: options.Fresh = False,
    play: Annotated[bool, typer.Option("--play", help="Hear it while it is made.")] = False,
    as_json: options.AsJson = False,
    url: options.Url = "",
) -> None:
    """Turn documents into audiobooks. The same command again goes on where it was."""
    from chorus.languages import normalise  # noqa: PLC0415 - see above
    from workers import orders, playback, rendering  # noqa: PLC0415

    settings = settings_for(url)
    asked = orders.Options(
        output=output,
        format=options.as_format(form),
        voice=voice,
        speed=speed,
        language=normalise(language) if language else "",
        chapters=chapters,
        title=title,
        author=author,
        cover=cover,
        on_error=options.as_on_error(on_error),
    )
    found = orders.orders(sources, asked)
    rendering.render(
        found,
        settings,
        progress(as_json=as_json),
        fresh=fresh,
        choose=lambda: choose_model(settings, ask=not as_json),
        begun=playback.Playback(settings) if play else None,
    )


def choose_model(settings: FarmSettings, *, ask: bool) -> "Model":
    """This machine's model; a person at a terminal is asked once whether to fetch Kokoro."""
    from workers import models  # noqa: PLC0415 - see above

    person = ask and sys.stdin.isatty() and sys.stdout.isatty()
    with _download_bar() as show:
        return models.offer(settings, terminal=person, ask=typer.confirm, progress=show)


@app.command()
def inspect(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A document.", show_default=False)],
    *,
    voice: options.Voice = options.DEFAULT_VOICE,
    speed: options.Speed = 1.0,
    language: options.Language = "",
    chapters: options.Chapters = "",
    as_json: options.AsJson = False,
) -> None:
    """Show what a document holds: chapters, words, segments, how long it will last."""
    from chorus.languages import normalise  # noqa: PLC0415 - see above
    from chorus.request import Request  # noqa: PLC0415
    from tasks import documents  # noqa: PLC0415
    from tasks.documents.model import select  # noqa: PLC0415
    from tasks.plan import spoken_language  # noqa: PLC0415
    from workers import inspection, orders  # noqa: PLC0415

    asked = Request(name=source.name, voice=voice, speed=speed, language=normalise(language) if language else "")
    document = select(documents.read(orders.read_file(source), source.name), chapters)
    found = inspection.inspect(document, spoken_language(asked, document), speed)
    if as_json:
        tell(json.dumps(asdict(found), ensure_ascii=False))
        return
    table = Table("", "chapter", "words", "segments", "length", title=found.title, title_justify="left", box=None)
    for row in found.chapters:
        table.add_row(str(row.number), row.title, str(row.words), str(row.segments), clock(row.estimated_s))
    table.add_row("", "in all", str(found.words), str(found.segments), clock(found.estimated_s), style="bold")
    Console().print(table)
    if found.left_out:
        tell(f"Left out: {'; '.join(found.left_out)}.")


@app.command()
def up(*, flower: Annotated[bool, typer.Option("--flower", help="Flower too, on loopback.")] = False) -> None:
    """Start the stack of this machine and keep it warm until `down`."""
    from workers import stack  # noqa: PLC0415 - see above

    settings = settings_for()
    _print_status(stack.up(settings, flower=flower))
    if flower:
        tell(f"Flower: http://127.0.0.1:{settings.flower_port}")


@app.command()
def down() -> None:
    """Stop the stack of this machine. Jobs under way are kept."""
    from workers import stack  # noqa: PLC0415 - see above

    tell("Stopped." if stack.down(settings_for()) else "Nothing was running.")


@app.command()
def status(*, as_json: options.AsJson = False, url: options.Url = "") -> None:
    """Show what runs on this machine, and who works on the farm."""
    from workers import stack  # noqa: PLC0415 - see above

    settings = settings_for(url)
    found = stack.status(settings)
    workers = _workers(settings, found)
    if as_json:
        told = {**asdict(found), "workers": [asdict(worker) for worker in workers]}
        tell(json.dumps(told, ensure_ascii=False, default=str))
        return
    _print_status(found)
    for worker in workers:
        slots = ", ".join(f"{lane} {count}" for lane, count in worker.slots.items())
        tell(f"{worker.id}: {worker.model or 'desk'} · slots {slots} · {worker.served} steps done")
    if any(worker.stand_in for worker in workers):
        from workers.models import PULL  # noqa: PLC0415 - see above

        tell(f"The stand-in voice speaks: `{PULL}` fetches Kokoro's real one.")


def _workers(settings: FarmSettings, found: "StackStatus") -> list[Any]:
    from broker.embedded import locate  # noqa: PLC0415 - see above

    address = locate(settings) if found.server else None
    if address is None:
        return []
    with Client(address) as client:
        return client.workers()


def _print_status(found: "StackStatus") -> None:
    if found.trouble:
        tell(found.trouble)
    if found.server:
        tell(f"server: {found.server.version} at {found.server.address}")
    for one in found.processes:
        state = f"pid {one.pid}" if one.alive else f"down: {one.last_words}"
        tell(f"{one.name}: {state}" + (f", restarted {one.restarts} times" if one.restarts else ""))
    if not found.running:
        tell("Nothing runs here. `chorus up` starts the stack; `chorus render` starts and stops its own.")


@app.command()
def doctor(*, as_json: options.AsJson = False) -> None:
    """Say what is installed, reachable and missing, and what to do about it."""
    from workers.doctor import examine  # noqa: PLC0415 - see above

    well = True
    for finding in examine(settings_for()):
        well &= finding.well
        mark = "✓" if finding.well else "✗"
        tell(json.dumps(asdict(finding)) if as_json else f"{mark} {finding.what}: {finding.told}")
    if not well:
        raise typer.Exit(1)


@models_app.command("list")
def list_models() -> None:
    """The published models, and which one speaks here."""
    from workers import models  # noqa: PLC0415 - see above

    settings = settings_for()
    chosen = models.resolve(settings)
    tell(f"speaks here: {chosen.name} ({chosen.path})")
    for name, asset in models.MODELS.items():
        here = (models.models_folder(settings) / asset.file).exists()
        tell(f"{name}: {asset.size_bytes / 1e6:.0f} MB, {asset.licence}{', pulled' if here else ''}")


@models_app.command("pull")
def pull(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Default: kokoro-v1.0.", show_default=False)] = "",
) -> None:
    """Fetch Kokoro and its voices: resumable, verified, from CHORUS_MIRROR if that is set."""
    from workers import models  # noqa: PLC0415 - see above

    with _download_bar() as show:
        path = models.pull(settings_for(), name or models.DEFAULT, progress=show)
    tell(f"{path} is here and verified.")


@contextmanager
def _download_bar() -> Iterator[Any]:
    """A bar per file, on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        known: dict[str, Any] = {}

        def show(file: str, done: int, total: int) -> None:
            if file not in known:
                known[file] = bar.add_task(file, total=total)
            bar.update(known[file], completed=done)

        yield show


@app.command("voices")
def voices(*, as_json: options.AsJson = False, url: options.Url = "") -> None:
    """List the voices: of the farm that is named, else of this machine's model."""
    from workers import models, voicebank  # noqa: PLC0415 - see above

    settings = settings_for(url)
    if settings.url:
        ClientCommands(connect).voices(as_json=as_json, url=url)
        return
    model = models.resolve(settings)
    for name in voicebank.load(model.voices_path):
        tell(json.dumps({"voice": name, "models": [model.name]}) if as_json else name)


def main(arguments: Sequence[str] | None = None) -> None:
    """The `chorus` command of a checkout."""
    sys.exit(run(app, arguments))


client_commands(app, connect)

if __name__ == "__main__":
    main()
