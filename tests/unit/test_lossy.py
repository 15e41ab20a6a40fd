"""Int8 variants: which blocks they consist of, which sound they have, and when they are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import vocoder
from kokoro_onnx.config import DEFAULT_VOCAB
from toy.build import VOICES

from tasks.phonemes.phonemize import phonemize
from workers.inference.quality import Quality
from workers.models import build_target
from workers.models import prepared as chosen
from workers.models.digests import sha256_of
from workers.models.variants import ORIGINAL, Manifest, Variant
from workers.optimise import judging, pipeline
from workers.optimise.lossy import INT8_ALL, LEAST_SNR_DB, fastest_within_bounds, judge_lossy
from workers.optimise.sensitivity import Int8Measurement, Sweep, prefixes
from workers.optimise.stages import PreparationState, SourceModel, run_stages
from workers.optimise.texts import LINES, with_voices
from workers.optimise.trial import Take, TrialResult

FINE = Quality(
    length=0, tokens_moved=0, log_spectral_db=1, mel_cepstral_db=0.2, f0_cents=1, voicing_apart=0, loudness_db=0,
    clipped=0, dc=0, silence=0,
)  # fmt: skip


def measurement(*blocks: str, snr_db: float, speed: float, quality: Quality = FINE) -> Int8Measurement:
    return Int8Measurement(
        blocks=blocks, convolutions=1, weight_bits=8, snr_db=snr_db, quality=quality, speed_ratio=speed
    )  # fmt: skip


def swept(*together: Int8Measurement) -> Sweep:
    return Sweep(alone=together[:1], together=together, everything=together[-1])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparationState:
    """A model of Kokoro's joints that went through the stages that make and hear its variants."""
    folder = tmp_path_factory.mktemp("lossy")
    path = vocoder.build(folder / "vocoder.onnx")
    source = SourceModel(name="vocoder", path=path, digest=sha256_of(path), voices=VOICES)
    state = PreparationState(source, folder / "prepared", build_target.key(), lambda _: None)
    run_stages((pipeline.GRAPH, pipeline.QUANTIZE, pipeline.VALIDATE), state)
    return state


def test_each_block_is_measured_alone_and_all_together(prepared: PreparationState) -> None:
    found = prepared.manifest.stages["quantize"].found["heard"]
    assert {tuple(one["blocks"]) for one in found} >= {("resblocks",), ("noise_res",), ("noise_convs",), ("conv_post",)}
    everything = found[-1]
    assert (len(everything["blocks"]), everything["convolutions"]) == (4, 5)
    assert all(one["tokens_moved"] == 0 for one in found)
    assert everything["snr_db"] < max(one["snr_db"] for one in found)


def test_a_lossy_variant_is_a_sound_of_its_own_and_a_lossless_one_keeps_the_models(prepared: PreparationState) -> None:
    variants = prepared.manifest.variants
    assert variants[ORIGINAL].digest == prepared.source.digest
    assert INT8_ALL in variants
    lossy = [one for one in variants.values() if not one.lossless]
    assert len({prepared.source.digest, *(one.digest for one in lossy)}) == 1 + len(lossy)


def test_a_lossless_rewriting_of_a_lossy_graph_keeps_its_sound(tmp_path: Path) -> None:
    path = vocoder.build(tmp_path / "vocoder.onnx")
    state = PreparationState(
        SourceModel(name="v", path=path, digest=sha256_of(path), voices=VOICES),
        tmp_path / "out",
        "here",
        lambda _: None,
    )
    lossy, rewritten = onnx.load(path), onnx.load(path)
    lossy.graph.initializer[-1].raw_data = rewritten.graph.initializer[-1].raw_data[::-1]
    rewritten.CopyFrom(lossy)
    rewritten.graph.node[0].doc_string = "written otherwise"
    plain = state.build("plain", lossy, lossless=False)
    assert state.build("tiled", rewritten, lossless=False, sounds_like=lossy).digest == plain.digest
    assert state.build("other", rewritten, lossless=False).digest != plain.digest


def test_a_lossy_variant_is_compared_with_the_model_with_constant_noise(prepared: PreparationState) -> None:
    variant = prepared.manifest.variants[INT8_ALL]
    assert variant.valid is not None
    assert 0 < variant.numbers["log_spectral_db"] < prepared.manifest.variants[ORIGINAL].numbers["own_distance_db"]


def test_a_model_without_kokoros_names_is_not_quantised_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    path.write_bytes(VOICES.with_name("toy.onnx").read_bytes())
    state = PreparationState(
        SourceModel(name="toy", path=path, digest=sha256_of(path), voices=VOICES),
        tmp_path / "out",
        "here",
        lambda _: None,
    )
    finding = pipeline.QUANTIZE.run(state)
    assert not finding.changed
    assert state.manifest.variants == {}


