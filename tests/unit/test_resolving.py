"""Which model is used: the order of preference, what is refused, and the question to the user."""

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import parser
from support import free_port

from broker.settings import FarmSettings
from chorus import voices
from chorus.errors import ModelError, OptionError
from workers import standin
from workers.models import fetching, published, voicebank
from workers.models.digests import Digests
from workers.models.fetching import offer, pull, question
from workers.models.published import DEFAULT, MODELS, UPSTREAM, VOICES, Asset
from workers.models.resolving import resolve

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
        ({"model": TOY.parent, "voices": TOY_VOICES}, r"The model file .*/toy cannot be read \(Is a directory\)"),
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
        ("nobody", "there are af_bella, af_heart, bm_george."),
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


class Person:
    """Answers every question the same way and remembers them."""

    def __init__(self, *, yes: bool) -> None:
        self.yes = yes
        self.asked: list[str] = []

    def __call__(self, question: str) -> bool:
        self.asked.append(question)
        return self.yes


def test_answering_yes_fetches_the_voice_and_uses_it(tmp_path: Path, release: Path) -> None:
    person, seen = Person(yes=True), list[tuple[str, int, int]]()
    settings = farm(tmp_path, mirror=str(release))
    model = offer(settings, terminal=True, ask=person, progress=lambda *step: seen.append(step))
    assert model.path.parent == tmp_path / "home" / "models"
    assert [file for file, done, total in seen if done == total] == ["voices-v1.0.bin", "kokoro-v1.0.onnx"]
    offer(settings, terminal=True, ask=person)
    assert len(person.asked) == 1


def test_answering_no_is_remembered(tmp_path: Path, release: Path) -> None:
    person, settings = Person(yes=False), farm(tmp_path, mirror=str(release))
    assert [offer(settings, terminal=True, ask=person).stand_in for _ in range(3)] == [True] * 3
    assert person.asked == [question()]


def test_the_question_names_the_size() -> None:
    assert "(367 MB, once)" in question()


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Accepts, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_no_question_without_a_terminal_or_with_a_named_model(tmp_path: Path, release: Path) -> None:
    person = Person(yes=True)
    assert offer(farm(tmp_path, mirror=str(release)), terminal=False, ask=person).stand_in
    named = farm(tmp_path, mirror=str(release), model=TOY)
    assert offer(named, terminal=True, ask=person).name == "toy voice"
    assert person.asked == []


def test_offline_there_is_no_question_and_no_request(tmp_path: Path, silent_server: socket.socket) -> None:
    person = Person(yes=True)
    mirror = f"http://127.0.0.1:{silent_server.getsockname()[1]}"
    assert offer(farm(tmp_path, mirror=mirror, offline=True), terminal=True, ask=person).stand_in
    assert person.asked == []
    silent_server.setblocking(False)
    with pytest.raises(BlockingIOError):
        silent_server.accept()


def test_unreachable_weights_are_not_offered_or_probed_again(
    tmp_path: Path, silent_server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetching.PROBE_S <= 4
    monkeypatch.setattr(fetching, "PROBE_S", 0.2)
    person = Person(yes=True)
    settings = farm(tmp_path, mirror=f"http://127.0.0.1:{silent_server.getsockname()[1]}")
    assert [offer(settings, terminal=True, ask=person).stand_in for _ in range(2)] == [True, True]
    assert person.asked == []
    silent_server.accept()[0].close()
    silent_server.setblocking(False)
    with pytest.raises(BlockingIOError):
        silent_server.accept()


def test_after_a_refused_connection_the_next_probe_is_an_hour_later(tmp_path: Path, release: Path) -> None:
    person = Person(yes=False)
    offer(farm(tmp_path, mirror=f"http://127.0.0.1:{free_port()}"), terminal=True, ask=person)
    assert person.asked == []
    memory = tmp_path / "home" / "offer.json"
    said = json.loads(memory.read_text())
    memory.write_text(json.dumps({"unreachable_at": said["unreachable_at"] - 3601}))
    offer(farm(tmp_path, mirror=str(release)), terminal=True, ask=person)
    assert len(person.asked) == 1


def test_offline_a_pull_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"CHORUS_OFFLINE is set .* CHORUS_MIRROR to a folder"):
        pull(farm(tmp_path, offline=True))


def test_offline_a_folder_can_still_be_the_source(tmp_path: Path, release: Path) -> None:
    assert pull(farm(tmp_path, offline=True, mirror=str(release))).exists()


def test_an_unpublished_model_is_refused_and_the_published_ones_are_listed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'kokoro-v2' is not published: choose one of kokoro-v1\.0, "):
        pull(farm(tmp_path), "kokoro-v2")
