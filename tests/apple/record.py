"""A dated page of what a Mac's lanes came to. Knows how to write it, not how to measure."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from workers.accelerators.calibration import LENGTHS
from workers.accelerators.hardware import Machine
from workers.accelerators.lane_choice import PAYS_FROM, LaneVerdict
from workers.accelerators.probe import ProbeResult
from workers.inference.providers import Provider
from workers.inference.quality import Rendering, compare


@dataclass(kw_only=True)
class Record:
    """Filled as the tests go."""

    day: date
    machine: Machine
    model: str
    trials: dict[str, tuple[Provider, ProbeResult]] = field(default_factory=dict)
    """By lane; `cpu` is what the others are compared with."""
    verdicts: dict[str, LaneVerdict] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Sentences about what else was found."""


def write(record: Record, folder: Path) -> Path:
    """Put it beside the others; a second run of the same day on the same chip replaces the first."""
    folder.mkdir(exist_ok=True)
    chip = "-".join(record.machine.chip.lower().split())
    path = folder / f"{record.day.isoformat()}-{chip}.md"
    path.write_text(page(record), "utf-8")
    return path


def page(record: Record) -> str:
    """The whole page."""
    machine = record.machine
    head = (
        f"# CoreML lanes on {machine.chip}, {record.day.isoformat()}\n\n"
        "Written by `./bin/test apple`.\n\n"
        f"{machine.system}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GB, onnxruntime "
        f"{machine.onnxruntime}, {record.model}. Seconds for utterances of {' / '.join(map(str, LENGTHS))} tokens, the "
        f"fastest of three runs each; a lane is taken unasked from {PAYS_FROM} times the CPU on.\n\n"
        "| lane | nodes there | load, s | seconds | times the CPU | sound apart, dB | peak, MB | verdict |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    rows = "".join(f"| {' | '.join(_row(record, lane))} |\n" for lane in record.trials)
    options = "".join(f"\n- `{lane}`: {_options(provider)}" for lane, (provider, _) in record.trials.items())
    notes = "".join(f"\n- {note}" for note in record.notes)
    return f"{head}{rows}\nOptions:\n{options}\n" + (f"\nBesides:\n{notes}\n" if notes else "")


def _row(record: Record, lane: str) -> list[str]:
    provider, trial = record.trials[lane]
    if trial.fault:
        return [lane, *[""] * 6, trial.fault]
    verdict = record.verdicts.get(lane)
    return [
        lane,
        f"{trial.nodes.get(provider.name, 0)} of {sum(trial.nodes.values())}",
        f"{trial.load_s:.1f}",
        " / ".join(f"{each:.3f}" for each in trial.seconds),
        f"{verdict.speedup:.2f}" if verdict and not verdict.fault else "",
        _apart(record.trials["cpu"][1], trial) if lane != "cpu" else "",
        f"{trial.peak_bytes / 1e6:.0f}",
        _verdict(verdict),
    ]


def _verdict(verdict: LaneVerdict | None) -> str:
    if verdict is None:
        return ""
    return verdict.fault or ("pays" if verdict.pays else "does not pay")


def _apart(cpu: ProbeResult, lane: ProbeResult) -> str:
    """The largest of all lengths."""
    found = (
        compare(Rendering(audio=one), Rendering(audio=other)).log_spectral_db
        for one, other in zip(cpu.audio, lane.audio, strict=True)
    )
    known = [each for each in found if each is not None]
    return f"{max(known):.2f}" if known else "unknown"


def _options(provider: Provider) -> str:
    told = ", ".join(f"{name}={value}" for name, value in provider.options.items() if name != "ModelCacheDirectory")
    return f"{provider.name} {told}".strip()
