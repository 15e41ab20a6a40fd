"""`chorus models …` and `chorus optimize`: Kokoro's files on this machine, and the graphs made from them.

Parses, calls, prints. What is heavy to import is imported by the command that needs it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from broker.settings import FarmSettings
from chorus import options, standing_in
from chorus.errors import ChorusError
from chorus.terminal import complain, tell

if TYPE_CHECKING:
    from workers.models.resolving import Model

StandIn = Annotated[
    bool, typer.Option("--stand-in", help="Speak with the stand-in voice, and fetch nothing.", show_default=False)
]

models_app = typer.Typer(help="List, fetch, check and choose Kokoro's model files.", rich_markup_mode=None)


def with_stand_in(settings: FarmSettings, *, stand_in: bool) -> FarmSettings:
    """These settings, speaking with the stand-in voice if that was asked for."""
    from workers import standin  # noqa: PLC0415 - see above

    return settings.model_copy(update={"model": standin.MODEL, "voices": standin.VOICES}) if stand_in else settings


def choose_model(settings: FarmSettings) -> "Model":
    """This machine's model; Kokoro is fetched first where nothing else was chosen."""
    from workers.models import fetching  # noqa: PLC0415 - see above

    with download_bar() as show:
        return fetching.ensure(settings, say=complain, progress=show)


@models_app.command("list")
def list_models() -> None:
    """List the published models, and which one speaks here."""
    from workers.models import published, resolving  # noqa: PLC0415 - see above

    settings = FarmSettings.load()
    chosen = resolving.resolve(settings)
    tell(f"speaks here: {chosen.name} ({chosen.path})")
    tell(f"variant {chosen.variant}: {chosen.why}")
    _list_variants(settings, chosen)
    if chosen.stand_in:
        tell(standing_in.SPEAKS)
    for name, asset in published.MODELS.items():
        here = (published.models_folder(settings) / asset.file).exists()
        tell(f"{name}: {asset.size_bytes / 1e6:.0f} MB, {asset.licence}{', downloaded' if here else ''}")
    made = published.WEIGHTS_OF_8_BITS
    here = (published.models_folder(settings) / made.file).exists()
    tell(f"{made.name}: {made.label}, {made.size_bytes / 1e6:.0f} MB, {made.licence}{', downloaded' if here else ''}")
    tell(f"  sha256 {made.sha256}. {made.provenance}")
    tagger, here = published.TAGGER, settings.tagger_folder().exists()
    told = f"English tagger, {tagger.size_bytes / 1e6:.0f} MB, {tagger.licence}"
    tell(f"{published.TAGGER_NAME}: {told}{', downloaded' if here else ''}")


def _list_variants(settings: FarmSettings, model: "Model") -> None:
    from workers.models import prepared  # noqa: PLC0415 - see above

    known = prepared.manifest(settings.home_folder(), model.base)
    for name, variant in sorted(known.variants.items() if known else ()):
        speed = f"{variant.numbers['speed_ratio']:.2f} ×, " if "speed_ratio" in variant.numbers else ""
        tell(f"  {name}: {speed}{variant.size_mb:.0f} MB, {variant.why or 'not validated'}")


