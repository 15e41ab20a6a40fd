"""Lanes on accelerators, simulated with CPU sessions: which lane speaks, and which one takes over after failures.

What only a Mac can show is tested in tests/apple.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as native
from support import wait_until
from toy.build import MODEL, VOICES

from broker.lane_reports import LaneReport
from broker.settings import FarmSettings
from chorus.errors import AudioError, FarmError, ModelError, SettingError
from tasks.engine import Lane, Utterance
from workers.accelerators.hardware import Machine, detect
from workers.accelerators.lane_choice import LaneVerdict
from workers.engine.kokoro_engine import KokoroEngine
from workers.engine.opening import Surroundings, open_engine
from workers.inference.providers import COREML_PROVIDER, CPU, Accelerator, Provider
from workers.inference.retirement import RETIRED_AFTER
from workers.inference.sessions import Form, open_session
from workers.models.resolving import resolve

HELLO = Utterance(phonemes="həlˈoʊ wˈɜːld.", voice="af_heart")
Work = Callable[[], Any]


@dataclass
class Chip:
    """An accelerator that is not there: its sessions are the CPU's, and fail when and as a test wants."""

    opened: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    """The thread of each run on it, in order."""
    refuses: str = ""
    """The lane's units for which no session opens."""
    faults: dict[str, Callable[[Work], Any]] = field(default_factory=dict)
    """By the units of a lane, what happens in the place of a run."""

    def open_session(
        self, path: Path, *, threads: int, provider: Provider = CPU, form: Form = "as it is"
    ) -> ort.InferenceSession:
        assert form == "as it is", "the toy voice is loaded as it is"
        self.opened.append((provider.name, dict(provider.options)))
        units = provider.options.get("MLComputeUnits", "CPU")
        if units == self.refuses:
            raise ModelError(f"{path} cannot be loaded as a model: Unable to get shape for output.")

        session = open_session(path, threads=threads, provider=CPU)
        really = session.run

        def run(*given: Any) -> Any:
            self.ran.append(threading.current_thread().name)
            return self.faults.get(units, lambda work: work())(lambda: really(*given))

        session.run = run
        return session


@pytest.fixture
def chip() -> Chip:
    return Chip()


Open = Callable[..., KokoroEngine]


@pytest.fixture
def opened(tmp_path: Path, chip: Chip) -> Iterator[Open]:
    """Opens engines on a Mac that is not one, and closes them after the test."""
    mac = replace(detect(), providers=(COREML_PROVIDER, "CPUExecutionProvider"))
    with ExitStack() as closed:

        def measure(_lane: Accelerator, _provider: Provider) -> LaneVerdict:
            return LaneVerdict(speedup=2.0)

        def open_one(lanes: str, machine: Machine = mac, **more: Any) -> KokoroEngine:
            settings = FarmSettings(home=tmp_path, model=MODEL, voices=VOICES, lanes=lanes, slots=2, **more)
            around = Surroundings(machine=machine, open_session=chip.open_session, measure=measure)
            return closed.enter_context(closing(open_engine(resolve(settings), settings, around)))

        yield open_one


def served(engine: KokoroEngine) -> dict[str, int]:
    return {lane.name: lane.served for lane in engine.health()}


def report(engine: KokoroEngine, name: str) -> LaneReport:
    return next(lane for lane in engine.health() if lane.name == name)


def broken(_work: Work) -> Any:
    raise native.EPFail("Error executing model: dynamic length error -6")


def nonsense(work: Work) -> Any:
    audio, duration = work()
    return [np.full_like(audio, np.nan), duration]


def shapeless(work: Work) -> Any:
    audio, duration = work()
    return [audio.reshape(2, -1), duration]


