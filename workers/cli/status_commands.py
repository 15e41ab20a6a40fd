"""`chorus status` and `chorus metrics`: this machine's processes, the farm's workers, its queues and jobs.

Parses, calls, prints. What is heavy to import is imported by the command that needs it.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from broker.disk_use import for_people
from broker.settings import FarmSettings
from chorus import options, standing_in
from chorus.checks import shown
from chorus.errors import ServerError
from chorus.job_view import percent
from chorus.terminal import tell

if TYPE_CHECKING:
    from broker.backlog import Backlog, Traffic
    from broker.farm_status import FarmStatus
    from broker.lane_reports import LaneReport
    from broker.session_control import Sessions
    from broker.store_usage import StoreUsage
    from workers.stack.stack import StackStatus

LISTED: Final = 20
"""More jobs than that would bury everything else."""
LONGEST_REASON: Final = 300


def status(*, as_json: options.AsJson = False, url: options.Url = "") -> None:
    """Show what runs here, the farm's workers, and what waits.

    The farm is this machine's, or the one that --url or CHORUS_URL names.
    """
    from broker import farm_status, store_usage  # noqa: PLC0415 - Celery, half a second that most commands never need
    from workers.cli import machine_load  # noqa: PLC0415 - see above
    from workers.stack import stack  # noqa: PLC0415 - see above

    settings = FarmSettings.load(url=url)
    found = stack.status(settings)
    load = machine_load.look()
    store = store_usage.look(settings)
    address = locate(settings) if found.server else ""
    view = farm_status.look(address) if address else farm_status.FarmStatus()
    if as_json:
        told = {**asdict(found), **asdict(view), "usage": asdict(load), "store": asdict(store) if store else None}
        tell(json.dumps(told, ensure_ascii=False, default=str))
        return
    print_stack(found)
    _print_workers(view)
    for one in view.sessions:
        _print_sessions(one)
    if store:
        print_store(store)
    tell(f"this machine: {load}")
    if view.traffic:
        _print_traffic(view.traffic)
    if any(worker.stand_in for worker in view.workers):
        tell(standing_in.SPEAKS)


def metrics(
    *,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="NUMBER",
            help="Serve them on this loopback port until Ctrl-C.",
            parser=options.whole_number("--port", 0, 65_535),
        ),
    ] = 0,
    url: options.Url = "",
) -> None:
    """Print or serve metrics in Prometheus' text format."""
    from broker import farm_status  # noqa: PLC0415 - Celery, half a second that most commands never need
    from workers.cli import metrics as counting  # noqa: PLC0415 - see above

    settings = FarmSettings.load(url=url)

    def now() -> "FarmStatus | None":
        with suppress(ServerError):
            if address := locate(settings):
                return farm_status.look(address)
        return None

    if port:
        counting.serve(now, port, tell)
    else:
        for line in counting.text(now).splitlines():
            tell(line)


def print_stack(found: "StackStatus") -> None:
    """The server, and the processes that this machine's supervisor keeps running for it."""
    if found.trouble:
        tell(found.trouble)
    if found.server:
        tell(f"{'farm' if found.elsewhere else 'server'}: {found.server.version} at {found.server.address}")
    for one in found.processes:
        state = f"pid {one.pid}" if one.alive else f"not running, its last line was: {one.last_words}"
        tell(f"{one.name}: {state}" + (f", restarted {one.restarts} times" if one.restarts else ""))
    # Of a farm elsewhere nothing needs to run here.
    if not found.running and not found.elsewhere:
        tell("Nothing runs here. `chorus up` starts the stack; `chorus render` starts and stops its own.")


def print_store(found: "StoreUsage") -> None:
    """What this machine's store holds. `chorus clean` says which of it is still needed."""
    jobs = found.finished_jobs + found.unfinished_jobs
    tell(
        f"store: {for_people(found.jobs_bytes)} in {jobs} job{'s' * (jobs != 1)}, {found.unfinished_jobs} of them "
        f"unfinished ({for_people(found.unfinished_bytes)}); spoken segments {for_people(found.segments_bytes)} of at "
        f"most {for_people(found.segments_most_bytes)}; {for_people(found.free_bytes)} free in {found.folder}"
    )


def _print_workers(view: "FarmStatus") -> None:
    if view.traffic and not view.workers:
        tell("No worker is registered. One that was just started takes a few seconds.")
    for worker in view.workers:
        slots = ", ".join(f"{lane} {count}" for lane, count in worker.slots.items()) or "none"
        silent_s = view.traffic.silent_s.get(worker.id) if view.traffic else None
        seen = "" if silent_s is None else f" · heartbeat {silent_s:.1f} s ago"
        tell(f"{worker.id}: {worker.model or worker.role} · slots {slots} · {worker.served} steps done{seen}")
        if worker.variant:
            tell(f"{worker.id}, variant {worker.variant}: {worker.variant_why}")
        if worker.tagger:
            tell(f"{worker.id}, English tagger: {worker.tagger}")
        for what, counts in worker.counters.items():
            tell(f"{worker.id}, {what}: {_counted(counts)}")