@models_app.command("pull")
def pull(
    name: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="The model to fetch. Default: kokoro-v1.0 as published; where that cannot be had, kokoro-v1.0-w8.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Fetch Kokoro's model, its voices and the English tagger.

    Goes on where it stopped, and verifies every file. CHORUS_MIRROR names another source.
    """
    from workers.models import fetching  # noqa: PLC0415 - see above

    settings = FarmSettings.load()
    with download_bar() as show:
        if name:
            path = fetching.pull(settings, name, progress=show)
        else:
            path = fetching.pull_any(settings, say=complain, progress=show)
    tell(f"Downloaded and verified {path}.")
    _prepare(FarmSettings.load())


@models_app.command("verify")
def verify_models(*, as_json: options.AsJson = False) -> None:
    """Check every model file on this machine. Reads each to its end, and says whether it is whole."""
    from workers.models.verifying import verify  # noqa: PLC0415 - see above

    well = True
    for verdict in verify(FarmSettings.load()):
        well &= verdict.well
        mark = "✓" if verdict.well else "✗"
        tell(json.dumps(asdict(verdict), default=str) if as_json else f"{mark} {verdict.path}: {verdict.told}")
    if not well:
        raise typer.Exit(1)


@models_app.command("use")
def use_model(
    name: Annotated[
        str, typer.Argument(metavar="MODEL|FILE", help="A published model, a file, or `default` to forget the choice.")
    ],
) -> None:
    """Choose the model that speaks on this machine. CHORUS_MODEL wins over the choice."""
    from workers.models import choosing  # noqa: PLC0415 - see above

    settings = FarmSettings.load()
    chosen = choosing.use(settings, name)
    tell(f"This machine's model is now {chosen.name} ({chosen.path}).")
    if settings.model is not None:
        tell(f"CHORUS_MODEL={settings.model} still takes precedence: unset it.")
    _prepare(settings)


@models_app.command("path")
def model_path(
    *,
    graph: Annotated[
        bool, typer.Option("--graph", help="Print the graph that was made of it for this machine.")
    ] = False,
) -> None:
    """Print the path of the model that speaks here."""
    from workers.models import resolving  # noqa: PLC0415 - see above

    chosen = resolving.resolve(FarmSettings.load())
    tell(str(chosen.graph if graph else chosen.path))


def optimize(*, as_json: options.AsJson = False) -> None:
    """Make the model faster on this machine.

    Builds variants of it, validates and times them, and chooses one. The same command again goes on where it stopped.
    """
    from workers.models import resolving  # noqa: PLC0415 - see above
    from workers.optimise import pipeline, preparing  # noqa: PLC0415 - see above

    settings = FarmSettings.load()
    before = resolving.resolve(settings)
    found = preparing.prepare(settings, before, _print_nothing if as_json else tell, pipeline.ALL)
    if as_json:
        tell(json.dumps(asdict(found), ensure_ascii=False))
        return
    chosen = resolving.resolve(settings)
    tell(f"speaks here: {chosen.name}, variant {chosen.variant}: {chosen.why}")
    if chosen.sound != before.sound:
        tell(
            "Its audio differs from before, so unfinished books do not continue with it: "
            f"set CHORUS_VARIANT={before.variant} to finish them."
        )


def tell_of_preparing(settings: FarmSettings) -> None:
    """Say beforehand if the worker's start will take long, because it has never started with this model."""
    from workers.cli import first_start  # noqa: PLC0415 - see above
    from workers.models import resolving  # noqa: PLC0415 - see above

    # If something is wrong with the model, the worker will report it.
    with suppress(ChorusError):
        for note in first_start.notes(settings, resolving.resolve(settings)):
            complain(note)


def _prepare(settings: FarmSettings) -> None:
    """Prepare a model that was just fetched or chosen, so that the first render need not wait for it."""
    from workers.models import resolving  # noqa: PLC0415 - see above
    from workers.optimise import preparing  # noqa: PLC0415 - see above

    model = resolving.resolve(settings)
    if preparing.is_pending(settings, model):
        tell(f"{preparing.NOTE}.")
        try:
            preparing.prepare(settings, model, tell)
        except ChorusError as error:
            # The command succeeded all the same: the model works without preparation.
            tell(f"The voice could not be prepared and is used unchanged: {error}")


def _print_nothing(_line: str) -> None:
    """With --json, only the result is printed."""


@contextmanager
def download_bar() -> Iterator[Any]:
    """Shows a progress bar per file, if standard error is a terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        known: dict[str, Any] = {}

        def show(file: str, done: int, total: int) -> None:
            if file not in known:
                known[file] = bar.add_task(file, total=total)
            bar.update(known[file], completed=done)

        yield show
