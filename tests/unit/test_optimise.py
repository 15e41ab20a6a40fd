"""The preparation of a model: each stage runs once, continues after an interruption, and leaves nothing half-made."""

import json
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import noisy
import numpy as np
import onnx
import pytest
from toy.build import VOICES

from chorus.errors import DiskError, FarmError, ModelError
from workers.fastconv.proof import Proof
from workers.fastconv.selection import tile_everything
from workers.inference.kokoro_graph import KokoroGraph
from workers.inference.sessions import Form, open_session
from workers.models import build_target
from workers.models.digests import sha256_of
from workers.models.variants import FAST, ORIGINAL, RAW, Manifest, Variant
from workers.optimise import judging, lossless, offline, pipeline, trial
from workers.optimise.phrases import phrases
from workers.optimise.stages import UNCHANGED, PreparationState, SourceModel, Stage, StageResult, locked, run_stages


def source(model: Path) -> SourceModel:
    return SourceModel(name="noisy", path=model, digest=sha256_of(model), voices=VOICES)


@pytest.fixture
def state(tmp_path: Path) -> PreparationState:
    """What stages work on: the toy voice with chance in it."""
    return resumed(tmp_path, noisy.build(tmp_path / "noisy.onnx"), [])


def resumed(folder: Path, model: Path, said: list[str]) -> PreparationState:
    """The same folder in a later process."""
    return PreparationState(source(model), folder / "prepared", build_target.key(), said.append)


def counted(
    name: str, *, inputs: Callable[[PreparationState], str] = lambda _: "", version: str = "1", changed: bool = True
) -> Stage:
    """A stage that writes down how often it was done."""

    def stage(state: PreparationState) -> StageResult:
        log = state.folder / f"{name}.log"
        state.folder.mkdir(exist_ok=True)
        log.write_text(log.read_text() + "x" if log.exists() else "x")
        return StageResult(changed=changed, lines=(f"{name} was here",))

    return Stage(name=name, version=version, run=stage, inputs=inputs)


def times(state: PreparationState, name: str) -> int:
    log = state.folder / f"{name}.log"
    return len(log.read_text()) if log.exists() else 0


def test_a_stage_with_unchanged_inputs_is_not_run_again(tmp_path: Path, state: PreparationState) -> None:
    stages = (counted("one"), counted("two"))
    run_stages(stages, state)
    said: list[str] = []
    later = resumed(tmp_path, state.source.path, said)
    run_stages(stages, later)
    assert (times(state, "one"), times(state, "two")) == (1, 1)
    assert said == ["one: already done for this model and machine", "two: already done for this model and machine"]


def test_a_newer_version_of_a_stage_runs_again_and_so_do_dependent_stages(state: PreparationState) -> None:
    def stages(version: str) -> tuple[Stage, ...]:
        return (
            counted("one", version=version),
            counted("two", inputs=lambda state: state.keys("one")),
            counted("other"),
        )

    run_stages(stages("1"), state)
    run_stages(stages("2"), state)
    assert (times(state, "one"), times(state, "two"), times(state, "other")) == (2, 2, 1)


def test_an_interrupted_preparation_continues_after_its_last_stage(tmp_path: Path, state: PreparationState) -> None:
    def interrupt(_: PreparationState) -> StageResult:
        raise KeyboardInterrupt

    stages = (counted("one"), Stage(name="two", version="1", run=interrupt))
    with pytest.raises(KeyboardInterrupt):
        run_stages(stages, state)
    later = resumed(tmp_path, state.source.path, [])
    run_stages((counted("one"), counted("two")), later)
    assert (times(state, "one"), times(state, "two")) == (1, 1)


def test_a_stage_that_changes_nothing_says_so(tmp_path: Path, state: PreparationState) -> None:
    said: list[str] = []
    run_stages((counted("idle", changed=False),), resumed(tmp_path, state.source.path, said))
    assert said == [f"idle: {UNCHANGED}", "idle: idle was here"]