@pytest.mark.parametrize(
    ("lanes", "names", "slots"),
    [
        ("auto", ["ane", "gpu", "bulk"], {"live": 2, "bulk": 4}),
        ("ane,gpu", ["ane", "gpu", "bulk"], {"live": 2, "bulk": 2}),
        ("ane,cpu", ["ane", "bulk"], {"live": 1, "bulk": 3}),
        ("gpu", ["gpu", "bulk"], {"live": 1, "bulk": 1}),
        ("both", ["bulk", "live"], {"live": 1, "bulk": 2}),
        ("bulk", ["bulk"], {"live": 2, "bulk": 2}),
    ],
)
def test_each_lane_is_one_session_opened_once_and_its_slots_are_counted(
    opened: Open, chip: Chip, lanes: str, names: list[str], slots: dict[Lane, int]
) -> None:
    engine = opened(lanes)
    warmed = len(engine.warm_up())
    with ThreadPoolExecutor(6) as callers:
        list(callers.map(lambda n: engine.speak(HELLO, ("bulk", "live")[n % 2]), range(24)))
    assert [lane.name for lane in engine.health()] == names
    assert {lane: engine.slots(lane) for lane in slots} == slots
    assert len(chip.opened) == len(names)
    assert sum(served(engine).values()) == warmed + 24


def test_an_accelerators_session_is_run_by_one_thread_that_runs_no_other(opened: Open, chip: Chip) -> None:
    engine = opened("ane,gpu")
    together, threads = threading.Barrier(2), dict[str, set[str]]()

    def noting(units: str) -> Callable[[Work], Any]:
        def run(work: Work) -> Any:
            if units not in threads:
                together.wait(timeout=60)  # so that both have something to do
            threads.setdefault(units, set()).add(threading.current_thread().name)
            return work()

        return run

    chip.faults = {units: noting(units) for units in ("CPUAndNeuralEngine", "CPUAndGPU")}
    with ThreadPoolExecutor(6) as callers:
        list(callers.map(lambda n: engine.speak(HELLO, ("bulk", "live")[n % 2]), range(24)))
    assert threads == {"CPUAndNeuralEngine": {"lane-ane_0"}, "CPUAndGPU": {"lane-gpu_0"}}
    assert served(engine)["ane"] + served(engine)["gpu"] == 24


def test_every_option_of_a_lane_reaches_the_session(opened: Open, chip: Chip, tmp_path: Path) -> None:
    engine = opened("ane,gpu", coreml="ModelFormat=NeuralNetwork")
    (ane, gpu, cpu) = chip.opened
    assert (ane[0], gpu[0], cpu[0]) == (COREML_PROVIDER, COREML_PROVIDER, CPU.name)
    assert (ane[1]["MLComputeUnits"], gpu[1]["MLComputeUnits"]) == ("CPUAndNeuralEngine", "CPUAndGPU")
    assert ane[1]["ModelFormat"] == "NeuralNetwork"
    assert ane[1]["ModelCacheDirectory"] == str(tmp_path / "coreml" / engine.sound)
    assert cpu[1] == {}


def test_the_lane_that_would_be_done_first_takes_it(opened: Open, chip: Chip) -> None:
    engine = opened("ane,gpu")
    release = threading.Event()

    def held(work: Work) -> Any:
        release.wait()
        return work()

    chip.faults["CPUAndNeuralEngine"] = held
    with ThreadPoolExecutor(1) as caller:
        # Both are idle and new: the first one named has it.
        stuck = caller.submit(engine.speak, HELLO, "bulk")
        wait_until(lambda: len(chip.ran) == 1, description="one utterance is on the Neural Engine")
        for _ in range(5):
            engine.speak(HELLO, "bulk")
        assert served(engine) == {"ane": 0, "gpu": 5, "bulk": 0}
        release.set()
        stuck.result()
    assert served(engine) == {"ane": 1, "gpu": 5, "bulk": 0}


def test_a_listener_overtakes_the_books_that_wait_for_the_same_accelerator(opened: Open, chip: Chip) -> None:
    engine = opened("ane")
    release, spoken = threading.Event(), list[int]()

    def held(work: Work) -> Any:
        release.wait()
        outputs = work()
        spoken.append(outputs[1].size)
        return outputs

    chip.faults["CPUAndNeuralEngine"] = held
    line: list[tuple[str, Lane]] = [("a book", "bulk"), ("another", "bulk"), ("who waits?", "live")]
    with ThreadPoolExecutor(len(line)) as callers:
        for number, (phonemes, lane) in enumerate(line):
            callers.submit(engine.speak, replace(HELLO, phonemes=phonemes), lane)
            wait_until(
                lambda behind=number: (len(chip.ran), engine._synthesizers.bulk[0].lane.waiting()) == (1, behind),
                description=f"{phonemes!r} is on the lane",
            )
        release.set()
    first, second, listener = (len(phonemes) + 2 for phonemes, _ in line)
    assert spoken == [first, listener, second]


