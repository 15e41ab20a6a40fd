"""The commands that look after this machine: its stack, its models, its health. `workers.commands` mounts them.

Parses, calls, prints. What is heavy to import is imported by the command that needs it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from broker.settings import FarmSettings
from chorus import options, standing_in
from chorus.client import Client
from chorus.connection import connect, refusals
from chorus.errors import ChorusError, ServerError
from chorus.records import Worker
from chorus.terminal import complain, tell

if TYPE_CHECKING:
    from broker.backlog import Backlog, Traffic
    from workers.lanes import LaneReport
    from workers.models import Model
    from workers.sessions_control import Sessions
    from workers.stack import StackStatus

# More than that is no overview.
LISTED = 20

models_app = typer.Typer(help="Kokoro's files on this machine.", rich_markup_mode=None, no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Make them commands of this program."""
    for command in (up, down, status, reset, doctor, demo, optimize):
        app.command()(command)
    app.add_typer(models_app, name="models")


def demo() -> None:
    """Tell a story twice, the second time with a worker killed in the middle, and compare the files."""
    from workers import demo as stage  # noqa: PLC0415 - see above

    stage.demo(settings_for(), tell)


def settings_for(url: str = "") -> FarmSettings:
    """The environment's settings; `--url` goes before CHORUS_URL."""
    settings = FarmSettings.load()
    return settings.model_copy(update={"url": url}) if url else settings