def test_a_variant_with_missing_files_is_built_again(tmp_path: Path, state: PreparationState) -> None:
    run_stages((pipeline.GRAPH, counted("after", inputs=lambda state: state.keys("graph"))), state)
    state.graph(ORIGINAL).write_bytes(b"cut short")
    later = resumed(tmp_path, state.source.path, [])
    manifest = run_stages((pipeline.GRAPH, counted("after", inputs=lambda state: state.keys("graph"))), later)
    assert offline.is_whole(later.folder / ORIGINAL, manifest.variants[ORIGINAL].files)
    assert times(state, "after") == 2


@pytest.mark.parametrize("damage", ["", "{", '{"layout": 0}', '{"layout": 1, "stages": 5}', "[]"])
def test_an_unreadable_manifest_is_replaced_by_a_new_one(tmp_path: Path, state: PreparationState, damage: str) -> None:
    run_stages((counted("one"),), state)
    (state.folder / "manifest.json").write_text(damage)
    assert resumed(tmp_path, state.source.path, []).manifest.stages == {}


def test_the_manifest_survives_writing_and_reading(state: PreparationState) -> None:
    run_stages((pipeline.ANALYSE, pipeline.GRAPH), state)
    assert Manifest.read(state.folder) == state.manifest


def test_two_processes_prepare_one_after_the_other(state: PreparationState) -> None:
    inside, said = threading.Event(), list[str]()
    waiting = threading.Event()

    def second() -> None:
        inside.wait()
        with locked(state.folder, lambda line: (said.append(line), waiting.set())[0]):
            said.append("in")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(state.folder, said.append):
        inside.set()
        waiting.wait()
        said.append("out")
    thread.join()
    assert said == ["another process is preparing this model; waiting until it has finished", "out", "in"]


def speech(graph: Path, form: Form = "as it is") -> list[np.ndarray]:
    session = open_session(graph, threads=1, form=form)
    phrase = trial.Phrase(phonemes="həlˈoʊ", voice="af_heart")
    given = trial.feed(KokoroGraph(session), VOICES, phrase)
    return [np.asarray(session.run(None, given)[0]) for _ in range(2)]


def test_a_session_with_constant_noise_repeats_itself_though_its_file_does_not(state: PreparationState) -> None:
    """As an accelerator opens it: the CPU's own graph is nothing for it."""
    first, second = speech(state.source.path, "steady")
    assert np.array_equal(first, second)
    run_stages((pipeline.GRAPH,), state)
    (cpu, _) = speech(state.graph(ORIGINAL), "optimised")
    assert np.allclose(first, cpu, atol=1e-4), "both speak with the same noise"


def test_a_prepared_model_repeats_itself_and_keeps_its_vocabulary(state: PreparationState) -> None:
    first, second = speech(state.source.path)
    assert not np.array_equal(first, second), "the original never says the same, or this test proves nothing"
    run_stages((pipeline.GRAPH,), state)
    first, second = speech(state.graph(ORIGINAL), "optimised")
    assert np.array_equal(first, second)
    given, built = onnx.load(state.source.path), onnx.load(state.graph(ORIGINAL))
    assert {(one.key, one.value) for one in given.metadata_props} == {
        (one.key, one.value) for one in built.metadata_props
    }


def test_the_lossless_stages_record_a_choice_with_its_figures(state: PreparationState) -> None:
    manifest = run_stages(pipeline.LOSSLESS, state)
    assert manifest.choice is not None
    assert manifest.choice.variant == ORIGINAL
    original = manifest.variants[ORIGINAL]
    assert original.valid
    assert original.numbers["repeats"] == 1
    assert 0 < original.numbers["distance_db"] <= original.numbers["own_distance_db"] * 1.1
    assert original.numbers["rss_mb"] > original.numbers["loaded_mb"] > 0
    assert {"analyse", "graph", "validate", "bench", "choose"} == manifest.stages.keys()
    assert json.loads((state.folder / "manifest.json").read_text())["choice"]["variant"] == ORIGINAL