@pytest.mark.parametrize(
    ("alone", "sets"),
    [
        ([("a", 30, 1.2), ("b", 40, 1.1)], [("b",), ("b", "a")]),
        ([("a", 30, 1.2), ("b", 40, 0.9), ("c", 20, 1.5)], [("a",), ("a", "c")]),
        ([("a", 30, 1.0)], []),
    ],
)
def test_the_least_sensitive_blocks_come_first_and_slower_ones_are_left_out(
    alone: list[tuple[str, float, float]], sets: list[tuple[str, ...]]
) -> None:
    assert prefixes(measurement(name, snr_db=snr_db, speed=speed) for name, snr_db, speed in alone) == sets


def test_the_fastest_set_within_bounds_is_built() -> None:
    small, middle = measurement("a", snr_db=35, speed=1.3), measurement("a", "b", snr_db=LEAST_SNR_DB, speed=1.9)
    noisy = measurement("a", "b", "c", snr_db=LEAST_SNR_DB - 0.1, speed=2.5)
    assert fastest_within_bounds(swept(small, middle, noisy)) is middle
    off = replace(FINE, mel_cepstral_db=9.0)
    assert fastest_within_bounds(swept(small, measurement("a", "b", snr_db=40, speed=1.9, quality=off))) is small
    assert fastest_within_bounds(swept(noisy)) is None


def spoken(audio: np.ndarray, frames: tuple[int, ...] = (2, 3)) -> TrialResult:
    takes = ((Take(audio=audio.astype(np.float32), frames=frames, cpu_s=1.0),),)
    return TrialResult(takes=takes, load_s=0, loaded_mb=0, rss_mb=0)


TONE = 0.3 * np.sin(2 * np.pi * 150 * np.arange(24_000) / 24_000)


@pytest.mark.parametrize(
    ("rendering", "frames", "sentence"),
    [
        (TONE, (2, 3), "within bounds: "),
        (0.8 * TONE, (2, 3), "refused: loudness_db 1.938 > 0.5"),
        (TONE, (3, 2), "refused: tokens_moved 1 > 0"),
        (np.where(np.arange(24_000) == 7, np.nan, TONE), (2, 3), "refused: some samples are not numbers"),
    ],
)
def test_a_variant_beyond_a_bound_is_refused_with_its_name(
    rendering: np.ndarray, frames: tuple[int, ...], sentence: str
) -> None:
    valid, why, _ = judge_lossy(spoken(TONE), spoken(rendering, frames))
    assert valid is not sentence.startswith("refused")
    assert why.startswith(sentence) or sentence in why


def test_a_refused_variant_is_never_chosen_however_fast_it_is() -> None:
    def variant(name: str, speed: float, *, valid: bool) -> Variant:
        numbers = {"speed_ratio": speed}
        return Variant(name=name, lossless=False, digest=name, files={}, valid=valid, numbers=numbers)

    fast = [variant(ORIGINAL, 1.0, valid=True), variant("int8", 1.9, valid=True), variant(INT8_ALL, 2.8, valid=False)]
    assert judging.best_variant(fast).variant == "int8"


def test_a_refused_variant_is_used_only_if_requested_by_name(tmp_path: Path) -> None:
    made = {
        "original": Variant(name=ORIGINAL, lossless=True, digest="d" * 64, files={}, valid=True),
        INT8_ALL: Variant(
            name=INT8_ALL, lossless=False, digest="e" * 64, files={}, valid=False, why="refused: dc 1 > 0"
        ),
    }
    choice = judging.best_variant(made.values())
    known = Manifest(model="m", digest="d" * 64, machine=build_target.key(), variants=made, choice=choice)
    known.write(chosen.folder(tmp_path, "d" * 64))
    source = chosen.SourceFile(path=tmp_path / "m.onnx", origin="d" * 64, exact=False)
    unasked = chosen.pick(tmp_path, source, chosen.AUTO)
    asked = chosen.pick(tmp_path, source, INT8_ALL)
    assert (unasked.variant, unasked.digest) == (ORIGINAL, "d" * 64)
    assert (asked.variant, asked.digest) == (INT8_ALL, "e" * 64)
    assert "refused: dc 1 > 0" in asked.why


def test_the_calibration_phonemes_are_those_of_the_current_phonemizer() -> None:
    assert [phonemize(line.text, "en-us").text for line in LINES] == [line.phonemes for line in LINES]


def test_the_calibration_lines_have_every_english_sound_and_different_voices() -> None:
    symbols = {symbol for line in LINES for symbol in line.phonemes}
    assert symbols <= DEFAULT_VOCAB.keys()
    assert {*"AIOWYʤʧðθʃʒŋɹTᵊᵻˈˌiuɑɔəɛɜɪʊʌæbdfɡhjklmnpstvwz"} <= symbols
    assert [voice for _, voice in with_voices(["a", "b", "c", "d", "e", "f", "g"])] == ["a", "b", "c", "d", "e", "g"]
