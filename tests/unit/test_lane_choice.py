"""Which lanes are opened, by the setting, the machine, the measurement, and strict mode."""

import pytest

from chorus.errors import FarmError
from workers.accelerators.lane_choice import PAYS_FROM, ChosenLane, LaneChoice, LaneVerdict, choose_lanes
from workers.inference.providers import Accelerator

CPU_ALONE = ("CPUExecutionProvider",)
MAC = ("CoreMLExecutionProvider", "CPUExecutionProvider")
FAST, SLOW = LaneVerdict(speedup=2.0), LaneVerdict(speedup=0.8)
CRASHED = LaneVerdict(fault="on trial it killed its process (SIGABRT)")

# A lane's name and whom it serves.
BULK, LIVE = "bulk: books", "live: listeners"
ANE, GPU = "ane: books, listeners", "gpu: books, listeners"
BOTH = [BULK, LIVE]
SPARE = "bulk: nobody"


def shown(choice: LaneChoice) -> list[str]:
    def whom(lane: ChosenLane) -> str:
        return ", ".join(name for name, served in (("books", lane.bulk), ("listeners", lane.live)) if served)

    return [f"{lane.name}: {whom(lane) or 'nobody'}" for lane in choice.lanes]


@pytest.mark.parametrize(
    ("asked", "providers", "ane", "gpu", "opened", "missing"),
    [
        # No accelerator: nothing is measured, whatever was asked for.
        ("auto", CPU_ALONE, None, None, BOTH, {}),
        ("both", CPU_ALONE, None, None, BOTH, {}),
        ("cpu", CPU_ALONE, None, None, BOTH, {}),
        ("bulk", CPU_ALONE, None, None, ["bulk: books, listeners"], {}),
        ("ane,gpu", CPU_ALONE, None, None, BOTH, {"ane": "has no CoreML", "gpu": "has no CoreML"}),
        ("ane,cpu", CPU_ALONE, None, None, BOTH, {"ane": "has no CoreML"}),
        # One, or two, that nobody asked for by name: they must pay.
        ("auto", MAC, FAST, FAST, [ANE, GPU, BULK], {}),
        ("auto", MAC, FAST, SLOW, [ANE, BULK], {"gpu": "0.80 times as fast"}),
        ("auto", MAC, CRASHED, SLOW, BOTH, {"ane": "SIGABRT", "gpu": "0.80 times as fast"}),
        ("both", MAC, None, None, BOTH, {}),
        ("cpu", MAC, None, None, BOTH, {}),
        ("bulk", MAC, None, None, ["bulk: books, listeners"], {}),
        # Asked for by name: they need not be fast, but they must work.
        ("ane,gpu", MAC, FAST, FAST, [ANE, GPU, SPARE], {}),
        ("gpu,ane", MAC, FAST, FAST, [GPU, ANE, SPARE], {}),
        ("gpu", MAC, None, SLOW, [GPU, SPARE], {}),
        ("gpu,gpu", MAC, None, SLOW, [GPU, SPARE], {}),
        ("cpu,gpu", MAC, None, SLOW, [GPU, BULK], {}),
        # The CPU takes the place of what does not.
        ("ane,gpu", MAC, CRASHED, FAST, [GPU, BULK], {"ane": "SIGABRT"}),
        ("ane", MAC, CRASHED, None, BOTH, {"ane": "SIGABRT"}),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_the_opened_lanes_follow_from_setting_machine_and_measurement(
    asked: str,
    providers: tuple[str, ...],
    ane: LaneVerdict | None,
    gpu: LaneVerdict | None,
    opened: list[str],
    missing: dict[str, str],
    strict: bool,
) -> None:
    verdicts: dict[Accelerator, LaneVerdict | None] = {"ane": ane, "gpu": gpu}
    measured: list[Accelerator] = []

    def measure(lane: Accelerator) -> LaneVerdict:
        measured.append(lane)
        verdict = verdicts[lane]
        assert verdict is not None, f"{lane} is measured, and nobody needs to know"
        return verdict

    if strict and missing and asked != "auto":
        name = next(iter(missing))
        with pytest.raises(
            FarmError, match=f"^CHORUS_LANES={asked} asks for {name} and CHORUS_STRICT is set, but .*\\.$"
        ):
            choose_lanes(asked, providers, measure, strict=True)
        return
    choice = choose_lanes(asked, providers, measure, strict=strict)
    assert shown(choice) == opened
    assert choice.missing.keys() == missing.keys()
    for name, why in missing.items():
        assert why in choice.missing[name]
    assert sorted(measured) == sorted(lane for lane, verdict in verdicts.items() if verdict is not None)


@pytest.mark.parametrize(("speedup", "pays"), [(0.5, False), (PAYS_FROM - 0.01, False), (PAYS_FROM, True), (5.0, True)])
def test_an_accelerator_is_used_from_1_2_times_the_cpus_speed(speedup: float, pays: bool) -> None:
    assert LaneVerdict(speedup=speedup).pays is pays
    assert not LaneVerdict(speedup=speedup, fault="it is broken").pays
