"""`chorus models …` and `chorus optimize` as a user types them, with toy voices."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import noisy
import pytest
import vocoder
from test_download import Answer, Handler, Server
from toy.build import MODEL, VOICES

from broker.settings import FarmSettings
from chorus.commands import run
from tasks.engine import Utterance
from workers import standin
from workers.commands import app
from workers.engine.opening import open_engine
from workers.inference.quality import Bounds
from workers.models import prepared, published, resolving
from workers.models.digests import sha256_of
from workers.models.published import DEFAULT, MODELS, Asset
from workers.models.variants import ORIGINAL, Manifest, Variant, VariantChoice
from workers.optimise import lossy, preparing
from workers.optimise.judging import FASTER
from workers.optimise.lossy import INT8, INT8_ALL

Typed = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types a command on a machine of its own: its status, and what it said, errors too."""
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CHORUS_OFFLINE", "1")

    def type_it(*words: object) -> tuple[int, list[str]]:
        status = run(app, [str(word) for word in words])
        said = capsys.readouterr()
        return status, [line for line in (said.out + said.err).splitlines() if line]

    return type_it


@pytest.fixture
def pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of pulled files, with two models and their voices in it."""
    folder = tmp_path / "home" / "models"
    folder.mkdir(parents=True)
    for name, source in ((DEFAULT, MODEL), ("kokoro-v1.0.int8", noisy.build(tmp_path / "noisy.onnx"))):
        file = Path(shutil.copy(source, folder / MODELS[name].file))
        size = file.stat().st_size
        monkeypatch.setitem(MODELS, name, Asset(file=file.name, size_bytes=size, sha256=sha256_of(file)))
    voices = Path(shutil.copy(VOICES, folder / published.VOICES.file))
    pinned = Asset(file=voices.name, size_bytes=voices.stat().st_size, sha256=sha256_of(voices))
    monkeypatch.setattr(published, "VOICES", pinned)
    return folder


def serving(folder: Path, *, cut_at: int = 0) -> Answer:
    """A mirror over HTTP; it hangs up in the middle of a file, each time it sends one from the start."""

    def answer(handler: Handler) -> None:
        path = folder / handler.path.lstrip("/")
        if not path.exists():
            handler.head(404, 0)
            return
        body = path.read_bytes()
        rest = body[handler.start :]
        place = f"bytes {handler.start}-{len(body) - 1}/{len(body)}"
        handler.head(206 if handler.start else 200, len(rest), Content_Range=place)
        handler.wfile.write(rest if handler.start else rest[: cut_at or None])
        handler.close_connection = bool(cut_at)

    return answer


def test_a_pull_over_a_bad_connection_is_complete_and_verified(
    typed: Typed, pulled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = Path(pulled.rename(tmp_path / "mirror"))
    monkeypatch.delenv("CHORUS_OFFLINE")
    with Server(serving(mirror, cut_at=1000)) as server:
        monkeypatch.setenv("CHORUS_MIRROR", f"http://127.0.0.1:{server.server_port}")
        status, said = typed("models", "pull")
    assert status == 0
    assert said[0] == f"Downloaded and verified {pulled / MODELS[DEFAULT].file}."
    # Its tagger is not on this mirror; that alone is no failure.
    assert set(server.ranges) == {"", "bytes=1000-"}
    monkeypatch.setenv("CHORUS_OFFLINE", "1")
    assert typed("models", "verify")[0] == 0


def test_offline_a_pull_says_what_it_would_need(typed: Typed, pulled: Path) -> None:
    (pulled / MODELS[DEFAULT].file).unlink()
    status, said = typed("models", "pull")
    assert status == 2
    assert "CHORUS_OFFLINE is set and " in said[-1]
    assert "set CHORUS_MIRROR to a folder that holds it" in said[-1]


def test_a_chosen_model_speaks_until_another_is_chosen(typed: Typed, pulled: Path) -> None:
    published = str(pulled / MODELS[DEFAULT].file)
    assert typed("models", "path") == (0, [published])
    assert typed("models", "use", "stand-in") == (
        0,
        [f"This machine's model is now stand-in voice ({standin.MODEL})."],
    )
    assert typed("models", "path") == (0, [str(standin.MODEL)])
    typed("models", "use", DEFAULT)
    assert typed("models", "path") == (0, [published])
    typed("models", "use", "stand-in")
    typed("models", "use", "default")
    assert typed("models", "path") == (0, [published])


def test_a_chosen_model_is_prepared_unless_it_has_nothing_to_gain(typed: Typed, pulled: Path) -> None:
    assert f"{preparing.NOTE}." not in typed("models", "use", DEFAULT)[1]
    status, said = typed("models", "use", "kokoro-v1.0.int8")
    assert status == 0
    assert said[1] == f"{preparing.NOTE}."
    assert said[-1].startswith("choose: original")
    assert typed("models", "use", "kokoro-v1.0.int8")[1] == said[:1]
    listed = typed("models", "list")[1]
    assert listed[0] == f"speaks here: toy voice ({pulled / MODELS['kokoro-v1.0.int8'].file})"
    assert listed[1] == "variant original: no variant is faster here"
    assert listed[2].startswith("  original: 4 MB, durations equal")
    assert Path(typed("models", "path", "--graph")[1][0]).parent.name == "original"


def test_the_environment_overrides_the_choice_and_the_command_says_so(
    typed: Typed, pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHORUS_MODEL", str(MODEL))
    monkeypatch.setenv("CHORUS_VOICES", str(VOICES))
    said = typed("models", "use", "stand-in")[1]
    assert said[1] == f"CHORUS_MODEL={MODEL} still takes precedence: unset it."
    assert typed("models", "path") == (0, [str(MODEL)])
    assert pulled.exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("kokoro-v1.0.fp16", "kokoro-v1.0.fp16 is not here: `chorus models pull kokoro-v1.0.fp16` fetches it."),
        ("absent.onnx", "'absent.onnx' is neither a file nor a model: choose one of kokoro-v1.0, "),
        (VOICES, "toy-voices.bin is not an ONNX file"),
    ],
)
def test_a_file_that_cannot_speak_is_not_chosen(typed: Typed, pulled: Path, name: object, sentence: str) -> None:
    typed("models", "use", "stand-in")
    status, said = typed("models", "use", name)
    assert status == 2
    assert sentence in said[-1]
    assert typed("models", "path") == (0, [str(standin.MODEL)])
    assert pulled.exists()


def test_a_missing_chosen_model_is_reported_with_the_remedy(typed: Typed, tmp_path: Path) -> None:
    own = Path(shutil.copy(MODEL, tmp_path / "own.onnx"))
    shutil.copy(VOICES, tmp_path / "own-voices.bin")
    assert typed("models", "use", own)[0] == 0
    own.unlink()
    status, said = typed("models", "path")
    assert status == 2
    assert (
        "own.onnx, chosen by `chorus models use`, does not exist any more: choose another, or "
        "`chorus models use default`." in said[-1]
    )
    assert typed("models", "use", "default")[0] == 0


def test_every_file_is_verified_and_reported_in_one_line(typed: Typed, pulled: Path) -> None:
    status, said = typed("models", "verify")
    assert status == 0
    assert len(said) == 3
    assert all(line.startswith(f"✓ {pulled}") and ": as published, sha256 " in line for line in said)


@pytest.mark.parametrize("damage", [b"", b"?"])
def test_a_damaged_file_sets_the_exit_status(typed: Typed, pulled: Path, damage: bytes) -> None:
    int8 = pulled / MODELS["kokoro-v1.0.int8"].file
    stat = int8.stat()
    int8.write_bytes(damage + int8.read_bytes()[1:])
    # With its old time of change, so that no memory of digests would notice.
    os.utime(int8, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    status, said = typed("models", "verify")
    assert status == 1
    wrong = [line for line in said if line.startswith("✗")]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"✗ {int8}: ")
    assert wrong[0].endswith("`chorus models pull kokoro-v1.0.int8` fetches it again")


def test_prepared_variants_are_verified_as_well(typed: Typed, pulled: Path) -> None:
    typed("models", "use", "kokoro-v1.0.int8")
    assert any(": prepared, " in line for line in typed("models", "verify")[1])
    Path(typed("models", "path", "--graph")[1][0]).write_bytes(b"cut")
    status, said = typed("models", "verify")
    assert status == 1
    assert said[-1].endswith("incomplete or missing: `chorus optimize` builds it again")
    assert typed("optimize")[0] == 0
    assert typed("models", "verify")[0] == 0
    assert pulled.exists()


def test_changing_the_sound_says_what_happens_to_unfinished_books(
    typed: Typed, pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lossy(settings: FarmSettings, model: resolving.Model, *_: object) -> Manifest:
        here = prepared.folder(settings.home_folder(), model.origin)
        (here / "int8").mkdir(parents=True)
        (here / "int8" / "graph.onnx").write_bytes(b"graph")
        variant = Variant(name="int8", lossless=False, digest="e" * 64, files={"graph.onnx": 5}, valid=True)
        choice = VariantChoice(variant="int8", why="2.40 × the original's speed here")
        found = Manifest(
            model=model.name, digest=model.origin, machine="m", variants={"int8": variant}, choice=choice
        )  # fmt: skip
        found.write(here)
        return found

    monkeypatch.setattr(preparing, "prepare", lossy)
    assert typed("optimize")[1] == [
        "speaks here: toy voice, variant int8: 2.40 × the original's speed here",
        (
            "Its audio differs from before, so unfinished books do not continue with it: "
            "set CHORUS_VARIANT=raw to finish them."
        ),
    ]
    assert pulled.exists()


def test_optimize_reports_each_stage_and_does_none_twice(typed: Typed, pulled: Path) -> None:
    typed("models", "use", "kokoro-v1.0.int8")
    assert pulled.exists()
    told = json.loads(typed("optimize", "--json")[1][0])
    assert told["choice"]["variant"] == "original"
    assert list(told["stages"]) == ["analyse", "graph", "validate", "bench", "choose", "quantize"]
    said = typed("optimize")[1]
    assert all(line.endswith("already done for this model and machine") for line in said[:-1])
    assert said[-1] == "speaks here: toy voice, variant original: no variant is faster here"


def test_optimize_quantises_times_and_chooses_for_a_model_that_has_something_to_quantise(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its sound means nothing, so what int8 does to it may be as large as it likes.
    monkeypatch.setattr(lossy, "BOUNDS", Bounds(**{one.name: 1e6 for one in fields(Bounds)}))
    monkeypatch.setenv("CHORUS_MODEL", str(vocoder.build(tmp_path / "vocoder.onnx", channels=32)))
    monkeypatch.setenv("CHORUS_VOICES", str(VOICES))
    told = json.loads(typed("optimize", "--json")[1][0])
    assert list(told["stages"]) == ["analyse", "graph", "quantize", "validate", "bench", "choose"]
    variants = told["variants"]
    assert {name for name, one in variants.items() if not one["lossless"]} & {INT8, INT8_ALL}
    assert all(one["valid"] for one in variants.values())
    assert told["stages"]["bench"]["found"].keys() == variants.keys()
    speeds = {name: one["numbers"]["speed_ratio"] for name, one in variants.items()}
    assert min(speeds.values()) > 0
    fastest = max(speeds, key=lambda name: speeds[name])
    assert told["choice"]["variant"] == (fastest if speeds[fastest] >= FASTER else ORIGINAL)
    said = typed("optimize")[1]
    assert said[: len(told["stages"])] == [
        f"{stage}: already done for this model and machine" for stage in told["stages"]
    ]
    assert f" {told['choice']['variant']}: " in said[len(told["stages"])]

    def spoken(variant: str) -> tuple[str, int, bytes]:
        settings = FarmSettings(variant=variant)
        engine = open_engine(resolving.resolve(settings), settings)
        audio = engine.speak(Utterance(phonemes="həlˈoʊ", voice="af_heart"), "bulk").audio
        engine.close()
        return engine.sound, audio.size, audio.tobytes()

    (sound, size, samples), *others = [spoken(name) for name in variants]
    assert {each for _, each, _ in others} == {size}
    assert all(other != sound and heard != samples for other, _, heard in others)