@pytest.mark.parametrize("fault", [broken, nonsense, shapeless])
@pytest.mark.parametrize("lane", ["live", "bulk"])
def test_the_cpu_speaks_what_fails_on_an_accelerator_and_the_lane_is_retired_in_the_end(
    opened: Open, chip: Chip, fault: Callable[[Work], Any], lane: Lane
) -> None:
    engine = opened("ane")
    well = engine.speak(HELLO, lane)
    chip.faults["CPUAndNeuralEngine"] = fault
    for strike in range(RETIRED_AFTER):
        assert report(engine, "ane").state == "serving", strike
        assert np.array_equal(engine.speak(HELLO, lane).audio, well.audio)
    ane = report(engine, "ane")
    assert ane.state == "retired"
    assert ane.reason.startswith(
        f"It failed {RETIRED_AFTER} of its last {RETIRED_AFTER + 1} utterances; at last: The model"
    )
    runs = len(chip.ran)
    for _ in range(4):
        assert np.array_equal(engine.speak(HELLO, lane).audio, well.audio)
    assert report(engine, "ane").served + report(engine, "ane").failures == 1 + RETIRED_AFTER
    assert report(engine, "bulk").served == RETIRED_AFTER + 4
    assert {name.rpartition("_")[0] for name in chip.ran[runs:]} == {"lane-bulk"}
    assert report(engine, "bulk").state == "serving", "it is spare no longer"


def test_if_one_of_two_lanes_fails_the_other_goes_on(opened: Open, chip: Chip) -> None:
    engine = opened("ane,gpu")
    chip.faults["CPUAndNeuralEngine"] = broken
    for _ in range(30):
        engine.speak(HELLO, "bulk")
    assert {lane.name: lane.state for lane in engine.health()} == {"ane": "retired", "gpu": "serving", "bulk": "spare"}
    assert served(engine)["gpu"] == 30 - RETIRED_AFTER
    assert served(engine)["bulk"] == RETIRED_AFTER


def test_a_segment_that_the_cpu_cannot_speak_either_does_not_count_against_the_lane(opened: Open, chip: Chip) -> None:
    engine = opened("ane")
    chip.faults = {"CPUAndNeuralEngine": nonsense, "CPU": nonsense}
    for _ in range(2 * RETIRED_AFTER):
        with pytest.raises(AudioError, match="samples that are not numbers"):
            engine.speak(HELLO, "bulk")
    assert report(engine, "ane").state == "serving"


def test_a_lane_that_fails_now_and_then_is_kept(opened: Open, chip: Chip) -> None:
    engine = opened("ane")
    count = iter(range(1000))
    chip.faults["CPUAndNeuralEngine"] = lambda work: broken(work) if next(count) % 10 == 0 else work()
    for _ in range(60):
        engine.speak(HELLO, "bulk")
    assert report(engine, "ane").state == "serving"
    assert report(engine, "ane").failures == 6


def test_a_lane_that_does_not_open_is_replaced_by_the_cpu_and_the_reason_is_shown(opened: Open, chip: Chip) -> None:
    chip.refuses = "CPUAndNeuralEngine"
    engine = opened("ane,gpu")
    ane = report(engine, "ane")
    assert (ane.state, ane.slots) == ("unavailable", 0)
    assert ane.reason.endswith("cannot be loaded as a model: Unable to get shape for output.")
    assert (engine.slots("live"), engine.slots("bulk")) == (1, 3), "books are the CPU's as well"
    engine.speak(HELLO, "live")
    assert served(engine)["gpu"] == 1


def test_where_no_lane_opens_the_cpu_speaks_all_of_it(opened: Open, chip: Chip) -> None:
    chip.refuses = "CPUAndGPU"
    engine = opened("gpu")
    for lane in ("bulk", "live"):
        engine.speak(HELLO, lane)
    assert served(engine) == {"bulk": 2, "gpu": 0}
    assert (engine.slots("live"), engine.slots("bulk")) == (2, 2)


