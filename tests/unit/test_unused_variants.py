"""Prepared variants that are not in use can be removed; those that are used or that a book may need are kept."""

import fcntl
from pathlib import Path

import noisy
import pytest
from toy.build import VOICES

from broker.settings import FarmSettings
from chorus.errors import ModelError
from workers.models import build_target, prepared
from workers.models.resolving import resolve
from workers.models.unused_variants import UnusedVariant, remove, unused
from workers.models.variants import FAST, ORIGINAL, RECIPE, Manifest, StageRecord, Variant, VariantChoice
from workers.models.verifying import verify

DONE = StageRecord(key="k", changed=True, lines=(), found={}, seconds=1.0)


@pytest.fixture
def farm(tmp_path: Path) -> FarmSettings:
    """A machine whose model was prepared, with a lossy variant that another book may have begun with."""
    farm = FarmSettings(home=tmp_path, model=noisy.build(tmp_path / "noisy.onnx"), voices=VOICES)
    put(prepared.folder(tmp_path, resolve(farm).origin), ORIGINAL, FAST, "int8")
    return farm


def put(folder: Path, *names: str) -> None:
    variants = {}
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "graph.onnx").write_bytes(bytes(5000))
        lossless = name != "int8"
        variants[name] = Variant(
            name=name, lossless=lossless, digest="d" * 64 if lossless else "e" * 64, files={"graph.onnx": 5000},
            valid=True, why="",
        )  # fmt: skip
    Manifest(
        model="noisy",
        digest="d" * 64,
        machine=folder.name,
        variants=variants,
        choice=VariantChoice(variant=FAST, why="faster"),
        stages={"graph": DONE},
        recipe=RECIPE,
    ).write(folder)


def found(farm: FarmSettings) -> dict[str, UnusedVariant]:
    root = farm.home_folder() / "models" / "prepared"
    return {str(one.folder.relative_to(root)): one for one in unused(farm)}


def test_the_speaking_variant_and_lossy_ones_are_in_use(farm: FarmSettings) -> None:
    (one,) = unused(farm)
    assert (one.folder.name, one.what) == (ORIGINAL, "noisy as original")
    assert (one.disk_bytes, one.why) == (8192, "not chosen")


def test_the_requested_variant_and_the_chosen_one_are_in_use(farm: FarmSettings) -> None:
    assert unused(farm.model_copy(update={"variant": ORIGINAL})) == ()


def test_variants_of_other_models_and_of_an_earlier_onnxruntime_are_unused(farm: FarmSettings) -> None:
    root = farm.home_folder() / "models" / "prepared"
    key = build_target.key()
    put(root / "0123456789ab" / key, ORIGINAL, FAST)
    put(root / "ba9876543210" / key, ORIGINAL, "int8")
    put(root / "0123456789ab" / "abcd-1.0.0", FAST, "int8")
    assert {name: one.why for name, one in found(farm).items() if name.startswith(("01", "ba"))} == {
        f"0123456789ab/{key}": "made of another model",
        f"ba9876543210/{key}/original": "made of another model",
        "0123456789ab/abcd-1.0.0": "made for another onnxruntime or processor",
    }


def test_removed_variants_are_recorded_and_the_others_still_speak(farm: FarmSettings) -> None:
    here = prepared.folder(farm.home_folder(), resolve(farm).origin)
    put(here.parent.parent / "0123456789ab" / build_target.key(), FAST)
    for one in unused(farm):
        assert remove(one)
        assert not one.folder.exists()
    assert resolve(farm).variant == FAST
    assert all(verdict.well for verdict in verify(farm))
    with pytest.raises(ModelError, match="`chorus optimize` makes more"):
        resolve(farm.model_copy(update={"variant": ORIGINAL}))
    # Or `optimize` would take it for made, and make nothing.
    known = Manifest.read(here)
    assert known is not None
    assert known.stages == {}
    assert unused(farm) == ()


def test_variants_being_prepared_are_kept(farm: FarmSettings) -> None:
    (one,) = unused(farm)
    with (one.folder.parent / prepared.LOCK).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert not remove(one)
    assert one.folder.exists()


def test_without_a_usable_model_nothing_counts_as_unused(farm: FarmSettings, tmp_path: Path) -> None:
    assert unused(farm.model_copy(update={"model": tmp_path / "gone.onnx"})) == ()
