"""Real CoreML lanes on a real Mac, and a dated record of them. On any other machine nothing here can run.

The first run compiles the model for each lane, which may take minutes.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest
from apple.record import Record

from broker.settings import FarmSettings
from tasks.engine import Lane, Utterance
from workers.accelerators.calibration import LENGTHS, judge
from workers.accelerators.hardware import Machine, detect
from workers.accelerators.lane_choice import LaneVerdict
from workers.accelerators.probe import attempt, phonemes_of
from workers.cli import machine_load
from workers.engine.kokoro_engine import KokoroEngine
from workers.engine.opening import Surroundings, open_engine
from workers.inference.lanes import Lane as LaneThreads
from workers.inference.priority import QOS_USER_INITIATED, QOS_UTILITY
from workers.inference.providers import COREML_PROVIDER, CPU, Accelerator, accelerator
from workers.models.resolving import Model

if not detect().has_coreml:
    pytest.skip(
        f"CoreML lanes run on a Mac alone, and this is {detect().system}: nothing was proved", allow_module_level=True
    )

MEMORY_CAP = 4 << 30
LANES: tuple[Accelerator, ...] = get_args(Accelerator)


@pytest.fixture(scope="module")
def engine(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KokoroEngine]:
    """Both accelerators, whatever was measured of them."""
    settings = FarmSettings(home=tmp_path_factory.mktemp("home"), lanes="ane,gpu")
    around = Surroundings(measure=lambda _lane, _provider: LaneVerdict(speedup=1.0))
    with closing(open_engine(model, settings, around)) as opened:
        opened.warm_up()
        yield opened


def test_the_cpu_is_measured_first(model: Model, machine: Machine, record: Record) -> None:
    trial = attempt(model, CPU, threads=machine.cores, lengths=LENGTHS)
    record.trials["cpu"] = CPU, trial
    assert trial.fault == ""


@pytest.mark.parametrize("lane", LANES)
def test_each_lane_is_tried_in_a_child_and_judged(
    lane: Accelerator, model: Model, machine: Machine, record: Record, tmp_path: Path
) -> None:
    provider = accelerator(lane, cache_folder=tmp_path)
    trial = attempt(model, provider, threads=machine.cores, lengths=LENGTHS)
    record.trials[lane] = provider, trial
    record.verdicts[lane] = judge(record.trials["cpu"][1], trial, memory_cap=MEMORY_CAP)
    # Whether it pays, the record says; that it runs at all is what Chorus promises.
    assert trial.fault == ""
    assert trial.nodes.get(COREML_PROVIDER, 0) > 0, "CoreML took nothing of the graph"


@pytest.mark.parametrize("lane", get_args(Lane))
def test_what_an_accelerator_says_is_as_long_as_what_the_cpu_says(engine: KokoroEngine, lane: Lane) -> None:
    voice = engine.voices()[0]
    vocabulary = engine._synthesizers.spare.vocabulary
    for tokens in LENGTHS:
        utterance = Utterance(phonemes=phonemes_of(tokens, vocabulary), voice=voice)
        expected = engine._synthesizers.spare.say(utterance, engine._style(voice))
        assert engine.speak(utterance, lane).audio.size == expected.audio.size


def test_both_accelerators_spoke_and_neither_failed(engine: KokoroEngine, record: Record) -> None:
    reports = {report.name: report for report in engine.health()}
    for lane in LANES:
        assert reports[lane].state == "serving", reports[lane].reason
        assert reports[lane].served > 0
        assert reports[lane].failures == 0
        record.notes.append(f"`{lane}` ran {reports[lane].nodes} of {reports[lane].nodes_total} nodes in the worker.")


def test_threads_are_in_the_classes_they_were_put_into(record: Record) -> None:
    libc = ctypes.CDLL(None)
    for lowered, qos in ((True, QOS_UTILITY), (False, QOS_USER_INITIATED)):
        with closing(LaneThreads("any", slots=1, lowered=lowered)) as lane:
            assert lane.run(libc.qos_class_self).value == qos
    record.notes.append("Books' threads are in the class UTILITY, listeners' in USER_INITIATED, as the system says.")


def test_powermetrics_tells_or_says_why_not(record: Record) -> None:
    found = machine_load.look()
    assert sys.platform != "darwin" or found.ane_w is not None or found.unavailable
    record.notes.append(f"Usage: {found}.")