def test_a_lane_that_fails_its_warm_up_is_retired_before_it_gets_work(opened: Open, chip: Chip) -> None:
    chip.faults["CPUAndNeuralEngine"] = broken
    engine = opened("ane,gpu")
    engine.warm_up()
    ane = report(engine, "ane")
    assert (ane.state, ane.served, ane.failures) == ("retired", 0, 1)
    assert ane.reason.startswith("It failed its warm-up: The model failed on ")
    engine.speak(HELLO, "live")
    assert report(engine, "ane").failures == 1
    with pytest.raises(ModelError, match="The ane session failed its warm-up"):
        opened("ane,gpu", strict=True).warm_up()


def test_a_retired_lane_is_not_kept_warm(opened: Open, chip: Chip) -> None:
    chip.faults["CPUAndNeuralEngine"] = broken
    engine = opened("ane")
    engine.warm_up()
    runs = len(chip.ran)
    assert [beat(idle_s=0) for beat in engine.beats()] == [False, True]
    assert {name.rpartition("_")[0] for name in chip.ran[runs:]} == {"lane-bulk"}


def test_strict_mode_does_not_start_without_the_requested_lane(opened: Open, chip: Chip) -> None:
    chip.refuses = "CPUAndGPU"
    with pytest.raises(ModelError, match="Unable to get shape for output"):
        opened("gpu", strict=True)
    assert opened("auto", strict=True).slots("live") == 1, "nobody named it"
    with pytest.raises(
        FarmError, match=r"^CHORUS_LANES=ane,gpu asks for ane and CHORUS_STRICT is set, but this machine's"
    ):
        opened("ane,gpu", machine=detect_without_coreml(), strict=True)
    assert chip.opened[-1][0] != COREML_PROVIDER


def test_without_a_provider_the_cpu_has_two_sessions_and_health_says_why(opened: Open, chip: Chip) -> None:
    engine = opened("ane,gpu", machine=detect_without_coreml())
    assert [name for name, _ in chip.opened] == [CPU.name] * 2
    states = {lane.name: lane.state for lane in engine.health()}
    assert states == {"bulk": "serving", "live": "serving", "ane": "unavailable", "gpu": "unavailable"}
    assert report(engine, "ane").reason == f"this machine's onnxruntime has no {COREML_PROVIDER}"


def test_a_lossy_variant_runs_only_on_the_cpu_so_that_no_book_mixes_sounds(chip: Chip, tmp_path: Path) -> None:
    settings = FarmSettings(home=tmp_path, model=MODEL, voices=VOICES, lanes="ane")
    lossy = replace(resolve(settings), digest="0" * 64, variant="int8")
    mac = replace(detect(), providers=(COREML_PROVIDER, "CPUExecutionProvider"))
    with closing(open_engine(lossy, settings, Surroundings(machine=mac, open_session=chip.open_session))) as engine:
        assert {name for name, _ in chip.opened} == {CPU.name}
        assert report(engine, "ane").reason == "it could only speak the file itself, and int8 sounds otherwise"


def detect_without_coreml() -> Machine:
    return replace(detect(), providers=("CPUExecutionProvider",))


def test_options_unknown_to_coreml_are_refused_even_without_coreml(opened: Open) -> None:
    with pytest.raises(SettingError, match="has no option 'ModelFromat'"):
        opened("both", machine=detect_without_coreml(), coreml="ModelFromat=MLProgram")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads are bound to cores on Linux alone")
def test_book_threads_are_pinned_only_on_request(opened: Open, chip: Chip) -> None:
    where: list[int] = []

    def looking(work: Work) -> Any:
        where.append(len(os.sched_getaffinity(0)))
        return work()

    chip.faults["CPU"] = looking
    for pin in (False, True):
        opened("both", pin=pin).speak(HELLO, "bulk")
    opened("both", pin=True).speak(HELLO, "live")
    every = len(os.sched_getaffinity(0))
    assert where == [every, 1, every]


def test_a_closed_engine_has_no_lanes_to_show(opened: Open) -> None:
    engine = opened("auto")
    engine.close()
    assert engine.health() == ()
    with pytest.raises(FarmError, match="engine is closed"):
        engine.speak(HELLO, "live")
