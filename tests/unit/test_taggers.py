"""Which tagger is used, how it is fetched, and how many homographs our own gets right."""

import hashlib
import logging
import random
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_download import Handler, Server

from benchmarks import text_homographs
from broker.settings import FarmSettings, settings
from chorus.errors import ModelError
from tasks.phonemes import backends, tagger_choice
from tasks.phonemes.phonemize import forget, phonemize
from workers.models import published, unpacking
from workers.models.download import DownloadError
from workers.models.fetching import pull
from workers.models.published import DEFAULT, MODELS, TAGGER, TAGGER_NAME, VOICES, Asset

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "toy" / "toy.onnx"
FOLDER = "en_core_web_sm-3.8.0"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spaCy tagger of our own that calls every word a noun, as a wheel of the published one's shape."""
    import spacy  # noqa: PLC0415 - a second and a half
    from spacy.training import Example  # noqa: PLC0415

    random.seed(0)
    folder = tmp_path_factory.mktemp("model")
    nlp = spacy.blank("en")
    nlp.meta.update(name="core_web_sm", version="3.8.0")
    examples = [Example.from_dict(nlp.make_doc("live close read"), {"tags": ["NN", "NN", "NN"]})]
    nlp.add_pipe("tagger")
    nlp.initialize(lambda: examples)
    nlp.to_disk(folder / FOLDER)
    path = folder / "made.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{TAGGER_NAME}/__init__.py", "raise SystemExit")
        for file in (folder / FOLDER).rglob("*"):
            archive.write(file, f"{TAGGER_NAME}/{FOLDER}/{file.relative_to(folder / FOLDER)}")
        archive.writestr(f"{TAGGER_NAME}/{FOLDER}/../../../outside", "never")
    return path