def up(
    *,
    flower: Annotated[bool, typer.Option("--flower", help="Flower too, on loopback.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Start the stack of this machine and keep it warm until `down`."""
    from workers import models, stack  # noqa: PLC0415 - see above

    settings = settings_for()
    if not as_json:
        tell_of_preparing(settings)
    found = stack.up(settings, flower=flower)
    if as_json:
        tell(json.dumps(asdict(found), ensure_ascii=False, default=str))
        return
    _print_status(found)
    _say_who_stands_in(models.resolve(settings).stand_in)
    if flower:
        tell(f"Flower: http://127.0.0.1:{settings.flower_port}")


def down(*, as_json: options.AsJson = False) -> None:
    """Stop the stack of this machine. Jobs under way are kept."""
    from workers import stack  # noqa: PLC0415 - see above

    stopped = stack.down(settings_for())
    tell(json.dumps({"stopped": stopped}) if as_json else "Stopped." if stopped else "Nothing was running.")


def status(*, as_json: options.AsJson = False, url: options.Url = "") -> None:
    """Show what runs on this machine, who works on the farm, and what waits there for whom."""
    from workers import stack, usage  # noqa: PLC0415 - see above

    settings = settings_for(url)
    found = stack.status(settings)
    busy = usage.look()
    address = _address(settings) if found.server else ""
    workers = _workers(address)
    sessions = _sessions(address)
    traffic = _traffic(address)
    if as_json:
        told = {
            **asdict(found),
            "workers": [asdict(worker) for worker in workers],
            "sessions": [asdict(one) for one in sessions],
            "traffic": asdict(traffic) if traffic else None,
            "usage": asdict(busy),
        }
        tell(json.dumps(told, ensure_ascii=False, default=str))
        return
    _print_status(found)
    _print_workers(workers, traffic)
    for one in sessions:
        _print_sessions(one)
    tell(f"this machine: {busy}")
    if traffic:
        _print_traffic(traffic)
    _say_who_stands_in(any(worker.stand_in for worker in workers))


def _print_sessions(one: "Sessions") -> None:
    for lane in one.lanes:
        tell(f"{one.node}, {_lane(lane)}{_kept_warm(one.beats.get(lane.name, {}))}")
    if one.state != "serving":
        tell(f"{one.node}: its sessions are {one.state}")
    stages = ", ".join(f"{name.replace('_', '-')} {taken_s:.1f}" for name, taken_s in one.startup_s.items())
    tell(f"{one.node}, start in seconds: {stages}")
    tell(f"{one.node}, memory: {_memory(one)}")


def _kept_warm(beats: Mapping[str, int]) -> str:
    return f", kept warm {beats['beats']} times" if beats.get("beats") else ""


def _memory(one: "Sessions") -> str:
    """What it has, had when it was warm, and uses; whether it grows, and what was done about it."""
    told = one.memory
    in_use, slope = told.get("in_use_bytes"), told.get("mb_per_h")
    parts = [
        f"{one.rss_bytes / 1e6:.0f} MB",
        f"{told.get('baseline_bytes', 0) / 1e6:.0f} once warm",
        f"in use {'unavailable' if in_use is None else f'{in_use / 1e6:.0f}'}",
        f"trend {'not known yet' if slope is None else f'{slope:+.0f} MB/h'}",
        *(f"{step} {count} times" for step, count in told.get("steps", {}).items()),
        *([f"replaced {one.recycles} times"] if one.recycles else []),
    ]
    return ", ".join(parts)


def _lane(lane: "LaneReport") -> str:
    """What a lane has done, on what; or why there is none."""
    if lane.state == "unavailable":
        return f"{lane.name} session: none, for {lane.reason}"
    told = [
        f"{lane.name} session: {lane.served} spoken",
        f"{lane.failures} failed",
        f"busy {lane.busy_s:.0f} s ({lane.utilisation:.0%} of {lane.slots} slot{'s' * (lane.slots != 1)})",
        f"waited {lane.wait_s:.0f} s",
        *([f"foretold within {lane.astray_s / lane.foretold_s:.0%}"] if lane.foretold_s else []),
        f"{lane.nodes} of {lane.nodes_total} nodes on {lane.provider.removesuffix('ExecutionProvider')}",
        *([lane.state] if lane.state != "serving" else []),
    ]
    return ", ".join(told) + (f". {lane.reason}" if lane.reason else "")


def _counted(counts: Mapping[str, float]) -> str:
    """`hits 9, misses 3 (75 %), entries 3`."""
    told = []
    for name, value in counts.items():
        told.append(f"{value / 1e6:.1f} MB" if name == "bytes" else f"{name.replace('_', ' ')} {value:.10g}")
        asked = counts.get("hits", 0) + counts.get("misses", 0)
        if name == "misses" and asked:
            told[-1] += f" ({counts['hits'] / asked:.0%} found)"
    return ", ".join(told)


def reset(*, url: options.Url = "") -> None:
    """Build the sessions of the farm's voice workers anew; what is being spoken is finished first, no job is lost."""
    from workers import sessions_control  # noqa: PLC0415 - see above

    address = _address(settings_for(url))
    if not address:
        raise ServerError("Nothing runs on this machine: there is no session to reset.")
    for one in sessions_control.reset(address):
        tell(f"{one.node}: new sessions of {one.model}, {one.rss_bytes / 1e6:.0f} MB")


def _address(settings: FarmSettings) -> str:
    """Of the server that is named or runs here; empty: none."""
    from broker.embedded import locate  # noqa: PLC0415 - see above

    return locate(settings) or ""


def _workers(address: str) -> list[Worker]:
    if not address:
        return []
    with Client(address) as client:
        return client.workers()


def _sessions(address: str) -> "tuple[Sessions, ...]":
    from workers import sessions_control  # noqa: PLC0415 - Celery, half a second that most commands never need

    return sessions_control.status(address) if address else ()


def _print_workers(workers: list[Worker], traffic: "Traffic | None") -> None:
    for worker in workers:
        slots = ", ".join(f"{lane} {count}" for lane, count in worker.slots.items())
        silent_s = traffic.silent_s.get(worker.id) if traffic else None
        seen = "" if silent_s is None else f" · heard from {silent_s:.1f} s ago"
        tell(f"{worker.id}: {worker.model or worker.role} · slots {slots} · {worker.served} steps done{seen}")
        if worker.variant:
            tell(f"{worker.id}, speaks as {worker.variant}: {worker.variant_why}")
        if worker.tagger:
            tell(f"{worker.id}, English tagger: {worker.tagger}")
        for what, counts in worker.counters.items():
            tell(f"{worker.id}, {what}: {_counted(counts)}")


def _traffic(address: str) -> "Traffic | None":
    if not address:
        return None
    from broker import backlog  # noqa: PLC0415 - see above

    connection = connect(address)
    with connection, refusals(connection):
        return backlog.look(connection)


def _print_traffic(traffic: "Traffic") -> None:
    for name, length in traffic.queues.items():
        tell(f"queue {name}: {length} waiting")
    for job in traffic.jobs[:LISTED]:
        _print_backlog(job)
    if len(traffic.jobs) > LISTED:
        tell(f"… and {len(traffic.jobs) - LISTED} more jobs: `chorus jobs` lists them.")


def _print_backlog(job: "Backlog") -> None:
    hint = f", a hint waits since {job.hint_wait_s:.1f} s" if job.hint_wait_s else ""
    tell(
        f"job {job.job}: {job.state} · {job.segments_done}/{job.segments_planned} segments, {job.under_way} under way"
        f"{hint} · {job.held_s:.1f} s of audio in Redis"
    )
    for reader in job.readers:
        tell(
            f"  listener {reader.name}: {reader.behind_segments} segments behind, "
            f"heard from {reader.silent_s:.1f} s ago"
        )
    if job.waiting:
        tell(f"  waiting: {job.waiting}")


def _say_who_stands_in(stand_in: bool) -> None:
    if stand_in:
        tell(f"The {standing_in.NAME} speaks: `{standing_in.PULL}` fetches Kokoro's real one.")


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
    tell(f"as {chosen.variant}: {chosen.why}")
    _list_variants(settings, chosen)
    _say_who_stands_in(chosen.stand_in)
    for name, asset in models.MODELS.items():
        here = (models.models_folder(settings) / asset.file).exists()
        tell(f"{name}: {asset.size_bytes / 1e6:.0f} MB, {asset.licence}{', pulled' if here else ''}")
    here = settings.tagger_folder().exists()
    size_mb = models.TAGGER.size_bytes / 1e6
    tell(f"{models.TAGGER_NAME}: English tagger, {size_mb:.0f} MB, {models.TAGGER.licence}{', pulled' if here else ''}")


def _list_variants(settings: FarmSettings, model: "Model") -> None:
    from workers.optimise import prepared  # noqa: PLC0415 - see above

    known = prepared.manifest(settings.home_folder(), model.origin)
    for name, variant in sorted(known.variants.items() if known else ()):
        speed = f"{variant.numbers['speed_ratio']:.2f} ×, " if "speed_ratio" in variant.numbers else ""
        tell(f"  {name}: {speed}{variant.size_mb:.0f} MB, {variant.why or 'not validated'}")


@models_app.command("pull")
def pull(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Default: kokoro-v1.0.", show_default=False)] = "",
) -> None:
    """Fetch Kokoro, its voices and the English tagger: resumable, verified, from CHORUS_MIRROR if that is set."""
    from workers import models  # noqa: PLC0415 - see above

    with download_bar() as show:
        path = models.pull(settings_for(), name or models.DEFAULT, progress=show)
    tell(f"{path} is here and verified.")
    _prepare(settings_for())


@models_app.command("verify")
def verify_models(*, as_json: options.AsJson = False) -> None:
    """Read every model file on this machine through, and say whether it is whole."""
    from workers.verifying import verify  # noqa: PLC0415 - see above

    well = True
    for verdict in verify(settings_for()):
        well &= verdict.well
        mark = "✓" if verdict.well else "✗"
        tell(json.dumps(asdict(verdict), default=str) if as_json else f"{mark} {verdict.path}: {verdict.told}")
    if not well:
        raise typer.Exit(1)


@models_app.command("use")
def use_model(
    name: Annotated[str, typer.Argument(metavar="MODEL|FILE", help="`default` forgets the choice.")],
) -> None:
    """Choose the model that speaks on this machine; CHORUS_MODEL goes before it."""
    from workers import using  # noqa: PLC0415 - see above

    settings = settings_for()
    chosen = using.use(settings, name)
    tell(f"{chosen.name} speaks here from now on ({chosen.path}).")
    if settings.model is not None:
        tell(f"But CHORUS_MODEL={settings.model} goes before it: unset that.")
    _prepare(settings)


@models_app.command("path")
def model_path(
    *, graph: Annotated[bool, typer.Option("--graph", help="What was made of it for this machine.")] = False
) -> None:
    """Print where the model lies that speaks here."""
    from workers import models  # noqa: PLC0415 - see above

    chosen = models.resolve(settings_for())
    tell(str(chosen.graph if graph else chosen.path))


def tell_of_preparing(settings: FarmSettings) -> None:
    """A worker that is about to start with a model it has never met takes its time: say so before."""
    from workers import models  # noqa: PLC0415 - see above
    from workers.optimise import preparing  # noqa: PLC0415 - see above

    # Whatever is wrong with the model, the worker says it.
    with suppress(ChorusError):
        if preparing.is_pending(settings, models.resolve(settings)):
            complain(f"{preparing.NOTE}.")


def _prepare(settings: FarmSettings) -> None:
    """After a model was fetched or chosen; the first render should not have to wait for it."""
    from workers import models  # noqa: PLC0415 - see above
    from workers.optimise import preparing  # noqa: PLC0415 - see above

    model = models.resolve(settings)
    if preparing.is_pending(settings, model):
        tell(f"{preparing.NOTE}.")
        try:
            preparing.prepare(settings, model, tell)
        except ChorusError as error:
            # The model was fetched all the same, and speaks.
            tell(f"The voice could not be prepared, it speaks as it is: {error}")


def optimize(*, as_json: options.AsJson = False) -> None:
    """Make the model faster on this machine: build, validate, time and choose. Interrupted, it goes on where it was."""
    from workers import models  # noqa: PLC0415 - see above
    from workers.optimise import pipeline, preparing  # noqa: PLC0415 - see above

    settings = settings_for()
    before = models.resolve(settings)
    found = preparing.prepare(settings, before, _hush if as_json else tell, pipeline.ALL)
    if as_json:
        tell(json.dumps(asdict(found), ensure_ascii=False))
        return
    chosen = models.resolve(settings)
    tell(f"speaks here: {chosen.name} as {chosen.variant}: {chosen.why}")
    if chosen.sound != before.sound:
        tell(f"That is another sound: CHORUS_VARIANT={before.variant} goes on with books that were begun before.")


def _hush(_line: str) -> None:
    """Programs want the end of it."""


@contextmanager
def download_bar() -> Iterator[Any]:
    """A bar per file, on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        known: dict[str, Any] = {}

        def show(file: str, done: int, total: int) -> None:
            if file not in known:
                known[file] = bar.add_task(file, total=total)
            bar.update(known[file], completed=done)

        yield show
