"""The machine's load: figures if there are any, otherwise the reason why there are none."""

from pathlib import Path

import pytest

from workers.cli.machine_load import Usage, look, powermetrics, read

# As powermetrics prints it on Apple Silicon; written down by hand, since no Mac was at hand.
MAC = """Machine model: Mac15,6
OS version: 24B83

*** Sampled system activity (Fri Nov 15 10:00:00 2024 +0000) (201.32ms elapsed) ***

**** Processor usage ****

CPU Power: 1234 mW
GPU Power: 412 mW
ANE Power: 1890 mW
Combined Power (CPU + GPU + ANE): 3536 mW

**** GPU usage ****

GPU HW active frequency: 444 MHz
GPU HW active residency:  37.50% (444 MHz:  31% 612 MHz: 6.5% 808 MHz:   0%)
GPU SW requested state: (P1 :  90% P2 :  10% P3 :   0%)
GPU idle residency:  62.50%
GPU Power: 412 mW
"""
OLDER = MAC.replace("GPU HW active", "GPU active")


@pytest.mark.parametrize("told", [MAC, OLDER])
def test_the_figures_of_a_mac_are_read(told: str) -> None:
    usage = read(told, cpu=0.5)
    assert usage == Usage(cpu=0.5, gpu=0.375, gpu_w=0.412, ane_w=1.89)
    assert str(usage) == "CPU 50%, GPU 38%, 0.4 W, Neural Engine 1.9 W"


def test_an_idle_neural_engine_differs_from_an_unknown_one() -> None:
    idle = read(MAC.replace("ANE Power: 1890 mW", "ANE Power: 0 mW"), cpu=0.5)
    unknown = read(MAC.replace("ANE Power: 1890 mW\n", ""), cpu=0.5)
    assert (idle.ane_w, unknown.ane_w) == (0, None)
    assert str(idle).endswith("Neural Engine 0.0 W")
    assert str(unknown).endswith("Neural Engine unavailable (powermetrics did not report the ANE)")


@pytest.mark.parametrize("told", ["", "nonsense", "GPU Power: many mW", "ANE Power:"])
def test_a_missing_figure_is_not_taken_for_idle(told: str) -> None:
    usage = read(told, cpu=0.25)
    assert (usage.gpu, usage.gpu_w, usage.ane_w) == (None, None, None)
    assert str(usage) == (
        "CPU 25%, GPU unavailable, Neural Engine unavailable (powermetrics did not report the GPU and the ANE)"
    )


def test_without_powermetrics_the_processors_load_is_still_reported() -> None:
    def absent() -> str:
        raise OSError("powermetrics exists only on macOS")

    usage = look(absent)
    assert 0 <= usage.cpu <= 1
    assert (usage.gpu, usage.ane_w) == (None, None)
    assert "unavailable (powermetrics exists only on macOS)" in str(usage)


@pytest.mark.parametrize(
    ("script", "user", "why"),
    [
        ("echo 'ANE Power: 12 mW'", 501, "needs root"),
        ("echo broken >&2; exit 64", 0, "ended with status 64: broken"),
    ],
)
def test_the_reason_why_powermetrics_fails_is_reported(tmp_path: Path, script: str, user: int, why: str) -> None:
    program = tmp_path / "powermetrics"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(OSError, match=why):
        powermetrics(str(program), user)


def test_powermetrics_is_asked_for_one_short_sample(tmp_path: Path) -> None:
    program = tmp_path / "powermetrics"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    assert powermetrics(str(program), 0).split() == ["--samplers", "gpu_power,ane_power", "-n", "1", "-i", "200"]