@pytest.fixture
def release(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The wheel as the pinned one."""
    data = wheel.read_bytes()
    asset = Asset(file=TAGGER.file, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(published, "TAGGER", asset)
    return data


@pytest.fixture
def _afresh() -> Iterator[None]:
    """The choice of the tagger is made once in a process: here it may be made again."""
    caches = (settings, tagger_choice._model, backends.release)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()
    forget()


def serving(data: bytes) -> Server:
    def whole(handler: Handler) -> None:
        rest = data[handler.start :]
        place = f"bytes {handler.start}-{len(data) - 1}/{len(data)}"
        handler.head(206 if handler.start else 200, len(rest), Content_Range=place)
        handler.wfile.write(rest)

    return Server(whole)


def at(home: Path, **fields: object) -> FarmSettings:
    return FarmSettings.model_validate({"home": home, **fields})


def test_the_tagger_is_pinned_as_it_was_published() -> None:
    assert (TAGGER.size_bytes, TAGGER.sha256[:12], TAGGER.licence) == (12_806_118, "1932429db727", "MIT")
    assert TAGGER.upstream.startswith(
        "https://github.com/explosion/spacy-models/releases/download/en_core_web_sm-3.8.0/"
    )


@pytest.mark.usefixtures("_afresh")
def test_a_pulled_tagger_is_used_and_named(tmp_path: Path, release: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path))
    monkeypatch.setenv("CHORUS_TAGGER", "auto")
    assert tagger_choice.name().startswith("rules ")
    by_rule = phonemize("They live here.", "en-us").text
    with serving(release) as server:
        address = server.address.rpartition("/")[0]
        assert pull(at(tmp_path, mirror=address), TAGGER_NAME) == tmp_path / "models" / FOLDER
    for cache in (tagger_choice._model, backends.release):
        cache.cache_clear()
    assert tagger_choice.name().startswith("en_core_web_sm 3.8.0")
    # No key of the cache is shared by two taggers, so nothing needs to be forgotten.
    assert (by_rule.split()[1], phonemize("They live here.", "en-us").text.split()[1]) == ("lˈɪv", "lˈIv")
    monkeypatch.setenv("CHORUS_TAGGER", "rules")
    settings.cache_clear()
    tagger_choice._model.cache_clear()
    assert tagger_choice.name().startswith("rules ")


@pytest.mark.usefixtures("_afresh")
def test_an_installed_tagger_needs_no_pull(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacking.lay_out(wheel, f"{TAGGER_NAME}/{FOLDER}", tmp_path / FOLDER)
    package = tmp_path / "site" / TAGGER_NAME
    shutil.copytree(tmp_path / FOLDER, package / FOLDER)
    shutil.copy(package / FOLDER / "meta.json", package)
    package.joinpath("__init__.py").write_text(
        "from pathlib import Path\nfrom spacy.util import load_model_from_init_py\n"
        "def load(**overrides):\n    return load_model_from_init_py(__file__, **overrides)\n"
    )
    information = tmp_path / "site" / "en_core_web_sm-3.8.0.dist-info"
    information.mkdir()
    information.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: en_core_web_sm\nVersion: 3.8.0\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CHORUS_TAGGER", "auto")
    assert tagger_choice.name().startswith("en_core_web_sm 3.8.0")
    sys.modules.pop(TAGGER_NAME, None)


def test_only_the_models_own_folder_is_unpacked(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / "models").mkdir()
    unpacking.lay_out(wheel, f"{TAGGER_NAME}/{FOLDER}", tmp_path / "models" / FOLDER)
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
    assert [path.name for path in (tmp_path / "models").iterdir()] == [FOLDER]
    assert (tmp_path / "models" / FOLDER / "config.cfg").is_file()


def packed(tmp_path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(tmp_path / "x.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return tmp_path / "x.whl"


def test_another_wheel_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, target = f"{TAGGER_NAME}/{FOLDER}", tmp_path / FOLDER
    monkeypatch.setattr(unpacking, "MOST_BYTES", 1000)
    bomb = {f"{root}/config.cfg": b"x", f"{root}/vocab": bytes(2000)}
    for files, sentence in (({"other": b"x"}, "holds no en_core_web_sm/"), (bomb, "unpacks to more than")):
        with pytest.raises(ModelError, match=sentence):
            unpacking.lay_out(packed(tmp_path, **files), f"{TAGGER_NAME}/{FOLDER}", target)
    (tmp_path / "x.whl").write_bytes(b"PK no wheel")
    with pytest.raises(ModelError, match="is not a whole wheel: delete it"):
        unpacking.lay_out(tmp_path / "x.whl", f"{TAGGER_NAME}/{FOLDER}", target)
    assert [path.name for path in tmp_path.iterdir()] == ["x.whl"]


def test_a_tagger_with_another_digest_is_refused(tmp_path: Path, release: bytes) -> None:
    wrong = bytes(len(release))
    with serving(wrong) as server, pytest.raises(DownloadError, match="is not the pinned file"):
        pull(at(tmp_path, mirror=server.address.rpartition("/")[0]), TAGGER_NAME)
    assert not (tmp_path / "models" / FOLDER).exists()


def test_offline_only_a_folder_can_be_the_source(tmp_path: Path, release: bytes) -> None:
    with pytest.raises(ModelError, match=r"CHORUS_OFFLINE is set and en_core_web_sm-3\.8\.0"):
        pull(at(tmp_path / "home", offline=True), TAGGER_NAME)
    (tmp_path / TAGGER.file).write_bytes(release)
    assert pull(at(tmp_path / "home", offline=True, mirror=str(tmp_path)), TAGGER_NAME).is_dir()


def test_a_voice_is_complete_without_the_tagger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for pinned, source in ((MODELS[DEFAULT], TOY), (VOICES, TOY.with_name("toy-voices.bin"))):
        data = source.read_bytes()
        (tmp_path / pinned.file).write_bytes(data)
        asset = Asset(file=pinned.file, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        if pinned is VOICES:
            monkeypatch.setattr(published, "VOICES", asset)
        else:
            monkeypatch.setitem(MODELS, DEFAULT, asset)
    with caplog.at_level(logging.WARNING):
        assert pull(at(tmp_path / "home", mirror=str(tmp_path))).is_file()
    (told,) = caplog.messages
    assert "Chorus's own rules" in told
    assert "`chorus models pull en_core_web_sm` tries again" in told


@pytest.mark.usefixtures("_afresh")
def test_with_a_damaged_tagger_the_rules_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "models" / FOLDER
    folder.mkdir(parents=True)
    (folder / "config.cfg").write_text("[nlp]\nlang = nonsense")
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path))
    monkeypatch.setenv("CHORUS_TAGGER", "auto")
    assert tagger_choice.name().startswith("rules ")
    assert f"{folder} cannot be loaded" in caplog.text


def test_at_least_nine_homographs_in_ten_and_every_small_word_and_mark_are_right() -> None:
    cases = text_homographs.cases(text_homographs.HERE / "homographs.tsv")
    small = [case for case in cases if case.word.lower() in text_homographs.CLOSED]
    alike = [case for case in cases if case.word.lower() not in text_homographs.CLOSED]
    assert len(alike) >= 150
    assert sum(case.right for case in alike) >= 0.9 * len(alike)
    assert [case.sentence for case in small if not case.right] == []
    assert [case.sentence for case in cases if not text_homographs.marks_kept(case.sentence)] == []


def test_no_sentence_of_the_evaluation_was_used_to_write_the_rules() -> None:
    told, tuned = (
        {case.sentence for case in text_homographs.cases(text_homographs.HERE / name)}
        for name in ("homographs.tsv", "homographs-tuning.tsv")
    )
    assert told.isdisjoint(tuned)
