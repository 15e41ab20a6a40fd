"""The settings: every variable is known and has an effect, or is refused with the nearest known name."""

import os
from pathlib import Path

import platformdirs
import pytest

from broker.settings import FarmSettings
from chorus import settings
from chorus.errors import SettingError
from chorus.settings import FARM_FIELDS, ClientSettings


def test_a_client_knows_exactly_the_names_of_the_farms_settings() -> None:
    assert set(FARM_FIELDS) == set(FarmSettings.model_fields) - set(ClientSettings.model_fields)


@pytest.mark.parametrize("kind", [ClientSettings, FarmSettings])
def test_the_address_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, kind: type[ClientSettings]) -> None:
    assert kind.load().url == ""
    monkeypatch.setenv("REDIS_URL", "redis://fallback")
    assert kind.load().url == "redis://fallback"
    monkeypatch.setenv("CHORUS_URL", "redis://own")
    assert kind.load().url == "redis://own"
    monkeypatch.setenv("CHORUS_URL", "")
    assert kind.load().url == "redis://fallback"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("CHORUS_ULR", "did you mean CHORUS_URL"),
        ("CHORUS_SLOT", "did you mean CHORUS_SLOTS"),
        ("CHORUS_REDIS_URI", "unset it. docs/operations.md lists the settings there are"),
        ("CHORUS_FOO", "unset it. docs/operations.md lists the settings there are"),
        ("CHORUS_XYZZY_PLUGH", "unset it. docs/operations.md lists the settings there are"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, name: str, remedy: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingError, match=f"{name} is not a setting of Chorus: {remedy}"):
        ClientSettings.load()


def test_a_farms_variable_does_not_disturb_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_SLOTS", "many")
    assert ClientSettings.load().url == ""
    with pytest.raises(SettingError, match=r"CHORUS_SLOTS=many: write a whole number from 0 to 256"):
        FarmSettings.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLOTS", "-1"), ("SLOTS", "257"), ("DESK_SLOTS", "0"), ("LEASE_S", "0.1"), ("LANES", "many"),
        ("CACHE_MB", "-1"), ("PORT", "70000"), ("OFFLINE", "perhaps"), ("FLOWER_PORT", "0"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CHORUS_{name}", value)
    with pytest.raises(SettingError, match=f"CHORUS_{name}={value}: "):
        FarmSettings.load()


def test_an_impossible_value_is_refused_with_what_the_setting_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_LANES", "foo")
    with pytest.raises(SettingError, match=r"CHORUS_LANES=foo: write it as is said here\. It means: `both` sess"):
        FarmSettings.load()


def test_the_home_is_created_where_the_setting_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "a" / "b"))
    assert FarmSettings.load().home_folder() == (tmp_path / "a" / "b").resolve()
    assert (tmp_path / "a" / "b").is_dir()
    assert FarmSettings.load().store_folder() == (tmp_path / "a" / "b").resolve() / "store"


def test_an_unwritable_home_is_refused_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(SettingError, match=r"CHORUS_HOME=.*file/home cannot be written: name a folder that can"):
        ClientSettings.load().home_folder()


@pytest.fixture
def _asked_anew() -> None:
    settings._default_home.cache_clear()  # it remembers the machine's answer; here the machine changes


@pytest.mark.usefixtures("_asked_anew")
def test_without_a_home_a_temporary_one_is_used_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home = ClientSettings.load().home_folder()
    settings._default_home.cache_clear()
    assert home == tmp_path / f"chorus-{os.getuid()}"
    assert home.stat().st_mode & 0o777 == 0o700
    assert "Set CHORUS_HOME" in caplog.text


def test_a_client_searches_the_possible_homes_and_creates_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    usual, temporary = Path(platformdirs.user_data_dir("chorus", appauthor=False)), tmp_path / f"chorus-{os.getuid()}"
    assert ClientSettings().home_candidates() == (usual,)
    temporary.mkdir()
    assert ClientSettings().home_candidates() == (usual, temporary)
    assert ClientSettings(home=tmp_path / "own").home_candidates() == (tmp_path / "own",)
    assert sorted(tmp_path.iterdir()) == [temporary]


def test_a_temporary_home_of_another_user_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.getuid", lambda: tmp_path.stat().st_uid + 1)
    (tmp_path / f"chorus-{os.getuid()}").mkdir()
    assert len(ClientSettings().home_candidates()) == 1