def test_the_reported_operators_size_and_distance_are_those_of_the_files(
    tmp_path: Path, state: PreparationState
) -> None:
    said: list[str] = []
    manifest = run_stages(
        (pipeline.ANALYSE, pipeline.GRAPH, pipeline.VALIDATE), resumed(tmp_path, state.source.path, said)
    )
    given, fixed, built = (
        lossless.histogram(one) for one in (onnx.load(state.source.path), state.model, onnx.load(state.graph(ORIGINAL)))
    )
    assert given["RandomNormalLike"] > built["RandomNormalLike"] == 0
    assert manifest.stages["analyse"].found["operators"] == given
    assert manifest.stages["graph"].found[ORIGINAL] == built
    assert said[0] == f"analyse: {given.total()} nodes: {lossless.shown(given)}"
    (line,) = (line for line in said if line.startswith(f"graph: {ORIGINAL}: "))
    assert f"{fixed.total()} nodes became {built.total()}: " in line
    changes = re.findall(r"(\w+) (\d+) → (\d+)", line)
    assert len(changes) > 2
    assert all((fixed[name], built[name]) == (int(before), int(after)) for name, before, after in changes)
    megabytes = sum(path.stat().st_size for path in (state.folder / ORIGINAL).iterdir()) / 1e6
    assert f" {megabytes:.0f} MB; " in line
    numbers = manifest.variants[ORIGINAL].numbers
    distance, own = numbers["distance_db"], numbers["own_distance_db"]
    assert f"{distance:.2f} dB from the original, whose own runs differ by {own:.2f} dB" in said[-1]


@pytest.fixture
def convolving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PreparationState:
    """A model with a convolution that can be tiled, by a rule for which all that can be tiled pays."""
    monkeypatch.setattr(lossless, "choice_by_rule", tile_everything)
    return resumed(tmp_path, noisy.convolving(tmp_path / "convolving.onnx"), [])


def test_a_faster_lossless_variant_is_built_and_compared(convolving: PreparationState) -> None:
    finding = lossless.graph(convolving)
    judging.validate(convolving)
    fast = convolving.manifest.variants[FAST]
    assert fast.valid
    assert fast.lossless
    assert fast.digest == convolving.source.digest
    assert fast.numbers["snr_db"] >= 90
    assert any(line.startswith(f"{FAST}: 1 convolutions run as tiles") for line in finding.lines)