def _counted(counts: Mapping[str, float]) -> str:
    """`hits 9, misses 3 (hit rate 75 %), entries 3`."""
    told = []
    for name, value in counts.items():
        told.append(f"{value / 1e6:.1f} MB" if name == "bytes" else f"{name.replace('_', ' ')} {value:.0f}")
        asked = counts.get("hits", 0) + counts.get("misses", 0)
        if name == "misses" and asked:
            told[-1] += f" (hit rate {percent(counts['hits'] / asked)})"
    return ", ".join(told)


def _print_sessions(one: "Sessions") -> None:
    for lane in one.lanes:
        tell(f"{one.node}, {_lane(lane)}{_keep_alives(one.beats.get(lane.name, {}))}")
    if one.state != "serving":
        tell(f"{one.node}: its sessions are {one.state}")
    stages = ", ".join(f"{name.replace('_', '-')} {taken_s:.1f}" for name, taken_s in one.startup_s.items())
    tell(f"{one.node}, start-up in seconds: {stages}")
    tell(f"{one.node}, memory: {_memory(one)}")


def _keep_alives(beats: Mapping[str, int]) -> str:
    return f", kept warm {beats['beats']} times" if beats.get("beats") else ""


def _memory(one: "Sessions") -> str:
    """Resident, after warm-up, allocated; its trend, and what was done about it."""
    told = one.memory
    in_use, slope = told.get("in_use_bytes"), told.get("mb_per_h")
    parts = [
        f"{one.rss_bytes / 1e6:.0f} MB resident",
        f"{told.get('baseline_bytes', 0) / 1e6:.0f} MB after warm-up",
        f"allocated {'unavailable' if in_use is None else f'{in_use / 1e6:.0f} MB'}",
        f"trend {'not known yet' if slope is None else f'{slope:+.0f} MB/h'}",
        *(f"{step} {count} times" for step, count in told.get("steps", {}).items()),
        *([f"process replaced {one.recycles} times"] if one.recycles else []),
    ]
    return ", ".join(parts)


def _lane(lane: "LaneReport") -> str:
    """What a lane has done, on which provider; or why there is none."""
    if lane.state == "unavailable":
        return f"{lane.name} session: unavailable: {lane.reason}"
    told = [
        f"{lane.name} session: {lane.served} spoken",
        f"{lane.failures} failed",
        f"busy {lane.busy_s:.0f} s ({percent(lane.utilisation)} of {lane.slots} slot{'s' * (lane.slots != 1)})",
        f"queueing {lane.wait_s:.0f} s",
        _prediction(lane.prediction_error),
        f"{lane.nodes} of {lane.nodes_total} nodes on {lane.provider.removesuffix('ExecutionProvider')}",
        *([lane.state] if lane.state != "serving" else []),
    ]
    return ", ".join(told) + (f". {lane.reason}" if lane.reason else "")


def _prediction(error: float | None) -> str:
    """How well the router predicts what a segment takes on this lane."""
    return "prediction error not known yet" if error is None else f"predicted within {percent(error)}"


def _print_traffic(traffic: "Traffic") -> None:
    for name, length in traffic.queues.items():
        tell(f"queue {name}: {length} message{'s' * (length != 1)}")
    for job in traffic.jobs[:LISTED]:
        _print_backlog(job)
    if len(traffic.jobs) > LISTED:
        tell(f"… and {len(traffic.jobs) - LISTED} more jobs: `chorus jobs` lists them.")
    _print_unreadable(traffic)


def _print_unreadable(traffic: "Traffic") -> None:
    """What stands in nobody's way, and still needs a person."""
    for one in traffic.unreadable[:LISTED]:
        tell(f"{one.name}: {one.why}")
    if len(traffic.unreadable) > LISTED:
        tell(f"… and {len(traffic.unreadable) - LISTED} more that cannot be read.")
    aside = traffic.set_aside
    if not aside.held:
        return
    entries = f"{aside.held} {'entry' if aside.held == 1 else 'entries'}"
    tell(f"set aside: {entries} that cannot be read ({aside.total} so far); `chorus reset --set-aside` removes them:")
    for entry in aside.latest:
        tell(f"  {entry.name or entry.index} in {entry.index}: {entry.reason}")
    if aside.held > len(aside.latest):
        tell(f"  … and {aside.held - len(aside.latest)} more")


def _print_backlog(job: "Backlog") -> None:
    total = f"{job.segments_planned}{'' if job.planned else '+'}"
    told = [job.state, f"{job.segments_done}/{total} segments, {job.under_way} under way"]
    if job.hint_wait_s:
        told.append(f"a step has waited {job.hint_wait_s:.1f} s for a worker")
    tell(f"job {job.job}: {' · '.join([*told, f'{job.held_s:.1f} s of audio in Redis'])}")
    for reader in job.readers:
        behind = f"{reader.behind_segments} segment{'s' * (reader.behind_segments != 1)} behind"
        tell(f"  listener {reader.name}: {behind}, last seen {reader.silent_s:.1f} s ago")
    if job.waiting:
        tell(f"  waiting: {shown(job.waiting, LONGEST_REASON)}")


def locate(settings: FarmSettings) -> str:
    """The address of the server that is named or runs here; empty: none."""
    from broker import embedded  # noqa: PLC0415 - see above

    return embedded.locate(settings) or ""


COMMANDS: Final = (status, metrics)
