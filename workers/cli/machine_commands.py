"""The commands for this machine: its stack, its sessions, its health. `workers.commands` mounts them.

Parses, calls, prints. What is heavy to import is imported by the command that needs it.
"""

import json
from dataclasses import asdict
from typing import Annotated, Final

import typer

from broker.disk_use import for_people
from broker.settings import FarmSettings
from chorus import options, standing_in
from chorus.connection import connect, refusals
from chorus.errors import ServerError
from chorus.stack_address import NOTHING_RUNS
from chorus.terminal import tell
from workers.cli.model_commands import StandIn, choose_model, tell_of_preparing, with_stand_in
from workers.cli.status_commands import locate, print_stack


def up(
    *,
    flower: Annotated[bool, typer.Option("--flower", help="Start Flower as well, on loopback.")] = False,
    stand_in: StandIn = False,
    as_json: options.AsJson = False,
) -> None:
    """Start this machine's stack and keep it running until `down`."""
    from workers.models import resolving  # noqa: PLC0415 - see above
    from workers.stack import stack  # noqa: PLC0415 - see above

    settings = with_stand_in(FarmSettings.load(), stand_in=stand_in)
    choose_model(settings)
    if not as_json:
        tell_of_preparing(settings)
    found = stack.up(settings, flower=flower)
    if as_json:
        tell(json.dumps(asdict(found), ensure_ascii=False, default=str))
        return
    print_stack(found)
    if resolving.resolve(settings).stand_in:
        tell(standing_in.SPEAKS)
    if flower:
        tell(f"Flower: http://127.0.0.1:{settings.flower_port}")


def down(*, as_json: options.AsJson = False) -> None:
    """Stop this machine's stack. Unfinished jobs are kept."""
    from workers.stack import stack  # noqa: PLC0415 - see above

    stopped = stack.down(FarmSettings.load())
    tell(json.dumps({"stopped": stopped}) if as_json else "Stopped." if stopped else "Nothing was running.")


def reset(
    *,
    set_aside: Annotated[
        bool,
        typer.Option(
            "--set-aside", help="Instead: remove what could not be read; `status` names it. Unreadable jobs go with it."
        ),
    ] = False,
    url: options.Url = "",
) -> None:
    """Build the voice workers' sessions anew. Each worker first finishes what it is speaking; no job is lost."""
    from broker import session_control  # noqa: PLC0415 - see above

    address = locate(FarmSettings.load(url=url))
    if not address:
        raise ServerError(f"There is nothing to reset. {NOTHING_RUNS}")
    if set_aside:
        _remove_set_aside(address)
        return
    for one in session_control.reset(address):
        tell(f"{one.node}: rebuilt its sessions of {one.model}, {one.rss_bytes / 1e6:.0f} MB resident")


def _remove_set_aside(address: str) -> None:
    from broker import set_aside_review  # noqa: PLC0415 - see above

    connection = connect(address)
    with connection, refusals(connection):
        found = set_aside_review.clear(connection)
    tell(f"Removed {found.removed} {'entry' if found.removed == 1 else 'entries'} that could not be read.")
    for job in found.deleted:
        tell(f"Job {job} could not be read: its keys are deleted.")
    for job in found.back:
        tell(f"Job {job} is back in the queue.")


def doctor(*, as_json: options.AsJson = False) -> None:
    """Check what is installed and reachable. Says what is missing, and what to do about it."""
    from workers.cli.doctor import examine  # noqa: PLC0415 - see above

    well = True
    for finding in examine(FarmSettings.load()):
        well &= finding.well
        mark = "✓" if finding.well else "✗"
        tell(json.dumps(asdict(finding)) if as_json else f"{mark} {finding.what}: {finding.told}")
    if not well:
        raise typer.Exit(1)


def demo() -> None:
    """Show that a killed worker costs no audio. Speaks a story twice, once with a kill, and compares the files."""
    from workers.cli import demo as demonstration  # noqa: PLC0415 - see above

    demonstration.demo(FarmSettings.load(), tell)


def clean(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Spoken segments too, and prepared graphs that are not in use.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; say what would be.")] = False,
    as_json: options.AsJson = False,
    url: options.Url = "",
) -> None:
    """Free the disk of jobs that are over. Says what is kept and why; no job loses what it may still need."""
    from workers.cli import cleaning  # noqa: PLC0415 - see above

    found = cleaning.clean(FarmSettings.load(url=url), everything=everything, dry_run=dry_run)
    freed = "Would free" if dry_run else "Freed"
    for one in found:
        sentence = f"{freed if one.freed else 'Kept'} {for_people(one.disk_bytes)}: {one.what}, {one.why}."
        tell(json.dumps({**asdict(one), "dry_run": dry_run}) if as_json else sentence)
    if not as_json and not any(one.freed for one in found):
        tell("There was nothing to free.")


COMMANDS: Final = (up, down, reset, doctor, demo, clean)