def test_a_variant_that_computes_other_speech_is_not_built(
    convolving: PreparationState, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = Proof(snr_db=60.0, same_shapes=True, same_durations=True, samples=24_000)
    monkeypatch.setattr(lossless, "prove", lambda *_: poor)
    finding = lossless.graph(convolving)
    assert FAST not in convolving.manifest.variants
    assert finding.lines[-1].startswith(f"{FAST}: refused, difference 60 dB below the original")


def test_a_model_with_nothing_to_accelerate_says_so(state: PreparationState) -> None:
    assert lossless.graph(state).lines[-1].startswith(f"{FAST}: not made. Nothing to gain")


def test_a_variant_that_sounds_different_is_refused(tmp_path: Path, state: PreparationState) -> None:
    louder = onnx.load(noisy.build(tmp_path / "louder.onnx", loudness=0.5))
    state.build(FAST, louder, lossless=True)
    judging.validate(state)
    assert state.manifest.variants[FAST].valid is False
    assert state.manifest.variants[FAST].why.startswith("refused")


def test_a_variant_that_does_not_load_is_refused_and_the_others_are_compared(state: PreparationState) -> None:
    for name in (FAST, ORIGINAL):
        state.build(name, state.model, lossless=True)
    state.graph(FAST).write_bytes(b"no graph")
    judging.validate(state)
    assert state.manifest.variants[FAST].valid is False
    assert "does not speak" in state.manifest.variants[FAST].why
    assert state.manifest.variants[ORIGINAL].valid


def variant(name: str, ratio: float, *, valid: bool | None = True, lossless: bool = True) -> Variant:
    numbers = {"speed_ratio": ratio, "distance_db": 1.0}
    return Variant(name=name, lossless=lossless, digest="d", files={}, valid=valid, numbers=numbers)


@pytest.mark.parametrize(
    ("variants", "chosen"),
    [
        pytest.param([], RAW, id="none passed"),
        pytest.param([variant(ORIGINAL, 1, valid=False)], RAW, id="not even the original"),
        pytest.param([variant(ORIGINAL, 1)], ORIGINAL, id="alone"),
        pytest.param([variant(ORIGINAL, 1), variant(FAST, 1.7)], FAST, id="faster"),
        pytest.param([variant(ORIGINAL, 1), variant(FAST, 1.05)], ORIGINAL, id="faster by chance"),
        pytest.param([variant(ORIGINAL, 1), variant(FAST, 0.8)], ORIGINAL, id="slower"),
        pytest.param([variant(ORIGINAL, 1), variant(FAST, 1.7, valid=False)], ORIGINAL, id="faster and wrong"),
        pytest.param([variant(ORIGINAL, 1), variant(FAST, 1.7, valid=None)], ORIGINAL, id="not looked at"),
        pytest.param(
            [variant(ORIGINAL, 1), variant(FAST, 1.7), variant("int8", 2.5, lossless=False)], "int8", id="within bounds"
        ),
        pytest.param(
            [variant(ORIGINAL, 1), variant(FAST, 1.7), variant("int8", 2.5, lossless=False, valid=False)],
            FAST,
            id="lossy beyond the bounds",
        ),
    ],
)
def test_the_fastest_valid_variant_is_chosen_if_it_is_faster_by_enough(variants: list[Variant], chosen: str) -> None:
    choice = judging.best_variant(variants)
    assert choice.variant == chosen
    assert choice.why


def test_a_graph_that_ends_its_process_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "odd.onnx").write_bytes(b"no graph")
    order = trial.TrialRequest(
        graph=str(tmp_path / "odd.onnx"), optimised=True, voices=str(VOICES), phrases=phrases(VOICES), rounds=1
    )
    with pytest.raises(FarmError, match=r"odd\.onnx does not speak .*odd\.onnx cannot be loaded as a model"):
        trial.run_trial(order)


def test_a_full_disk_is_refused_before_anything_is_built(
    state: PreparationState, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(state.source.path.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1_000_000))
    with pytest.raises(DiskError, match=r"needs \d+ MB and .* has 1 MB free"):
        state.build(ORIGINAL, state.model, lossless=True)
    assert not (state.folder / ORIGINAL).exists()


def test_the_previous_graph_stays_until_the_new_one_is_complete(
    state: PreparationState, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state.build(ORIGINAL, state.model, lossless=True)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(offline, "_optimise", full)
    with pytest.raises(DiskError, match="cannot be written \\(No space left on device\\)"):
        state.build(ORIGINAL, state.model, lossless=True)
    assert offline.is_whole(state.folder / ORIGINAL, before.files)
    assert {path.name for path in state.folder.iterdir()} == {ORIGINAL, "manifest.json"}


def test_lost_metadata_is_detected(state: PreparationState, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(given: Path, target: Path) -> None:
        model = onnx.load(given)
        del model.metadata_props[:]
        onnx.save(model, target)

    monkeypatch.setattr(offline, "_optimise", forgetful)
    with pytest.raises(ModelError, match="metadata"):
        state.build(ORIGINAL, state.model, lossless=True)


def test_another_processor_or_onnxruntime_has_another_key(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: sse avx2\nprocessor\t: 1\nflags\t\t: sse avx2\n")
    assert build_target.instructions(tmp_path / "cpuinfo") == ("avx2", "sse")
    (tmp_path / "arm").write_text("processor : 0\nFeatures : neon asimd\n")
    assert build_target.instructions(tmp_path / "arm") == ("asimd", "neon")
    assert build_target.instructions(tmp_path / "absent") == ()
    assert build_target.same_processor("3f1c09ab-1.31.1", "3f1c09ab-1.32.0")
    assert not build_target.same_processor(build_target.key(), f"x{build_target.key()}")


def test_a_recorded_failure_is_removed_when_a_stage_succeeds(state: PreparationState) -> None:
    state.save(replace(state.manifest, failure="it broke"))
    assert run_stages((counted("one"),), state).failure == ""
