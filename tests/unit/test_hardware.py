"""What is known about this machine; `unknown` where the system gives no answer."""

from pathlib import Path

import onnxruntime as ort
import psutil
import pytest

from broker.settings import available_cores
from workers.accelerators import hardware
from workers.accelerators.hardware import Machine, chip_name, detect, system_name


def machine(**about: object) -> Machine:
    told: dict[str, object] = {
        "system": "Darwin 15.1", "architecture": "arm64", "chip": "Apple M3 Pro", "cores": 12,
        "memory_bytes": 36 << 30, "providers": ("CoreMLExecutionProvider", "CPUExecutionProvider"),
        "onnxruntime": "1.31.1",
    }  # fmt: skip
    return Machine(**(told | about))  # type: ignore[arg-type]


def test_this_machine_is_described_as_it_is() -> None:
    here = detect()
    assert here.cores == available_cores()
    assert here.memory_bytes == psutil.virtual_memory().total
    assert here.providers == tuple(ort.get_available_providers())
    assert here.onnxruntime == ort.__version__
    assert here.system.partition(" ")[2]


@pytest.mark.parametrize(
    ("about", "apple_silicon", "coreml"),
    [
        ({}, True, True),
        ({"architecture": "x86_64"}, False, True),
        ({"system": "Linux 6.8.0"}, False, True),
        ({"providers": ("CPUExecutionProvider",)}, True, False),
    ],
)
def test_the_capabilities_follow_from_the_kind_of_machine(
    about: dict[str, object], apple_silicon: bool, coreml: bool
) -> None:
    assert (machine(**about).apple_silicon, machine(**about).has_coreml) == (apple_silicon, coreml)


@pytest.mark.parametrize("about", [{"system": "Darwin 15.2"}, {"chip": "Apple M4"}, {"onnxruntime": "1.32.0"}])
def test_a_measurement_is_valid_until_system_chip_or_onnxruntime_changes(about: dict[str, object]) -> None:
    assert machine(**about).key != machine().key
    assert machine(memory_bytes=1, cores=1).key == machine().key


def test_a_mac_is_described_by_its_release_and_other_systems_by_their_kernel() -> None:
    assert system_name("Darwin", "15.1", "24.1.0") == "Darwin 15.1"
    assert system_name("Linux", "", "6.8.0") == "Linux 6.8.0"


def test_the_chip_has_the_name_that_the_system_gives_it(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(name: str) -> str:
        asked.append(name)
        return "Apple M3 Pro"

    assert chip_name("darwin", answer) == "Apple M3 Pro"
    assert asked == ["machdep.cpu.brand_string"]
    assert chip_name("darwin", lambda _: "") == "unknown"
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nmodel name\t: Some Chip 9000\nmodel name\t: Some Chip 9000\n")
    assert chip_name("linux", cpuinfo=cpuinfo) == "Some Chip 9000"
    assert chip_name("linux", cpuinfo=tmp_path / "absent") == "unknown"


def test_without_sysctl_the_chip_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(hardware.subprocess, "run", absent)
    assert hardware.sysctl("machdep.cpu.brand_string") == ""
