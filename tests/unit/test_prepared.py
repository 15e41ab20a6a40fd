"""Which graph is used: the prepared variants, the requested one, and the fallback if something went wrong."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import noisy
import psutil
import pytest
from support import wait_until
from toy.build import MODEL, VOICES

from broker.settings import FarmSettings
from chorus.errors import DiskError, FarmError, ModelError
from workers.models import build_target, prepared, samples
from workers.models.assembling import SKELETON
from workers.models.resolving import Model, as_it_is, resolve
from workers.models.variants import FAST, ORIGINAL, PLAIN, RAW, RECIPE, Manifest, Variant, VariantChoice
from workers.optimise import pipeline, preparing, stages
from workers.process import children
from workers.upkeep.preparation import BackgroundPreparation


@pytest.fixture
def farm(tmp_path: Path) -> FarmSettings:
    """A machine whose model has chance in it."""
    return FarmSettings(home=tmp_path, model=noisy.build(tmp_path / "noisy.onnx"), voices=VOICES)


def known(farm: FarmSettings, **fields: object) -> Manifest:
    """Write down that the model was prepared, without doing it."""
    model = resolve(farm.model_copy(update={"variant": RAW}))
    here = prepared.folder(farm.home_folder(), model.origin)
    variants = {}
    for name, lossless, valid in ((ORIGINAL, True, True), (FAST, True, True), ("int8", False, False)):
        (here / name).mkdir(parents=True, exist_ok=True)
        (here / name / "graph.onnx").write_bytes(b"graph")
        variants[name] = Variant(
            name=name, lossless=lossless, digest=model.origin if lossless else "e" * 64, files={"graph.onnx": 5},
            valid=valid, why=f"{name} was heard",
        )  # fmt: skip
    given = {
        "variants": variants,
        "choice": VariantChoice(variant=FAST, why="1.70 × faster"),
        "recipe": RECIPE,
        **fields,
    }
    manifest = replace(Manifest(model="noisy", digest=model.origin, machine=build_target.key()), **given)  # type: ignore[arg-type]
    manifest.write(here)
    return manifest


@pytest.mark.parametrize(
    ("wanted", "variant", "why"),
    [
        ("auto", FAST, "1.70 × faster"),
        (ORIGINAL, ORIGINAL, "asked for by name; original was heard"),
        (FAST, FAST, "asked for by name; fast was heard"),
        ("int8", "int8", "asked for by name; int8 was heard"),
        (RAW, RAW, "the file as it is, by CHORUS_VARIANT"),
    ],
)
def test_the_setting_chooses_among_the_prepared_variants(
    farm: FarmSettings, wanted: str, variant: str, why: str
) -> None:
    known(farm)
    model = resolve(farm.model_copy(update={"variant": wanted}))
    assert (model.variant, model.why) == (variant, why)
    assert model.optimised == (variant != RAW)
    assert model.graph.exists()


def test_a_lossless_variant_has_the_originals_sound_and_a_lossy_one_its_own(farm: FarmSettings) -> None:
    known(farm)
    sounds = {name: resolve(farm.model_copy(update={"variant": name})).sound for name in (RAW, ORIGINAL, FAST, "int8")}
    assert sounds[RAW] == sounds[ORIGINAL] == sounds[FAST] != sounds["int8"]


@pytest.mark.parametrize("wanted", ["int4", "fastest"])
def test_a_variant_that_does_not_exist_is_refused_and_the_existing_ones_are_listed(
    farm: FarmSettings, wanted: str
) -> None:
    with pytest.raises(ModelError, match="`chorus optimize` makes what there can be"):
        resolve(farm.model_copy(update={"variant": wanted}))
    known(farm)
    with pytest.raises(
        ModelError, match=f"CHORUS_VARIANT={wanted} was not made .*: there are auto, fast, int8, original, raw"
    ):
        resolve(farm.model_copy(update={"variant": wanted}))


def test_a_refused_lossless_variant_cannot_be_requested_by_name(farm: FarmSettings) -> None:
    manifest = known(farm)
    known(farm, variants={**manifest.variants, FAST: replace(manifest.variants[FAST], valid=False, why="refused: no")})
    with pytest.raises(ModelError, match="does not speak like the model"):
        resolve(farm.model_copy(update={"variant": FAST}))


def test_damaged_files_are_not_used(farm: FarmSettings) -> None:
    known(farm)
    graph = resolve(farm).graph
    graph.write_bytes(b"gr")
    model = resolve(farm)
    assert (model.variant, model.graph) == (RAW, model.path)
    assert "missing or damaged, `chorus optimize` builds it again" in model.why


def test_a_failed_preparation_says_why_and_is_not_repeated_at_each_start(farm: FarmSettings) -> None:
    known(farm, variants={}, choice=None, failure="It broke.")
    model = resolve(farm)
    assert (model.variant, model.graph) == (RAW, model.path)
    assert model.why == "the file as it is: it could not be prepared (It broke), `chorus optimize` tries again"
    assert not preparing.is_pending(farm, model)


def test_a_preparation_that_was_cut_off_is_no_failure(farm: FarmSettings) -> None:
    known(farm, choice=None, recipe="")
    model = resolve(farm)
    assert model.variant == RAW
    assert model.why == "the file as it is: its preparation was not finished yet, the next start goes on with it"
    assert preparing.is_pending(farm, model)


def test_variants_of_an_older_release_are_used_until_new_ones_are_prepared(farm: FarmSettings) -> None:
    known(farm)
    assert not preparing.is_pending(farm, resolve(farm))
    known(farm, recipe="1")
    model = resolve(farm)
    assert model.variant == FAST
    assert preparing.is_pending(farm, model)


def test_a_failed_new_preparation_keeps_the_old_variants_and_says_so(farm: FarmSettings) -> None:
    known(farm, failure="It broke.")
    model = resolve(farm)
    assert model.variant == FAST
    assert model.why == "1.70 × faster; it could not be prepared anew (It broke), `chorus optimize` tries again"


def test_a_small_model_without_random_operators_is_never_prepared(tmp_path: Path) -> None:
    farm = FarmSettings(home=tmp_path, model=MODEL, voices=VOICES)
    model = preparing.ready(farm, print)
    assert (model.variant, model.why) == (RAW, "the file as it is")
    assert not (tmp_path / "models").exists()


def test_a_large_model_is_always_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    farm = FarmSettings(home=tmp_path, model=MODEL, voices=VOICES)
    monkeypatch.setattr(prepared, "SMALL_BYTES", 100)
    model = resolve(farm)
    assert preparing.is_pending(farm, model)
    assert (model.variant, model.why) == (PLAIN, "the file with constant noise: not prepared on this machine yet")
    assert not preparing.is_pending(farm.model_copy(update={"variant": RAW}), model)


def test_nobody_waits_for_a_large_model_to_be_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    farm = FarmSettings(home=tmp_path, model=MODEL, voices=VOICES)
    monkeypatch.setattr(prepared, "SMALL_BYTES", 100)
    said: list[str] = []
    model = preparing.ready(farm, said.append)
    assert (model.variant, said) == (PLAIN, []), "it speaks at once"
    assert preparing.is_for_background(farm, model)


def test_samples_have_another_name_where_another_graph_makes_them(farm: FarmSettings) -> None:
    known(farm)
    models = [resolve(farm.model_copy(update={"variant": name})) for name in (RAW, ORIGINAL, FAST)]
    assert len({one.sound for one in models}) == 1
    assert len({samples.name_of(one) for one in models}) == len(models)
    assert samples.name_of(models[1]) == samples.name_of(resolve(farm.model_copy(update={"variant": ORIGINAL})))
    models[1].graph.write_bytes(b"other")
    assert samples.name_of(models[1]) != samples.name_of(replace(models[1], graph=models[2].graph))


def test_a_model_may_differ_from_itself_while_chance_is_in_it_or_another_graph_is_on_its_way(
    farm: FarmSettings, tmp_path: Path
) -> None:
    raw = resolve(farm.model_copy(update={"variant": RAW}))
    assert preparing.may_differ(farm, raw), "it has random operators"
    assert not preparing.may_differ(farm, resolve(farm.model_copy(update={"model": MODEL}))), "it has none"
    large = FarmSettings(home=tmp_path, model=SKELETON, voices=VOICES)
    assert resolve(large).variant == PLAIN
    assert preparing.may_differ(large, resolve(large)) == preparing.is_for_background(large, resolve(large))


@pytest.mark.parametrize(("failure", "told"), [("It broke.", ["kept"]), ("", ["kept"])])
def test_a_worker_learns_that_nothing_will_be_exchanged(
    farm: FarmSettings, monkeypatch: pytest.MonkeyPatch, failure: str, told: list[str]
) -> None:
    """`""`: it was prepared, and the file is as good."""
    monkeypatch.setattr(preparing, "prepare_in_child", lambda *_arguments, **_options: failure)
    monkeypatch.setattr(preparing, "is_for_background", lambda *_arguments: True)
    heard: list[str] = []
    exchanged = BackgroundPreparation(
        farm, resolve(farm), exchange=lambda _model: heard.append("exchanged"), kept=lambda: heard.append("kept")
    )
    exchanged.start()
    wait_until(lambda: heard, description="it was told")
    assert heard == told


def test_a_dull_model_is_another_sound_once_it_is_put_right(tmp_path: Path) -> None:
    farm = FarmSettings(home=tmp_path, model=SKELETON, voices=VOICES)
    exact, dull = resolve(farm), resolve(farm.model_copy(update={"inverse": "as-is"}))
    raw = resolve(farm.model_copy(update={"variant": RAW}))
    assert (exact.exact, dull.exact, raw.exact) == (True, False, False)
    assert exact.origin == dull.digest == raw.digest != exact.digest == exact.base
    assert exact.variant == PLAIN
    assert "the exact inverse transform" in exact.why
    assert "exact" not in dull.why + raw.why
    assert resolve(farm).digest == exact.digest, "the same each time"


def test_a_graph_that_does_not_load_gives_way_to_its_file_with_the_same_sound(tmp_path: Path) -> None:
    model = resolve(FarmSettings(home=tmp_path, model=SKELETON, voices=VOICES))
    given_way = as_it_is(replace(model, optimised=True, variant="fast"), "It is damaged.")
    assert (given_way.digest, given_way.variant, given_way.optimised) == (model.digest, PLAIN, False)


def test_at_its_first_start_a_worker_prepares_the_model_once(
    farm: FarmSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(farm.home))
    said: list[str] = []
    assert preparing.is_pending(farm, resolve(farm))
    model = preparing.ready(farm, said.append)
    assert (model.variant, model.why) == (ORIGINAL, "no variant is faster here")
    assert said[0] == f"{preparing.NOTE}."
    assert any(line.startswith("choose: original") for line in said)
    again: list[str] = []
    assert preparing.ready(farm, again.append) == model
    assert again == []


def broken(monkeypatch: pytest.MonkeyPatch, farm: FarmSettings, code: str) -> list[str]:
    """What a worker says whose child does this instead of preparing."""
    monkeypatch.setattr(children, "command", lambda _module: [sys.executable, "-c", code])
    said: list[str] = []
    model = preparing.ready(farm, said.append)
    assert (model.variant, model.graph) == (RAW, model.path)
    assert "it could not be prepared" in model.why
    return said


def test_after_a_killed_preparation_the_model_is_used_unchanged_and_it_is_not_repeated(
    farm: FarmSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = broken(monkeypatch, farm, f"import os; os.kill(os.getpid(), {signal.SIGKILL})")
    assert said[-1].endswith("its process was killed (SIGKILL), perhaps for lack of memory")
    assert "SIGKILL" in resolve(farm).why
    assert preparing.ready(farm, said.append).why == resolve(farm).why
    assert len(said) == 2


def test_the_reason_of_a_failed_preparation_is_shown(farm: FarmSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    said = broken(monkeypatch, farm, "print('failed: There is no room.'); raise SystemExit(1)")
    assert said[-1] == "The voice could not be prepared and is used unchanged: There is no room."


def test_a_preparation_ends_with_its_worker(farm: FarmSettings, tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom broker.settings import FarmSettings\nfrom workers.optimise import preparing\n"
        "def die_at(line):\n    line.startswith('graph') and os.kill(os.getpid(), signal.SIGKILL)\n"
        "preparing.ready(FarmSettings.load(), die_at)\n"
    )
    root = Path(__file__).parents[2]
    own = {"HOME": farm.home, "MODEL": farm.model, "VOICES": VOICES}
    environment = os.environ | {"PYTHONPATH": str(root)} | {f"CHORUS_{name}": str(path) for name, path in own.items()}
    worker = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, check=False)
    assert worker.returncode == -signal.SIGKILL
    home = str(farm.home)
    wait_until(
        lambda: not [one for one in psutil.process_iter(["cmdline"]) if home in " ".join(one.info["cmdline"] or ())],
        description="the child is gone",
    )
    said: list[str] = []
    assert preparing.ready(farm, said.append).variant == ORIGINAL
    assert "graph: already done for this model and machine" in said


def failing(error: Exception) -> tuple[stages.Stage, ...]:
    def stage(_: stages.PreparationState) -> stages.StageResult:
        raise error

    return (stages.Stage(name="graph", version="1", run=stage),)


def test_an_error_is_recorded_but_a_full_disk_is_checked_again(farm: FarmSettings) -> None:
    model = resolve(farm)
    with pytest.raises(DiskError):
        preparing.prepare(farm, model, print, failing(DiskError("No room.")))
    assert preparing.is_pending(farm, model)
    with pytest.raises(FarmError):
        preparing.prepare(farm, model, print, failing(FarmError("It broke.")))
    assert not preparing.is_pending(farm, model)
    assert "It broke" in resolve(farm).why
    preparing.prepare(farm, model, print, (pipeline.ANALYSE, pipeline.GRAPH))
    assert preparing.is_pending(farm, model), "what was mended is gone on with"


def test_a_disk_that_fills_up_meanwhile_gives_one_sentence_and_leaves_nothing(farm: FarmSettings) -> None:
    model = resolve(farm)
    # A child of ours with a bound on the size of any file: the kernel refuses what is written beyond it.
    pid = os.fork()
    if not pid:
        os._exit(_prepare_bounded(farm, model))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    left = prepared.folder(farm.home_folder(), model.origin)
    assert {path.name for path in left.iterdir()} <= {".lock", "manifest.json"}


def _prepare_bounded(farm: FarmSettings, model: Model) -> int:
    import resource  # noqa: PLC0415 - the child's business

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        preparing.prepare(farm, model, lambda _line: None)
    except DiskError as error:
        return 0 if "cannot be written" in str(error) else 2
    return 1


def test_variants_of_an_older_onnxruntime_are_removed_and_another_machines_are_kept(farm: FarmSettings) -> None:
    model = resolve(farm)
    here = prepared.folder(farm.home_folder(), model.origin)
    older = here.with_name(f"{here.name.partition('-')[0]}-0.9.0")
    others = here.with_name("00000000-1.31.1")
    for folder in (older, others):
        (folder / ORIGINAL).mkdir(parents=True)
    preparing.prepare(farm, model, print, (pipeline.ANALYSE,))
    assert (older.exists(), others.exists()) == (False, True)
